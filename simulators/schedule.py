"""Things that happen one after another: a little discrete-event clock.

A process is a generator that yields how long to wait, in s. What it does between two yields
happens at one instant, `now`. However time is moved on, in one leap or in many steps, the same
things happen at the same instants: that is what makes a simulation repeatable.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Generator

Process = Generator[float, None, None]


class Schedule:
    """Runs processes in the order of their times; at equal times, in the order they were added.

    Attributes:
        start_ms: UTC of the start.
        now: seconds since the start: the instant of what happens at the moment.
    """

    def __init__(self, start_ms: int) -> None:
        self.start_ms = start_ms
        self.now = 0.0
        self._due: list[tuple[float, int, Process]] = []
        self._added = 0

    @property
    def now_ms(self) -> int:
        """The instant of what happens at the moment, UTC."""
        return self.start_ms + round(self.now * 1000)

    @property
    def next_at(self) -> float:
        """When something happens next; infinite when nothing ever will."""
        return self._due[0][0] if self._due else math.inf

    def add(self, process: Process) -> None:
        """Start a process at `now`."""
        heapq.heappush(self._due, (self.now, self._added, process))
        self._added += 1

    def advance(self, to: float) -> None:
        """Let everything happen that is due up to and including `to`."""
        while self._due and self._due[0][0] <= to:
            at, order, process = self._due[0]
            self.now = at
            wait = next(process, None)
            if wait is None:
                heapq.heappop(self._due)
            else:
                heapq.heapreplace(self._due, (at + wait, order, process))
        self.now = max(self.now, to)
