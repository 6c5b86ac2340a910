"""What is said of single days holds for the past too; what is said of weeks keeps its time."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gateway.figures.calendar import Calendar
from gateway.resolution.settle import rosters
from gateway.settings import Overtime, Roster, Rosters, Shift, Stop
from gateway.sitefile.shifts import CalendarConfig
from tests.kpi_traces import EVERY_DAY, HOUR, MINUTE, SHANGHAI, T0
from tests.kpi_traces import spec as spec_of
from tests.ledger_rig import Rig

SPEC = spec_of(windows=("hour", "shift", "day"))
DAY = date(2026, 9, 22)
EARLY = Shift("early", 0, 120, EVERY_DAY, ((60, 70),))
LATE = Shift("early", 0, 180, EVERY_DAY)


def calendar(*shifts: Shift, stops: tuple[Stop, ...] = (), **dates: Any) -> Calendar:  # noqa: ANN401
    return Calendar(SHANGHAI, Rosters(Roster(shifts or (EARLY,), **dates), {}, stops))


def work(rig: Rig, start: int, end: int) -> None:
    for t_ms in range(start, end, 20_000):
        rig.poll(t_ms, state="running", count=5, reject=0)
        rig.tick(t_ms + 200)


def take(rig: Rig, plan: Calendar, now_ms: int, how: str) -> None:
    rig.calendar = plan
    if how == "reload":
        rig.withdraw()
        rig.begin_anew(now_ms)
    else:
        rig.restart(now_ms, graceful=True)


def lived(plan: Calendar, newer: Calendar, how: str) -> Rig:
    """Four hours by a plan, then another one for some minutes."""
    rig = Rig.of(SPEC, plan)
    end = T0 + 4 * HOUR + MINUTE
    work(rig, T0, end)
    take(rig, newer, end, how)
    work(rig, end, end + 3 * MINUTE)
    return rig


def shifts(rig: Rig, of: str | None = None) -> list[tuple[str, int, float, float]]:
    return [
        (
            body["win"]["shift"],
            body["rev"],
            (body["win"]["end"] - T0) / HOUR,
            body["time_s"]["planned"],
        )
        for body in rig.told("oee", "shift", of)
    ]


HOWS = pytest.mark.parametrize("how", ["reload", "restart"])


@HOWS
def test_a_holiday_said_afterwards_takes_its_shifts(how: str) -> None:
    rig = lived(calendar(), calendar(holidays=frozenset({DAY})), how)
    for of in (None, "_line", "_site"):
        assert shifts(rig, of) == [("early", 0, 2.0, 6600), ("early", 1, 2.0, 0)]
    assert rig.told("oee", "shift")[-1]["reason"] == "no_plan"
    revs = [(body["win"]["start"], body["rev"]) for body in rig.told("oee", "hour")]
    assert revs.count((T0, 1)) == 1


@HOWS
def test_overtime_said_afterwards_makes_a_shift_longer(how: str) -> None:
    longer = Overtime(DAY, Shift("early", 0, 180, EVERY_DAY))
    rig = lived(calendar(), calendar(overtime=(longer,)), how)
    for of in (None, "_line", "_site"):
        assert shifts(rig, of) == [("early", 0, 2.0, 6600), ("early", 1, 3.0, 10800)]


@HOWS
def test_a_shift_added_afterwards_is_told(how: str) -> None:
    extra = Overtime(DAY, Shift("extra", 180, 240, EVERY_DAY))
    rig = lived(calendar(), calendar(overtime=(extra,)), how)
    for of in (None, "_line", "_site"):
        assert shifts(rig, of) == [("early", 0, 2.0, 6600), ("extra", 0, 4.0, 3600)]


@HOWS
def test_a_stop_said_afterwards_is_planned_down_time(how: str) -> None:
    stop = Stop(DAY, 80, 100)
    rig = lived(calendar(), calendar(stops=(stop,)), how)
    assert shifts(rig) == [("early", 0, 2.0, 6600), ("early", 1, 2.0, 5400)]
    assert rig.told("oee", "shift")[-1]["time_s"]["planned_stop"] == 1800


@HOWS
def test_the_stop_of_another_machine_changes_nothing(how: str) -> None:
    stops = (Stop(DAY, 80, 100, asset="m2"), Stop(DAY, 80, 100, line="other"))
    rig = lived(calendar(), calendar(stops=stops), how)
    assert shifts(rig) == [("early", 0, 2.0, 6600)]


@HOWS
def test_weeks_keep_their_time(how: str) -> None:
    rig = lived(calendar(), calendar(LATE), how)
    assert shifts(rig) == [("early", 0, 2.0, 6600)]


def test_a_plan_taken_before_a_crash_is_restated_after_it() -> None:
    rig = Rig.of(SPEC, calendar())
    end = T0 + 4 * HOUR + MINUTE
    work(rig, T0, end)
    take(rig, calendar(holidays=frozenset({DAY})), end, "restart")
    rig.poll(end, state="running", count=5, reject=0)
    rig.tick(end + 200)
    assert len(shifts(rig)) == 1
    rig.restart(end + 2000)
    work(rig, end + 2000, end + MINUTE)
    assert shifts(rig) == [("early", 0, 2.0, 6600), ("early", 1, 2.0, 0)]
    rig.restart(end + MINUTE, graceful=True)
    work(rig, end + MINUTE, end + 2 * MINUTE)
    assert len(shifts(rig)) == 2


def test_overtime_of_a_site_file() -> None:
    config = CalendarConfig.model_validate(
        {
            "shifts": {
                "day": {"start": "08:00", "end": "16:00", "breaks": [["12:00", "12:30"]]},
            },
            "holidays": ["2026-10-01"],
            "overtime": [
                {"on": "2026-10-01", "shift": "day", "line": "a"},
                {"on": "2026-10-02", "shift": "day", "end": "20:00"},
                {"on": "2026-10-03", "shift": "night", "start": "22:00", "end": "02:00"},
            ],
            "stops": [{"on": "2026-10-04", "start": "23:00", "end": "01:00", "line": "a"}],
        }
    )
    made = rosters(config)
    one, other = made.of("a"), made.of("b")
    assert one is not None
    assert other is not None
    first, second, third = (date(2026, 10, day) for day in (1, 2, 3))
    assert [shift.name for shift in one.on(first)] == ["day"]
    assert other.on(first) == ()
    assert [(s.start, s.end, s.breaks) for s in other.on(second)] == [(480, 1200, ((720, 750),))]
    assert [(s.name, s.start, s.end) for s in other.on(third)][1:] == [("night", 1320, 1560)]
    assert made.stops_of("a", "m1") == (Stop(date(2026, 10, 4), 1380, 1500, "a"),)
    assert made.stops_of("b", "m1") == ()
