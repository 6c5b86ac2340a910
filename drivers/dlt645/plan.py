"""Tags to questions: one an identifier, or one for all items of a block; no I/O.

A question and its answer cost 36 bytes beside the data, and the meter thinks for 20 to 500 ms, so
two tags of a block are cheaper read with all of it. A meter that refuses a block, or answers with
another number of items than the standard says (a three-wire one may leave out phase B, and which
item is which can't be told any more), is asked for each item alone; after `RETRY_S` the blocks are
tried again, and so is what a meter says it doesn't hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from drivers.dlt645 import identifiers, messages
from drivers.dlt645.decode import decoder, item_of
from gateway.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivers.dlt645.config import Settings
    from drivers.dlt645.decode import Decode
    from gateway.model import Tag, Value

RETRY_S = 60.0


class Wanted(NamedTuple):
    """One tag of a read.

    Attributes:
        tag: its place in the plan.
        start, end: of its bytes in the answer.
    """

    tag: int
    di: int
    start: int
    end: int
    decode: Decode


class Read(NamedTuple):
    """One question.

    Attributes:
        di: the identifier that is asked for.
        sizes: bytes that the answer may have, the usual number first.
        wanted: what of it is a tag's.
    """

    di: int
    sizes: tuple[int, ...]
    wanted: tuple[Wanted, ...]

    @property
    def is_divisible(self) -> bool:
        """Whether it stands for several questions."""
        return any(one.di != self.di for one in self.wanted)

    def values(self, data: bytes) -> list[Value]:
        """What an answer holds for each of the tags.

        Raises:
            DecodeError: its length is none that the identifier has.
        """
        if len(data) not in self.sizes:
            raise DecodeError(messages.misfit(self.sizes[0], len(data)), data)
        return [one.decode(data[one.start : one.end]) for one in self.wanted]


class PreparedPlan:
    """What `Dlt645Driver.prepare` makes; opaque to the poller.

    Attributes:
        tags: in the order of the values.
        reads: what the next poll asks for.
        refused: tag name → message, for the tags that the meter doesn't give.
        retry_ns: when the first plan is tried again (monotonic), 0 while it is in use.
    """

    def __init__(self, tags: tuple[Tag, ...], settings: Settings) -> None:
        self.tags = tags
        self.refused: dict[str, str] = {}
        self.retry_ns = 0
        self._first = _reads(tags, blocks=settings.blocks)
        self.reads = self._first

    def change(self, reads: Sequence[Read], now_ns: int) -> None:
        """From the next poll on ask for these; after a while for what was planned at first."""
        self.reads = tuple(reads)
        if not self.retry_ns:
            self.retry_ns = now_ns + round(RETRY_S * 1e9)

    def retry(self) -> None:
        """Begin again with the fewest questions."""
        self.retry_ns = 0
        self.reads = self._first

    def parts(self, read: Read) -> tuple[Read, ...]:
        """One read for each item of a block."""
        indices = [one.tag for one in read.wanted]
        return _reads(self.tags, indices, blocks=False)

    def note(self, read: Read, message: Callable[[Tag], str]) -> None:
        """Keep why the tags of a read are bad."""
        for one in read.wanted:
            self.refused[self.tags[one.tag].name] = message(self.tags[one.tag])

    def forget(self, read: Read) -> None:
        """The tags of a read are answered again."""
        for one in read.wanted:
            self.refused.pop(self.tags[one.tag].name, None)


def _reads(
    tags: Sequence[Tag], indices: Sequence[int] | None = None, *, blocks: bool
) -> tuple[Read, ...]:
    """The questions for some of the tags (None: all), in the order of their first ones."""
    groups: dict[int, list[int]] = {}
    for index in range(len(tags)) if indices is None else indices:
        di = item_of(tags[index]).di
        block = identifiers.block(di) if blocks else None
        groups.setdefault(block.di if block else di, []).append(index)
    found: list[Read] = []
    for di, group in groups.items():
        if len({item_of(tags[index]).di for index in group}) > 1:
            found.append(_whole(di, tags, group))
            continue
        alone = item_of(tags[group[0]])
        wanted = tuple(_wanted(tags, index, 0) for index in group)
        found.append(Read(alone.di, (alone.whole,), wanted))
    return tuple(found)


def _whole(di: int, tags: Sequence[Tag], group: Sequence[int]) -> Read:
    """One read of a block."""
    wanted: list[Wanted] = []
    last = count = 0
    for index in group:
        block = identifiers.block(item_of(tags[index]).di)
        assert block is not None  # noqa: S101 - it is what they were grouped by
        last, count = max(last, block.place), block.items
        wanted.append(_wanted(tags, index, block.place))
    each = item_of(tags[group[0]]).whole
    if count:
        return Read(di, (each * count,), tuple(wanted))
    usual = max(last + 1, _USUAL_ITEMS)
    most = max(usual, _MOST_ITEMS)
    sizes = (usual, *(n for n in range(last + 1, most + 1) if n != usual))
    return Read(di, tuple(each * n for n in sizes), tuple(wanted))


_USUAL_ITEMS = 5
"""A total and four tariffs."""
_MOST_ITEMS = 64
"""A total and all tariffs of the standard."""


def _wanted(tags: Sequence[Tag], index: int, place: int) -> Wanted:
    found = item_of(tags[index])
    start = place * found.whole + found.start
    return Wanted(index, found.di, start, start + found.size, decoder(tags[index]))
