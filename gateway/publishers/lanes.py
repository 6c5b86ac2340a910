"""The two ways a record takes to a publisher: live from memory, backlog from the store.

A record is in one of them at most. What is in neither, nor acknowledged, nor in flight, is found
by a scan of the store; nothing has to be handed over between the lanes but a range of keys.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.model import Record

CHUNK = 100
"""Records asked of the store at once: bounds memory, and reads five times a second at 500/s."""


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


@dataclass(frozen=True, slots=True)
class Read:
    """A question to the store: records with after < key ≤ upto.

    Attributes:
        turn: which scan asked; an answer to an earlier one is void.
    """

    turn: int
    after: int
    upto: int


class Backlog:
    """A scan of the store from a cursor to a goal, a chunk at a time.

    Attributes:
        waiting: records read and not yet sent, in key order.
    """

    def __init__(self) -> None:
        self.waiting: deque[Record] = deque()
        self._cursor = 0
        self._goal = 0
        self._turn = 0

    def restart(self, after: int, upto: int) -> None:
        """Scan after < key ≤ upto, and forget any scan before."""
        self.waiting.clear()
        self._turn += 1
        self._cursor = after
        self._goal = upto

    def cover(self, first: int, last: int) -> list[int]:
        """Make the scan pass over first..last as well.

        Going back voids what was read beyond, so that keys still come in order; returns the keys
        of records that no longer wait because of it.
        """
        keys: list[int] = []
        if first <= self._cursor:
            keys = [record.key for record in self.waiting]
            self.restart(min([first, *keys]) - 1, self._goal)
        elif self._cursor >= self._goal:
            self._cursor = first - 1
        self._goal = max(self._goal, last)
        return keys

    def next_read(self, committed: int) -> Read | None:
        """Tell what to ask of the store now; None when enough is waiting or nothing is left."""
        upto = min(self._goal, committed)
        if len(self.waiting) > CHUNK // 2 or self._cursor >= upto:
            return None
        return Read(self._turn, self._cursor, upto)

    def take_in(self, read: Read, records: Sequence[Record], wanted: Sequence[Record]) -> bool:
        """Take the answer to a read; False when it is void.

        Args:
            read: what was asked.
            records: everything that the store gave, fewer than `CHUNK` when that was all.
            wanted: those of them still to be delivered.
        """
        if read.turn != self._turn:
            return False
        self._cursor = records[-1].key if len(records) >= CHUNK else read.upto
        self.waiting.extend(wanted)
        return True
