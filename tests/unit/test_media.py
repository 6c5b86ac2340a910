"""Media beside electricity, each with a class of its own; and counters that fell."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.figures.media import MEDIA, OTHERS
from tests.kpi_traces import HOUR, MINUTE, T0, spec
from tests.ledger_rig import Rig

SECOND = 1000


def metered(rig: Rig, start: int, end: int, **registers: float) -> None:
    """Poll registers that rise evenly from their value, by one an hour."""
    for t in range(start, end + 1, 30 * SECOND):
        rig.poll(t, **{name: first + (t - T0) / HOUR for name, first in registers.items()})
        rig.tick(t)


def hours(rig: Rig, medium: str) -> list[dict[str, Any]]:
    return rig.told(f"energy/{medium}", "hour")


@pytest.mark.parametrize("medium", OTHERS, ids=lambda medium: medium.name)
def test_a_register_becomes_energy_of_its_medium(medium: Any) -> None:  # noqa: ANN401
    rig = Rig.of(spec(signals=(medium.name,), counting="none", kpis=(), factors={}))
    metered(rig, T0, T0 + HOUR + MINUTE, **{medium.name: 500.0})
    (body,) = hours(rig, medium.name)
    assert (body["use"], body["u"]) == (1.0, medium.unit)
    assert body["reg"] == {"start": 500.0, "end": 501.0}
    assert body["coverage"] == 1
    assert body["est"] is False
    assert "max_kw" not in body, "kilowatts are of electricity"
    assert "factors" not in body
    others = [other.name for other in MEDIA if other is not medium]
    assert not any(rig.told(f"energy/{name}") for name in others)


def test_use_per_good_piece_has_a_name_for_each_medium() -> None:
    names = tuple(medium.per_good for medium in MEDIA)
    rig = Rig.of(
        spec(signals=("state", "count", "reject", "energy", "water", "steam"), kpis=names)
    )  # fmt: skip
    for t in range(T0, T0 + HOUR + MINUTE, 30 * SECOND):
        risen = (t - T0) / HOUR
        rig.poll(t, state="running", count=(t - T0) // (30 * SECOND), reject=0)
        rig.poll(t, energy=10 * risen, water=risen, steam=risen / 10)
        rig.tick(t)
    pieces = rig.told("oee", "hour")[0]["count"]["good"]
    assert pieces > 100
    for name, use in (("electricity", 10), ("water", 1), ("steam", 0.1)):
        (body,) = hours(rig, name)
        per_good = next(medium.per_good for medium in MEDIA if medium.name == name)
        assert body["kpi"] == {per_good: pytest.approx(use / pieces)}


def test_a_late_reading_restates_its_own_medium() -> None:
    rig = Rig.of(spec(signals=("energy", "water"), counting="none"))
    for t in range(T0, T0 + HOUR + 2 * MINUTE, 30 * SECOND):
        rig.poll(t, energy=(t - T0) / HOUR)
        if not T0 + 20 * MINUTE < t < T0 + 50 * MINUTE:
            rig.poll(t, water=(t - T0) / HOUR)
        rig.tick(t)
    assert hours(rig, "water")[0]["coverage"] < 1
    now = T0 + HOUR + 3 * MINUTE
    rig.poll(T0 + 30 * MINUTE, water=0.9)
    rig.tick(now)
    rig.tick(now + 10 * SECOND)
    assert [body["rev"] for body in hours(rig, "electricity")] == [0]
    assert [body["rev"] for body in hours(rig, "water")] == [0, 1]


def test_a_restart_goes_on_with_every_medium() -> None:
    whole, broken = (Rig.of(spec(signals=("energy", "gas"), counting="none")) for _turn in (1, 2))
    metered(whole, T0, T0 + 2 * HOUR + MINUTE, energy=5.0, gas=7.0)
    metered(broken, T0, T0 + 90 * MINUTE, energy=5.0, gas=7.0)
    broken.restart(T0 + 90 * MINUTE + 10 * SECOND, graceful=True)
    metered(broken, T0 + 90 * MINUTE + 30 * SECOND, T0 + 2 * HOUR + MINUTE, energy=5.0, gas=7.0)
    assert broken.finals() == whole.finals()
    assert len(hours(broken, "gas")) == 2


def test_a_flow_beyond_belief_is_a_jump_and_a_wrap_is_none() -> None:
    limited = spec(
        signals=("water",), counting="none", moduli={"water": 100.0}, max_flow={"water": 10.0}
    )  # fmt: skip
    rig = Rig.of(limited)
    for t in range(T0, T0 + HOUR + MINUTE, 30 * SECOND):
        rig.poll(t, water=(99.5 + (t - T0) / HOUR) % 100)
        rig.tick(t)
    (body,) = hours(rig, "water")
    assert (body["use"], body["est"]) == (pytest.approx(1.0), False)
    (event,) = rig.told("event/counter")
    assert (event["type"], event["data"]["change"]) == ("counter", "rollover")


# Counters that fell


def test_a_counter_that_falls_is_told_with_what_it_was_taken_for() -> None:
    rig = Rig.of(spec(signals=("state", "count"), moduli={"count": 65536.0}, max_rate=5.0))
    told: list[tuple[str, float, float]] = []
    for minute, count in enumerate((65_530, 4, 40, 3, 9, 65_000, 9)):
        rig.poll(T0 + minute * 20 * MINUTE, count=count)
        told = [
            (e["data"]["change"], e["data"]["before"], e["data"]["now"])
            for e in rig.told("event/counter")
        ]
    assert told[:2] == [("rollover", 65_530, 4), ("reset", 40, 3)]
    assert told[2][1:] == (65_000, 9)


def test_a_counter_that_flickers_makes_no_flood() -> None:
    rig = Rig.of(spec(signals=("state", "count"), max_rate=5.0))
    for second in range(3600):
        rig.poll(T0 + second * SECOND, count=100 + second % 2)
    events = rig.told("event/counter")
    assert 5 <= len(events) <= 7
    assert sum(event["data"]["falls"] for event in events) > 1400


def test_what_comes_late_or_is_no_counter_is_no_fall() -> None:
    rig = Rig.of(spec(signals=("state", "count", "mounted"), counting="stations", stations=24))
    rig.poll(T0 + MINUTE, count=100, mounted=24)
    rig.poll(T0, count=50, mounted=20)
    rig.poll(T0 + 2 * MINUTE, count=None, mounted=3)
    rig.poll(T0 + 3 * MINUTE, count=101, mounted=2)
    assert rig.told("event/counter") == []
