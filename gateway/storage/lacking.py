"""Which records of a segment one publisher hasn't got, key by key."""

from __future__ import annotations

import asyncio
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.storage.facts import Dropped

if TYPE_CHECKING:
    from gateway.model import Place
    from gateway.storage.position import Position

SLICE = 2_000
"""Keys given up in one go, so that other work of the loop gets its turn."""


@dataclass(slots=True)
class Lacking:
    """Records of one class, or of one parked place.

    Attributes:
        place: where they are parked; None: they aren't.
        t0_ms, t1_ms: UTC ms; their times lie within.
        keys: rising.
    """

    publisher: str
    cls: str
    place: Place | None
    t0_ms: int
    t1_ms: int
    keys: array[int] = field(default_factory=lambda: array("q"))

    def add(self, key: int, ts_ms: int) -> None:
        """Add the record that comes next."""
        self.keys.append(key)
        self.t0_ms = min(self.t0_ms, ts_ms)
        self.t1_ms = max(self.t1_ms, ts_ms)

    async def give_up(self, position: Position, reason: str) -> Dropped | None:
        """Be done with those of them that are still not delivered; on the event loop.

        What was delivered since they were looked up is not lost: a drain is just where the
        oldest segment goes when a store is full. What is not is never sent any more, but for
        what is under way already.

        Returns:
            What that loses; None: nothing.
        """
        first = last = count = 0
        for start in range(0, len(self.keys), SLICE):
            lost = array("q")
            for key in self.keys[start : start + SLICE]:
                if self.place is None:
                    if not position.is_acked(key):
                        lost.append(key)
                elif position.parked.covers(self.place, key):
                    position.outstanding -= position.parked.count_down(self.place)
                    first, last, count = first or key, key, count + 1
            if lost:
                position.lose(lost)
                first, last, count = first or lost[0], lost[-1], count + len(lost)
            await asyncio.sleep(0)
        if not count:
            return None
        return Dropped(self.publisher, first, last, self.t0_ms, self.t1_ms, self.cls, count, reason)
