"""The parts of one window, gathered a few at a time, so that a shift of 200 assets holds up nobody.

Whatever figures need other assets' (a line's sums, a shared meter's allocation) go this way: a
`Collector` is given the part of each asset, and is asked for its figures when it has all of them.
Where a part changes meanwhile, the gathering begins anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.figures.part import Part
    from gateway.figures.share import Share
    from gateway.figures.windows import Window
    from gateway.rollup.budget import Budget

AT_HAND, ANEW = 1, 8
"""What a part costs: its sums are at hand, or are made anew; one unit is a few tenths of a ms."""


class Collector(Protocol):
    """Takes the parts of a window."""

    def add(self, part: Part) -> None:
        """Take one; each asset's comes once."""


C = TypeVar("C", bound=Collector)


def gather(collector: C, waiting: list[Share], window: Window, now_ms: int, budget: Budget) -> bool:
    """Give a collector the next parts.

    Args:
        collector: takes them.
        waiting: assets whose parts are still to come; those that are through are taken out.
        window: what the figures are for.
        now_ms: UTC ms.
        budget: what is left of it is for others.

    Returns:
        Whether it has all of them; else go on later.
    """
    while waiting:
        share = waiting[-1]
        if budget.left <= 0 or not share.is_done(window, now_ms):
            return False
        budget.left -= AT_HAND if share.is_at_hand(window) else ANEW
        collector.add(share.part(window, now_ms))
        waiting.pop()
    return True


def who(shares: Iterable[Share], window: Window, line: str | None) -> list[Share]:
    """The assets that have a window, and stood on a line at its end; None: on any."""
    return [
        share
        for share in shares
        if share.has(window) and (line is None or share.line_at(window.end) == line)
    ]
