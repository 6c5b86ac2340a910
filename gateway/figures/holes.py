"""Silences into which late readings come, in any order: which reading follows which in them.

A device that was cut off may deliver hours of readings at once, and not in order. What a reading
says holds until the one that followed it; in a silence those are the late ones themselves, so their
times are kept, and the silence as it was.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.figures.intervals import Interval

MOST = 1 << 17
"""Times kept: a day of one each second. Beyond it the earliest holes go."""


class Holes:
    """The holes of one asset's state."""

    __slots__ = ("_holes", "_times")

    def __init__(self) -> None:
        self._holes: list[Interval] = []
        self._times: list[int] = []

    def fill(self, t_ms: int, silence: Interval | None) -> None:
        """Take a late reading, which fell into a silence or where one had been."""
        if self._at(t_ms) is None:
            if silence is None:
                return
            insort(self._holes, silence)
        insort(self._times, t_ms)
        if len(self._times) > MOST:
            self._holes = self._holes[1:]
            begin = self._holes[0][0] if self._holes else t_ms + 1
            del self._times[: bisect_left(self._times, begin)]

    def following(self, t_ms: int) -> int | None:
        """Time of the reading that followed a moment in a hole; None outside of them."""
        hole = self._at(t_ms)
        if hole is None:
            return None
        place = bisect_right(self._times, t_ms)
        return min([hole[1], *self._times[place : place + 1]])

    def clear(self) -> None:
        """Forget all: the log is read again, or its times were shifted."""
        self._holes.clear()
        self._times.clear()

    def _at(self, t_ms: int) -> Interval | None:
        place = bisect_right(self._holes, (t_ms, t_ms)) - 1
        hole = self._holes[place] if place >= 0 else None
        return hole if hole is not None and t_ms < hole[1] else None
