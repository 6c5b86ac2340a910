"""A scan of the store from one key to another, a chunk at a time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.model import Record

CHUNK = 100
"""Records asked of the store at once: bounds memory, and reads five times a second at 500/s."""


@dataclass(frozen=True, slots=True)
class Read:
    """A question to the store: records with after < key ≤ upto.

    Attributes:
        scan: which scan asks.
        turn: counts its restarts; an answer to an earlier turn is void.
    """

    scan: Scan
    turn: int
    after: int
    upto: int


class Scan:
    """Goes from a cursor to a goal; what is wanted of the records on its way waits to be sent.

    Attributes:
        waiting: records read and not yet sent, in key order.
        cursor: everything up to this key was read.
        goal: the last key to be read.
    """

    def __init__(self) -> None:
        self.waiting: deque[Record] = deque()
        self.cursor = 0
        self.goal = 0
        self._turn = 0

    def restart(self, after: int, upto: int) -> None:
        """Scan after < key ≤ upto, and forget any scan before."""
        self.waiting.clear()
        self._turn += 1
        self.cursor = after
        self.goal = upto

    def rewind(self) -> None:
        """Forget what was read and not sent, to be read again."""
        first = self.waiting[0].key if self.waiting else self.cursor + 1
        self.restart(first - 1, self.goal)

    def cover(self, first: int, last: int, *, skip: bool = True) -> list[int]:
        """Make the scan pass over first..last as well.

        Going back voids what was read beyond, so that keys still come in order; returns the keys
        of records that no longer wait because of it.

        Args:
            first: key to begin with.
            last: key to end with.
            skip: what lies between the present goal and `first` is of no interest.
        """
        keys: list[int] = []
        if first <= self.cursor:
            keys = [record.key for record in self.waiting]
            self.restart(min([first, *keys]) - 1, self.goal)
        elif skip and self.cursor >= self.goal:
            self.cursor = first - 1
        self.goal = max(self.goal, last)
        return keys

    @property
    def done(self) -> bool:
        """Tell whether everything was read and sent on."""
        return not self.waiting and self.cursor >= self.goal

    def next_read(self, committed: int) -> Read | None:
        """Tell what to ask of the store now; None when enough is waiting or nothing is left."""
        upto = min(self.goal, committed)
        if len(self.waiting) > CHUNK // 2 or self.cursor >= upto:
            return None
        return Read(self, self._turn, self.cursor, upto)

    def is_void(self, read: Read) -> bool:
        """Tell whether the scan has changed its way since it asked."""
        return read.turn != self._turn

    def take_in(self, read: Read, records: Sequence[Record], wanted: Sequence[Record]) -> None:
        """Take the answer to a read that isn't void.

        Args:
            read: what was asked.
            records: everything that the store gave, fewer than `CHUNK` when that was all.
            wanted: those of them still to be delivered.
        """
        self.cursor = records[-1].key if len(records) >= CHUNK else read.upto
        self.waiting.extend(wanted)
