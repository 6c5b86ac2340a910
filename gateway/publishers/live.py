"""The way of a record that was just made: from memory, in order, telemetry before its commit."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.model import Record


class LiveLane:
    """Records waiting in memory, first in first out per topic.

    Telemetry may leave before its commit; everything else waits for it, in a queue of its own, so
    that a state on its way to the disk doesn't hold up telemetry. One exception keeps `meta` ahead
    of the telemetry of its revision: after a meta, telemetry of the same asset queues behind it.
    """

    def __init__(self) -> None:
        self._now: deque[Record] = deque()
        self._later: deque[Record] = deque()
        self._behind: dict[tuple[str, str], int] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self._now) + len(self._later)

    def put(self, record: Record) -> None:
        """Queue a record; keys only ever grow."""
        self.size += len(record.body)
        place = (record.line, record.asset)
        if record.cls == "telemetry":
            if place not in self._behind:
                self._now.append(record)
                return
            self._behind[place] = record.key
        elif record.cls == "meta":
            self._behind[place] = record.key
        self._later.append(record)

    def take(self, committed: int) -> Record | None:
        """Take the oldest record that may go out; None when there is none.

        Args:
            committed: highest key on disk.
        """
        later = self._later[0] if self._later else None
        if later is not None and later.key > committed and later.cls != "telemetry":
            later = None
        if self._now and (later is None or self._now[0].key < later.key):
            record = self._now.popleft()
        elif later is not None:
            record = self._later.popleft()
            place = (record.line, record.asset)
            if self._behind.get(place) == record.key:
                del self._behind[place]
        else:
            return None
        self.size -= len(record.body)
        return record

    def shed(self) -> list[int]:
        """Let go of everything but metas, and return the keys let go of, in order.

        Metas stay because telemetry that comes next must not overtake them.
        """
        metas = deque(record for record in self._later if record.cls == "meta")
        kept = {record.key for record in metas}
        keys = sorted(r.key for r in (*self._now, *self._later) if r.key not in kept)
        self._now.clear()
        self._later = metas
        self._behind = {(record.line, record.asset): record.key for record in metas}
        self.size = sum(len(record.body) for record in metas)
        return keys

    def clear(self) -> None:
        """Let go of everything."""
        self._now.clear()
        self._later.clear()
        self._behind.clear()
        self.size = 0
