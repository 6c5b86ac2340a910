"""Sums of samples where there is no register, and factors by date and medium."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.figures.conversion import factors_of
from gateway.figures.media import COMPRESSED_AIR, ELECTRICITY, OTHERS
from gateway.metering import DatedFactor, MeterSpec
from tests.kpi_traces import HOUR, MINUTE, T0, spec
from tests.ledger_rig import Rig

GAS = next(medium for medium in OTHERS if medium.name == "gas")


def sampled(rig: Rig, start: int, end: int, **kw: float) -> None:
    """Samples each 20 s, that rise by one each minute."""
    for t in range(start, end, 20_000):
        rig.poll(t, **{name: base + (t - T0) / MINUTE for name, base in kw.items()})
        rig.tick(t)


@pytest.mark.parametrize("signal", ["power", "air_flow"])
def test_an_orderly_restart_loses_nothing_of_a_sum(signal: str) -> None:
    medium = ELECTRICITY if signal == "power" else COMPRESSED_AIR
    whole, broken = (Rig.of(spec(signals=(signal,), counting="none")) for _turn in (1, 2))
    sampled(whole, T0, T0 + HOUR + 2 * MINUTE, **{signal: 10.0})
    for start, end in ((T0, T0 + 1010_000), (T0 + 1020_000, T0 + HOUR + 2 * MINUTE)):
        sampled(broken, start, end, **{signal: 10.0})
        if start == T0:
            broken.restart(end, graceful=True)
    assert broken.finals() == whole.finals()
    (body,) = whole.told(f"energy/{medium.name}", "hour")
    per = 1 if signal == "power" else 60
    assert (body["use"], body["est"]) == (pytest.approx(40 * per), True)


def test_a_pause_in_the_samples_adds_nothing() -> None:
    rig = Rig.of(spec(signals=("power",), counting="none", silence_s=30.0))
    sampled(rig, T0, T0 + 10 * MINUTE, power=10.0)
    rig.restart(T0 + 40 * MINUTE, graceful=True)
    sampled(rig, T0 + 40 * MINUTE, T0 + HOUR + 2 * MINUTE, power=10.0)
    (body,) = rig.told("energy/electricity", "hour")
    # Means of 15 kW for ten minutes and of 60 kW for twenty, but for a third of a minute.
    assert body["use"] == pytest.approx(15 / 6 + 60 / 3, abs=0.2)
    assert body["coverage"] < 0.6


def factor(medium: str, name: str, value: float, since: str | None = None) -> DatedFactor:
    day = None if since is None else date.fromisoformat(since)
    return DatedFactor(medium, name, day, value, f"{name}/u", None, "the supplier's")


def test_the_sites_factors_stand_in_for_the_profiles_from_their_day_on() -> None:
    dated = factor("electricity", "co2", 0.5, "2026-07-01")
    of = spec(metering=MeterSpec(factors=(dated, factor("electricity", "co2", 0.4, "2027-01-01"))))

    def co2(day: str) -> float:
        return factors_of(of, ELECTRICITY, date.fromisoformat(day))["co2"].value

    days = ("2026-06-30", "2026-07-01", "2026-12-31", "2027-01-01")
    assert [co2(day) for day in days] == [0.5306, 0.5, 0.5, 0.4]
    kept = factors_of(of, ELECTRICITY, date(2027, 1, 1))["kgce"]
    assert (kept.value, kept.year) == (0.1229, 2020)


def test_other_media_have_only_the_factors_that_somebody_states() -> None:
    of = spec(metering=MeterSpec(factors=(factor("gas", "kgce", 1.2143),)))
    assert factors_of(of, COMPRESSED_AIR, date(2026, 1, 1)) == {}
    assert list(factors_of(of, GAS, date(2026, 1, 1))) == ["kgce"]
    rig = Rig.of(
        spec(signals=("gas",), counting="none", kpis=("kgce", "kgco2"), metering=of.metering)
    )
    for t in range(T0, T0 + HOUR + 2 * MINUTE, 30_000):
        rig.poll(t, gas=500 + (t - T0) / HOUR)
        rig.tick(t)
    (body,) = rig.told("energy/gas", "hour")
    assert body["kpi"] == {"kgce": pytest.approx(1.2143)}
    assert body["factors"] == {"kgce": {"value": 1.2143, "scope": "the supplier's"}}
