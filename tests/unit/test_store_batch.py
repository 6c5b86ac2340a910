"""What goes first when memory must do for the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model import Entry, LogRow, Record
from gateway.storage.batch import ENTRY, ROW, WriteBatch, thin
from gateway.storage.position import Standing
from tests.store_kit import counted

if TYPE_CHECKING:
    from collections.abc import Callable

EACH = 1000  # bytes that a record made here weighs


def record(key: int, cls: str) -> Record:
    return Record(key, cls, "line-1", "press-1", key, b"x" * (EACH - ROW))


def batch(*classes: str) -> WriteBatch:
    made = WriteBatch(last_key=len(classes))
    for key, cls in enumerate(classes, 1):
        queue = made.telemetry if cls == "telemetry" else made.rest
        queue.append(record(key, cls))
    made.weigh()
    return made


def none(_record: Record) -> bool:
    return False


def gone(made: WriteBatch, most: int, is_current: Callable[[Record], bool] = none) -> list[str]:
    before = made.size
    lost = made.shed(most, is_current)
    assert made.size == before - EACH * len(lost)
    left = made.size
    made.weigh()
    assert made.size == left
    return [f"{r.cls} {r.key}" for r in lost]


def test_the_oldest_telemetry_goes_first_and_no_more_than_must() -> None:
    made = batch("state", "telemetry", "telemetry", "oee", "telemetry")
    assert gone(made, 5 * EACH) == []
    assert gone(made, 3 * EACH + 1) == ["telemetry 2", "telemetry 3"]
    assert [r.key for r in made.telemetry] == [5]


def test_then_states_figures_events_and_alarms_in_that_order() -> None:
    classes = (
        "alarm/hot", "event/clock", "energy/electricity", "state", "oee", "meta", "telemetry",
        "event/gap", "state", "_unheard",
    )  # fmt: skip
    made = batch(*classes)
    order = [
        "telemetry 7", "state 4", "state 9", "energy/electricity 3", "oee 5", "event/clock 2",
        "alarm/hot 1", "meta 6",
    ]  # fmt: skip
    for count in range(1, len(order) + 1):
        assert gone(made, (len(classes) - count) * EACH) == [order[count - 1]]
    assert gone(made, 0) == [], "gaps stay"
    assert [r.cls for r in made.rest] == ["event/gap", "_unheard"]


def test_what_says_how_things_stand_now_stays() -> None:
    made = batch("state", "state", "alarm/hot", "meta")
    assert gone(made, 0, lambda r: r.key in {2, 3, 4}) == ["state 1"]


def test_the_log_goes_last_and_leaves_word() -> None:
    made = batch("telemetry", "state")
    made.log = [counted(n, 1000 + n) for n in range(100)]
    made.weigh()
    row = ROW + ENTRY
    lost = made.shed(90 * row, lambda _r: False)
    assert [r.cls for r in lost] == ["telemetry", "state"]
    assert made.log[0] == LogRow("press-1", (Entry(1000, "count", None),))
    assert made.log[1:] == [counted(n, 1000 + n) for n in range(11, 100)]
    assert made.size == 90 * row


def test_word_of_the_unknown_is_one_row_an_asset_however_often() -> None:
    log = [
        LogRow("a", (Entry(5, "state", "running"), Entry(3, "count", 1))),
        LogRow("b", (Entry(4, "energy", 1.5),)),
        LogRow("a", (Entry(9, "count", 2),)),
        LogRow("b", (Entry(8, "energy", 2.5),)),
    ]
    word = [
        LogRow("a", (Entry(5, "state", None), Entry(3, "count", None))),
        LogRow("b", (Entry(4, "energy", None),)),
    ]
    assert thin(log, 0) == log
    assert thin(log[2:], 1) == [
        LogRow("a", (Entry(9, "count", None),)),
        LogRow("b", (Entry(8, "energy", None),)),
    ]
    assert thin(log, 1000) == word
    assert thin(thin(log, 1000), 1000) == word


def test_what_came_back_goes_before_what_came_since() -> None:
    earlier, later = batch("telemetry", "state"), WriteBatch(last_key=9)
    earlier.rest = []  # it was written
    earlier.heard, earlier.positions = b"1", {"one": Standing(1), "two": Standing(1)}
    later.telemetry, later.log = [record(8, "telemetry")], [counted(1)]
    later.positions = {"two": Standing(8)}
    both = earlier.before(later)
    assert [r.key for r in both.telemetry] == [1, 8]
    assert (both.rest, both.log, both.heard, both.last_key) == ([], [counted(1)], b"1", 9)
    assert both.positions == {"one": Standing(1), "two": Standing(8)}
    assert both.size == 2 * EACH + ROW + ENTRY
