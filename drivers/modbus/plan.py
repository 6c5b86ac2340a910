"""Tags to block reads: as few requests as the device's limits allow. Pure.

Tags of one table, sorted by address, are taken into a block as long as the block stays within
the device's limit and the gap to the next tag is worth reading: on a slow line, a wide one is not
(`worth`), so that a plan never costs more than its tags asked for one by one. Taking each tag as
early as possible gives the fewest blocks there are; a value is never split over two requests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from drivers.modbus.codec import width
from drivers.modbus.queries import Query, query
from drivers.modbus.register import Function, register_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from drivers.modbus.config import Settings
    from gateway.model import Tag

BITS_PER_REGISTER = 16


class Span(NamedTuple):
    """What one tag takes of its table; kept no longer than it takes to plan.

    Attributes:
        start: first register or bit.
        end: one beyond the last.
        tag: index of the tag in its group.
    """

    function: Function
    start: int
    end: int
    tag: int


@dataclass(frozen=True, slots=True)
class Block:
    """One request and the tags it serves.

    Attributes:
        start, count: registers, or bits of a bit table.
        tags: their indices in the group, by rising address; a range where they follow each other.
    """

    function: Function
    start: int
    count: int
    tags: Sequence[int]

    @property
    def halves(self) -> tuple[Sequence[int], Sequence[int]]:
        """Its tags in two parts, for a block that the device refused."""
        middle = len(self.tags) // 2
        return self.tags[:middle], self.tags[middle:]


def worth(settings: Settings, cost: Callable[[Query], tuple[int, int, float]]) -> Settings:
    """The settings with no wider gap than it pays to read over, on this link.

    Args:
        settings: of the device.
        cost: of a question on its link: bytes sent and received, and how long the link is taken.
    """
    one, two = (cost(query(Function.HOLDING, 0, count, settings.unit))[2] for count in (1, 2))
    register_s = two - one
    if register_s <= 0:  # a connection, on which bytes cost nothing
        return settings
    return replace(settings, gap=min(settings.gap, int((one - register_s) / register_s)))


def spans(tags: Sequence[Tag], wanted: Iterable[int] | None = None) -> list[Span]:
    """Where tags of a group lie: all of them in their order, or those with these indices."""
    found = []
    for index in range(len(tags)) if wanted is None else wanted:
        register = register_of(tags[index])
        end = register.address + width(tags[index])
        found.append(Span(register.function, register.address, end, index))
    return found


def blocks(wanted: Iterable[Span], settings: Settings) -> list[Block]:
    """Merge what is wanted into blocks."""
    result: list[Block] = []
    run: list[Span] = []
    end = 0
    for span in sorted(wanted):
        if run and not _fits(run[0], end, span, settings):
            result.append(block(run, settings))
            run, end = [], 0
        run.append(span)
        end = max(end, span.end)
    if run:
        result.append(block(run, settings))
    return result


def block(run: Sequence[Span], settings: Settings) -> Block:
    """One block over spans of one table, sorted by start."""
    function = run[0].function
    start, end = settings.widen(function, run[0].start, max(span.end for span in run))
    return Block(function, start, end - start, _indices([span.tag for span in run]))


def _indices(tags: Sequence[int]) -> Sequence[int]:
    """As a range where that says the same: a list of 125 numbers takes a kilobyte."""
    straight = range(tags[0], tags[0] + len(tags))
    return straight if list(straight) == tags else tuple(tags)


def _fits(first: Span, end: int, span: Span, settings: Settings) -> bool:
    """Whether the block from `first` to `end` may grow by a span that begins behind `first`."""
    function = span.function
    if function is not first.function:
        return False
    gap, limit = settings.gap, settings.max_read
    if function.is_bits:
        gap, limit = gap * BITS_PER_REGISTER, settings.max_bits
    if span.start - end > gap:
        return False
    start, end = settings.widen(function, first.start, max(end, span.end))
    return end - start <= limit
