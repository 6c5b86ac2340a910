"""How a store fares, for displays and alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.storage.writer import Writer

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """How the store fares.

    Attributes:
        bytes: of all segments.
        free: bytes free on its disk.
        oldest_ms: UTC ms of the oldest record; 0 where there is none.
        uncommitted: bytes waiting, about.
        commits: since the start.
        last_commit_ms: UTC ms; 0 before the first.
        wear: bytes a day written to the medium, at the pace since the start.
        failing: what the disk refuses, or None.
        failing_since_ms: UTC ms; 0 while it refuses nothing.
        ring: True while memory does for the disk: what is uncommitted is bounded, its oldest
            dropped.
        dropped: what memory had no room for since the start: records by class, and `log` rows.
        bad_rows: records found unreadable since the start.
        recovered: damaged segments recovered since the start.
    """

    bytes: int
    free: int
    oldest_ms: int
    uncommitted: int
    commits: int
    last_commit_ms: int
    wear: int
    failing: str | None
    failing_since_ms: int
    ring: bool
    dropped: Mapping[str, int]
    bad_rows: int
    recovered: int


def tell(writer: Writer, seconds: float, bad_rows: int) -> StoreStatus:
    """Gather it.

    Args:
        writer: what knows.
        seconds: since the start.
        bad_rows: as in the status.
    """
    shelf, commits = writer.home.shelf, writer.commits
    return StoreStatus(
        bytes=sum(facts.bytes for facts in shelf.view),
        free=shelf.room.free,
        oldest_ms=min((facts.t0 for facts in shelf.view if facts.count), default=0),
        uncommitted=commits.bytes,
        commits=commits.count,
        last_commit_ms=writer.last_commit_ms,
        wear=round(writer.home.wear / max(60.0, seconds) * _DAY_S),
        failing=commits.failing or shelf.trouble,
        failing_since_ms=commits.failing_since_ms
        or (writer.last_commit_ms if shelf.trouble else 0),
        ring=commits.ring,
        dropped=dict(writer.dropped),
        bad_rows=bad_rows,
        recovered=shelf.recovered,
    )
