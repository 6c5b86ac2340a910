"""A store on a real folder, and records to put into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.clock import ManualClock
from gateway.model import Draft, Entry, LogRow
from gateway.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gateway.clock import Clock
    from gateway.model import Record

NOW_MS = 1_790_000_000_000
KEEP_S = {"telemetry": 30 * 86_400.0, "kpi": 3 * 365 * 86_400.0}


def open_store(
    path: Path,
    *,
    gateway: str = "gw-01",
    clock: Clock | None = None,
    size_bytes: int = 1 << 30,
    commit_s: float = 3600.0,
    segment_bytes: int | None = None,
) -> Store:
    """Open a store that commits only when told to, unless a test says otherwise."""
    return Store.open(
        path,
        gateway,
        size_bytes=size_bytes,
        keep_s=KEEP_S,
        commit_s=commit_s,
        clock=clock or ManualClock(),
        segment_bytes=segment_bytes,
    )


def telemetry(number: int, *, size: int = 0, ts_ms: int = NOW_MS) -> Draft:
    """A telemetry draft whose body tells its number, padded by `size` bytes."""
    pad = "x" * size
    return Draft(
        "telemetry", "line-1", "press-1", ts_ms, f'{{"n":{number},"pad":"{pad}"}}'.encode()
    )


def state(number: int, asset: str = "press-1", *, size: int = 0) -> Draft:
    """A state draft whose body tells its number."""
    pad = "x" * size
    return Draft("state", "line-1", asset, NOW_MS, f'{{"s":{number},"pad":"{pad}"}}'.encode())


def counted(number: int, t_ms: int = NOW_MS) -> LogRow:
    """A log row of one entry."""
    return LogRow("press-1", (Entry(t_ms, "count", number),))


async def read_all(store: Store, after: int = 0, limit: int = 100) -> list[Record]:
    """Read the whole store, a page at a time."""
    found: list[Record] = []
    while True:
        page = await store.read(after, store.last_key, limit)
        found += page
        if len(page) < limit:
            return found
        after = page[-1].key


def keys(records: Iterable[Record]) -> list[int]:
    """The keys of records."""
    return [record.key for record in records]


def files(path: Path, pattern: str) -> list[Path]:
    """The files of a store's folder that match a pattern, sorted."""
    return sorted(path.glob(pattern))


def segments(path: Path, family: str = "") -> list[Path]:
    """The segments of a store's folder, oldest first within their family."""
    return files(path, f"{family or '?'}-*.seg")
