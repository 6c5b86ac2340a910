"""Group commit against a disk that refuses or hangs: nothing stops, and memory stays bounded."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.errors import StoreError
from gateway.model import Record
from gateway.storage.commits import FULL_BYTES, PATIENCE_S, Commits
from tests.store_kit import open_store, telemetry
from tests.unit.virtual_loop import VirtualLoop, run_virtual

if TYPE_CHECKING:
    from gateway.storage.batch import WriteBatch


class Disk:
    """A disk that refuses while `full`, and holds a commit up while `open` isn't set."""

    def __init__(self, interval_s: float = 3600.0) -> None:
        self.commits = Commits(interval_s, self, Path("/store"), lambda: 1_790_000_000_000)
        self.full = False
        self.takes_s = 0.0
        self.open = asyncio.Event()
        self.open.set()
        self.attempts = 0
        self.batches: list[list[int]] = []
        self.attempted = asyncio.Event()
        self.was_committed = asyncio.Event()
        self.shed_to: list[int] = []

    async def prepare(self) -> None:
        pass

    async def write(self, batch: WriteBatch) -> None:
        self.attempts += 1
        self.attempted.set()
        await self.open.wait()
        await asyncio.sleep(self.takes_s)
        if self.full:
            raise StoreError("no space left")
        self.batches.append([record.key for record in batch.rest])

    async def committed(self, batch: WriteBatch) -> None:
        del batch
        self.was_committed.set()

    def shed(self, batch: WriteBatch, most: int) -> None:
        self.shed_to.append(most)
        batch.shed(most, lambda _record: False)

    def put(self, key: int, size: int = 1) -> None:
        waiting = self.commits.waiting
        body = b"x" * (size - 120) if size > 120 else b""
        waiting.rest.append(Record(key, "state", "line-1", "press-1", 0, body))
        waiting.size += size
        self.commits.touch()


async def until(disk: Disk, *, ring: bool) -> None:
    for _ in range(1000):
        if disk.commits.ring is ring:
            return
        await asyncio.sleep(PATIENCE_S / 10)
    pytest.fail("the ring is as it was")


def test_what_comes_while_the_disk_works_goes_together_next() -> None:
    async def run() -> None:
        disk = Disk(interval_s=0.0)
        disk.open.clear()
        disk.put(1)
        await disk.attempted.wait()
        for key in (2, 3, 4):
            disk.put(key)
            await asyncio.sleep(0)
        assert disk.commits.bytes == 4
        assert disk.commits.records == 4
        disk.open.set()
        await disk.commits.flush()
        assert disk.batches == [[1], [2, 3, 4]]
        assert disk.commits.bytes == 0

    run_virtual(VirtualLoop(), run())


def test_a_refusal_keeps_the_batch_and_tries_again(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        disk = Disk()
        disk.full = True
        disk.put(1)
        for _ in range(3):
            with pytest.raises(StoreError, match="no space left"):
                await disk.commits.flush()
        assert disk.commits.failing == "no space left"
        assert disk.commits.failing_since_ms == 1_790_000_000_000
        disk.put(2)
        assert disk.commits.records == 2
        disk.full = False
        await disk.commits.flush()
        assert disk.batches == [[1, 2]], "one commit, with what came since"
        assert disk.commits.failing is None
        assert disk.commits.failing_since_ms == 0
        assert disk.commits.count == 1

    run_virtual(VirtualLoop(), run())
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"], "told once each"


def test_it_recovers_by_itself() -> None:
    async def run() -> None:
        disk = Disk(interval_s=0.001)
        disk.full = True
        disk.put(1)
        while disk.attempts < 3:
            disk.attempted.clear()
            await asyncio.wait_for(disk.attempted.wait(), 10 * PATIENCE_S)
        disk.full = False
        while not disk.batches:
            disk.attempted.clear()
            await asyncio.wait_for(disk.attempted.wait(), 10 * PATIENCE_S)
        assert disk.batches == [[1]]

    run_virtual(VirtualLoop(), run())


def test_room_opens_when_the_disk_does() -> None:
    async def run() -> None:
        disk = Disk()
        disk.full = True
        disk.put(1, FULL_BYTES)
        waiting = asyncio.create_task(disk.commits.room())
        with pytest.raises(StoreError):
            await disk.commits.flush()
        assert not waiting.done()
        disk.full = False
        await disk.commits.flush()
        await asyncio.wait_for(waiting, 10)

    run_virtual(VirtualLoop(), run())


def test_a_refusing_disk_is_not_hurried_by_what_piles_up() -> None:
    async def run() -> None:
        disk = Disk()
        disk.full = True
        disk.put(1)
        with pytest.raises(StoreError):
            await disk.commits.flush()
        attempts = disk.attempts
        for key in range(2, 10):
            disk.put(key, 1 << 20)
            await asyncio.sleep(0)
        assert disk.attempts == attempts
        await disk.commits.stop()

    run_virtual(VirtualLoop(), run())


def test_a_mistake_in_the_commit_shows_at_the_caller() -> None:
    async def run() -> None:
        disk = Disk(interval_s=0.0)
        disk.batches = ()  # type: ignore[assignment]
        disk.put(1)
        with pytest.raises(AttributeError):
            await asyncio.wait_for(disk.commits.flush(), 3 * PATIENCE_S)
        with pytest.raises(AttributeError):
            disk.put(2)

    run_virtual(VirtualLoop(), run())


def test_after_the_end_nothing_is_begun() -> None:
    async def run() -> None:
        disk = Disk(interval_s=0.0)
        await disk.commits.stop()
        disk.put(1)
        for _ in range(5):
            await asyncio.sleep(0)
        assert disk.attempts == 0

    run_virtual(VirtualLoop(), run())


def test_a_disk_that_refuses_for_long_leaves_it_to_memory(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        disk = Disk(interval_s=0.001)
        disk.full = True
        disk.put(0, FULL_BYTES)
        assert disk.commits.full
        await asyncio.wait_for(disk.commits.room(), 3 * PATIENCE_S)
        assert disk.commits.ring
        assert not disk.commits.hung
        for key in range(1, 100):
            disk.put(key, 1 << 20)
            assert disk.commits.bytes <= FULL_BYTES
            assert not disk.commits.full, "polling goes on"
        disk.full = False
        await disk.commits.flush()
        assert not disk.commits.ring
        kept = [key for batch in disk.batches for key in batch]
        assert kept == list(range(kept[0], 100)), "the newest"
        assert 14 <= len(kept) <= 16

    run_virtual(VirtualLoop(), run())
    words = [record.getMessage() for record in caplog.records]
    assert words == [
        "no space left",
        "/store: records are kept in memory, up to 16 MiB: the oldest go first",
        "/store: the disk takes records again",
    ]


def test_a_disk_that_hangs_holds_nothing_up() -> None:
    async def run() -> None:
        disk = Disk(interval_s=0.0)
        disk.open.clear()
        disk.put(0, FULL_BYTES)
        await until(disk, ring=True)
        assert disk.commits.hung
        assert disk.commits.failing is not None
        assert "has not answered" in disk.commits.failing
        with pytest.raises(StoreError, match="has not answered"):
            await asyncio.wait_for(disk.commits.flush(), 3 * PATIENCE_S)
        for key in range(1, 100):
            disk.put(key, 1 << 20)
            assert disk.commits.bytes <= FULL_BYTES + (5 << 20), "beside the one that is stuck"
        disk.open.set()
        await until(disk, ring=False)
        assert disk.batches[0] == [0], "what was with the disk is whole"
        assert disk.batches[1][-1] == 99
        assert disk.commits.failing is None

    run_virtual(VirtualLoop(), run())


def test_a_disk_that_is_slow_each_time_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        disk = Disk(interval_s=0.0)
        disk.takes_s = 3 * PATIENCE_S
        for key in range(3):
            disk.was_committed.clear()
            disk.put(key)
            await asyncio.wait_for(disk.was_committed.wait(), 10 * PATIENCE_S)
            assert disk.commits.ring
        disk.takes_s = 0.0
        await until(disk, ring=False)
        assert [key for batch in disk.batches for key in batch] == [0, 1, 2]

    run_virtual(VirtualLoop(), run())
    assert len(caplog.records) == 3


def test_a_hanging_disk_does_not_hold_up_the_end() -> None:
    async def run() -> None:
        disk = Disk(interval_s=0.0)
        disk.open.clear()
        disk.put(0)
        await until(disk, ring=True)
        await asyncio.wait_for(disk.commits.stop(), 10)

    run_virtual(VirtualLoop(), run())


def test_what_waits_is_due_until_an_attempt_ends(tmp_path: Path) -> None:
    async def run() -> None:
        store = open_store(tmp_path / "store")
        await store.flush()
        is_due, before = store.commits_due()
        assert not is_due
        store.append([telemetry(0)])
        assert store.commits_due() == (True, before)
        await store.flush()
        assert store.commits_due() == (False, before + 1)
        await store.close()

    asyncio.run(run())
