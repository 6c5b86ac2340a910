"""The levels of a recording: the band of power that each has, and the edges between them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from gateway.learning.breaks import Axis, axis_of, breaks
from gateway.learning.recording import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.learning.recording import Recording

TAIL = 0.02
"""Share of a level's time at either end of its band that is left out: peaks, late labels."""
NOTHING = 0.01
"""A level up to this share of the highest one's power is off."""
PEAK_MS = 10_000
"""What is over so soon is an in-rush peak or a pause, no level."""
STROKE_MS = 20_000
"""A level that is left again so soon is a part of each stroke, no state."""


@dataclass(frozen=True, slots=True)
class Band:
    """One level.

    Attributes:
        low, high: kW, without the tails.
        middle: kW, half of the time below it.
        share: of the time.
    """

    name: str
    low: float
    middle: float
    high: float
    share: float


@dataclass(frozen=True, slots=True)
class Edge:
    """The border of two levels that follow on one another.

    Attributes:
        name: of the upper level.
        at: kW.
        low_over: share of the lower level's time at or above the edge.
        high_under: share of the upper level's time below it.
    """

    name: str
    at: float
    low_over: float
    high_under: float

    @property
    def overlap(self) -> float:
        """Share of the time on the wrong side, either level counted alike."""
        return (self.low_over + self.high_under) / 2


def has_strokes(recording: Recording) -> bool:
    """Whether power goes from one level to another and back within seconds, again and again."""
    weights = recording.weights()
    return any(not _lasts(recording, weights, cut) for cut in breaks(recording.powers, weights))


def clustered(recording: Recording) -> tuple[str, ...]:
    """The level of each sample by its power, but for peaks and pauses; () where there is one.

    Borders that are crossed within each stroke are none.
    """
    weights = recording.weights()
    cuts = [cut for cut in breaks(recording.powers, weights) if _lasts(recording, weights, cut)]
    if not cuts:
        return ()
    places = [bisect_right(cuts, power) for power in recording.powers]
    tops = axis_of(recording.powers)
    means = [_middle(recording, weights, places, n) for n in range(len(cuts) + 1)]
    names = _named(means, tops)
    return _calm([names[place] for place in places], weights)


def _calm(levels: Sequence[str], weights: Sequence[int]) -> tuple[str, ...]:
    """Levels without peaks and pauses that are over before a person would see them.

    Each of these is held between the levels that last before and after it: the in-rush of a motor
    that is switched on and idles then is idle, and so is what dips below idle after a run.
    """
    rows = list(zip(levels, weights, strict=True))
    runs = [(level, list(group)) for level, group in groupby(rows, key=lambda row: row[0])]
    heights = [LEVELS.index(level) for level, _group in runs]
    lasting = [
        place
        for place, (_level, group) in enumerate(runs)
        if sum(weight for _l, weight in group) >= PEAK_MS
    ]
    calm: list[str] = []
    for place, (_level, group) in enumerate(runs):
        after = bisect_left(lasting, place)
        around = [heights[at] for at in lasting[max(after - 1, 0) : after + 1]] or heights
        height = min(max(heights[place], min(around)), max(around))
        calm += [LEVELS[height]] * len(group)
    return tuple(calm)


def bands(recording: Recording, levels: Sequence[str]) -> list[Band]:
    """The band of each level that occurs, rising."""
    weights = recording.weights()
    total = sum(weight for weight, level in zip(weights, levels, strict=True) if level)
    found: list[Band] = []
    for name in LEVELS:
        own = _sorted(recording, weights, levels, name)
        if own:
            low, middle, high = (_quantile(own, at) for at in (TAIL, 0.5, 1 - TAIL))
            share = sum(weight for _power, weight in own) / total
            found.append(Band(name, low, middle, high, share))
    return found


def edges(recording: Recording, levels: Sequence[str], of: Sequence[Band]) -> list[Edge]:
    """The best border between each two neighbouring levels; tails have no say in where it is."""
    weights = recording.weights()
    axis = axis_of(recording.powers)
    made: list[Edge] = []
    for lower, upper in pairwise(of):
        below = _sorted(recording, weights, levels, lower.name)
        above = _sorted(recording, weights, levels, upper.name)
        at = _best(
            [(power, weight) for power, weight in below if power <= lower.high],
            [(power, weight) for power, weight in above if power >= upper.low],
            axis,
        )
        over, under = _over(below, at), 1 - _over(above, at)
        made.append(Edge(upper.name, at, over, under))
    return made


def _best(
    below: Sequence[tuple[float, int]], above: Sequence[tuple[float, int]], axis: Axis
) -> float:
    """The power at which least time of the two is on the wrong side; the middle of many."""
    total_below = sum(weight for _power, weight in below)
    total_above = sum(weight for _power, weight in above)
    both = sorted(
        [(p, w / total_below) for p, w in below] + [(p, -w / total_above) for p, w in above]
    )
    wrong, least = 1.0, 1.0
    start = end = both[0][0]
    for (power, weight), (after, _weight) in pairwise([*both, (both[-1][0], 0)]):
        wrong -= weight  # with the edge just above this sample
        if after == power:
            continue
        if wrong < least - 1e-9:
            least, start, end = wrong, power, after
        elif wrong < least + 1e-9 and power == end:
            end = after
    return axis.between(start, end)


def _lasts(recording: Recording, weights: Sequence[int], cut: float) -> bool:
    """Whether most of the time on either side of a border is spent in long stretches."""
    lengths: tuple[list[int], list[int]] = ([], [])
    side, length = recording.powers[0] >= cut, 0
    for power, weight in zip(recording.powers, weights, strict=True):
        if (power >= cut) != side:
            lengths[side].append(length)
            side, length = not side, 0
        length += weight
    lengths[side].append(length)
    for of in lengths:
        long = sum(ms for ms in of if ms >= STROKE_MS)
        if long < sum(of) / 2:
            return False
    return True


def _named(means: Sequence[float], axis: Axis) -> list[str]:
    """Names for levels of rising power: the highest is run, one next to nothing is off."""
    names = list(LEVELS[-len(means) :])
    if means[0] <= max(NOTHING * means[-1], 2 * axis.floor):
        names[0] = "off"
    return names


def _middle(recording: Recording, weights: Sequence[int], places: Sequence[int], of: int) -> float:
    own = sorted(
        (power, weight)
        for power, weight, place in zip(recording.powers, weights, places, strict=True)
        if place == of
    )
    return _quantile(own, 0.5)


def _sorted(
    recording: Recording, weights: Sequence[int], levels: Sequence[str], name: str
) -> list[tuple[float, int]]:
    rows = zip(recording.powers, weights, levels, strict=True)
    return sorted((power, weight) for power, weight, level in rows if level == name)


def _quantile(own: Sequence[tuple[float, int]], share: float) -> float:
    """The power below which a share of the time lies."""
    left = share * sum(weight for _power, weight in own)
    for power, weight in own:
        left -= weight
        if left <= 0:
            return power
    return own[-1][0]


def _over(own: Sequence[tuple[float, int]], edge: float) -> float:
    """Share of the time at or above an edge."""
    return sum(w for power, w in own if power >= edge) / sum(w for _power, w in own)
