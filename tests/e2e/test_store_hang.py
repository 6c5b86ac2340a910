"""A disk whose calls don't return: a frozen file system, as a dying card is for minutes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from gateway.clock import SystemClock
from gateway.errors import StoreError
from gateway.storage import commits
from tests.e2e.loop_disk import LoopDisk, frozen
from tests.store_kit import counted, open_store, read_all, state, telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.store import Store

pytestmark = pytest.mark.root


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LoopDisk]:
    made = LoopDisk(tmp_path)
    made.mount()
    yield made
    made.unmount()


async def until(store: Store, *, ring: bool) -> None:
    for _ in range(500):
        if store.ring is ring:
            return
        await asyncio.sleep(0.01)
    pytest.fail("the ring is as it was")


def test_a_disk_that_hangs_holds_neither_the_loop_nor_the_end_up(
    disk: LoopDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "PATIENCE_S", 1.0)

    async def run() -> None:
        folder = disk.mount_point / "store"
        store = open_store(folder, clock=SystemClock(), commit_s=0.01)
        store.position("cluster")
        records = store.append([telemetry(0), state(0)], [counted(0)])
        await store.flush()
        with frozen(disk.mount_point):
            worst = 0.0
            began = last = time.monotonic()
            while last - began < 2.0:
                records += store.append([telemetry(1), state(1)], [counted(1)])
                await store.room()
                await asyncio.sleep(0.01)
                now = time.monotonic()
                worst, last = max(worst, now - last), now
            status = store.status()
            assert store.ring
            assert worst < 0.25, "the loop turns"
            assert "has not answered" in str(status.failing)
            is_due, _attempts = store.commits_due()
            assert not is_due, "a new process would hang on the same disk"
            with pytest.raises(StoreError, match="has not answered"):
                store.raise_epoch(store.epoch)
            with pytest.raises(StoreError, match="has not answered"):
                await asyncio.wait_for(store.flush(), 1)
        await until(store, ring=False)
        await store.flush()
        assert await read_all(store) == records, "all of it was kept"
        with frozen(disk.mount_point):
            store.append([telemetry(2)])
            await until(store, ring=True)
            with pytest.raises(StoreError):
                await asyncio.wait_for(store.close(), 10)
            with pytest.raises(StoreError, match="in use"):  # it may write yet
                open_store(folder)

    asyncio.run(run())


def test_a_process_ends_although_a_thread_is_stuck() -> None:
    """Nothing of ours waits at the exit; the kernel ends a thread once the call returns."""
    code = (
        "import asyncio, threading\n"
        "from gateway.storage.threads import Threads\n"
        "stuck = threading.Event()\n"
        "async def main():\n"
        "    threads = Threads(lambda file: None, lambda: None)\n"
        "    asyncio.create_task(threads.write(stuck.wait))\n"
        "    await asyncio.sleep(0.1)\n"
        "    assert not threads.close(lambda: None, lambda: None, 0.1)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=20)
    assert done.returncode == 0
