"""Sums of quarter hours, kept while nothing can change them.

Windows are put together from them, so closing a day doesn't read 100,000 entries again and a
display may ask each second. They are a cache: what late data touches is dropped and made anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.oee import Sums
from gateway.windows import QUARTER_MS

if TYPE_CHECKING:
    from collections.abc import Callable


class Cells:
    """One asset's sums.

    Args:
        make: sums up (start, end) from the log, given the time it is.
        is_settled: whether what is in time can no longer change sums up to an edge, given the
            time it is.

    Attributes:
        newest: end of the latest cell kept.
    """

    def __init__(
        self, make: Callable[[int, int, int], Sums], is_settled: Callable[[int, int], bool]
    ) -> None:
        self.newest = 0
        self._make = make
        self._is_settled = is_settled
        self._kept: dict[int, Sums] = {}

    def sum(self, start: int, end: int, until: int) -> Sums:
        """Sums of [start, end), as far as it lies before `until`, the time it is."""
        found = Sums()
        over = min(end, until)
        while start < over:
            edge = min((start // QUARTER_MS + 1) * QUARTER_MS, end)
            found += self._cell(start, edge, until)
            start = edge
        return found

    def drop(self, start: int, end: int) -> None:
        """Forget the cells that share time with [start, end)."""
        for cell in [cell for cell in self._kept if cell < end and cell + QUARTER_MS > start]:
            del self._kept[cell]

    def trim(self, front: int) -> None:
        """Forget the cells before a time."""
        self.drop(0, front)

    def _cell(self, start: int, end: int, until: int) -> Sums:
        kept = self._kept.get(start)
        if kept is not None and end - start == QUARTER_MS:
            return kept
        made = self._make(start, end, until)
        if end - start == QUARTER_MS and end <= until and self._is_settled(end, until):
            self._kept[start] = made
            self.newest = max(self.newest, end)
        return made
