"""Group commit against a disk that refuses: nothing is dropped, nothing stops."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.errors import StoreError
from gateway.model import Record
from gateway.storage.commits import FULL_BYTES, Commits

if TYPE_CHECKING:
    from gateway.storage.shelf import Batch


class Disk:
    """A disk that refuses while `full`, and holds a commit up while `open` isn't set."""

    def __init__(self, interval_s: float = 3600.0) -> None:
        self.commits = Commits(interval_s, self.prepare, self.write, self.committed)
        self.full = False
        self.open = asyncio.Event()
        self.open.set()
        self.attempts = 0
        self.batches: list[list[int]] = []
        self.attempted = asyncio.Event()

    async def prepare(self) -> None:
        pass

    async def write(self, batch: Batch) -> None:
        self.attempts += 1
        self.attempted.set()
        await self.open.wait()
        if self.full:
            raise StoreError("no space left")
        self.batches.append([record.key for record in batch.rest])

    async def committed(self, batch: Batch) -> None:
        pass

    def put(self, key: int, size: int = 1) -> None:
        waiting = self.commits.waiting
        waiting.rest.append(Record(key, "state", "line-1", "press-1", 0, b"{}"))
        waiting.size += size
        self.commits.touch()


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

    asyncio.run(run())


def test_a_refusal_keeps_the_batch_and_tries_again(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        disk = Disk()
        disk.full = True
        disk.put(1)
        for _ in range(3):
            with pytest.raises(StoreError, match="no space left"):
                await disk.commits.flush()
        assert disk.commits.failing == "no space left"
        disk.put(2)
        assert disk.commits.bytes == 2
        disk.full = False
        await disk.commits.flush()
        assert disk.batches == [[1], [2]]
        assert disk.commits.failing is None
        assert disk.commits.count == 2

    asyncio.run(run())
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"], "told once each"


def test_it_recovers_by_itself() -> None:
    async def run() -> None:
        disk = Disk(interval_s=0.001)
        disk.full = True
        disk.put(1)
        while disk.attempts < 3:
            disk.attempted.clear()
            await asyncio.wait_for(disk.attempted.wait(), 10)
        disk.full = False
        while not disk.batches:
            disk.attempted.clear()
            await asyncio.wait_for(disk.attempted.wait(), 10)
        assert disk.batches == [[1]]

    asyncio.run(run())


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

    asyncio.run(run())


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

    asyncio.run(run())


def test_a_mistake_in_the_commit_shows_at_the_caller() -> None:
    async def run() -> None:
        disk = Disk()

        async def broken(_batch: Batch) -> None:
            raise ZeroDivisionError

        disk.commits = Commits(0.0, disk.prepare, broken, disk.committed)
        disk.put(1)
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(disk.commits.flush(), 10)
        with pytest.raises(ZeroDivisionError):
            disk.put(2)

    asyncio.run(run())


def test_after_the_end_nothing_is_begun() -> None:
    async def run() -> None:
        disk = Disk(interval_s=0.0)
        await disk.commits.stop()
        disk.put(1)
        for _ in range(5):
            await asyncio.sleep(0)
        assert disk.attempts == 0

    asyncio.run(run())
