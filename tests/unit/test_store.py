"""Appending, committing and reading back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.clock import ManualClock
from gateway.errors import StoreError
from gateway.ids import make_key
from gateway.model import Draft, Entry, LogRow
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
    from pathlib import Path


def test_numbers_are_given_at_once_and_without_a_gap_over_all_classes(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path)
        records = store.append([telemetry(1), state(2), telemetry(3)])
        records += store.append([state(4)])
        assert keys(records) == [make_key(store.epoch, seq) for seq in (1, 2, 3, 4)]
        assert store.last_key == records[-1].key
        assert [(r.cls, r.body) for r in records[:2]] == [
            ("telemetry", telemetry(1).body),
            ("state", state(2).body),
        ]
        await store.close()

    asyncio.run(run())


def test_a_record_is_read_once_it_is_committed_and_not_before(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path)
        committed: list[int] = []
        store.on_commit.append(committed.append)
        before = store.committed_key
        records = store.append([telemetry(1), state(2)])
        assert await store.read(0, store.last_key, 10) == []
        assert store.committed_key == before
        await store.flush()
        assert await store.read(0, store.last_key, 10) == records
        assert store.committed_key == records[-1].key
        await asyncio.sleep(0)
        assert committed == [records[-1].key]
        await store.close()

    asyncio.run(run())


def test_nothing_to_flush_is_no_commit(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path)
        await store.flush()
        assert store.status().commits == 0
        assert store.append([]) == []
        await store.flush()
        assert store.status().commits == 0
        await store.close()

    asyncio.run(run())


def test_the_interval_commits_by_itself(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path, commit_s=0.01)
        committed = asyncio.Event()
        store.on_commit.append(lambda _key: committed.set())
        for number in range(3):  # the task that commits ends and starts again
            committed.clear()
            store.append([telemetry(number)])
            await asyncio.wait_for(committed.wait(), 10)
            assert store.committed_key == store.last_key
        await store.close()

    asyncio.run(run())


def test_a_megabyte_does_not_wait_for_the_interval(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path)
        committed = asyncio.Event()
        store.on_commit.append(lambda _key: committed.set())
        store.append([telemetry(number, size=100_000) for number in range(11)])
        await asyncio.wait_for(committed.wait(), 10)
        await store.close()

    asyncio.run(run())


def test_room_waits_while_sixteen_megabytes_are_uncommitted(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path)
        assert not store.full
        await store.room()
        store.append([telemetry(number, size=1 << 20) for number in range(17)])
        assert store.full
        await asyncio.wait_for(store.room(), 30)
        assert not store.full
        await store.close()

    asyncio.run(run())


def test_pages_are_full_as_long_as_there_is_more(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path, segment_bytes=40_000)
        drafts = [state(n, size=300) if n % 3 else telemetry(n, size=900) for n in range(400)]
        records = []
        for start in range(0, 400, 40):  # a commit every 40, so that there are many segments
            records += store.append(drafts[start : start + 40])
            await store.flush()
        assert len(segments(tmp_path, "t")) > 2
        assert len(segments(tmp_path, "r")) > 2
        for limit in (1, 7, 399, 400, 1000):
            assert await read_all(store, limit=limit) == records
        assert await store.read(records[9].key, records[19].key, 100) == records[10:20]
        assert await store.read(records[9].key, records[9].key, 100) == []
        assert await store.read(0, store.last_key, 0) == []
        await store.close()

    asyncio.run(run())


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    async def first() -> list[object]:
        store = open_store(tmp_path)
        records = store.append([telemetry(1), state(2)], [counted(3)])
        store.note_heard({"press-1": NOW_MS})
        await store.close()
        return list(records)

    async def second(records: list[object]) -> None:
        store = open_store(tmp_path)
        assert store.committed_key == store.last_key == make_key(store.epoch, 0)
        assert await read_all(store) == records
        assert list(store.log(0)) == [counted(3)]
        assert store.last_heard() == {"press-1": NOW_MS}
        assert list(store.current()) == [("line-1", "press-1", "state")]
        await store.close()

    asyncio.run(second(asyncio.run(first())))


def test_current_is_the_newest_of_each_committed_or_not_and_outlives_its_segment(
    tmp_path: Path,
) -> None:
    meta = Draft("meta", "line-1", "press-1", NOW_MS, b'{"rev":"a"}')
    alarm = Draft("alarm/hot", "line-1", "press-1", NOW_MS, b'{"active":true}')
    event = Draft("event/config", "line-1", "press-1", NOW_MS, b'{"x":1}')

    async def first() -> None:
        store = open_store(tmp_path, segment_bytes=20_000)
        store.append([meta, alarm, event, telemetry(1)])
        for number in range(60):
            store.append([state(number, size=1000), state(number, "press-2")])
            await store.flush()
        assert len(segments(tmp_path, "r")) > 2
        newest = store.append([state(99)])[0]
        assert store.current()["line-1", "press-1", "state"] == newest
        assert newest.key > store.committed_key
        await store.close()

    async def second() -> None:
        store = open_store(tmp_path)
        found = {place[1:]: record.body for place, record in store.current().items()}
        assert found == {
            ("press-1", "meta"): meta.body,
            ("press-1", "alarm/hot"): alarm.body,
            ("press-1", "state"): state(99).body,
            ("press-2", "state"): state(59).body,
        }
        await store.close()

    asyncio.run(first())
    asyncio.run(second())


def test_statements_are_the_newest_of_each_subject_since(tmp_path: Path) -> None:
    def figure(cls: str, subject: str, number: int, ts_ms: int = NOW_MS) -> Draft:
        return Draft(cls, "line-1", "press-1", ts_ms, f'{{"n":{number}}}'.encode(), subject)

    async def run() -> None:
        store = open_store(tmp_path, segment_bytes=10_000)
        store.append([figure("oee", "old", 0, NOW_MS - 10), figure("oee", "hour-1", 1)])
        for number in range(30):
            store.append([state(number, size=1000)])
            await store.flush()
        store.append([figure("oee", "hour-1", 2), figure("energy/electricity", "hour-1", 3)])
        store.append([figure("oee", "hour-2", 4), telemetry(5)])
        assert [r.body for r in store.statements(NOW_MS)] == [b'{"n":1}']
        await store.flush()
        found = store.statements(NOW_MS)
        assert [r.body for r in found] == [b'{"n":2}', b'{"n":3}', b'{"n":4}']
        assert [r.subject for r in found] == ["hour-1", "hour-1", "hour-2"]
        assert len(store.statements(0)) == 4
        await store.close()

    asyncio.run(run())


def test_the_log_comes_back_in_order_over_segments_and_restarts(tmp_path: Path) -> None:
    mixed = LogRow(
        "press-2",
        (
            Entry(NOW_MS, "state", "running"),
            Entry(NOW_MS + 5, "energy", 1.25),
            Entry(NOW_MS + 6, "count", None),
            Entry(NOW_MS - 7, "flag", value=True),
        ),
    )

    async def first() -> None:
        store = open_store(tmp_path, segment_bytes=10_000)
        for number in range(40):
            store.append([state(number, size=1000)], [counted(number, NOW_MS + number)])
            await store.flush()
        await store.close()

    async def second() -> None:
        store = open_store(tmp_path, segment_bytes=10_000)
        store.append([], [mixed])
        await store.flush()
        rows = [counted(number, NOW_MS + number) for number in range(40)]
        assert list(store.log(0)) == [*rows, mixed]
        assert list(store.log(NOW_MS + 6)) == [*rows[6:], mixed]
        assert list(store.log(NOW_MS + 39)) == rows[39:]
        assert list(store.log(NOW_MS + 40)) == []
        await store.close()

    asyncio.run(first())
    asyncio.run(second())


def test_heard_alone_is_committed(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path)
        store.note_heard({"press-1": 1})
        await store.flush()
        store.note_heard({"press-1": 1})  # no news, so no commit
        await store.flush()
        assert store.status().commits == 1
        await store.close()

    asyncio.run(run())
    store = open_store(tmp_path)
    assert store.last_heard() == {"press-1": 1}
    asyncio.run(store.close())


def test_close_commits_what_waits_and_may_be_called_again(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path)
        position = store.position("cluster")
        record = store.append([telemetry(1)])[0]
        await store.close()
        await store.close()
        with pytest.raises(StoreError, match="closed"):
            store.append([telemetry(2)])
        position.ack(record.key)  # a late acknowledgement is no mistake, just late
        assert not files(tmp_path, "*-wal")
        store = open_store(tmp_path)
        assert len(await read_all(store)) == 1
        await store.close()

    asyncio.run(run())


def test_status_tells_bytes_age_and_wear(tmp_path: Path) -> None:
    async def run() -> None:
        clock = ManualClock()
        store = open_store(tmp_path, clock=clock)
        assert store.status().oldest_ms == 0
        store.append([telemetry(1, ts_ms=NOW_MS + 1), state(2), telemetry(3, size=100_000)])
        await store.flush()
        clock.advance(86_400)
        status = store.status()
        assert status.bytes > 100_000
        assert status.oldest_ms == NOW_MS
        assert (status.commits, status.last_commit_ms) == (1, 1_790_000_000_000)
        assert 100_000 < status.wear < 200_000
        assert status.failing is None
        await store.close()

    asyncio.run(run())
