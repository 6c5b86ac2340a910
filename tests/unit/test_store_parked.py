"""What a refused topic holds back: compact, durable, and declared when it goes."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from gateway.storage.parked import OPEN, Parked
from gateway.storage.position import Position, Standing
from gateway.storage.position_file import PositionFile
from tests.store_kit import open_store, state, telemetry

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.model import Draft
    from gateway.store import Dropped, Store

PLACE = ("l1", "a1", "telemetry")


def test_parked_records_leave_one_number_and_one_row() -> None:
    position = Position(0)
    position.outstanding = 1000
    for key in range(1, 1001):
        if key % 2:
            position.park(PLACE, key, rest=True)
        else:
            position.ack(key)
    assert (position.low, position.ranges) == (1000, [])
    assert position.pending(1000) == 500
    stand = position.parked.stand(PLACE)
    assert stand is not None
    assert (stand.first, stand.last, stand.count) == (1, OPEN, 500)
    assert not position.is_done(PLACE, 7)
    assert position.is_done(PLACE, 7) is not position.is_done(("l1", "a2", "telemetry"), 7)
    position.close_parked(1000)
    for key in range(1, 1001, 2):
        position.delivered(PLACE, key)
        position.advance(PLACE, key + 2)
    assert not len(position.parked)
    assert position.pending(1000) == 0


def test_a_row_is_not_written_anew_for_each_record() -> None:
    position = Position(0)
    bodies = set[bytes]()
    for key in range(1, 100_001):
        position.park(PLACE, key, rest=True)
        bodies.add(position.standing.parked)
    assert len(bodies) < 200
    assert Parked(position.standing.parked).count > 94_000


def test_a_topic_that_ends_early_counts_no_record_for_ever() -> None:
    position = Position(0)
    position.outstanding = 3
    for key in (1, 2, 3):
        position.park(PLACE, key, rest=False)
    position.advance(PLACE, 4)
    assert position.pending(3) == 0
    assert position.outstanding == 0


def test_undelivered_is_what_lacks_and_what_is_parked() -> None:
    position = Position(0)
    for key in range(1, 21):
        if key in (5, 6, 9):
            position.park(PLACE, key, rest=False)
        elif key != 15:
            position.ack(key)
    assert position.undelivered(1, 20, telemetry=True) == [(5, 9), (15, 15)]
    assert position.undelivered(1, 20, telemetry=False) == [(15, 15)]
    assert position.undelivered(7, 7, telemetry=True) == [(7, 7)]


def test_both_rows_of_a_publisher_are_believed_or_neither(tmp_path: Path) -> None:
    path = tmp_path / "position.db"
    parked = Parked()
    parked.park(PLACE, 7, OPEN)
    standing = Standing(9, [(11, 11)], parked.body)
    file = PositionFile(path)
    file.save({"one": standing, "two": standing, "three": standing})
    file.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM parked WHERE publisher = 'two'")
        db.execute("UPDATE parked SET body = '[]' WHERE publisher = 'three'")
        db.commit()
    file = PositionFile(path)
    assert file.load() == {"one": standing}
    file.close()


def test_an_earlier_releases_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "position.db"
    file = PositionFile(path)
    file.save({"one": Standing(9, [(11, 11)])})
    file.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE parked")
        db.commit()
    file = PositionFile(path)
    assert file.load() == {"one": Standing(9, [(11, 11)])}
    file.close()


def test_a_restart_knows_what_is_parked(tmp_path: Path) -> None:
    async def first() -> list[int]:
        store = open_store(tmp_path)
        position = store.position("cluster")
        records = store.append([telemetry(n) for n in range(10)] + [state(1)])
        for record in records[:10]:
            position.park(record.place, record.key, rest=True)
        position.delivered(records[10].place, records[10].key)
        assert position.pending(store.last_key) == 10
        await store.close()
        return [record.key for record in records]

    async def second(keys: list[int]) -> None:
        store = open_store(tmp_path)
        position = store.position("cluster")
        assert position.low >= keys[-1]
        assert position.pending(store.last_key) == 10
        ((_place, stand),) = position.parked.places()
        assert (stand.first, stand.last) == (keys[0], OPEN)
        await store.close()

    asyncio.run(second(asyncio.run(first())))


def declared(store: Store) -> list[Dropped]:
    told: list[Dropped] = []
    store.on_drop.append(told.append)
    return told


def test_parked_records_that_must_go_are_declared(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path, size_bytes=3 << 20, segment_bytes=1 << 20)
        told = declared(store)
        position = store.position("cluster")
        parked = 0
        while not told:
            records = store.append([telemetry(n) for n in range(500)])
            for record in records:
                if record.key % 2:
                    position.park(record.place, record.key, rest=True)
                    parked += 1
                else:
                    position.delivered(record.place, record.key)
            await store.flush()
        assert {(d.publisher, d.cls, d.reason) for d in told} == {("cluster", "telemetry", "size")}
        lost = sum(d.count for d in told)
        assert 0 < lost < parked
        assert position.pending(store.last_key) == position.parked.count == parked - lost
        await store.close()

    asyncio.run(run())


def test_what_is_given_up_is_declared_once_a_class_with_the_next_commit(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path)
        told = declared(store)
        position = store.position("cluster")
        records = store.append([telemetry(n) for n in range(5)] + [state(1)])
        part: Draft = telemetry(99)
        for record in records[1:4]:
            position.give_up(record, [part])
        position.give_up(records[5])
        assert told == []
        await store.flush()
        assert [(d.cls, d.reason, d.count, d.first, d.last, len(d.parts)) for d in told] == [
            ("telemetry", "too_big", 3, records[1].key, records[3].key, 3),
            ("state", "too_big", 1, records[5].key, records[5].key, 0),
        ]
        await store.flush()
        assert len(told) == 2
        assert position.pending(store.last_key) == 2
        await store.close()

    asyncio.run(run())


def test_what_is_given_up_just_before_the_end_is_declared_with_the_last_commit(
    tmp_path: Path,
) -> None:
    async def first() -> int:
        store = open_store(tmp_path)
        position = store.position("cluster")
        (record,) = store.append([state(1)])

        def declare(dropped: Dropped) -> None:
            store.append([state(dropped.count + 100)])

        store.on_drop.append(declare)
        await store.flush()
        position.give_up(record)
        await store.close()
        return record.key

    async def second(key: int) -> None:
        store = open_store(tmp_path)
        records = await store.read(0, store.committed_key, 10)
        assert [b'"s":101' in record.body for record in records] == [False, True]
        assert store.position("cluster").is_acked(key)
        await store.close()

    asyncio.run(second(asyncio.run(first())))


def test_what_is_given_up_while_something_is_declared_is_declared_too(tmp_path: Path) -> None:
    """A part that is offered at once may turn out too large itself."""

    async def run() -> None:
        store = open_store(tmp_path)
        position = store.position("cluster")
        records = store.append([telemetry(n) for n in range(3)])
        told: list[tuple[int, int]] = []

        def declare(dropped: Dropped) -> None:
            told.append((dropped.first, dropped.count))
            if len(told) < 3:
                position.give_up(records[len(told)])

        store.on_drop.append(declare)
        position.give_up(records[0])
        await store.flush()
        assert told == [(record.key, 1) for record in records]
        await store.close()

    asyncio.run(run())
