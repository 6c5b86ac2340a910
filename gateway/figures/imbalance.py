"""Imbalance of three phases: the largest deviation from their mean over the mean (NEMA MG 1).

The negative-sequence unbalance of GB/T 15543 is another quantity and is not computed here. Phases
are sampled once a minute, with the first reading of each minute; only those count, whatever else
the log holds, so that late readings and restarts change nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from fractions import Fraction
from typing import TYPE_CHECKING

from gateway.figures.course import exact
from gateway.figures.windows import MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.figures.journal import Journal, Series


def imbalances(journal: Journal, phases: Sequence[str], start: int, end: int) -> list[Fraction]:
    """The imbalance in each minute that begins in [start, end) and in which all phases were read.

    Each is rounded to the nearest binary fraction, so that sums of thousands stay short.
    """
    columns = [journal.numbers.get(phase) for phase in phases]
    found: list[Fraction] = []
    for minute in range(-(-start // MINUTE_MS) * MINUTE_MS, end, MINUTE_MS):
        values = [_sample(column, minute) for column in columns]
        if None not in values:
            imbalance = imbalance_of([value for value in values if value is not None])
            if imbalance is not None:
                found.append(Fraction(float(imbalance)))
    return found


def imbalance_of(phases: Sequence[float]) -> Fraction | None:
    """The largest deviation from the mean over the mean; None where nothing is on the phases."""
    values = [exact(value) for value in phases]
    mean = sum(values, Fraction(0)) / len(values)
    if mean <= 0:
        return None
    return max(abs(value - mean) for value in values) / mean


def _sample(column: Series[float] | None, minute: int) -> float | None:
    """The first reading of a minute."""
    if column is None:
        return None
    place = bisect_left(column.times, minute)
    is_there = place < len(column) and column.times[place] < minute + MINUTE_MS
    return column.values[place] if is_there else None
