"""A disk that is full for a while: the store waits for it, and loses nothing."""

from __future__ import annotations

import asyncio
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from gateway.errors import StoreError
from tests.store_kit import counted, open_store, read_all, state, telemetry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.store import Store

pytestmark = pytest.mark.root


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB of its own."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount")
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"no tmpfs here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 10, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue


async def refused(store: Store) -> None:
    with pytest.raises(StoreError) as caught:
        await store.flush()
    assert str(caught.value) == store.status().failing
    assert "the disk refuses" in str(caught.value)


def test_a_full_disk_is_waited_for(small: Path) -> None:
    async def run() -> None:
        store = open_store(small / "store", segment_bytes=200_000)
        position = store.position("cluster")
        records = store.append([telemetry(0), state(0)])
        await store.flush()
        for number in range(1, 21):
            fill(small / "filler")
            drafts = [telemetry(number, size=20_000), state(number, size=20_000)]
            records += store.append(drafts, [counted(number)])
            await refused(store)
            before = store.committed_key
            records += store.append([telemetry(1000 + number)])
            await refused(store)
            assert store.committed_key == before
            (small / "filler").unlink()
            await store.flush()
            assert store.status().failing is None
            assert await read_all(store) == records
        for record in records:
            position.ack(record.key)
        await store.flush()
        assert position.low == store.last_key
        await store.close()
        store = open_store(small / "store")
        assert await read_all(store) == records
        assert list(store.log(0)) == [counted(number) for number in range(1, 21)]
        await store.close()

    asyncio.run(run())


def test_a_disk_that_is_full_at_the_start_is_told(small: Path) -> None:
    asyncio.run(open_store(small / "store").close())
    (small / "store" / "epoch").unlink()
    fill(small / "filler")
    with pytest.raises(StoreError) as caught:
        open_store(small / "store")
    assert str(small) in str(caught.value)
    (small / "filler").unlink()
    asyncio.run(open_store(small / "store").close())
