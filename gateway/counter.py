"""How much a counter or register grew between two readings, whatever happened to it meanwhile.

A rise that is plausible counts. A drop is a rollover where the wrapped step is plausible, else a
reset where the new value is, else a jump; an implausible rise is a jump too. A jump adds nothing
and is reported. So growth is never negative, and a garbled reading can't invent any.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.intervals import Interval
    from gateway.journal import Series


class Change(StrEnum):
    """What a step from one reading to the next was."""

    UP = "up"
    ROLLOVER = "rollover"
    RESET = "reset"
    JUMP = "jump"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is believed of a counter.

    Attributes:
        modulus: where it wraps; None: it never does.
        rate: the fastest growth believed, in units per ms; None: any rise is believed, and a
            drop adds nothing, because nothing tells a rollover from an exchanged meter.
        one: the size of one count, believed at any speed: a polled counter that stood still
            may step at once.
    """

    modulus: float | None
    rate: float | None
    one: float = 1.0

    def believed(self, elapsed_ms: int) -> float:
        """The largest step believed within a time."""
        return float("inf") if self.rate is None else elapsed_ms * self.rate + self.one

    def step(self, before: float, now: float, elapsed_ms: int) -> tuple[float, Change]:
        """Judge two consecutive readings.

        Returns:
            The growth, at least 0, and what it was taken for.
        """
        grown = now - before
        if grown >= 0:
            return (grown, Change.UP) if grown <= self.believed(elapsed_ms) else (0.0, Change.JUMP)
        if self.rate is None or now < 0:
            return 0.0, Change.JUMP
        believed = self.believed(elapsed_ms)
        if self.modulus is not None and 0 <= grown + self.modulus <= believed:
            return grown + self.modulus, Change.ROLLOVER
        return (now, Change.RESET) if now <= believed else (0.0, Change.JUMP)


@dataclass(slots=True)
class Growth:
    """What a counter grew in a window.

    Attributes:
        placed: seen at a time up to which the state was known throughout.
        unplaced: grown across time of unknown state.
        jumps: steps that were not believed.
    """

    placed: float = 0.0
    unplaced: float = 0.0
    jumps: int = 0

    def __add__(self, other: Growth) -> Growth:
        return Growth(
            self.placed + other.placed, self.unplaced + other.unplaced, self.jumps + other.jumps
        )


def growth(
    series: Series[float], limits: Limits, start: int, end: int, dark: Sequence[Interval]
) -> Growth:
    """Sum the steps seen in [start, end).

    Args:
        series: readings, good ones only; the one before `start` is where the first step begins,
            and the very first reading of a counter is no step.
        limits: what is believed of the counter.
        start: first ms of the window.
        end: first ms after it.
        dark: when the state was unknown, in order, from that reading on.
    """
    times, values = series.times, series.values
    index, last = series.index(start - 1), series.index(end - 1)
    index = max(index, 0)
    found = Growth()
    gap = 0
    while index < last:
        since, before = times[index], values[index]
        index += 1
        until, now = times[index], values[index]
        if now == before:
            continue
        step, change = limits.step(before, now, until - since)
        if change is Change.JUMP:
            found.jumps += 1
            continue
        while gap < len(dark) and dark[gap][1] <= since:
            gap += 1
        if gap < len(dark) and dark[gap][0] < until:
            found.unplaced += step
        else:
            found.placed += step
    return found
