"""Slots of a tariff: versions by date, months, kinds of day, midnight, changed clocks, holes."""

from __future__ import annotations

import itertools
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from gateway.figures.tariff import TariffClock
from gateway.figures.windows import local_ms
from gateway.metering import DAY_TYPES, MeterSpec, Tariff, TariffRule, TariffVersion
from tests.kpi_traces import HOUR, MINUTE, SHANGHAI, T0, asset, spec
from tests.ledger_rig import Rig

if TYPE_CHECKING:
    from gateway.kpi import KpiSpec

ALL = frozenset(range(1, 13))
KINDS = frozenset(DAY_TYPES)
NIGHT = ((0, 480, "valley"), (480, 1320, "peak"), (1320, 1440, "valley"))
FLAT = ((0, 1440, "flat"),)


def rule(slots: Any, months: frozenset[int] = ALL, days: frozenset[str] = KINDS) -> TariffRule:  # noqa: ANN401
    return TariffRule(months, days, frozenset(), slots)


def tariff(*versions: tuple[str, tuple[TariffRule, ...]], **more: Any) -> Tariff:  # noqa: ANN401
    made = tuple(TariffVersion(date.fromisoformat(since), rules, {}) for since, rules in versions)
    return Tariff("", made, **more)


def names(of: Tariff, day: str, tz: ZoneInfo = SHANGHAI) -> list[tuple[int, str]]:
    """(minutes from midnight, slot) of a day."""
    start, end = (local_ms(date.fromisoformat(day), minutes, tz) for minutes in (0, 1440))
    slots = TariffClock(of, tz).slots(start, end)
    assert slots[0].start == start
    assert slots[-1].end == end
    for one, other in itertools.pairwise(slots):
        assert one.end == other.start, "slots tile the day"
    return [((slot.start - start) // MINUTE, slot.name) for slot in slots]


def test_a_slot_over_midnight_is_of_the_day_at_both_ends() -> None:
    of = tariff(("2026-01-01", (rule(NIGHT),)))
    assert names(of, "2026-09-22") == [(0, "valley"), (480, "peak"), (1320, "valley")]


def test_months_and_kinds_of_day() -> None:
    summer, work = frozenset({7, 8}), frozenset({"workday"})
    of = tariff(
        (
            "2026-01-01",
            (
                rule(NIGHT, ALL - summer),
                rule((*NIGHT[:1], (480, 1320, "sharp"), *NIGHT[2:]), summer, work),
                rule(FLAT, summer, KINDS - work),
            ),
        ),
        holidays=frozenset({date(2026, 7, 1)}),
        workdays=frozenset({date(2026, 7, 4)}),
    )
    assert names(of, "2026-06-30")[1] == (480, "peak")
    assert names(of, "2026-07-02")[1] == (480, "sharp")
    assert names(of, "2026-07-01") == [(0, "flat")], "a holiday"
    assert names(of, "2026-07-04")[1] == (480, "sharp"), "a Saturday that is worked"
    assert names(of, "2026-07-05") == [(0, "flat")], "a Sunday"


def test_listed_days_win() -> None:
    listed = TariffRule(
        frozenset(), frozenset(), frozenset({date(2026, 10, 1)}), ((0, 1440, "deep_valley"),)
    )
    of = tariff(("2026-01-01", (rule(FLAT), listed)))
    assert names(of, "2026-10-01") == [(0, "deep_valley")]
    assert names(of, "2026-10-02") == [(0, "flat")]


def test_a_later_version_changes_only_from_then_on() -> None:
    one = ("2026-01-01", (rule(FLAT),))
    both = tariff(one, ("2026-09-22", (rule(NIGHT),)))
    assert names(both, "2026-09-21") == names(tariff(one), "2026-09-21") == [(0, "flat")]
    assert names(both, "2026-09-22")[0] == (0, "valley")
    before = TariffClock(both, SHANGHAI).slots(0, HOUR)
    assert before == [], "no version holds yet"


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_slots_tile_days_on_which_the_clock_is_changed(day: str, hours: int) -> None:
    odd = ((0, 150, "valley"), (150, 180, "sharp"), (180, 1440, "flat"))
    berlin = ZoneInfo("Europe/Berlin")
    found = names(tariff(("2026-01-01", (rule(odd),))), day, berlin)
    lasting = hours * 60 - found[-1][0]
    assert lasting in {21 * 60, 21 * 60 + 30}


# Through the ledger: dated facts hold for the past too


def metered(of: Tariff | None) -> KpiSpec:
    return spec(
        counting="none",
        signals=("energy",),
        kpis=("cost",),
        metering=MeterSpec(tariff=of),
    )


def meter(rig: Rig, start: int, end: int) -> None:
    for t in range(start, end, 30_000):
        rig.poll(t, energy=100 + 6 * (t - T0) / HOUR)
        rig.tick(t)


def priced(price: float, since: str = "2026-01-01") -> Tariff:
    version = TariffVersion(date.fromisoformat(since), (rule(FLAT),), {"flat": price})
    return Tariff("CNY", (version,))


def test_a_corrected_tariff_restates_what_was_told() -> None:
    rig = Rig.of(metered(priced(1.0)))
    meter(rig, T0, T0 + HOUR + 2 * MINUTE)
    rig.assets = [asset(metered(priced(2.0)))]
    rig.restart(T0 + HOUR + 2 * MINUTE, graceful=True)
    meter(rig, T0 + HOUR + 3 * MINUTE, T0 + HOUR + 6 * MINUTE)
    told = rig.told("energy/electricity", "hour")
    assert [(one["rev"], one["kpi"]["cost"]) for one in told] == [
        (0, pytest.approx(6)),
        (1, pytest.approx(12)),
    ]


def test_a_later_version_restates_nothing() -> None:
    rig = Rig.of(metered(priced(1.0)))
    meter(rig, T0, T0 + HOUR + 2 * MINUTE)
    versions = (*priced(1.0).versions, *priced(9.0, "2027-01-01").versions)
    later = Tariff("CNY", versions)
    rig.assets = [asset(metered(later))]
    rig.withdraw()
    rig.begin_anew(T0 + HOUR + 2 * MINUTE)
    meter(rig, T0 + HOUR + 3 * MINUTE, T0 + 2 * HOUR + 2 * MINUTE)
    told = rig.told("energy/electricity", "hour")
    assert [one["rev"] for one in told] == [0, 0]
    assert Fraction(told[1]["kpi"]["cost"]).limit_denominator(1000) == 6


def test_without_a_price_for_all_of_it_nothing_is_told_of_cost() -> None:
    halves = ((0, 30, "flat"), (30, 1440, "peak"))
    of = Tariff("CNY", (TariffVersion(date(2026, 1, 1), (rule(halves),), {"flat": 1.0}),))
    rig = Rig.of(metered(of))
    meter(rig, T0, T0 + HOUR + 2 * MINUTE)
    (body,) = rig.told("energy/electricity", "hour")
    assert body["by_tariff"] == {"flat": pytest.approx(3), "peak": pytest.approx(3)}
    assert body["kpi"]["cost"] is None
