"""How far a register rose, as an exact function of time: straight between two readings.

Whatever a window is cut into (quarters, slots of a tariff, stretches of a state), the parts add up
to the whole, because each part is the difference of this one function at its ends. What a reset,
a jump or an exchanged transformer hides is not made up: the function doesn't rise there by more
than what is known.

The log surely holds the readings on both sides of each full minute, and what lies within a minute
only by chance (a restart, a late reading). So what a cut within a minute parts (an order, a
product, a state) hangs on the minute's ends alone: its use is spread evenly over it.
"""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from gateway.figures.counter import Change, steps
from gateway.figures.intervals import clip, overlap
from gateway.figures.windows import MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.figures.counter import Limits
    from gateway.figures.intervals import Interval
    from gateway.figures.journal import Series

NOTHING = Fraction(0)
LOST = frozenset({Change.RESET, Change.JUMP})
"""Steps that may hide a part of what was used."""


class Leg(NamedTuple):
    """A stretch from one reading to another.

    Attributes:
        risen: what the register had risen by when it began.
        step: what it rose by, spread evenly, where that isn't the difference of its readings;
            None: it rose as the readings show.
    """

    since: int
    until: int
    risen: Fraction
    step: Fraction | None


class Course:
    """The rise of one register over [start, end), as far as readings reach.

    Args:
        series: readings, from the last before `start` to the first after `end`.
        limits: what is believed of the register.
        hole_ms: readings further apart leave a hole.
        start: first ms; what is asked of lies in the full minutes from that of it.
        end: first ms after it; likewise to that of it.
        scales: what a raw count was multiplied by, at the times when that was noted; across a
            change of it nothing is known.

    Attributes:
        holes: pairs of readings further apart than normal.
        doubts: pairs of readings between which a part may be hidden.
    """

    __slots__ = ("_legs", "_risen", "_series", "_sinces", "doubts", "holes")

    def __init__(
        self,
        series: Series[float],
        limits: Limits,
        hole_ms: int,
        start: int,
        end: int,
        scales: Series[float] | None = None,
    ) -> None:
        start, end = minutes_of(start, end)
        self._series = series
        self._legs: list[Leg] = []
        self._risen: dict[int, Fraction] = {}
        self.holes: list[Interval] = []
        self.doubts: list[Interval] = []
        times, values = series.times, series.values
        beyond = series.index(end - 1) + 1
        reach = times[beyond] if beyond < len(times) else end
        risen, plain, place = NOTHING, -1, -1
        for place, step, is_lost in _judged(series, limits, scales, start + 1, reach + 1):
            since, until = times[place - 1], times[place]
            if until - since > hole_ms:
                self.holes.append((since, until))
            if is_lost:
                self.doubts.append((since, until))
            elif step == values[place] - values[place - 1]:
                # A run of plain rises is the difference of its ends: only those are made exact.
                plain = place - 1 if plain < 0 else plain
                continue
            if plain >= 0:
                self._legs.append(Leg(times[plain], since, risen, None))
                risen += exact(values[place - 1]) - exact(values[plain])
                plain = -1
            grown = _exact_step(values[place - 1], values[place], step, limits)
            self._legs.append(Leg(since, until, risen, grown))
            risen += grown
        if plain >= 0:
            self._legs.append(Leg(times[plain], times[place], risen, None))
        self._sinces = [leg.since for leg in self._legs]

    def span(self, start: int, end: int) -> Interval | None:
        """The part of [start, end) that lies between two readings; None where none does."""
        if not self._legs:
            return None
        begin, over = max(start, self._legs[0].since), min(end, self._legs[-1].until)
        return (begin, over) if begin < over else None

    def rise(self, start: int, end: int) -> Fraction:
        """What was used in [start, end), as far as readings reach."""
        span = self.span(start, end)
        return NOTHING if span is None else self._even(span[1]) - self._even(span[0])

    def is_whole(self, start: int, end: int) -> bool:
        """Whether readings reach over all of [start, end) and hide nothing."""
        return self.span(start, end) == (start, end) and not overlap(self.doubts, start, end)

    def is_estimated(self, start: int, end: int) -> bool:
        """Whether some of [start, end) was spread over a hole, or a part may be hidden."""
        start, end = minutes_of(start, end)
        return any(since < end and until > start for since, until in (*self.holes, *self.doubts))

    def known_ms(self, start: int, end: int) -> int:
        """Time between readings that are not too far apart."""
        span = self.span(start, end)
        return 0 if span is None else span[1] - span[0] - overlap(self.holes, *span)

    def across_holes(self, start: int, end: int) -> list[tuple[Interval, Fraction]]:
        """Each hole that [start, end) has a part of, and what that part rose by."""
        parts = ((hole, clip([hole], start, end)) for hole in self.holes)
        return [
            (hole, self._at(until) - self._at(since))
            for hole, part in parts
            for since, until in part
        ]

    def ends(self, start: int, end: int) -> tuple[Fraction | None, Fraction | None]:
        """The register at both ends of [start, end); where readings don't reach, the nearest."""
        span = self.span(start, end)
        if span is None:
            return None, None
        values = self._series.values
        first, last = self._leg(span[0]), self._leg(span[1] - 1)
        begin, over = self._shown(span[0]), self._shown(span[1])
        if first.step is not None:
            at = first.since if first.since <= start else first.until
            begin = exact(values[self._series.index(at)])
        if last.step is not None:
            at = last.until if last.until <= end else last.since
            over = exact(values[self._series.index(at)])
        return begin, over

    def steepest(self, ends: list[int], length: int) -> Fraction | None:
        """The most that was used in a stretch of a length, of those that end at given times.

        Stretches that readings don't reach over, or that may hide a part, are left out. Which one
        rose the most is looked for in binary fractions, and what it rose by is exact.
        """
        best, most = None, -1.0
        for over in ends:
            if self.is_whole(over - length, over):
                risen = self._near(over) - self._near(over - length)
                if risen > most:
                    best, most = over, risen
        return None if best is None else self.rise(best - length, best)

    def _even(self, moment: int) -> Fraction:
        """What the register has risen by at a time within its legs, each minute spread evenly."""
        begin, over = _within(moment, self._legs[0].since, self._legs[-1].until)
        if not begin < moment < over:
            return self._at(moment)
        low, high = self._at(begin), self._at(over)
        return low + (high - low) * Fraction(moment - begin, over - begin)

    def _shown(self, moment: int) -> Fraction:
        """The register at a time, each minute's plain rise spread evenly."""
        leg = self._leg(moment)
        begin, over = _within(moment, leg.since, leg.until)
        if leg.step is not None or not begin < moment < over:
            return self._register(moment)
        low, high = self._register(begin), self._register(over)
        return low + (high - low) * Fraction(moment - begin, over - begin)

    def _leg(self, moment: int) -> Leg:
        return self._legs[max(bisect_right(self._sinces, moment) - 1, 0)]

    def _at(self, moment: int) -> Fraction:
        """What the register has risen by at a time within its legs; the same ones are asked for."""
        risen = self._risen.get(moment)
        if risen is None:
            leg = self._leg(moment)
            if leg.step is not None:
                share = Fraction(moment - leg.since, leg.until - leg.since)
                risen = leg.risen + leg.step * share
            else:
                begun = self._series.values[self._series.index(leg.since)]
                risen = leg.risen + self._register(moment) - exact(begun)
            self._risen[moment] = risen
        return risen

    def _near(self, moment: int) -> float:
        leg = self._leg(moment)
        if leg.step is not None:
            share = (moment - leg.since) / (leg.until - leg.since)
            return float(leg.risen) + float(leg.step) * share
        times, values = self._series.times, self._series.values
        place = self._series.index(moment)
        now = values[place]
        if times[place] != moment:
            share = (moment - times[place]) / (times[place + 1] - times[place])
            now += (values[place + 1] - now) * share
        return float(leg.risen) + now - values[self._series.index(leg.since)]

    def _register(self, moment: int) -> Fraction:
        """The register between two readings, risen evenly."""
        times, values = self._series.times, self._series.values
        place = self._series.index(moment)
        start = exact(values[place])
        if times[place] == moment:
            return start
        share = Fraction(moment - times[place], times[place + 1] - times[place])
        return start + (exact(values[place + 1]) - start) * share


def exact(reading: float) -> Fraction:
    """A reading as the decimal that it stands for: 88131.76, not the nearest binary fraction."""
    return Fraction(str(reading))


def _exact_step(before: float, now: float, step: float, limits: Limits) -> Fraction:
    """A step as its readings have it, where they wrapped: floats of 42949672.95 are coarse."""
    if limits.modulus is not None and step == now - before + limits.modulus:
        return exact(now) - exact(before) + exact(limits.modulus)
    return exact(step)


def _judged(
    series: Series[float], limits: Limits, scales: Series[float] | None, start: int, end: int
) -> Iterator[tuple[int, float, bool]]:
    """The steps to the readings in [start, end): place, growth, whether a part may be hidden."""
    if scales is None or len(scales) < 2:  # noqa: PLR2004 - one scale is none that changed
        for place, step, change in steps(series, limits, start, end):
            yield place, step, change in LOST
        return
    times, values = series.times, series.values
    first = series.index(start - 1)
    was_changed = first > 0 and _is_other(scales, times[first - 1], times[first])
    for place, step, change in steps(series, limits, start, end):
        if _is_other(scales, times[place - 1], times[place]):
            was_changed = True
            yield place, 0.0, True
            continue
        if was_changed:
            # Nothing of before the change tells whether the reading at it was a garbled one.
            elapsed = times[place] - times[place - 1]
            step, change = limits.step(values[place - 1], values[place], elapsed)  # noqa: PLW2901
        was_changed = False
        yield place, step, change in LOST


def _is_other(scales: Series[float], before: int, now: int) -> bool:
    """Whether two readings, by their times, are of different scales."""
    scale = scales.at(before)
    return scale is not None and scale != scales.at(now)


def minutes_of(start: int, end: int) -> Interval:
    """The full minutes that [start, end) has a part of."""
    return start - start % MINUTE_MS, end + -end % MINUTE_MS


def _within(moment: int, since: int, until: int) -> Interval:
    """The ends of the minute that a moment lies in, as far as [since, until] reaches."""
    minute = moment - moment % MINUTE_MS
    return max(minute, since), min(minute + MINUTE_MS, until)
