"""What stands between a machine and who looks at it: outages, bad values, resets, late data.

Drawn from a seed of their own, so that the same life may be looked at with and without them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from simulators.week.machines import COUNTS, Machine
from simulators.week.shifts import HOUR, MINUTE, Interval

if TYPE_CHECKING:
    from collections.abc import Mapping

EDGE = 2 * HOUR
"""Nothing goes wrong in the first hours of a week, nor in the last ones."""


class Late(NamedTuple):
    """A stretch that a device kept while nobody could reach it.

    Attributes:
        span: what was read in it arrives later,
        arrives: from then on,
        mixed: in any order.
    """

    span: Interval
    arrives: int
    mixed: bool


@dataclass(frozen=True, slots=True)
class Troubles:
    """What goes wrong with one device in a week.

    Attributes:
        silences: nobody answers, and nothing is kept.
        late: what arrives later.
        bad: signal → when it can't be read though the device answers.
        reset: when its running totals begin anew, or its meter is another one; None: never.
        twice: share of readings that arrive a second time, some of them hours later.
    """

    silences: tuple[Interval, ...] = ()
    late: tuple[Late, ...] = ()
    bad: Mapping[str, tuple[Interval, ...]] = field(default_factory=dict)
    reset: int | None = None
    twice: float = 0.0


PEACE = Troubles()


def controller_troubles(machine: Machine, span: Interval, seed: str) -> Troubles:
    """What goes wrong with a machine's controller."""
    random = Random(seed)
    free = _Free(span, random)
    silences = tuple(sorted(free.take(40_000, 150 * MINUTE) for _ in range(random.randint(2, 4))))
    late = tuple(_late(free, random) for _ in range(random.randint(1, 2)))
    signals = ("state", *COUNTS[machine.counting])
    bad = {
        name: tuple(sorted(free.take(5_000, 120_000) for _ in range(random.randint(0, 3))))
        for name in signals
    }
    reset: int | None = free.take(1000, 1001)[0]
    if random.random() < 0.5:  # noqa: PLR2004 - while nobody could see it
        reset = (silences[0][0] + silences[0][1]) // 2
    if machine.moduli:
        reset = None
    return Troubles(silences, late, bad, reset, 0.002)


def meter_troubles(span: Interval, seed: str, swap: Interval | None) -> Troubles:
    """What goes wrong with a meter, which is exchanged in `swap`."""
    random = Random(seed)
    free = _Free(span, random)
    silences = [free.take(2 * MINUTE, 90 * MINUTE) for _ in range(random.randint(1, 2))]
    bad = {"energy": (free.take(30_000, 150_000),)}
    late = (_late(free, random),)
    if swap is None:
        return Troubles(tuple(silences), late, bad, None, 0.002)
    return Troubles((*silences, swap), (), bad, swap[0], 0.002)


def _late(free: _Free, random: Random) -> Late:
    span = free.take(5 * MINUTE, 4 * HOUR)
    return Late(span, span[1] + random.randrange(10 * MINUTE, 10 * HOUR), random.random() < 0.5)  # noqa: PLR2004


class _Free:
    """Stretches of a week that stay clear of each other."""

    def __init__(self, span: Interval, random: Random) -> None:
        self._span, self._random = span, random
        self._taken: list[Interval] = []

    def take(self, shortest: int, longest: int) -> Interval:
        start, end = self._span
        while True:
            begin = self._random.randrange(start + EDGE, end - EDGE)
            until = min(begin + self._random.randrange(shortest, longest), end - EDGE)
            if all(until + MINUTE < a or begin - MINUTE > b for a, b in self._taken):
                self._taken.append((begin, until))
                return begin, until
