"""OEE where something is missing, unknown, or more than it can be."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gateway.figures.calendar import PlannedTime
from gateway.figures.windows import Window
from gateway.model import Entry
from tests.folds import fold_oee
from tests.kpi_traces import (
    HOUR,
    MINUTE,
    T0,
    always,
    at_clock,
    clock_calendar,
    close,
    counted,
    in_turn,
    log,
    spec,
    states,
    window,
)

ZERO = Fraction(0)


def test_stations_follow_what_is_mounted() -> None:
    """24 stations, half of them mounted from half time on: fewer pieces, no speed loss."""
    rotary = spec(
        counting="stations",
        stations=24,
        signals=("state", "count", "reject", "mounted"),
        ideal_cycle_s=6.0,
    )
    entries = log(
        states((T0, "running")),
        [Entry(T0, "mounted", 24), Entry(T0 + 30 * MINUTE, "mounted", 12)],
        [Entry(T0 + n * 6000, "count", n) for n in range(601)],
        [Entry(T0, "reject", 0), Entry(T0 + 45 * MINUTE, "reject", 5)],
    )
    win = window(60, kind="hour")
    found = fold_oee(entries, ZERO, win, always(win), rotary)
    # 299 indexes are seen before half time, 300 from it on: the one at it belongs to the second.
    assert found.total == 299 + 150
    assert found.scrap == 5
    assert close(found.p, Fraction(599 * 6, 3600))
    assert close(found.kpi["station_loss_time"], Fraction(900))
    assert close(found.kpi["speed_loss_time"], Fraction(6))
    assert close(found.q, 1 - Fraction(5 * 12, 599 * 6))


def test_a_table_that_turns_empty_makes_nothing() -> None:
    rotary = spec(counting="stations", stations=24, signals=("state", "count", "reject", "mounted"))
    entries = log(
        states((T0, "running")),
        [Entry(T0, "mounted", 0), Entry(T0, "reject", 0)],
        [Entry(T0 + n * 1000, "count", n) for n in range(600)],
    )
    win = window(10)
    found = fold_oee(entries, ZERO, win, always(win), rotary)
    assert (found.total, found.p, found.q, found.oee) == (0, 0, None, 0)
    assert found.kpi["station_loss_time"] == 599
    assert found.kpi["speed_loss_time"] == 1


def test_pieces_across_unknown_time_are_unplaced() -> None:
    win = window(60, kind="hour")
    entries = log(
        states((T0, "running"), (T0 + 10 * MINUTE, None), (T0 + 20 * MINUTE, "running")),
        [
            Entry(T0, "count", 0),
            Entry(T0, "reject", 0),
            Entry(T0 + 10 * MINUTE, "count", 100),
            Entry(T0 + 20 * MINUTE, "count", 180),
            Entry(T0 + 59 * MINUTE, "count", 580),
        ],
    )
    found = fold_oee(entries, ZERO, win, always(win), spec(ideal_cycle_s=5.0))
    assert (found.total, found.unplaced) == (580, 80)
    assert found.unknown_ms == 10 * MINUTE
    assert close(found.a, Fraction(1))
    assert close(found.p, Fraction(500 * 5, 3000))
    assert close(found.oee, Fraction(500 * 5, 3000))
    assert close(found.kpi["oee_by_count"], Fraction(580 * 5, 3600))
    assert close(found.coverage, Fraction(5, 6))


def test_only_unplaced_pieces_leave_no_ratio() -> None:
    win = window(60, kind="hour")
    entries = log(
        states((T0, "running"), (T0 + 10 * MINUTE, None), (T0 + 20 * MINUTE, "running")),
        [Entry(T0, "count", 0), Entry(T0, "reject", 0), Entry(T0 + 21 * MINUTE, "count", 80)],
    )
    found = fold_oee(entries, ZERO, win, always(win), spec())
    assert (found.p, found.q, found.oee, found.total, found.reason) == (
        None,
        None,
        None,
        80,
        "unplaced",
    )


def test_nothing_known() -> None:
    win = window(60, kind="hour")
    found = fold_oee([], ZERO, win, always(win), spec())
    assert (found.a, found.p, found.q, found.oee) == (None, None, None, None)
    assert (found.unknown_ms, found.planned_ms, found.coverage) == (HOUR, HOUR, 0.0)
    assert found.reason == "unknown"
    assert found.state == "unknown"


def test_run_time_0_but_pieces_seen() -> None:
    win = window(60, kind="hour")
    entries = log(
        states((T0, "idle")), counted("count", T0, win.end, 50), counted("reject", T0, win.end, 0)
    )
    found = fold_oee(entries, ZERO, win, always(win), spec())
    assert (found.a, found.p, found.q, found.oee, found.total) == (0, None, None, 0, 50)


def test_without_quality_input() -> None:
    win = window(60, kind="hour")
    entries = log(states((T0, "running")), counted("count", T0, win.end, 1800))
    found = fold_oee(entries, ZERO, win, always(win), spec(signals=("state", "count")))
    assert (found.good, found.scrap, found.q, found.oee) == (None, None, None, None)
    assert found.basis["quality"] == "none"
    assert close(found.p, Fraction(1, 2))
    assert found.reason == "no_quality"


def test_without_counter() -> None:
    win = window(60, kind="hour")
    found = fold_oee(states((T0, "running")), ZERO, win, always(win), spec(signals=("state",)))
    assert (found.total, found.p, found.oee, found.a) == (None, None, None, 1)
    assert found.reason == "no_counter"


def test_good_counter_instead_of_rejects() -> None:
    win = window(60, kind="hour")
    entries = log(
        states((T0, "running")),
        counted("count", T0, win.end, 1800),
        counted("good", T0, win.end, 1782),
    )
    found = fold_oee(entries, ZERO, win, always(win), spec(signals=("state", "count", "good")))
    assert (found.good, found.scrap) == (1782, 18)
    assert close(found.q, Fraction(99, 100))
    total_and_reject_win = spec(signals=("state", "count", "good", "reject"))
    entries = log(entries, counted("reject", T0, win.end, 20))
    assert fold_oee(entries, ZERO, win, always(win), total_and_reject_win).good == 1780


def test_good_and_reject_make_the_total() -> None:
    win = window(60, kind="hour")
    entries = log(
        states((T0, "running")),
        counted("good", T0, win.end, 1700),
        counted("reject", T0, win.end, 100),
    )
    found = fold_oee(entries, ZERO, win, always(win), spec(signals=("state", "good", "reject")))
    assert (found.total, found.good, found.scrap) == (1800, 1700, 100)


def test_no_ideal_cycle_leaves_p_and_oee_open_but_not_q() -> None:
    win = window(60, kind="hour")
    entries = log(
        states((T0, "running")),
        counted("count", T0, win.end, 100),
        counted("reject", T0, win.end, 10),
    )
    found = fold_oee(entries, ZERO, win, always(win), spec(ideal_cycle_s=None))
    assert (found.a, found.p, found.oee, found.reason) == (1, None, None, "no_ideal_cycle")
    assert close(found.q, Fraction(9, 10))


def test_faster_than_ideal_is_told_raw_and_flagged() -> None:
    win = window(60, kind="hour")
    entries = log(
        states((T0, "running")),
        counted("count", T0, win.end, 720),
        counted("reject", T0, win.end, 0),
    )
    found = fold_oee(entries, ZERO, win, always(win), spec(ideal_cycle_s=6.0))
    assert close(found.p, Fraction(6, 5))
    assert close(found.oee, Fraction(6, 5))
    assert found.reason == "above_1"


def test_pieces_outside_planned_time_count() -> None:
    calendar = clock_calendar("08:00", "09:00")
    day = Window("day", T0, T0 + 24 * HOUR)
    entries = log(
        states((T0, "running")),
        counted("count", at_clock("08:00"), at_clock("10:00"), 400),
        counted("reject", at_clock("08:00"), at_clock("10:00"), 0),
    )
    plan = calendar.plan("main", day.start, day.end)
    found = fold_oee(entries, ZERO, day, plan, spec(ideal_cycle_s=6.0))
    assert (found.total, found.planned_ms) == (400, HOUR)
    assert close(found.p, Fraction(2400, 3600))


def test_losses_tile_known_planned_time() -> None:
    win = window(120)
    entries = log(
        in_turn(
            T0,
            ("running", 3000),
            ("waiting", 100),
            ("setup", 600),
            ("fault", 900),
            ("running", 1200),
            ("idle", 400),
            ("running", 86400),
        ),
        counted("count", T0, win.end, 700),
        counted("reject", T0, win.end, 14),
    )
    found = fold_oee(entries, ZERO, win, always(win), spec(ideal_cycle_s=6.0, micro_stop_s=120.0))
    parts = (
        "breakdown_loss_time",
        "waiting_loss_time",
        "setup_loss_time",
        "idle_loss_time",
        "microstop_time",
        "speed_loss_time",
        "station_loss_time",
        "process_reject_loss_time",
        "productive_time",
    )
    assert sum(found.kpi[name] or 0 for name in parts) == pytest.approx(7200, abs=1e-9)
    assert found.kpi["productive_time"] == pytest.approx((found.oee or 0) * 7200)


def test_failures_and_their_times() -> None:
    win = window(60, kind="hour")
    entries = log(
        in_turn(
            T0 - 300_000,
            ("fault", 600),
            ("running", 600),
            ("fault", 300),
            ("waiting", 100),
            ("fault", 200),
            ("running", 86400),
        )
    )
    found = fold_oee(entries, ZERO, win, always(win), spec(micro_stop_s=60.0))
    # The first began before the window; its time counts, its beginning doesn't.
    assert found.kpi["failures"] == 2
    assert close(found.kpi["mtbf_s"], Fraction(3600, 2))
    assert close(found.kpi["mttr_s"], Fraction(300 + 300 + 200, 2))
    assert close(found.kpi["mttf_s"], Fraction(3600 - 800, 2))


def test_a_fault_interrupted_by_unknown_time_is_one_failure() -> None:
    entries = states(
        (T0, "running"),
        (T0 + 10 * MINUTE, "fault"),
        (T0 + 20 * MINUTE, None),
        (T0 + 21 * MINUTE, "fault"),
        (T0 + 30 * MINUTE, "running"),
    )
    win = window(60, kind="hour")
    assert fold_oee(entries, ZERO, win, always(win), spec()).kpi["failures"] == 1


def test_a_failure_begins_with_the_first_stretch_that_is_no_minor_stop() -> None:
    # 30 s are known of the fault, then nothing for 30 s: what goes on for minutes is a failure.
    def found(*told: tuple[int, str | None]) -> dict[str, float | None]:
        entries = states((T0, "running"), *((T0 + second * 1000, word) for second, word in told))
        win = window(60, kind="hour")
        return dict(fold_oee(entries, ZERO, win, always(win), spec(micro_stop_s=60.0)).kpi)

    cut = ((100, "fault"), (130, None), (160, "fault"), (400, "running"))
    assert (found(*cut)["failures"], found(*cut)["downtime_count"]) == (1, 1)
    assert found(*cut)["mttr_s"] == 240
    # All of it is as short as a minor stop, as far as it is known.
    short = ((100, "fault"), (130, None), (160, "fault"), (190, "running"))
    assert (found(*short)["failures"], found(*short)["downtime_count"]) == (0, 0)
    # It goes on after a minor piece of it, and after what is unknown again: still the same one.
    again = ((100, "fault"), (200, None), (230, "fault"), (240, None), (260, "fault"))
    assert found(*again, (400, "running"))["failures"] == 1


def test_a_window_that_is_not_over_ends_now() -> None:
    win = window(60, kind="hour")
    entries = log(
        states((T0, "running")), [Entry(T0, "count", 0), Entry(T0 + 5 * MINUTE, "count", 60)]
    )
    now = T0 + 10 * MINUTE
    found = fold_oee(entries, ZERO, win, always(win), spec(ideal_cycle_s=5.0), until=now)
    assert found.planned_ms == 10 * MINUTE
    assert found.coverage == 1.0
    assert close(found.p, Fraction(1, 2))


def test_more_rejects_than_pieces_make_no_ratio_negative() -> None:
    """A reject seen in a later window than its piece."""
    entries = [
        Entry(0, "state", "running"),
        Entry(0, "count", 0),
        Entry(0, "reject", 0),
        Entry(60_000, "count", 1),
        Entry(120_000, "reject", 3),
    ]
    hour = Window("hour", 0, HOUR)
    judged = spec(kpis=("nee", "teep", "oee_by_count", "scrap_ratio"), max_rate=1.0)
    found = fold_oee(entries, Fraction(0), hour, PlannedTime(((0, HOUR),)), judged)
    assert (found.q, found.oee) == (0, 0)
    assert all(value is None or value >= 0 for value in found.kpi.values())


def test_a_fault_begins_where_it_is_known_first() -> None:
    """Heard for the last time at the edge of an hour, and again ten minutes later."""
    first, second = window(60), window(60, start=T0 + HOUR)
    edge = T0 + HOUR
    entries = [
        *states((T0, "running"), (edge - 2000, "fault"), (edge + 20 * MINUTE, "running")),
        Entry(edge - 2000, "silence", edge + 10 * MINUTE),
    ]
    of = spec(signals=("state",), counting="direct")
    before = fold_oee(entries, ZERO, first, always(first), of)
    after = fold_oee(entries, ZERO, second, always(second), of)
    assert (before.kpi["failures"], after.kpi["failures"]) == (0, 1)
    assert after.kpi["mttr_s"] == 600
