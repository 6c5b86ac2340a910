"""Sums of quarter hours, kept while nothing can change them.

Windows are put together from them, so closing a day doesn't read 100,000 entries again and a
display may ask each second. They are a cache: what late data touches is dropped and made anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from gateway.figures.windows import QUARTER_MS, quarters

if TYPE_CHECKING:
    from collections.abc import Callable


class Additive(Protocol):
    """What neighbouring stretches of time add up to."""

    def __add__(self, other: Self, /) -> Self:
        """The sum of this stretch and the one that follows it."""


S = TypeVar("S", bound=Additive)


class Cells(Generic[S]):
    """One asset's sums of one sort.

    Args:
        nothing: the sum of no time.
        make: sums up (start, end) from the log, given the time it is.
        is_settled: whether what is in time can no longer change sums up to an edge, given the
            time it is.

    Attributes:
        newest: end of the latest cell kept.
    """

    def __init__(
        self,
        nothing: S,
        make: Callable[[int, int, int], S],
        is_settled: Callable[[int, int], bool],
    ) -> None:
        self.newest = 0
        self._nothing = nothing
        self._make = make
        self._is_settled = is_settled
        self._kept: dict[int, S] = {}

    def sum(self, start: int, end: int, now_ms: int) -> S:
        """The sum of [start, end), as far as it has passed."""
        found = self._nothing
        for first, last in quarters(start, end):
            if first < now_ms:
                found += self._cell(first, last, now_ms)
        return found

    def drop(self, start: int, end: int) -> None:
        """Forget the cells that share time with [start, end)."""
        for cell in [cell for cell in self._kept if cell < end and cell + QUARTER_MS > start]:
            del self._kept[cell]
        self.newest = max((cell + QUARTER_MS for cell in self._kept), default=0)

    def _cell(self, start: int, end: int, now_ms: int) -> S:
        is_whole = end - start == QUARTER_MS
        kept = self._kept.get(start) if is_whole else None
        if kept is not None:
            return kept
        made = self._make(start, end, now_ms)
        if is_whole and end <= now_ms and self._is_settled(end, now_ms):
            self._kept[start] = made
            self.newest = max(self.newest, end)
        return made
