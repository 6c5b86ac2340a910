"""How far a publisher has got: acknowledgements in any order, jumps and holes passed over."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from gateway.ids import make_key
from gateway.storage.position import Position, Standing
from gateway.storage.position_file import PositionFile
from tests.store_kit import open_store, state, telemetry

if TYPE_CHECKING:
    from pathlib import Path


def test_acknowledgements_in_any_order_join_to_ranges_and_raise_low() -> None:
    position = Position(10)
    changes: list[int] = []
    position.touched = lambda: changes.append(position.low)
    for key, low, ranges in (
        (13, 10, [(13, 13)]),
        (15, 10, [(13, 13), (15, 15)]),
        (14, 10, [(13, 15)]),
        (12, 10, [(12, 15)]),
        (20, 10, [(12, 15), (20, 20)]),
        (21, 10, [(12, 15), (20, 21)]),
        (11, 15, [(20, 21)]),
        (16, 16, [(20, 21)]),
    ):
        position.ack(key)
        assert (position.low, position.ranges) == (low, ranges)
    assert len(changes) == 8
    for key in (3, 16, 20):  # again
        position.ack(key)
    assert len(changes) == 8, "nothing changed, nothing to save"
    assert [key for key in range(25) if not position.is_acked(key)] == [17, 18, 19, 22, 23, 24]


def test_lacking_tells_the_parts_not_done_with() -> None:
    position = Position(10, [(13, 15), (20, 21)])
    assert position.lacking(1, 10) == []
    assert position.lacking(1, 30) == [(11, 12), (16, 19), (22, 30)]
    assert position.lacking(14, 20) == [(16, 19)]
    assert position.lacking(13, 15) == []
    assert position.lacking(12, 12) == [(12, 12)]
    assert position.lacking(18, 18) == [(18, 18)]


def test_settling_passes_over_what_isnt_there() -> None:
    position = Position(10, [(13, 13), (20, 20), (25, 25)])
    position.settle([13, 20, 22], 22)
    assert (position.low, position.ranges) == (21, [(25, 25)])
    position.settle([13, 20, 22], 22)  # old news
    assert position.low == 21
    position.settle([22], 22)
    assert position.low == 21
    position.ack(22)
    position.settle([25], 40)
    assert (position.low, position.ranges) == (40, [])


def test_settling_knows_of_nothing_beyond_its_end() -> None:
    position = Position(10, [(13, 13)])
    position.settle([13], 13)
    assert position.low == 13
    position.settle([], 20)
    assert position.low == 20


def test_a_copy_stays_as_it_was() -> None:
    position = Position(10, [(13, 13)])
    copy = position.copy()
    position.ack(11)
    position.ack(14)
    assert (copy.low, copy.ranges) == (10, [(13, 13)])


def test_low_passes_from_one_epoch_to_the_next_once_all_of_it_is_acknowledged(
    tmp_path: Path,
) -> None:
    async def first() -> None:
        store = open_store(tmp_path)
        position = store.position("cluster")
        records = store.append([telemetry(1), state(2), telemetry(3)])
        for record in records[::2]:
            position.ack(record.key)
        assert position.low == records[0].key
        assert position.pending(store.last_key) == 1
        await store.close()

    async def second() -> None:
        store = open_store(tmp_path)
        position = store.position("cluster")
        old = await store.read(0, store.last_key, 10)
        assert position.low == old[0].key
        assert position.pending(store.last_key) == 1
        for record in store.append([telemetry(4), state(5)]):
            position.ack(record.key)
        await store.flush()
        assert position.low == old[0].key
        assert position.pending(store.last_key) == 1
        assert position.ranges == [
            (old[2].key, old[2].key),
            (make_key(store.epoch, 1), store.last_key),
        ]
        position.ack(old[1].key)
        assert position.pending(store.last_key) == 0
        await store.flush()
        assert (position.low, position.ranges) == (store.last_key, [])
        await store.close()

    asyncio.run(first())
    asyncio.run(second())


def test_publishers_have_a_position_each_and_a_new_one_starts_at_the_oldest(
    tmp_path: Path,
) -> None:
    async def first() -> None:
        store = open_store(tmp_path)
        one, two = store.position("one"), store.position("two")
        assert store.position("one") is one
        records = store.append([telemetry(n) for n in range(5)])
        for record in records:
            one.ack(record.key)
        two.ack(records[3].key)
        await store.close()

    async def second() -> None:
        store = open_store(tmp_path)
        pending = {
            name: store.position(name).pending(store.last_key) for name in ("one", "two", "three")
        }
        assert pending == {"one": 0, "two": 4, "three": 5}
        await store.close()

    asyncio.run(first())
    asyncio.run(second())


def test_pending_counts_what_waits_for_its_commit(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path)
        store.append([telemetry(1)])
        position = store.position("cluster")
        assert position.pending(store.last_key) == 1
        store.append([telemetry(2), state(3)])
        assert position.pending(store.last_key) == 3
        await store.flush()
        assert position.pending(store.last_key) == 3
        assert store.position("history").pending(store.last_key) == 3
        await store.close()

    asyncio.run(run())


def test_a_position_that_was_damaged_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "position.db"
    file = PositionFile(path)
    one = Standing(5, [(7, 8), (make_key(3, 1), make_key(3, 9))])
    file.save({"one": one, "two": Standing(6)})
    file.save({"two": Standing(9, [(11, 11)])})
    file.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE position SET low = low + 1 WHERE publisher = 'two'")
        db.execute("INSERT INTO position VALUES ('three', 1, 'text', 5)")
        db.commit()
    file = PositionFile(path)
    assert file.load() == {"one": one}
    file.close()
