"""A window is computed with the settings in force at its end, however late it is told again."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from gateway.figures.calendar import ALL_PLANNED, Calendar
from gateway.figures.eras import AGAIN_MS
from gateway.figures.replay import SETTINGS
from gateway.figures.terms import Terms, read, written
from gateway.model import Entry, LogRow
from tests.kpi_traces import HOUR, MINUTE, SHANGHAI, T0, asset, clock_calendar, spec
from tests.ledger_rig import Rig

if TYPE_CHECKING:
    from gateway.kpi import KpiSpec
    from gateway.model import Value

BEFORE = spec(ideal_cycle_s=60.0, micro_stop_s=None, profile="test@1.0.0+0000")
AFTER = spec(ideal_cycle_s=30.0, micro_stop_s=120.0, profile="test@2.0.0+1111")
STEP = 10_000


def run(rig: Rig, start: int, end: int, **values: Value) -> None:
    """Poll each 10 s."""
    for t_ms in range(start, end, STEP):
        rig.poll(t_ms, **{"state": "running", "reject": 0, **values})
        rig.tick(t_ms + 200)


def change(rig: Rig, kpi: KpiSpec, now_ms: int, *, how: str, calendar: Any = None) -> None:  # noqa: ANN401
    """Have other settings from now on."""
    rig.calendar = calendar or rig.calendar
    if how == "reload":
        rig.withdraw()
        rig.assets = [asset(kpi)]
        rig.begin_anew(now_ms)
    else:
        rig.assets = [asset(kpi)]
        rig.restart(now_ms, graceful=how == "restart")


def settings(rig: Rig) -> list[Entry]:
    return [e for row in rig.rows for e in row.entries if e.signal == SETTINGS]


HOWS = pytest.mark.parametrize("how", ["reload", "restart", "crash"])


@HOWS
def test_what_comes_late_is_told_by_the_settings_of_then(how: str) -> None:
    rig = Rig.of(BEFORE)
    run(rig, T0, T0 + HOUR + 20_000, count=5)
    end = T0 + HOUR + 20_000
    change(rig, AFTER, end, how=how)
    rig.poll(T0 - 1000, count=2)
    run(rig, end, T0 + 2 * HOUR + 20_000, count=5)
    first, again, second = rig.told("oee")
    assert (first["rev"], again["rev"], second["rev"]) == (0, 1, 0)
    assert first["win"] == again["win"]
    assert (first["count"]["total"], again["count"]["total"]) == (0, 3)
    assert again["ideal_cycle_s"] == first["ideal_cycle_s"] == 60.0
    assert again["profile"] == first["profile"] == "test@1.0.0+0000"
    assert (second["ideal_cycle_s"], second["profile"]) == (30.0, "test@2.0.0+1111")


@HOWS
def test_settings_alone_restate_nothing(how: str) -> None:
    rig = Rig.of(BEFORE)
    run(rig, T0, T0 + HOUR + 20_000, count=5)
    change(rig, AFTER, T0 + HOUR + 20_000, how=how)
    run(rig, T0 + HOUR + 20_000, T0 + HOUR + 30 * MINUTE, count=5)
    assert len(rig.told("oee")) == 1


def test_a_window_over_while_nothing_ran_is_told_by_the_settings_of_then() -> None:
    rig = Rig.of(BEFORE)
    run(rig, T0, T0 + HOUR - MINUTE, count=5)
    change(rig, AFTER, T0 + HOUR + MINUTE, how="crash")
    run(rig, T0 + HOUR + MINUTE, T0 + 2 * HOUR + 20_000, count=5)
    assert [told["ideal_cycle_s"] for told in rig.told("oee")] == [60.0, 30.0]


@HOWS
def test_the_plan_of_then_holds_as_well(how: str) -> None:
    rig = Rig.of(BEFORE, clock_calendar("00:00", "06:00", ("00:30", "00:40")))
    run(rig, T0, T0 + HOUR + 20_000, count=5)
    end = T0 + HOUR + 20_000
    change(rig, BEFORE, end, how=how, calendar=Calendar(SHANGHAI, ALL_PLANNED))
    rig.poll(T0 - 1000, count=2)
    run(rig, end, T0 + 2 * HOUR + 20_000, count=5)
    first, again, second = (told["time_s"] for told in rig.told("oee"))
    assert (first["planned"], again["planned"], second["planned"]) == (3000, 3000, 3600)


def test_settings_changed_and_changed_back_are_three_times() -> None:
    rig = Rig.of(BEFORE)
    now = T0
    for number, kpi in enumerate((BEFORE, AFTER, BEFORE)):
        change(rig, kpi, now, how="reload")
        run(rig, now, T0 + (number + 1) * HOUR + 20_000, count=5)
        now = T0 + (number + 1) * HOUR + 20_000
    rig.restart(now)
    rig.poll(T0 - 1000, count=2)
    rig.poll(T0 + 90 * MINUTE, count=1)
    run(rig, now, now + MINUTE, count=5)
    cycles = {body["win"]["start"]: body["ideal_cycle_s"] for body in rig.told("oee")}
    assert list(cycles.values()) == [60.0, 30.0, 60.0]
    assert sum(body["rev"] for body in rig.told("oee")) >= 2


@HOWS
def test_settings_tried_for_some_seconds_leave_nothing_behind(how: str) -> None:
    """Changed ten times within a minute: no window ends in any but the first and the last."""
    rig = Rig.of(BEFORE)
    run(rig, T0, T0 + HOUR + 20_000, count=5)
    tried = range(T0 + HOUR + 21_000, T0 + HOUR + 41_000, 2_000)
    for place, now_ms in enumerate(tried):
        change(rig, BEFORE if place % 2 else AFTER, now_ms, how=how)
    change(rig, AFTER, T0 + HOUR + 42_000, how=how)
    account = rig.ledger._accounts["m1"]
    assert len(account._eras._earlier) == 1
    rig.poll(T0 - 1000, count=2)
    run(rig, T0 + HOUR + 43_000, T0 + 2 * HOUR + 20_000, count=5)
    first, again, second = rig.told("oee")
    assert first["ideal_cycle_s"] == again["ideal_cycle_s"] == 60.0
    assert second["ideal_cycle_s"] == 30.0


def test_settings_are_logged_once_in_half_a_day_and_outlive_what_is_read_of_the_log() -> None:
    rig = Rig.of(BEFORE)
    rig.poll(T0, state="running", count=5, reject=0)
    end = T0 + 60 * HOUR
    for t_ms in range(T0, end, 5 * MINUTE):
        rig.poll(t_ms, state="running", count=5, reject=0)
        rig.tick(t_ms + 200)
    times = [entry.t_ms for entry in settings(rig)]
    assert len(times) == 60 * HOUR // AGAIN_MS
    change(rig, AFTER, end, how="crash")
    rig.poll(end - 2 * HOUR, count=4)
    run(rig, end, end + MINUTE, count=5)
    again = [body for body in rig.told("oee") if body["rev"] == 1]
    assert again
    assert {body["ideal_cycle_s"] for body in again} == {60.0}


def test_settings_that_nobody_can_read_leave_another_profile_alone() -> None:
    rig = Rig.of(BEFORE)
    run(rig, T0, T0 + HOUR + 20_000, count=5)
    rig.rows = [
        LogRow(
            row.asset,
            tuple(
                dataclasses.replace(e, value="[1]") if e.signal == SETTINGS else e
                for e in row.entries
            ),
        )
        for row in rig.rows
    ]
    change(rig, AFTER, T0 + HOUR + 20_000, how="crash")
    rig.poll(T0 - 1000, count=2)
    run(rig, T0 + HOUR + 20_000, T0 + HOUR + MINUTE, count=5)
    assert len(rig.told("oee")) == 1


def test_a_meter_that_is_new_has_no_figures_of_the_time_before() -> None:
    rig = Rig.of(BEFORE)
    run(rig, T0, T0 + 2 * HOUR + 20_000, count=5)
    metered = dataclasses.replace(BEFORE, signals=(*BEFORE.signals, "energy"))
    change(rig, metered, T0 + 2 * HOUR + 20_000, how="reload")
    run(rig, T0 + 2 * HOUR + 20_000, T0 + 3 * HOUR + 20_000, count=5, energy=7.0)
    assert [told["win"]["start"] for told in rig.told("energy/electricity")] == [T0 + 2 * HOUR]


def test_of_a_machine_that_went_to_another_line_the_old_windows_stay() -> None:
    rig = Rig.of(BEFORE)
    run(rig, T0, T0 + HOUR + 20_000, count=5)
    rig.withdraw()
    rig.assets = [asset(BEFORE, line="other")]
    rig.begin_anew(T0 + HOUR + 20_000)
    rig.poll(T0 - 1000, count=2)
    run(rig, T0 + HOUR + 20_000, T0 + 2 * HOUR + 20_000, count=5)
    told = [record for record in rig.records if (record.cls, record.asset) == ("oee", "m1")]
    assert [record.line for record in told] == ["main", "other"]


def test_the_clock_that_was_wrong_moves_the_times_of_settings() -> None:
    """A quarter of an hour too early, and set while other settings hold."""
    rig = Rig.of(BEFORE)
    wrong = T0 - 15 * MINUTE
    run(rig, wrong, wrong + HOUR, count=5)
    change(rig, AFTER, wrong + HOUR, how="reload")
    rig.move(wrong, 15 * MINUTE, T0 + HOUR)
    run(rig, T0 + HOUR, T0 + 2 * HOUR + 20_000, count=5)
    rig.restart(T0 + 2 * HOUR + 20_000)
    run(rig, T0 + 2 * HOUR + 20_000, T0 + 2 * HOUR + MINUTE, count=5)
    finals = {body["win"]["start"]: body["ideal_cycle_s"] for body in rig.told("oee")}
    assert (finals[T0], finals[T0 + HOUR]) == (60.0, 30.0)


def test_terms_survive_being_written() -> None:
    calendar = clock_calendar("00:00", "06:00", ("00:30", "00:40"))
    text = written(AFTER, "main", calendar)
    terms = read(text)
    assert terms == Terms(AFTER, "main", "Asia/Shanghai", calendar.roster("main"))
    assert terms is not None
    assert written(terms.spec, terms.line, terms.calendar()) == text
    assert read("{") is read("[]") is read("7") is None
