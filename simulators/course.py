"""How values move: functions of time alone, so that a rehearsal can be repeated.

They are plausible, and no more: what follows from each other on a real machine (power from current,
energy from power) moves apart here.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Course = Callable[[float], float]
    """Seconds since the start → the value in the tag's unit."""

RUN_S, STOP_S = (40.0, 120.0), (5.0, 25.0)
"""How long a machine runs and stands, at least and at most."""


class Life:
    """A machine that runs and stands in turn.

    Args:
        seed: of this life.
        stops: how many ways of standing there are.
    """

    def __init__(self, seed: str, stops: int = 1) -> None:
        self._random = Random(seed)
        self._stops = max(stops, 1)
        self._begins = [0.0]
        self._kinds = [0]
        self._ran = [0.0]

    def kind(self, now_s: float) -> int:
        """0 while it runs, else which way of standing, from 1."""
        return self._kinds[self._reach(now_s)]

    def ran_s(self, now_s: float) -> float:
        """How long it has run since the start."""
        place = self._reach(now_s)
        runs = not self._kinds[place]
        return self._ran[place] + (now_s - self._begins[place] if runs else 0.0)

    def _reach(self, now_s: float) -> int:
        """Which stretch a moment lies in; more are made as time goes on."""
        while self._begins[-1] <= now_s:
            runs = not self._kinds[-1]
            lasts_s = self._random.uniform(*(RUN_S if runs else STOP_S))
            self._ran.append(self._ran[-1] + (lasts_s if runs else 0.0))
            self._begins.append(self._begins[-1] + lasts_s)
            self._kinds.append(self._random.randint(1, self._stops) if runs else 0)
        return bisect_right(self._begins, now_s) - 1


def wander(seed: str, low: float, high: float) -> Course:
    """Sway slowly between two values, never twice alike, as a temperature or a load does."""
    random = Random(seed)
    waves = [
        (random.uniform(0.5, 1.0), random.uniform(*span), random.uniform(0, math.tau))
        for span in ((7.0, 13.0), (40.0, 90.0), (300.0, 900.0))
    ]
    whole = sum(height for height, _period_s, _phase in waves)
    middle, reach = (low + high) / 2, (high - low) / 2

    def course(now_s: float) -> float:
        sway = sum(
            height * math.sin(math.tau * now_s / period_s + phase)
            for height, period_s, phase in waves
        )
        return middle + reach * sway / whole

    return course


def worked(life: Life, idle: Course, busy: Course) -> Course:
    """One course while a machine runs, another while it stands: its power, say."""
    return lambda now_s: idle(now_s) if life.kind(now_s) else busy(now_s)


def told(life: Life, values: list[float]) -> Course:
    """What a machine tells of its state: the first while it runs, another for each way of standing.

    Args:
        life: of the machine.
        values: at least two.
    """
    return lambda now_s: values[life.kind(now_s) % len(values)]


class Counter:
    """Counts up, steadily or while a machine runs, until it wraps or is set anew.

    Args:
        per_s: what it counts in a second.
        start: what it shows at first.
        life: of the machine whose work it counts; None: it counts always.
    """

    def __init__(self, per_s: float, start: float, life: Life | None = None) -> None:
        self.per_s = per_s
        self._start = start
        self._life = life

    def __call__(self, now_s: float) -> float:
        """What it shows, unbounded."""
        return self._start + self.per_s * self._worked_s(now_s)

    def stand(self, value: float, now_s: float) -> None:
        """Show a value now, and count on from it."""
        self._start = value - self.per_s * self._worked_s(now_s)

    def _worked_s(self, now_s: float) -> float:
        return now_s if self._life is None else self._life.ran_s(now_s)
