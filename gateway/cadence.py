"""When each thing that recurs falls due: one heap and one timer for all of them.

A due time moves by whole periods from a start that never drifts. What was slept through is left
out and counted.
"""

from __future__ import annotations

import asyncio
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.clock import Clock

TOGETHER = 10
"""How many of one period fall due at a time: waking up costs more than a poll does (50 devices of
a second took one by one 2.5 times the CPU of ten by ten), and of more the last would wait."""
EARLY_NS = 1_000_000
"""The loop's timers count whole ms, and one may end a part of one early: to wait for the rest
took some fifteen more of them."""


class Recurs(Protocol):
    """Something with a period.

    Attributes:
        due_ns: when it falls due next (monotonic).
    """

    due_ns: int

    @property
    def period_ns(self) -> int:
        """From one time to the next."""


R = TypeVar("R", bound=Recurs)


class Cadence(Generic[R]):
    """Tells what falls due.

    Args:
        clock: the monotonic one counts.
        due: called with what falls due, and how many times of it were slept through.
    """

    def __init__(self, clock: Clock, due: Callable[[R, int], None]) -> None:
        self._clock = clock
        self._due = due
        self._heap: list[tuple[int, int, R]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, recurring: Sequence[R]) -> None:
        """Tell of these too, equal periods spread over the period.

        The first time comes half to one and a half periods from now.
        """
        now_ns = self._clock.mono_ns()
        peers: dict[int, list[R]] = {}
        for one in recurring:
            peers.setdefault(one.period_ns, []).append(one)
        for period_ns, equal in peers.items():
            turns = -(-len(equal) // TOGETHER)
            for index, one in enumerate(equal):
                phase_ns = period_ns * (turns * index // len(equal)) // turns
                one.due_ns = now_ns + phase_ns + (period_ns if 2 * phase_ns < period_ns else 0)
        for one in recurring:
            heappush(self._heap, (one.due_ns, next(self._order), one))
        self._tick()

    def drop(self, is_gone: Callable[[R], bool]) -> None:
        """Tell of these no more."""
        self._heap = [entry for entry in self._heap if not is_gone(entry[2])]
        heapify(self._heap)

    def stop(self) -> None:
        """Tell of nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        """Tell of what is due and set the timer for what comes next."""
        now_ns = self._clock.mono_ns()
        heap = self._heap
        while heap and heap[0][0] <= now_ns + EARLY_NS:
            _due, index, one = heappop(heap)
            missed = max(0, now_ns - one.due_ns) // one.period_ns
            one.due_ns += (missed + 1) * one.period_ns
            heappush(heap, (one.due_ns, index, one))
            self._due(one, missed)
        if self._timer is not None:
            self._timer.cancel()
        if heap:
            delay_s = max(0, heap[0][0] - now_ns) / 1e9
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)
