"""How much a counter or register grew between two readings, whatever happened to it meanwhile.

A rise that is plausible counts. A drop is a rollover where the wrapped step is plausible, else a
reset where the new value is, else a jump; an implausible rise is a jump too. A jump adds nothing
and is reported. So growth is never negative, and a single garbled reading invents none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.figures.intervals import Interval
    from gateway.figures.journal import Series


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
    found = Growth()
    gap = 0
    for place, step, change in steps(series, limits, start, end):
        since, until = series.times[place - 1], series.times[place]
        if change is Change.JUMP:
            found.jumps += 1
        if not step:
            continue
        while gap < len(dark) and dark[gap][1] <= since:
            gap += 1
        if gap < len(dark) and dark[gap][0] < until:
            found.unplaced += step
        else:
            found.placed += step
    return found


def steps(
    series: Series[float], limits: Limits, start: int, end: int
) -> Iterator[tuple[int, float, Change]]:
    """Judge the steps to the readings in [start, end): place of the reading, growth, change.

    A reading that goes on from the one before the last, where the last was a jump or makes this
    one a jump, shows that the last was garbled: the growth is taken from before it.
    """
    times, values = series.times, series.values
    place = max(series.index(start - 1), 0)
    last = series.index(end - 1)
    earlier, was = 0.0, Change.UP
    if 0 < place < last:
        earlier, was = limits.step(values[place - 1], values[place], _apart(times, place))
    rate, most = (0.0, float("inf")) if limits.rate is None else (limits.rate, limits.one)
    while place < last:
        place += 1
        before, now = values[place - 1], values[place]
        grown = now - before
        # Nearly all steps are plain rises, or none: `Limits.step` would say the same of them.
        if not grown or (
            was is Change.UP and 0 < grown <= (times[place] - times[place - 1]) * rate + most
        ):
            earlier, was = grown, Change.UP
            yield place, grown, Change.UP
            continue
        step, change = limits.step(before, now, _apart(times, place))
        plain = step, change
        if place > 1 and Change.JUMP in {was, change}:
            elapsed = times[place] - times[place - 2]
            direct, kind = limits.step(values[place - 2], now, elapsed)
            if kind is Change.UP:
                step, change = max(0.0, direct - earlier), Change.UP
        earlier, was = plain
        yield place, step, change


def _apart(times: Sequence[int], place: int) -> int:
    return times[place] - times[place - 1]
