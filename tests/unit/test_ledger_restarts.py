"""The ledger: taken up again after a stop, a crash, a clock that was set."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from gateway.figures.windows import Window
from gateway.model import Entry, LogRow
from tests.folds import fold_oee
from tests.kpi_traces import (
    HOUR,
    MINUTE,
    T0,
    always,
    asset,
    clock_calendar,
    spec,
)
from tests.ledger_rig import SECOND, Rig, body, run


def day_values(t: int) -> dict[str, Any]:
    minute = (t - T0) // MINUTE
    return {
        "state": "fault" if minute % 50 in {7, 8, 9} else "running",
        "count": (t - T0) // 12_000,
        "reject": (t - T0) // 300_000,
    }


@pytest.mark.parametrize("graceful", [False, True])
def test_a_restart_changes_nothing_but_the_silence(graceful: bool) -> None:  # noqa: FBT001
    def trace(rig: Rig, *, restarts: bool) -> Rig:
        for t in range(T0, T0 + 3 * HOUR + 30_000, 5000):
            if T0 + 80 * MINUTE <= t < T0 + 83 * MINUTE:
                continue
            if restarts and (t - T0) % (37 * MINUTE) == 0:
                rig.restart(t, graceful=graceful)
            rig.poll(t, **day_values(t))
            rig.tick(t)
        return rig

    judged = spec(windows=("hour", "shift"), micro_stop_s=200.0)
    calendar = clock_calendar("00:00", "03:00", ("01:30", "01:45"))
    never = trace(Rig.of(judged, calendar), restarts=False)
    often = trace(Rig.of(judged, calendar), restarts=True)
    assert never.finals() == often.finals()
    assert len(never.finals()) == 4
    assert all(json.loads(r.body).get("rev", 0) == 0 for r in often.records)


def test_windows_that_passed_while_stopped_are_closed_after_the_start() -> None:
    rig = Rig.of(spec())
    run(rig, T0, T0 + 30 * MINUTE, state="running", count=1, reject=0)
    rig.restart(T0 + 150 * MINUTE)
    rig.poll(T0 + 150 * MINUTE, state="running", count=301, reject=0)
    rig.tick(T0 + 150 * MINUTE)
    first, second = rig.told("oee")
    assert first["time_s"]["run"] == 1790
    assert (second["a"], second["coverage"], second["reason"]) == (None, 0.0, "unknown")
    run(rig, T0 + 150 * MINUTE, T0 + 3 * HOUR + 20_000, state="running", count=301, reject=0)
    third = body(rig, "oee")
    assert (third["count"]["total"], third["count"]["unplaced"]) == (300, 300)


def test_a_restatement_lost_in_a_crash_is_made_up_for() -> None:
    rig = Rig.of(spec())
    run(rig, T0, T0 + HOUR + 20_000, state="running", count=5, reject=0)
    rig.poll(T0 + HOUR + 20_000, state="running", count=5, reject=0)
    rig.tick(T0 + HOUR + 20_000)
    rig.poll(T0 - 1000, count=2)
    rig.restart(T0 + HOUR + 21_000)
    rig.poll(T0 + HOUR + 21_000, state="running", count=5, reject=0)
    rig.tick(T0 + HOUR + 27_000)
    told = body(rig, "oee")
    assert (told["rev"], told["count"]["total"]) == (1, 3)
    rig.restart(T0 + HOUR + 40_000)
    rig.poll(T0 + HOUR + 40_000, state="running", count=5, reject=0)
    rig.tick(T0 + HOUR + 50_000)
    assert len(rig.told("oee")) == 2


def test_a_window_that_was_final_is_told_open_no_more() -> None:
    """The clock was two hours ahead, so that the hour was over before it began."""
    rig = Rig.of(spec(interim_s=300.0))
    run(rig, T0 + 2 * HOUR, T0 + 3 * HOUR + 20_000, state="running", count=5, reject=0)
    final = [told["final"] for told in rig.told("oee") if told["win"]["start"] == T0 + 2 * HOUR]
    assert final == [False] * 11 + [True]
    rig.move(T0 + 2 * HOUR, -2 * HOUR, T0 + HOUR + 20_000)
    run(rig, T0 + HOUR + 20_000, T0 + 3 * HOUR + 20_000, state="idle", count=5, reject=0)
    told = [told for told in rig.told("oee") if told["win"]["start"] == T0 + 2 * HOUR]
    assert [(one["final"], one["rev"]) for one in told[11:]] == [(True, 0), (True, 1)]
    open_ = [t["final"] for t in rig.told("oee") if t["win"]["start"] == T0 + HOUR]
    assert open_.count(False) == 11


def test_what_waits_to_be_matched_outlives_the_log() -> None:
    """Ten left shoes of the first day meet their right ones on the third, over a restart."""
    pairs = spec(
        counting="pairs",
        signals=("state", "count_left", "count_right", "reject_left", "reject_right"),
        kpis=("unmatched_halves",),
    )
    rig = Rig.of(pairs)
    still = {"count_right": 0, "reject_left": 0, "reject_right": 0}
    rig.poll(T0, state="running", count_left=0, **still)
    run(rig, T0 + MINUTE, T0 + 49 * HOUR, step=5 * MINUTE, state="idle", count_left=10, **still)
    rig.restart(T0 + 49 * HOUR)
    rig.poll(T0 + 49 * HOUR, state="running", count_left=10, **still)
    rig.tick(T0 + 49 * HOUR)
    still["count_right"] = 13
    end = T0 + 50 * HOUR + 20_000
    run(rig, T0 + 49 * HOUR + 1, end, step=MINUTE // 4, state="running", count_left=12, **still)
    told = body(rig, "oee")
    assert (told["count"]["good"], told["kpi"]["unmatched_halves"]) == (12, 1)
    assert max(told["count"]["total"], 7.5) == 7.5


def test_an_asset_that_stood_still_for_days_is_known_after_a_restart() -> None:
    rig = Rig.of(spec())
    rig.poll(T0, state="idle", count=7, reject=0)
    run(rig, T0, T0 + 80 * HOUR, step=MINUTE // 4, state="idle", count=7, reject=0)
    now = T0 + 80 * HOUR
    rig.restart(now)
    rig.poll(now, state="idle", count=9, reject=0)
    run(rig, now, now + HOUR + 20_000, step=MINUTE // 4, state="idle", count=9, reject=0)
    told = body(rig, "oee")
    assert (told["time_s"]["idle"], told["count"]["total"], told["coverage"]) == (3600, 2, 1.0)
    assert [told["state"] for told in rig.told("state")] == ["idle"]


def test_memory_is_bounded() -> None:
    rig = Rig.of(spec(signals=("state", "count", "reject", "energy"), max_kw=100.0))
    sizes = []
    for day in range(5):
        start = T0 + day * 24 * HOUR
        run(
            rig,
            start,
            start + 24 * HOUR,
            step=15 * SECOND,
            state="running",
            count=lambda t: (t - T0) // 30_000,
            reject=0,
            energy=lambda t: (t - T0) / 500_000,
        )
        journal = rig.ledger._accounts["m1"]._journal
        sizes.append(sum(len(series) for series in journal.numbers.values()))
    assert sizes[4] <= sizes[2] * 1.05
    account = rig.ledger._accounts["m1"]
    assert all(len(book._told) <= 52 for book in account._books.each)


def test_the_log_is_written_by_asset() -> None:
    rig = Rig([asset(name="a"), asset(name="b")])
    rig.ledger.observe("a", T0, {"state": "running", "count": 1})
    rig.ledger.observe("b", T0, {"state": "idle"})
    assert rig.ledger.take_log() == [
        LogRow("a", (Entry(T0, "state", "running"), Entry(T0, "count", 1))),
        LogRow("b", (Entry(T0, "state", "idle"),)),
    ]
    assert rig.ledger.take_log() == []
    assert rig.ledger.heard() == {"a": T0, "b": T0}


def test_the_log_alone_gives_the_record() -> None:
    """Replay: the fold over what was made durable gives the figures that were told."""
    rig = Rig.of(spec(micro_stop_s=120.0, kpis=("nee", "microstop_count")))
    for t in range(T0 - 60_000, T0 + HOUR + 10_000, 5000):
        rig.poll(t, **day_values(t))
        rig.tick(t)
    told = rig.told("oee")[-1]
    entries = [entry for row in rig.rows for entry in row.entries]
    window = Window("hour", T0, T0 + HOUR)
    found = fold_oee(entries, Fraction(0), window, always(window), spec(micro_stop_s=120.0))
    assert (found.a, found.p, found.q, found.oee) == tuple(told[k] for k in ("a", "p", "q", "oee"))
    assert found.kpi["microstop_count"] == told["kpi"]["microstop_count"]


# A clock that is set


def test_a_clock_set_back_does_not_stop_the_figures() -> None:
    """Wrong by an hour until noon: the hour is lived twice, and the second time counts."""
    rig = Rig.of(spec(signals=("state", "count", "reject", "energy")))
    run(rig, T0, T0 + 3 * HOUR, state="running", count=lambda t: (t - T0) // 20_000, reject=0)
    again = T0 + 2 * HOUR
    known = len(rig.rows)
    run(
        rig,
        again,
        again + 2 * HOUR + 20_000,
        state=lambda t: "fault" if t < again + 10 * MINUTE else "running",
        count=lambda t: 540 + (t - again) // 10_000,
        reject=0,
        energy=100.0,
    )
    assert rig.told("state")[-1]["state"] == "running"
    hours = [told for told in rig.told("oee") if told["win"]["start"] == again]
    assert [told["rev"] for told in hours] == [0]
    # What was counted in the hour that was none is seen, and so counted, in this one.
    assert (hours[0]["time_s"]["delay"], hours[0]["count"]["total"]) == (590, 180 + 360)
    assert rig.ledger.refused() == {"m1": 1}, "the one poll before the step was noticed"
    entries = sum(len(row.entries) for row in rig.rows[known:])
    assert entries < 2 * 720 + 400, "nothing is logged more than it changes"


def test_windows_told_in_a_future_that_was_none_are_told_again() -> None:
    rig = Rig.of(spec())
    run(rig, T0, T0 + 5 * MINUTE, state="running", count=1, reject=0)
    future = T0 + 20 * 365 * 24 * HOUR
    rig.poll(future, state="running", count=1, reject=0)
    rig.tick(future)
    run(rig, future, future + HOUR + 20_000, state="idle", count=1, reject=0)
    run(rig, T0 + 5 * MINUTE, T0 + HOUR + 20_000, state="running", count=1, reject=0)
    hour = next(told for told in rig.told("oee") if told["win"]["start"] == T0)
    assert (hour["rev"], hour["time_s"]["run"]) == (0, 3600)
    assert rig.told("state")[-1]["state"] == "running"
    assert rig.ledger.refused() == {"m1": 1}, "the one poll before the step was noticed"
    back = T0 + HOUR - MINUTE
    run(rig, back, T0 + HOUR + 20_000, state="fault", count=1, reject=0)
    hours = [told for told in rig.told("oee") if told["win"]["start"] == T0]
    assert [told["rev"] for told in hours] == [0, 1]
    assert hours[1]["time_s"]["delay"] == 60


def test_a_restart_with_the_clock_behind_the_log_goes_on_at_once() -> None:
    """A box without a battery that starts two hours in its own past."""
    rig = Rig.of(spec(states={"1": "running", "4": "fault"}))
    for second in range(0, 600, 10):
        rig.poll(T0 + second * 1000, state=1, count=second)
        rig.tick(T0 + second * 1000)
    rig.commit()
    back = T0 - 2 * HOUR
    rig.restart(back)
    rig.poll(back + 1000, state=4, count=610)
    rig.tick(back + 2000)
    assert body(rig, "state")["state"] == "fault"
    for second in range(10, 60, 10):
        rig.poll(back + second * 1000, state=1, count=600 + second)
        rig.tick(back + second * 1000)
    live = rig.ledger.live("m1", back + 60_000)
    assert live is not None
    assert live.state == "running"
    assert live.total is not None
    assert live.total < 100
