"""A prepared plan: the blocks of one group with their questions and decoders.

What a device refuses is part of the plan's state. A block of several tags that is refused is
halved, and the halves that are answered take its place, until a refused tag stands alone; that
one is set aside for `RETRY_S`, so the others keep their speed. Then the first plan is tried
again: the device may have been changed, and the address may exist now.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from drivers.modbus.codec import Decode, bits_decoder, registers_decoder
from drivers.modbus.plan import Block, block, blocks, spans
from drivers.modbus.queries import Query, query
from drivers.modbus.register import register_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivers.modbus.config import Settings
    from gateway.model import Tag, Value

RETRY_S = 60.0


@dataclass(frozen=True, slots=True)
class Read:
    """One block, ready to be asked for."""

    block: Block
    query: Query
    decode: Decode


class PreparedPlan:
    """What `ModbusDriver.prepare` makes; opaque to the poller.

    Attributes:
        tags: in the order of the values.
        reads: what the next poll asks for.
        arrange: puts the values of `reads` into the order of `tags`, with None for those that
            no read serves.
        is_complete: every tag is served.
        refused: tag name → message, for the tags that the device doesn't give.
        retry_ns: when the first plan is tried again (monotonic), 0 while it is in use.
    """

    def __init__(self, tags: tuple[Tag, ...], settings: Settings) -> None:
        self.tags = tags
        self.refused: dict[str, str] = {}
        self.retry_ns = 0
        self._settings = settings
        self._first = tuple(self._read(found) for found in blocks(spans(tags), settings))
        self.reads: tuple[Read, ...]
        self.arrange: Callable[[list[Value]], tuple[Value, ...]]
        self.is_complete: bool
        self._adopt(self._first)

    def change(self, reads: Sequence[Read], now_ns: int) -> None:
        """From the next poll on ask for these; after a while for what was planned at first."""
        self._adopt(tuple(reads))
        if not self.retry_ns:
            self.retry_ns = now_ns + round(RETRY_S * 1e9)

    def retry(self) -> None:
        """Begin again with the fewest blocks."""
        self.retry_ns = 0
        self._adopt(self._first)

    def note(self, read: Read, message: Callable[[Tag], str]) -> None:
        """Keep why the tags of a read are bad."""
        for index in read.block.tags:
            tag = self.tags[index]
            self.refused[tag.name] = message(tag)

    def forget(self, read: Read) -> None:
        """The tags of a read are answered again."""
        for index in read.block.tags:
            self.refused.pop(self.tags[index].name, None)

    def halves(self, read: Read) -> tuple[Read, Read]:
        """Two reads for one that was refused; it serves at least two tags."""
        low, high = read.block.halves
        return self._half(low), self._half(high)

    def _adopt(self, reads: tuple[Read, ...]) -> None:
        served = [index for read in reads for index in read.block.tags]
        places = {tag: place for place, tag in enumerate(served)}
        wanted = [places.get(tag, len(served)) for tag in range(len(self.tags))]
        self.reads = reads
        self.arrange = _arranger(wanted, len(served))
        self.is_complete = len(served) == len(self.tags)

    def _half(self, part: Sequence[int]) -> Read:
        return self._read(block(spans(self.tags, part), self._settings))

    def _read(self, found: Block) -> Read:
        tags = [self.tags[index] for index in found.tags]
        offsets = [register_of(tag).address - found.start for tag in tags]
        decode = (
            bits_decoder(offsets, found.count)
            if found.function.is_bits
            else registers_decoder(tags, offsets, found.count)
        )
        asked = query(found.function, found.start, found.count, self._settings.unit)
        return Read(found, asked, decode)


def _arranger(wanted: list[int], served: int) -> Callable[[list[Value]], tuple[Value, ...]]:
    """Order the values; where they already are in order there is nothing to do."""
    if wanted == list(range(served)):
        return tuple
    if len(wanted) == 1:
        (only,) = wanted
        return lambda values: ([*values, None][only],)
    pick = itemgetter(*wanted)
    return lambda values: pick([*values, None])
