"""When each thing that recurs falls due: one heap and one timer for all of them.

A due time moves by whole periods from a start that never drifts. What was slept through is left
out and counted.
"""

from __future__ import annotations

import asyncio
from heapq import heapify, heappush, heapreplace
from itertools import count
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gateway.clock import Clock

RUN = 50
"""How many of one period come close behind each other: what wakes up after a pause finds its
memory cold, and then takes half as long again for the same poll (50 devices of a second, ten at a
time and five times a second: 1.5 CPU-seconds per million values; all in one run: 1.1)."""
STEP = 5
STEP_NS = 2_000_000
"""So many of a run fall due at a time, and the next so much later: of all at once the last would
wait for all others."""
EARLY_NS = 1_000_000
"""The loop's timers count whole ms, and one may end a part of one early: to wait for the rest
took some fifteen more of them."""

LATE_NS = 1_000_000_000
"""A timer that is so late is lost, or the loop is."""


class Recurs(Protocol):
    """Something with a period.

    Attributes:
        due_ns: when it falls due next (monotonic).
    """

    due_ns: int

    @property
    def lane(self) -> object:
        """What only one at a time can have, such as a line."""

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
        """Tell of these too.

        Of equal periods, those that have their lane to themselves come in runs, which are spread
        over the period; those that share one are spread over it each. The first time comes half
        to one and a half periods from now.
        """
        now_ns = self._clock.mono_ns()
        peers: dict[int, dict[int, list[R]]] = {}
        for one in recurring:
            peers.setdefault(one.period_ns, {}).setdefault(id(one.lane), []).append(one)
        for period_ns, lanes in peers.items():
            alone = [sharing[0] for sharing in lanes.values() if len(sharing) == 1]
            shared = [sharing for sharing in lanes.values() if len(sharing) > 1]
            for one, phase_ns in (*_in_runs(alone, period_ns), *_apart(shared, period_ns)):
                one.due_ns = now_ns + phase_ns + (period_ns if 2 * phase_ns < period_ns else 0)
        for one in recurring:
            heappush(self._heap, (one.due_ns, next(self._order), one))
        self._tick()

    def drop(self, is_gone: Callable[[R], bool]) -> None:
        """Tell of these no more."""
        self._heap = [entry for entry in self._heap if not is_gone(entry[2])]
        heapify(self._heap)

    def overdue(self) -> tuple[bool, int]:
        """Whether something should have been told of a while ago, and when."""
        due_ns = self._heap[0][0] if self._heap else 0
        return bool(self._heap) and due_ns + LATE_NS < self._clock.mono_ns(), due_ns

    def stop(self) -> None:
        """Tell of nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        """Tell of what is due and set the timer for what comes next."""
        now_ns = self._clock.mono_ns()
        heap = self._heap
        while heap and heap[0][0] <= now_ns + EARLY_NS:
            _due, index, one = heap[0]
            missed = max(0, now_ns - one.due_ns) // one.period_ns
            one.due_ns += (missed + 1) * one.period_ns
            heapreplace(heap, (one.due_ns, index, one))
            self._due(one, missed)
        if self._timer is not None:
            self._timer.cancel()
        if heap:
            delay_s = max(0, heap[0][0] - now_ns) / 1e9
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)


def _in_runs(alone: Sequence[R], period_ns: int) -> Iterator[tuple[R, int]]:
    """Each with its place in the period."""
    runs = -(-len(alone) // RUN)
    for index, one in enumerate(alone):
        run, place = divmod(index, -(-len(alone) // runs))
        yield one, period_ns * run // runs + _step(place, len(alone), period_ns)


def _apart(shared: Sequence[Sequence[R]], period_ns: int) -> Iterator[tuple[R, int]]:
    """Each with its place in the period, as far from the next of its lane as can be."""
    for place, sharing in enumerate(shared):
        for index, one in enumerate(sharing):
            yield one, period_ns * index // len(sharing) + _step(place, len(shared), period_ns)


def _step(place: int, of: int, period_ns: int) -> int:
    return place // STEP * min(STEP_NS, period_ns * STEP // of)
