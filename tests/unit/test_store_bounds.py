"""What goes when there is too much of it or it is too old, and who is told."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.clock import ManualClock
from gateway.ids import record_id
from gateway.model import Draft
from gateway.storage.bounds import Bounds, Doomed
from gateway.storage.facts import Facts, Family, State
from gateway.storage.shelf import Shelf
from tests.store_kit import (
    NOW_MS,
    counted,
    files,
    keys,
    open_store,
    read_all,
    segments,
    state,
    telemetry,
)

if TYPE_CHECKING:
    import pytest

    from gateway.model import Record
    from gateway.store import Dropped, Store

DAY_MS = 86_400_000


async def fill(store: Store, commits: int, *, size: int = 2000) -> list[Record]:
    """Append ten telemetry records and a state in each of so many commits."""
    records: list[Record] = []
    for number in range(commits):
        drafts = [telemetry(number, size=size, ts_ms=NOW_MS + number) for _ in range(10)]
        records += store.append([*drafts, state(number)], [counted(number)])
        await store.flush()
    return records


def test_over_the_size_the_oldest_telemetry_goes_and_the_rest_stays(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path, size_bytes=300_000, segment_bytes=40_000)
        dropped: list[Dropped] = []
        store.on_drop.append(dropped.append)
        position = store.position("cluster")
        records = await fill(store, 50)
        await store.flush()
        assert store.status().bytes < 300_000 + 80_000
        kept = await read_all(store)
        gone = [r for r in records if r.key not in set(keys(kept))]
        assert gone
        assert {r.cls for r in gone} == {"telemetry"}
        oldest_kept = next(r.key for r in kept if r.cls == "telemetry")
        assert all(r.key < oldest_kept for r in gone), "the oldest"
        assert [r.cls for r in kept].count("state") == 50
        assert len(list(store.log(0))) == 50

        assert {(d.publisher, d.cls, d.reason) for d in dropped} == {
            ("cluster", "telemetry", "size")
        }
        assert sum(d.count for d in dropped) == len(gone)
        assert (dropped[0].first, dropped[-1].last) == (gone[0].key, gone[-1].key)
        assert (dropped[0].t0_ms, dropped[-1].t1_ms) == (gone[0].ts_ms, gone[-1].ts_ms)
        assert position.pending(store.last_key) == len(kept)

        for record in kept:
            position.ack(record.key)
        assert position.pending(store.last_key) == 0
        await store.flush()
        assert (position.low, position.ranges) == (store.last_key, [])
        await store.close()

    asyncio.run(run())


def test_other_bounds_hold_from_the_next_commit_on(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path, size_bytes=10_000_000, segment_bytes=40_000)
        dropped: list[Dropped] = []
        store.on_drop.append(dropped.append)
        store.position("cluster")
        await fill(store, 50)
        assert store.status().bytes > 600_000
        assert dropped == []
        store.limit(300_000, {"telemetry": 1e6, "kpi": 1e6}, 0.01)
        await fill(store, 3)
        assert store.status().bytes < 300_000 + 80_000
        assert {(d.publisher, d.reason) for d in dropped} == {("cluster", "size")}
        await store.close()

    asyncio.run(run())


def test_the_log_of_some_assets_is_that_of_all_without_the_others(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path, size_bytes=10_000_000, segment_bytes=20_000)
        await fill(store, 30, size=200)
        everything = list(store.log(0))
        rows, told = await store.recall(0, {everything[0].asset})
        assert rows == everything
        assert told == store.statements(0)
        assert await store.recall(0, {"somebody-else"}) == ([], [])
        await store.close()

    asyncio.run(run())


def test_a_loss_is_declared_in_a_commit_before_it_happens(tmp_path: Path) -> None:
    """A cut after the declaration leaves the records; one before it, both."""

    async def run() -> None:
        store = open_store(tmp_path, size_bytes=100_000, segment_bytes=40_000)
        there: list[bool] = []
        declared: list[int] = []

        def declare(dropped: Dropped) -> None:
            name = f"t-{dropped.first:016x}.seg"
            there.append((tmp_path / name).exists())
            body = f'{{"from":"{record_id("gw-01", dropped.first)}"}}'.encode()
            record = store.append([Draft("event/gap", "_gw", "gw-01", NOW_MS, body)])[0]
            declared.append(record.key)

        store.on_drop.append(declare)
        store.position("cluster")
        await fill(store, 10)
        await store.flush()
        await store.flush()
        assert there
        assert all(there)
        gaps = [r.key for r in await read_all(store) if r.cls == "event/gap"]
        assert gaps == declared
        await store.close()

    asyncio.run(run())


def test_what_a_cut_brings_back_was_declared_and_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The position that passes over a segment is saved before the segment is unlinked."""

    async def run() -> None:
        store = open_store(tmp_path / "store", size_bytes=100_000, segment_bytes=40_000)
        dropped: list[Dropped] = []
        store.on_drop.append(dropped.append)
        store.position("cluster")
        with monkeypatch.context() as power:
            power.setattr(Shelf, "_unlink", lambda *_: None)
            await fill(store, 10)
            await store.flush()
            await store.flush()
            shutil.copytree(tmp_path / "store", tmp_path / "after")
        await store.close()
        assert dropped
        again = open_store(tmp_path / "after", size_bytes=10_000_000)
        position = again.position("cluster")
        done = [key for key in keys(await read_all(again)) if position.is_acked(key)]
        assert done
        assert all(any(one.first <= key <= one.last for one in dropped) for key in done)
        await again.close()

    asyncio.run(run())


def test_what_everybody_has_goes_without_a_word(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path, size_bytes=100_000, segment_bytes=40_000)
        dropped: list[Dropped] = []
        store.on_drop.append(dropped.append)
        one, two = store.position("one"), store.position("two")
        withheld: list[int] = []
        for number in range(20):
            for record in store.append([telemetry(number, size=2000) for _ in range(10)]):
                one.ack(record.key)
                if number == 3 and not withheld:
                    withheld.append(record.key)
                else:
                    two.ack(record.key)
            await store.flush()
        await store.flush()
        assert [(d.publisher, d.first, d.last, d.count) for d in dropped] == [
            ("two", withheld[0], withheld[0], 1)
        ]
        assert two.pending(store.last_key) == 0
        assert two.low == store.last_key, "gone, so done with"
        await store.close()

    asyncio.run(run())


def test_when_there_is_no_telemetry_left_the_oldest_rest_goes(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path, size_bytes=200_000, segment_bytes=50_000)
        dropped: list[Dropped] = []
        store.on_drop.append(dropped.append)
        store.position("cluster")
        await fill(store, 1)
        for number in range(120):
            store.append([state(number, f"press-{number % 3}", size=2000)], [counted(number)])
            await store.flush()
        await store.flush()
        assert store.status().bytes < 200_000 + 100_000
        assert {d.cls for d in dropped} == {"state"}
        assert set(store.current()) == {("line-1", f"press-{n}", "state") for n in range(3)}
        await store.close()

    asyncio.run(run())


def test_what_is_too_old_goes_a_segment_an_hour(tmp_path: Path) -> None:
    async def run() -> None:
        clock = ManualClock()
        store = open_store(tmp_path, clock=clock, segment_bytes=40_000)
        dropped: list[Dropped] = []
        store.on_drop.append(dropped.append)
        store.position("cluster")
        await fill(store, 30)
        before = len(segments(tmp_path, "t"))
        assert before > 8
        clock.advance(29 * 86_400)
        store.append([state(1)])
        await store.flush()
        assert not dropped
        clock.advance(2 * 86_400)
        for _ in range(3):  # however often there are commits in that hour
            store.append([state(1)])
            await store.flush()
        assert [d.reason for d in dropped] == ["age"]
        clock.advance(3600)
        for _ in range(3):
            store.append([state(1)])
            await store.flush()
        assert [d.reason for d in dropped] == ["age", "age"]
        assert len(segments(tmp_path, "t")) == before - 2
        assert len([r for r in await read_all(store) if r.cls == "state"]) == 37
        await store.close()

    asyncio.run(run())


def test_a_position_passes_over_a_stretch_without_its_telemetry(tmp_path: Path) -> None:
    """States among dropped telemetry are apart by holes; acknowledged, they are no ranges."""

    async def run() -> None:
        store = open_store(tmp_path, size_bytes=200_000, segment_bytes=40_000)
        position = store.position("cluster")
        await fill(store, 80)
        states = [r for r in await read_all(store) if r.cls == "state"]
        for record in states[:60]:
            position.ack(record.key)
        assert len(position.ranges) > 50
        await store.flush()
        assert position.ranges == []
        assert position.low >= states[59].key
        assert not position.is_acked(states[60].key)
        await store.close()

    asyncio.run(run())


def test_a_segment_is_one_complete_file_once_it_is_full(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path, segment_bytes=40_000)
        await fill(store, 10)
        await store.flush()
        full = segments(tmp_path, "t")[:-1]
        assert len(full) > 2
        logs = {path.name for path in files(tmp_path, "*.seg-*")}
        assert not logs & {f"{path.name}-wal" for path in full}
        assert len(logs) == 4, "log and index of the two that are written"
        await store.close()

    asyncio.run(run())


def test_a_reader_holds_no_full_segment_open_for_long(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path, segment_bytes=40_000)
        records = []
        for _ in range(10):
            records += await fill(store, 1)
            assert await read_all(store) == records
        await fill(store, 1)
        await read_all(store)
        await fill(store, 1)
        logs = {path.name for path in files(tmp_path, "*.seg-wal")}
        full = segments(tmp_path, "t")[:-1]
        assert len(logs & {f"{path.name}-wal" for path in full}) <= 1
        await store.close()

    asyncio.run(run())


def facts(family: Family, first: int, size: int, t1: int, state_: State = State.SEALED) -> Facts:
    path = Path(f"{family}-{first}")
    return Facts(path, family, first, first, 1, 0, t1, 0, 0, 0, size, state=state_)


def test_log_rows_alone_keep_their_segment() -> None:
    bounds = Bounds(100, {"telemetry": 100.0, "kpi": 1000.0})
    only_log = replace(facts(Family.REST, 1, 10, 0), count=0, log_last=5, log_t1=NOW_MS)
    assert bounds.over([only_log], NOW_MS + 1_000_000, 0.0) == []
    assert bounds.over([only_log], NOW_MS + 1_000_001, 3600.0) == [Doomed(only_log, "age")]


def test_bounds_choose_each_segment_once() -> None:
    view = [
        facts(Family.REST, 1, 10, NOW_MS),
        facts(Family.TELEMETRY, 2, 10, NOW_MS),
        facts(Family.TELEMETRY, 3, 10, NOW_MS),
        facts(Family.TELEMETRY, 4, 10, NOW_MS, State.ACTIVE),
    ]
    bounds = Bounds(30, {"telemetry": 100.0, "kpi": 1000.0})
    assert bounds.over(view, NOW_MS, 0.0) == [Doomed(view[1], "size")]
    assert bounds.over(view, NOW_MS, 1.0) == []
    assert bounds.over([view[0], *view[2:]], NOW_MS, 2.0) == []
    bounds = Bounds(5, {"telemetry": 100.0, "kpi": 1000.0})
    assert [d.facts.first for d in bounds.over(view, NOW_MS, 0.0)] == [2, 3, 1]
    bounds = Bounds(100, {"telemetry": 100.0, "kpi": 1000.0})
    assert bounds.over(view, NOW_MS + 100_000, 0.0) == []
    assert bounds.over(view, NOW_MS + 100_001, 10.0) == [], "not yet looked at again"
    assert bounds.over(view, NOW_MS + 100_001, 3600.0) == [Doomed(view[1], "age")]
    assert bounds.over(view, NOW_MS + 20 * 365 * DAY_MS, 3601.0) == []
    assert [d.facts.first for d in bounds.over(view, NOW_MS + 2_000_000, 7201.0)] == [3, 1]


def test_a_disk_without_room_costs_the_oldest_telemetry() -> None:
    view = [facts(Family.TELEMETRY, n, 10, NOW_MS) for n in range(1, 6)]
    bounds = Bounds(1000, {"telemetry": 1e9, "kpi": 1e9})
    assert bounds.over(view, NOW_MS, 0.0, short=-5) == []
    assert [d.facts.first for d in bounds.over(view, NOW_MS, 0.0, short=15)] == [1, 2]
    assert bounds.over(view, NOW_MS, 0.1, short=15) == [], "on their way"
    view = view[2:]
    assert bounds.over(view, NOW_MS, 29.0, short=15) == [], "somebody else ate it"
    assert [d.facts.first for d in bounds.over(view, NOW_MS, 30.0, short=5)] == [3]
    view = [*view[1:], *(facts(Family.TELEMETRY, n, 10, NOW_MS) for n in (6, 7))]
    grown = bounds.over(view, NOW_MS, 31.0, short=5)
    assert [d.facts.first for d in grown] == [4], "the store itself has grown"


def test_only_a_failed_commit_costs_the_rest_and_never_the_log_of_these_days() -> None:
    view = [
        replace(facts(Family.REST, 1, 10, NOW_MS), log_t1=NOW_MS - 4 * DAY_MS),
        replace(facts(Family.REST, 2, 10, NOW_MS), log_t1=NOW_MS - 2 * DAY_MS),
        facts(Family.TELEMETRY, 3, 10, NOW_MS),
    ]
    bounds = Bounds(1000, {"telemetry": 1e9, "kpi": 1e9})
    assert [d.facts.first for d in bounds.over(view, NOW_MS, 0.0, short=100)] == [3]
    view = view[:2]
    assert bounds.over(view, NOW_MS, 60.0, short=100) == []
    urgent = bounds.over(view, NOW_MS, 60.0, short=100, urgent=True)
    assert [(d.facts.first, d.reason) for d in urgent] == [(1, "size")]
