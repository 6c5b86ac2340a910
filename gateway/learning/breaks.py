"""Where the power of a machine falls into levels: valleys in the density of its samples.

The axis is the logarithm of power, so that standby of 0.3 kW and running at 20 kW each have the
room that they need; below half a percent of the highest power it is linear, since there noise is
no multiple of anything. Two humps are two levels if the valley between them is markedly lower
than the lower hump, and each has its share of the time. Nothing is assumed of their shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FLOOR = 0.005
"""Share of the highest power below which the axis is linear."""
CELLS = 512
WIDTH = 0.06
"""Of the smoothing, on the axis: six percent of a power."""
VALLEY = 0.5
"""A valley is at most so high, in parts of the lower hump beside it."""
LEAST_SHARE = 0.005
"""Of the time, for a level."""
MOST = 4


@dataclass(frozen=True, slots=True)
class Axis:
    """Power in kW to a place on the logarithmic axis and back."""

    floor: float

    def place(self, power: float) -> float:
        """Where a power lies."""
        return math.log(max(power, 0.0) + self.floor)

    def power(self, place: float) -> float:
        """The power of a place."""
        return math.exp(place) - self.floor

    def between(self, low: float, high: float) -> float:
        """The power half-way between two others on the axis."""
        return self.power((self.place(low) + self.place(high)) / 2)


def axis_of(powers: Sequence[float]) -> Axis:
    """The axis for a machine's powers; single peaks don't stretch it."""
    high = sorted(powers)[int(0.99 * (len(powers) - 1))]
    return Axis(max(FLOOR * high, 1e-6))


def breaks(powers: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The powers in kW between one level and the next, rising; none where there is one level.

    Args:
        powers: samples.
        weights: time of each.
    """
    axis = axis_of(powers)
    places = [axis.place(power) for power in powers]
    least, most = min(places), max(places)
    if most - least < WIDTH:
        return []
    cell = (most - least) / CELLS
    counts = [0.0] * (CELLS + 1)
    for place, weight in zip(places, weights, strict=True):
        counts[int((place - least) / cell)] += weight
    density = _smoothed(counts, WIDTH / cell)
    cuts = _merged(density, counts)
    return [axis.power(least + (cut + 0.5) * cell) for cut in cuts]


def _smoothed(counts: Sequence[float], width: float) -> list[float]:
    """Counts blurred by a bell of so many cells."""
    reach = math.ceil(3 * width)
    bell = [math.exp(-((n / width) ** 2) / 2) for n in range(-reach, reach + 1)]
    smooth = [0.0] * len(counts)
    for place, count in enumerate(counts):
        if count:
            first = max(0, place - reach)
            for at in range(first, min(len(counts), place + reach + 1)):
                smooth[at] += count * bell[at - place + reach]
    return smooth


def _merged(density: Sequence[float], counts: Sequence[float]) -> list[int]:
    """Cells of the valleys that remain once humps that are none were joined to a neighbour."""
    cuts = _valleys(density)
    total = sum(counts)
    while cuts:
        edges = [0, *cuts, len(density)]
        tops = [max(density[a:b]) for a, b in pairwise(edges)]
        shares = [sum(counts[a:b]) / total for a, b in pairwise(edges)]
        depths = [
            density[cut] / min(tops[n], tops[n + 1])
            if min(shares[n], shares[n + 1]) >= LEAST_SHARE
            else 1.0
            for n, cut in enumerate(cuts)
        ]
        worst = max(range(len(cuts)), key=depths.__getitem__)
        if depths[worst] <= VALLEY and len(cuts) < MOST:
            return cuts
        del cuts[worst]
    return []


def _valleys(density: Sequence[float]) -> list[int]:
    """The middle of each lowest stretch between two rises."""
    found: list[int] = []
    fell = -1
    for place in range(1, len(density)):
        if density[place] < density[place - 1]:
            fell = place
        elif density[place] > density[place - 1] and fell >= 0:
            found.append((fell + place - 1) // 2)
            fell = -1
    return found
