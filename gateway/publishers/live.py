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

    While memory does for a disk that takes nothing, only figures and gaps wait for their commit:
    a figure's revision must not be given twice, and a gap is true only once what it leaves out is
    gone for good. A dead disk would else silence states and alarms, its own among them.
    """

    def __init__(self) -> None:
        self._now: deque[Record] = deque()
        self._later: deque[Record] = deque()
        self._bound: deque[Record] = deque()
        self._behind: dict[tuple[str, str], int] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self._now) + len(self._later) + len(self._bound)

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
        elif _is_bound(record.cls):
            self._bound.append(record)
            return
        self._later.append(record)

    def take(self, committed: int, *, ring: bool = False) -> Record | None:
        """Take the oldest record that may go out; None when there is none.

        Args:
            committed: highest key on disk.
            ring: memory does for the disk.
        """
        ready = [self._now] if self._now else []
        if self._later:
            head = self._later[0]
            if ring or head.key <= committed or head.cls == "telemetry":
                ready.append(self._later)
        if self._bound and self._bound[0].key <= committed:
            ready.append(self._bound)
        if not ready:
            return None
        queue = ready[0] if len(ready) == 1 else min(ready, key=lambda queue: queue[0].key)
        record = queue.popleft()
        if queue is self._later:
            place = (record.line, record.asset)
            if self._behind.get(place) == record.key:
                del self._behind[place]
        self.size -= len(record.body)
        return record

    def shed(self) -> list[int]:
        """Let go of everything but metas, and return the keys let go of, in order.

        Metas stay because telemetry that comes next must not overtake them.
        """
        metas = deque(record for record in self._later if record.cls == "meta")
        kept = {record.key for record in metas}
        keys = sorted(r.key for r in (*self._now, *self._later, *self._bound) if r.key not in kept)
        self._now.clear()
        self._bound.clear()
        self._later = metas
        self._behind = {(record.line, record.asset): record.key for record in metas}
        self.size = sum(len(record.body) for record in metas)
        return keys

    def clear(self) -> None:
        """Let go of everything."""
        self._now.clear()
        self._later.clear()
        self._bound.clear()
        self._behind.clear()
        self.size = 0


def _is_bound(cls: str) -> bool:
    return cls == "event/gap" or cls.partition("/")[0] in {"oee", "energy"}
