"""`make bench ARGS="--workload store"`: the store alone, with its syncs.

- Filling: records of 200 values (bodies of 3.5 kB) appended in batches, until all is committed.
- Opening: a store of 2 GiB, by a process of its own; its cache is dropped before, as far as the
  system lets. To the first position of a publisher that has everything still to get.
- Draining: records read back in the order of their keys and acknowledged, positions saved.

Each figure is measured in a process that does nothing else; the table shows medians.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

from gateway.clock import SystemClock
from gateway.errors import StoreError
from gateway.model import Draft
from gateway.store import Store

VALUES = 200
BATCH = 50
"""Records appended at once: 50 devices' polls."""
KEEP_S = {"telemetry": 30 * 86_400.0, "kpi": 3 * 365 * 86_400.0}
GIB = 1 << 30
READ = 500
ROOT = Path(__file__).parents[2]


def bench(runs: int, gib: float, seconds: float) -> dict[str, dict[str, float]]:
    """Measure, print each run, return the medians."""
    medians: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="nxgate-store-") as name:
        folder = Path(name)
        steps = {
            "fill": [("fill", folder / f"fill-{n}", seconds) for n in range(runs)],
            "make": [("make", folder / "full", gib)],
            "open": [("open", folder / "full", gib)] * runs,
            "drain": [("drain", folder / "full", seconds)] * runs,
        }
        for step, calls in steps.items():
            made = [_apart(*call) for call in calls]
            for number, figures in enumerate(made):
                _show(f"{step} run {number + 1}", figures)
            medians[step] = {
                key: statistics.median(figures[key] for figures in made) for key in made[0]
            }
            _show(f"{step} median", medians[step])
    return medians


def _apart(step: str, folder: Path, amount: float) -> dict[str, float]:
    """Do one step in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.store_bench", step, str(folder), str(amount)]
    os.sync()  # what came before is not to be paid for now
    if step == "open":
        _forget(folder)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _show(what: str, figures: dict[str, float]) -> None:
    cells = ", ".join(f"{key} {value:,.6g}" for key, value in figures.items())
    print(f"{what:<14} {cells}", flush=True)


def _forget(folder: Path) -> None:
    """Have the system drop what it caches of a folder's files."""
    for path in folder.iterdir():
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _open(folder: Path, gib: float = 4.0) -> Store:
    return Store.open(
        folder,
        "gw-01",
        size_bytes=round(gib * GIB),
        keep_s=KEEP_S,
        commit_s=0.5,
        clock=SystemClock(),
    )


def _drafts() -> list[Draft]:
    """A batch: each record one device's poll of 200 values."""
    now_ms = time.time_ns() // 1_000_000
    made = []
    for device in range(BATCH):
        values = {f"r{number:03}": device * 1000 + number * 37 for number in range(VALUES)}
        body = orjson.dumps({"rev": "0a1b2c3d", "rows": [{"t": now_ms, "m": values}]})
        body = body.ljust(3500)  # as floats and longer names make it
        made.append(Draft("telemetry", "_dev", f"dev-{device:02}", now_ms, body))
    return made


async def fill(folder: Path, seconds: float) -> dict[str, float]:
    """Append as fast as the store takes it."""
    store = _open(folder)
    drafts = _drafts()
    count, began_s, cpu_s = 0, time.monotonic(), time.process_time()
    while time.monotonic() < began_s + seconds:
        store.append(drafts)
        count += BATCH
        await store.room()
        await asyncio.sleep(0)
    await _flush(store)
    took_s, used_s = time.monotonic() - began_s, time.process_time() - cpu_s
    size, commits = store.status().bytes, store.status().commits
    await _flush(store)
    await store.close()
    return {
        "values_per_s": count * VALUES / took_s,
        "mb_per_s": size / took_s / 1e6,
        "cpu_s_per_million_values": used_s / count / VALUES * 1e6,
        "commits": commits,
    }


async def make(folder: Path, gib: float) -> dict[str, float]:
    """Fill a store to its size."""
    store = _open(folder, gib * 2)
    drafts, began_s = _drafts(), time.monotonic()
    while store.status().bytes < gib * GIB:
        store.append(drafts)
        await store.room()
        await asyncio.sleep(0)
    await _flush(store)
    size = store.status().bytes
    await _flush(store)
    await store.close()
    return {"gib": size / GIB, "seconds": time.monotonic() - began_s}


async def opening(folder: Path, gib: float) -> dict[str, float]:
    """Open a full store."""
    began_s, cpu_s, before_mb = time.monotonic(), time.process_time(), _rss_mb()
    store = _open(folder, gib * 2)
    open_s = time.monotonic() - began_s
    outstanding = store.position(f"new-{time.time_ns()}").outstanding
    told_s = time.monotonic() - began_s
    used_s, grown_mb = time.process_time() - cpu_s, _rss_mb() - before_mb
    await _flush(store)
    await store.close()
    return {
        "open_s": open_s,
        "with_a_position_s": told_s,
        "cpu_s": used_s,
        "memory_mb": grown_mb,
        "records": outstanding,
    }


async def drain(folder: Path, seconds: float) -> dict[str, float]:
    """Read and acknowledge, as a publisher that is far behind."""
    store = _open(folder)
    position = store.position(f"drain-{time.time_ns()}")
    count, after = 0, position.low
    began_s, cpu_s = time.monotonic(), time.process_time()
    while time.monotonic() < began_s + seconds:
        page = await store.read(after, store.committed_key, READ)
        if not page:
            break
        for record in page:
            position.ack(record.key)
        after = page[-1].key
        count += len(page)
    took_s, used_s = time.monotonic() - began_s, time.process_time() - cpu_s
    memory_mb = _rss_mb()
    await _flush(store)
    await store.close()
    return {
        "values_per_s": count * VALUES / took_s,
        "cpu_s_per_million_values": used_s / count / VALUES * 1e6,
        "rss_mb": memory_mb,
    }


async def _flush(store: Store) -> None:
    """Commit all, as often as a disk that others keep busy needs."""
    while True:
        try:
            return await store.flush()
        except StoreError as error:
            print(error, file=sys.stderr)
            await asyncio.sleep(1)


def _rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096 / 1e6


def main() -> None:
    """Do one step and print its figures; what `_apart` starts."""
    step, folder, amount = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    steps = {"fill": fill, "make": make, "open": opening, "drain": drain}
    print(json.dumps(asyncio.run(steps[step](folder, amount))))


if __name__ == "__main__":
    main()
