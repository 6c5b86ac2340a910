"""Sets of numbers as sorted ranges: ids of ten hours in a few hundred bytes."""

from __future__ import annotations

from bisect import bisect_right


class Ranges:
    """A set of integers; neighbours share a range.

    Args:
        most: ranges at most; beyond, the lowest hole is taken for filled.

    Attributes:
        blurred: numbers that were taken for there so.
    """

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._lo: list[int] = []
        self._hi: list[int] = []
        self.blurred = 0

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._lo, number) - 1
        return at >= 0 and number <= self._hi[at]

    def add(self, lo: int, hi: int | None = None) -> bool:
        """Add [lo, hi], both ends in; False where all of it was there."""
        hi = lo if hi is None else hi
        lows, highs = self._lo, self._hi
        if highs and lo == highs[-1] + 1:  # by far the most frequent
            highs[-1] = hi
            return True
        first = bisect_right(lows, lo) - 1
        if first >= 0 and hi <= highs[first]:
            return False
        if first < 0 or highs[first] < lo - 1:
            first += 1
        last = first
        while last < len(lows) and lows[last] <= hi + 1:
            last += 1
        if first < last:
            lo, hi = min(lo, lows[first]), max(hi, highs[last - 1])
        lows[first:last] = [lo]
        highs[first:last] = [hi]
        if len(lows) > self._most:
            self.blurred += lows[1] - highs[0] - 1
            del lows[1], highs[0]
        return True

    def holes(self, above: int, upto: int) -> list[tuple[int, int]]:
        """Return the ranges of (above, upto] that are not in the set."""
        found: list[tuple[int, int]] = []
        free = above + 1
        for at in range(max(0, bisect_right(self._lo, above) - 1), len(self._lo)):
            if self._lo[at] > upto:
                break
            if free < self._lo[at]:
                found.append((free, self._lo[at] - 1))
            free = max(free, self._hi[at] + 1)
        if free <= upto:
            found.append((free, upto))
        return found
