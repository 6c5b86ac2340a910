"""Shifts, breaks, holidays, make-up days, and windows of the local clock, DST included."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.figures.calendar import Calendar, PlannedTime
from gateway.figures.intervals import merge, overlap, subtract, total
from gateway.figures.windows import HOUR_MS, MINUTE_MS, QUARTER_MS, Window, clock_windows, local_ms
from gateway.resolution.settle import rosters
from gateway.settings import Roster, Rosters, Shift
from gateway.sitefile.shifts import CalendarConfig

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
KOLKATA = ZoneInfo("Asia/Kolkata")
WEEKDAYS = frozenset(range(5))
DAY_SHIFT = Shift("day", 480, 1200, WEEKDAYS, ((720, 780),))
NIGHT_SHIFT = Shift("night", 1200, 1920, WEEKDAYS, ((1440, 1470),))


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def local(text: str, tz: ZoneInfo = SHANGHAI) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=tz).timestamp()) * 1000


def hours(windows: list[Window]) -> list[float]:
    return [(window.end - window.start) / HOUR_MS for window in windows]


def test_intervals() -> None:
    assert merge([(5, 9), (1, 3), (3, 4), (7, 8), (9, 9)]) == [(1, 4), (5, 9)]
    assert subtract([(0, 10), (20, 30)], [(2, 3), (8, 22)]) == [(0, 2), (3, 8), (22, 30)]
    assert overlap([(0, 4), (6, 9)], 3, 7) == 2
    assert total([(0, 4), (6, 9)]) == 7


def test_a_day_of_two_shifts() -> None:
    calendar = Calendar(SHANGHAI, Rosters(Roster((DAY_SHIFT, NIGHT_SHIFT)), {}))
    start, end = local("2026-09-22"), local("2026-09-23")
    plan = calendar.plan("main", start, end)
    assert (
        plan.busy
        == (
            (start, local("2026-09-22T00:00")),
            (local("2026-09-22T00:30"), local("2026-09-22T12:00")),
            (local("2026-09-22T13:00"), end),
        )[1:]
    )
    assert plan.breaks == (
        (start, local("2026-09-22T00:30")),
        (local("2026-09-22T12:00"), local("2026-09-22T13:00")),
    )
    shifts = calendar.windows("shift", "main", start, end)
    assert [(s.shift, s.start) for s in shifts] == [
        ("night", local("2026-09-21T20:00")),
        ("day", local("2026-09-22T08:00")),
        ("night", local("2026-09-22T20:00")),
    ]
    assert hours(shifts) == [12, 12, 12]


def test_a_shift_over_midnight_belongs_to_the_day_it_begins() -> None:
    """Friday's night shift works on Saturday morning, which has none of its own."""
    calendar = Calendar(SHANGHAI, Rosters(Roster((NIGHT_SHIFT,)), {}))
    saturday = local("2026-09-26")
    (shift,) = calendar.windows("shift", "main", saturday, saturday + 24 * HOUR_MS)
    assert (shift.start, shift.end) == (local("2026-09-25T20:00"), local("2026-09-26T08:00"))
    plan = calendar.plan("main", saturday, saturday + 24 * HOUR_MS)
    assert total(plan.busy) == 8 * HOUR_MS - 30 * MINUTE_MS


def test_a_holiday_takes_the_shifts_that_begin_on_it() -> None:
    roster = Roster((DAY_SHIFT, NIGHT_SHIFT), holidays=frozenset({date(2026, 10, 1)}))
    calendar = Calendar(SHANGHAI, Rosters(roster, {}))
    holiday = local("2026-10-01")
    (eve,) = calendar.windows("shift", "main", holiday, holiday + 24 * HOUR_MS)
    assert (eve.shift, eve.start) == ("night", local("2026-09-30T20:00"))
    after = calendar.windows("shift", "main", local("2026-10-02"), local("2026-10-02T12:00"))
    assert [window.shift for window in after] == ["day"]


def test_a_make_up_day_works_as_a_monday() -> None:
    saturday_only = Shift("half", 480, 720, frozenset({5}))
    roster = Roster((DAY_SHIFT, saturday_only), workdays=frozenset({date(2026, 10, 10)}))
    calendar = Calendar(SHANGHAI, Rosters(roster, {}))
    made_up = local("2026-10-10")
    (shift,) = calendar.windows("shift", "main", made_up, made_up + 24 * HOUR_MS)
    assert shift.shift == "day"
    usual = local("2026-10-17")
    (shift,) = calendar.windows("shift", "main", usual, usual + 24 * HOUR_MS)
    assert shift.shift == "half"


def test_overlapping_shifts_are_planned_where_any_works() -> None:
    late = Shift("late", 720, 1440, WEEKDAYS, ((1080, 1140),))
    calendar = Calendar(SHANGHAI, Rosters(Roster((DAY_SHIFT, late)), {}))
    start = local("2026-09-22")
    plan = calendar.plan("main", start, start + 24 * HOUR_MS)
    assert plan == PlannedTime(((local("2026-09-22T08:00"), local("2026-09-23")),))


def test_a_line_may_have_its_own_shifts() -> None:
    calendar = Calendar(
        SHANGHAI,
        Rosters(Roster((DAY_SHIFT,)), {"press": Roster((NIGHT_SHIFT,)), "idle": Roster(())}),
    )
    start = local("2026-09-22T10:00")
    assert calendar.plan("main", start, start + 1000).busy == ((start, start + 1000),)
    assert calendar.plan("press", start, start + 1000).busy == ()
    assert calendar.plan("idle", start, start + 24 * HOUR_MS) == PlannedTime(())


def test_without_a_calendar_all_time_is_planned() -> None:
    calendar = Calendar(SHANGHAI, rosters(None))
    start = local("2026-09-22")
    assert calendar.plan("main", start, start + HOUR_MS) == PlannedTime(((start, start + HOUR_MS),))
    assert calendar.windows("shift", "main", start, start + 24 * HOUR_MS) == []
    assert hours(calendar.windows("day", "main", start, start + 1)) == [24]


def test_from_the_site_file() -> None:
    config = CalendarConfig.model_validate(
        {
            "shifts": {
                "day": {"start": "08:00", "end": "20:00", "days": "mon-sat"},
                "night": {
                    "start": "20:00",
                    "end": "08:00",
                    "days": "mon-fri",
                    "breaks": [["23:45", "00:15"], ["02:00", "02:30"]],
                },
            },
            "holidays": ["2026-10-01"],
            "lines": {"round": {"shifts": {"all": {"start": "00:00", "end": "24:00"}}}},
        }
    )
    calendar = Calendar(SHANGHAI, rosters(config))
    start = local("2026-09-22T20:00")
    plan = calendar.plan("main", start, start + 12 * HOUR_MS)
    assert plan.breaks == (
        (local("2026-09-22T23:45"), local("2026-09-23T00:15")),
        (local("2026-09-23T02:00"), local("2026-09-23T02:30")),
    )
    assert total(plan.busy) == 11 * HOUR_MS
    (shift,) = calendar.windows("shift", "round", start, start + 1)
    assert (shift.start, shift.end) == (local("2026-09-22"), local("2026-09-23"))
    assert calendar.windows("shift", "round", local("2026-10-01"), local("2026-10-02")) == []


@pytest.mark.parametrize(
    ("tz", "day", "length"),
    [
        (BERLIN, "2026-03-29", 23),
        (BERLIN, "2026-10-25", 25),
        (BERLIN, "2026-06-01", 24),
        (LORD_HOWE, "2026-10-04", 23.5),
        (LORD_HOWE, "2026-04-05", 24.5),
    ],
)
def test_days_when_the_clock_is_changed(tz: ZoneInfo, day: str, length: float) -> None:
    start = local(day, tz)
    (window,) = clock_windows("day", start + 1, start + 2, tz)
    assert (window.start, (window.end - window.start) / HOUR_MS) == (start, length)
    for kind in ("hour", "quarter"):
        parts = list(clock_windows(kind, window.start, window.end, tz))
        assert parts[0].start == window.start
        assert parts[-1].end == window.end
        assert all(a.end == b.start for a, b in itertools.pairwise(parts))
        expected = length * HOUR_MS / (HOUR_MS if kind == "hour" else QUARTER_MS)
        assert len(parts) == -(-expected // 1)


def test_an_hour_that_comes_twice_is_two_windows() -> None:
    windows = list(clock_windows("hour", utc("2026-10-25T00:10"), utc("2026-10-25T01:10"), BERLIN))
    assert [window.start for window in windows] == [
        utc("2026-10-25T00:00"),
        utc("2026-10-25T01:00"),
    ]
    assert hours(windows) == [1, 1]


def test_a_night_shift_in_the_night_of_the_change_is_longer() -> None:
    night = Shift("night", 1320, 1800, frozenset(range(7)))
    calendar = Calendar(BERLIN, Rosters(Roster((night,)), {}))
    start = local("2026-10-24T22:00", BERLIN)
    (shift,) = calendar.windows("shift", "main", start, start + 1)
    assert hours([shift]) == [9]
    start = local("2026-03-28T22:00", BERLIN)
    (shift,) = calendar.windows("shift", "main", start, start + 1)
    assert hours([shift]) == [7]


def test_hours_of_a_zone_off_by_half() -> None:
    (window,) = clock_windows("hour", utc("2026-01-01T10:10"), utc("2026-01-01T10:11"), KOLKATA)
    assert window == Window("hour", utc("2026-01-01T09:30"), utc("2026-01-01T10:30"))


def test_minutes_beyond_a_day_are_the_next() -> None:
    assert local_ms(date(2026, 9, 22), 1440 + 90, SHANGHAI) == local("2026-09-23T01:30")


def test_next_end() -> None:
    calendar = Calendar(SHANGHAI, Rosters(Roster((DAY_SHIFT,)), {}))
    friday = local("2026-09-25T20:00")
    assert calendar.next_end("shift", "main", friday) == local("2026-09-28T20:00")
    assert calendar.next_end("hour", "main", friday) == friday + HOUR_MS
    assert calendar.next_end("hour", "main", friday - 1) == friday


def test_a_subject_names_the_window() -> None:
    assert Window("hour", 5, 6, product="A17", order="W1").subject == "hour/5/A17/W1"


def test_any_date_of_a_site_file_can_be_reckoned_with() -> None:
    first, last = (local_ms(day, 1440, SHANGHAI) for day in (date.min, date.max))
    assert first < 0 < last
