"""A disk that is full, too small or read-only for a while: nothing stops, each loss is told."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from gateway.clock import SystemClock
from gateway.errors import StoreError
from gateway.ids import record_id
from gateway.model import Draft, Record
from gateway.storage import commits
from tests.e2e.small_disk import SmallDisk, read_only, small_disk
from tests.store_kit import NOW_MS, counted, keys, open_store, read_all, state, telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.store import Dropped

pytestmark = pytest.mark.root

SEGMENT_BYTES = 100_000
TODAY_MS = SystemClock().wall_ns() // 1_000_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A file system of 3 MiB of its own."""
    with small_disk(tmp_path / "small", "3m") as small:
        yield small


class Life:
    """A store with one publisher, and what was given and declared."""

    def __init__(self, folder: Path) -> None:
        self.store = open_store(
            folder / "store",
            clock=SystemClock(),
            commit_s=0.02,
            segment_bytes=SEGMENT_BYTES,
        )
        self.position = self.store.position("cluster")
        self.given: list[Record] = []
        self.dropped: list[Dropped] = []
        self.rows = 0
        self.store.on_drop.append(self.declare)

    def declare(self, dropped: Dropped) -> None:
        self.dropped.append(dropped)
        body = f'{{"from":"{record_id("gw-01", dropped.first)}"}}'.encode()
        self.given += self.store.append([Draft("event/gap", "_gw", "gw-01", NOW_MS, body)])

    def add(self, size: int) -> None:
        number = len(self.given)
        drafts = [telemetry(number, size=size), state(number, size=size // 10)]
        self.given += self.store.append(drafts, [counted(self.rows, TODAY_MS)])
        self.rows += 1

    async def agree(self) -> None:
        """Check that each record is in the store or was declared, and that as often as it is."""
        found = await read_all(self.store)
        there = set(keys(found))
        given = {record.key: record for record in self.given}
        assert all(given[record.key] == record for record in found)
        lost = Counter(record.cls for record in self.given if record.key not in there)
        told: Counter[str] = Counter()
        for each in self.dropped:
            told[each.cls] += each.count
        assert told == lost
        assert self.position.pending(self.store.last_key) == len(found)

    async def close(self) -> None:
        await self.store.close()


async def until(condition: Callable[[], bool], seconds: float) -> float:
    """Wait for something; return how long it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "in time"
        await asyncio.sleep(0.005)
    return time.monotonic() - began


async def cycles(disk: SmallDisk, times: int) -> None:
    life = Life(disk.place)
    worst = 0.0
    for number in range(times):
        disk.fill(leave=(0, 5_000, 50_000, 400_000)[number % 4])
        for _ in range(10):
            life.add(8_000)
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.1)
        disk.empty()
        goal = life.store.last_key
        worst = max(worst, await until(lambda g=goal: life.store.committed_key >= g, 5))  # type: ignore[misc]
        await until(lambda: life.store.status().failing is None, 5)
    assert worst < 5, "it resumes by itself"
    await life.store.flush()
    await life.agree()
    await life.close()
    store = open_store(disk.place / "store")
    assert store.status().recovered == 0
    rows = [row for row in store.log(0) if row.asset == "press-1"]
    assert rows == [counted(number, TODAY_MS) for number in range(life.rows)], (
        "figures have all of it"
    )
    await store.close()


def test_a_disk_that_is_full_ten_times(disk: SmallDisk) -> None:
    asyncio.run(cycles(disk, 10))


@pytest.mark.soak
def test_a_disk_that_is_full_a_hundred_times(disk: SmallDisk) -> None:
    asyncio.run(cycles(disk, 100))


def test_a_store_larger_than_its_disk_shrinks_itself(
    disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        life = Life(disk.place)
        assert "the disk has room for 2 MiB and store.size is 1024 MiB" in caplog.text
        for _ in range(400):
            life.add(12_000)
            await life.store.flush()
        assert life.store.status().free > 0
        assert {d.reason for d in life.dropped} == {"size"}
        assert {d.cls for d in life.dropped} == {"telemetry"}
        await life.agree()
        await life.close()

    asyncio.run(run())


def test_a_disk_that_turns_read_only_leaves_it_to_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "PATIENCE_S", 1.0)
    monkeypatch.setattr(commits, "FULL_BYTES", 300_000)
    monkeypatch.setattr(commits, "_LEAST_RING", 100_000)
    monkeypatch.setattr(commits, "_SLACK", 20_000)

    async def run() -> None:
        life = Life(tmp_path)
        life.add(5_000)
        await life.store.flush()
        with read_only(tmp_path / "store"):
            life.add(5_000)
            await until(lambda: life.store.ring, 5)
            for _ in range(200):
                life.add(5_000)
                await life.store.room()
            status = life.store.status()
            assert status.failing is not None
            assert status.failing_since_ms > 0
            assert status.uncommitted <= 300_000
            assert status.dropped["telemetry"] > 100
            assert not life.dropped, "told when it can be"
        await until(lambda: not life.store.ring, 5)
        await life.store.flush()
        assert {d.reason for d in life.dropped} == {"memory"}
        assert len(life.dropped) == len({d.cls for d in life.dropped}), "a line a class"
        await life.agree()
        await life.close()

    asyncio.run(run())


def test_a_disk_that_is_full_at_the_start_is_started_on_with_what_was_held_back(
    disk: SmallDisk,
) -> None:
    async def run() -> None:
        life = Life(disk.place)
        for _ in range(30):
            life.add(8_000)
            await life.store.flush()
        await life.close()
        disk.fill()
        again = Life(disk.place)
        again.given, again.dropped, again.rows = life.given, life.dropped, life.rows
        for _ in range(5):
            again.add(8_000)
            await again.store.room()
            await asyncio.sleep(0.02)
        await until(lambda: again.store.committed_key >= again.given[-1].key, 20)
        assert again.dropped, "the oldest made room"
        await again.agree()
        await again.close()

    asyncio.run(run())


def test_a_start_without_any_room_is_told(disk: SmallDisk) -> None:
    asyncio.run(open_store(disk.place / "store").close())
    (disk.place / "store" / "epoch").unlink()
    disk.fill()
    with pytest.raises(StoreError) as caught:
        open_store(disk.place / "store")
    assert str(disk.place) in str(caught.value)
    disk.empty()
    asyncio.run(open_store(disk.place / "store").close())
