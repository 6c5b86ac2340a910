"""Tests by serial number: pieces, retests, first-pass yield, and what benches show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.kpi_traces import HOUR, MINUTE, T0, spec
from tests.ledger_rig import Rig

if TYPE_CHECKING:
    from gateway.kpi import KpiSpec
    from gateway.model import Value

KPIS = ("first_pass_yield", "retest_loss_time", "speed_loss_time", "productive_time")
BENCH = spec(
    counting="tests",
    signals=("state", "serial", "result"),
    results={"ok": True, "ng": False, "1": True, "0": False},
    ideal_cycle_s=60.0,
    kpis=KPIS,
)
COUNTED = spec(
    counting="tests",
    signals=("state", "serial", "result", "count"),
    results=BENCH.results,
    ideal_cycle_s=60.0,
    max_rate=1.0,
    kpis=KPIS,
)


class Play:
    """A bench that runs, read each ten seconds; what it shows is told at minutes after T0."""

    def __init__(self, like: KpiSpec = BENCH) -> None:
        self.rig = Rig.of(like)
        self.t_ms = T0

    def to(self, minute: float, state: Value = "running") -> None:
        end = T0 + round(minute * MINUTE)
        while self.t_ms < end:
            self.rig.poll(self.t_ms, state=state)
            self.rig.tick(self.t_ms)
            self.t_ms += 10_000

    def show(self, minute: float, **values: Value) -> None:
        self.to(minute)
        self.rig.poll(T0 + round(minute * MINUTE), state="running", **values)

    def hour(self, number: int = 0) -> dict[str, Any]:
        (found,) = [
            body
            for (cls, _s), body in self.rig.finals().items()
            if cls == "oee" and body["win"]["start"] == T0 + number * HOUR
        ]
        return found


def count_of(hour: dict[str, Any]) -> tuple[float, float, float]:
    count = hour["count"]
    return count["total"], count["good"], count["scrap"]


def test_a_serial_number_is_one_piece_and_its_last_result_counts() -> None:
    play = Play()
    for minute, serial, result in ((1, "A", "ok"), (2, "B", "ng"), (3, "C", "ng"), (4, "B", "ok")):
        play.show(minute, serial=serial, result=result)
    play.to(61)
    hour = play.hour()
    assert count_of(hour) == (3, 2, 1)
    assert hour["kpi"]["first_pass_yield"] == pytest.approx(1 / 3)
    assert (hour["p"], hour["q"]) == (3 / 60, 2 / 3)
    assert hour["kpi"]["retest_loss_time"] == 60
    losses = ("retest_loss_time", "speed_loss_time", "productive_time")
    assert sum(hour["kpi"][name] for name in losses) + 60 == 3600, "and one reject"
    assert hour["basis"]["quality"] == "measured"


def test_a_late_retest_changes_good_and_neither_the_count_nor_first_pass_yield() -> None:
    play = Play()
    play.show(30, serial="A", result="ng")
    play.show(31, serial="B", result="ok")
    play.to(61)
    assert count_of(play.hour()) == (2, 1, 1)
    play.rig.restart(play.t_ms)
    play.show(70, serial="A", result="ok")
    play.to(121)
    assert count_of(play.hour()) == (2, 2, 0)
    assert play.hour()["kpi"]["first_pass_yield"] == 0.5
    assert count_of(play.hour(1)) == (0, 0, 0)


def test_the_restatement_survives_a_crash_before_it_was_told() -> None:
    play = Play()
    play.show(30, serial="A", result="ng")
    play.to(65)
    play.show(65, serial="A", result="ok")
    play.rig.commit()
    play.rig.restart(T0 + 65 * MINUTE + 1)
    play.to(67)
    assert count_of(play.hour()) == (1, 1, 0)


def test_the_serial_may_be_scanned_before_its_result_comes() -> None:
    play = Play()
    play.show(1, serial="A")
    play.show(2, result="ok")
    play.show(3, serial="B")
    play.rig.restart(T0 + 3 * MINUTE)
    play.show(4, result="ok")
    play.show(5, serial="C", result="")
    play.show(6, serial="D", result="dropped")
    play.to(61)
    assert count_of(play.hour()) == (2, 2, 0)


def test_a_bench_that_is_polled_tests_once() -> None:
    play = Play()
    for tenth in range(30):
        shown = "ok" if tenth % 10 >= 5 else ""
        play.show(1 + tenth / 6, serial=f"S{tenth // 10}", result=shown)
    play.to(61)
    assert count_of(play.hour()) == (3, 3, 0)
    assert play.hour()["kpi"]["retest_loss_time"] == 0


def test_a_counter_says_when_a_test_is_done_though_results_are_held() -> None:
    play = Play(COUNTED)
    shown = [("A", "ok", 7), ("A", "ok", 8), ("B", "ok", 8), ("B", "ng", 9), ("B", "ng", 10)]
    shown += [("C", "ng", 10), ("C", "ok", 11), ("D", "ok", 11)]
    for place, (serial, result, count) in enumerate(shown):
        play.show(place + 1, serial=serial, result=result, count=count)
    play.to(61)
    hour = play.hour()
    assert count_of(hour) == (3, 2, 1)
    assert hour["kpi"]["first_pass_yield"] == pytest.approx(2 / 3)
    assert hour["kpi"]["retest_loss_time"] == 60


def test_a_test_read_in_unknown_time_is_unplaced() -> None:
    play = Play()
    play.show(1, serial="A", result="ok")
    play.to(10)
    play.rig.poll(play.t_ms, state=None)
    play.rig.poll(play.t_ms + 1000, serial="B", result=True)
    play.t_ms += 60_000
    play.to(61)
    hour = play.hour()
    assert count_of(hour) == (2, 2, 0)
    assert (hour["count"]["unplaced"], hour["q"]) == (1, 1)
    assert hour["p"] == pytest.approx(60 / hour["time_s"]["run"])


def test_a_test_that_comes_late_is_put_in_its_place() -> None:
    play = Play()
    play.show(30, serial="A", result="ok")
    play.to(62)
    play.rig.poll(T0 + 20 * MINUTE, serial="A", result="ng")
    play.rig.poll(T0 + 25 * MINUTE, serial="B", result="ok")
    play.to(64)
    assert count_of(play.hour()) == (2, 2, 0)
    assert play.hour()["kpi"]["first_pass_yield"] == 0.5


@pytest.mark.parametrize("days", [1.5, 4.0])
def test_a_piece_is_known_when_the_log_before_it_is_gone(days: float) -> None:
    play = Play()
    play.show(1, serial="A", result="ng")
    hours = round(days * 24)
    for number in range(1, hours):
        play.show(number * 60, serial=f"N{number}", result="ok")
        play.t_ms = T0 + (number + 1) * HOUR - MINUTE
        play.rig.tick(play.t_ms)
        play.rig.poll(play.t_ms, state="running")
    play.rig.restart(play.t_ms)
    play.t_ms = T0 + hours * HOUR - MINUTE
    play.show(hours * 60 + 1, serial="A", result="ok")
    play.show(hours * 60 + 2, serial="B", result="ok")
    play.to(hours * 60 + 61)
    assert count_of(play.hour(hours)) == (1, 1, 0)
