"""What the store says that it writes, against what the kernel counts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.clock import ManualClock
from tests.store_kit import counted, open_store, state, telemetry

DAY_S = 86_400


def kernel_bytes() -> int:
    """Bytes that this process caused to be written to a medium."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


@pytest.mark.parametrize(("commits", "size"), [(100, 500), (60, 4_000), (10, 60_000)])
def test_wear_is_what_the_kernel_writes(tmp_path: Path, commits: int, size: int) -> None:
    async def run() -> tuple[int, int]:
        clock = ManualClock()
        store = open_store(tmp_path, clock=clock, segment_bytes=1 << 20)
        position = store.position("cluster")
        before, told = kernel_bytes(), store.status().wear
        clock.advance(DAY_S)
        for number in range(commits):
            drafts = [telemetry(number, size=size) for _ in range(10)]
            for record in store.append([*drafts, state(number)], [counted(number)]):
                position.ack(record.key)
            await store.flush()
        written = kernel_bytes() - before
        wear = store.status().wear - told
        await store.close()
        return written, wear

    written, wear = asyncio.run(run())
    if written < commits * size:
        pytest.skip("the kernel doesn't count what is written here")
    assert 0.75 < wear / written < 1.25
