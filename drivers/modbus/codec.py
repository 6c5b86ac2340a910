"""Answers to values: one decoder a block, prepared once and then called at each poll.

A block's registers are unpacked by one `struct` with pad bytes over what no tag wants. Word and
byte orders cost no work per value, because each is a plain endianness of the whole block:

    order  on the wire            read as
    ABCD   A B C D                big-endian
    DCBA   D C B A                little-endian
    BADC   B A D C                big-endian, after the bytes of each register are swapped
    CDAB   C D A B                little-endian, after the bytes of each register are swapped

So a block in one order takes one unpack, a block in two orders two. A register read alone has no
word order: ABCD and CDAB read it as is, BADC and DCBA with its bytes swapped. A string has no word
order either; BADC and DCBA swap the bytes in each of its registers.

What `struct` can't do (bits, BCD, text, scale, the check for NaN) is one closure a tag, none for a
plain integer. Generated source would be faster by about a third and was rejected: it would mean
`exec` on a path that begins at a configuration file.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from drivers.modbus.convert import conversion
from gateway.model import Kind, Order, Value

if TYPE_CHECKING:
    from gateway.model import Tag

Decode = Callable[[bytes, list[Value]], bool]
"""Takes an answer's data, appends one value per tag, tells whether all of them are values."""

_CODES = {
    Kind.BIT: "H",
    Kind.BITFIELD: "H",
    Kind.U16: "H",
    Kind.I16: "h",
    Kind.U32: "I",
    Kind.I32: "i",
    Kind.U64: "Q",
    Kind.I64: "q",
    Kind.F32: "f",
    Kind.F64: "d",
}
_WIDTHS = {kind: struct.calcsize(code) // 2 for kind, code in _CODES.items()}
_BCD_CODES = {1: "H", 2: "I", 4: "Q"}
_SWAPPED = {Order.BADC, Order.CDAB}
_LITTLE = {Order.DCBA, Order.CDAB}
_TEXT_ORDER = {Order.CDAB: Order.ABCD, Order.DCBA: Order.BADC}

_BITS = tuple(tuple(byte >> bit & 1 == 1 for bit in range(8)) for byte in range(256))
"""The eight bits of each byte, lowest first: the order of coils in an answer (V1.1b3, 6.1)."""


def width(tag: Tag) -> int:
    """Registers that a tag takes; `Tag.length` counts registers for text and BCD."""
    if tag.kind in {Kind.STRING, Kind.BCD}:
        return tag.length
    return _WIDTHS[tag.kind]


def registers_decoder(tags: Sequence[Tag], offsets: Sequence[int], count: int) -> Decode:
    """Prepare the decoder of a block of registers.

    Args:
        tags: in the order in which values are wanted; they may overlap.
        offsets: where each tag begins, in registers from the block's start.
        count: registers in the block; data of another length raises `struct.error`.
    """
    read = _reader(tuple(map(_field, tags, offsets)), count)
    steps = [(place, *conversion(tag)) for place, tag in enumerate(tags)]
    sure = tuple((place, apply) for place, apply, may_fail in steps if apply and not may_fail)
    doubtful = tuple((place, apply) for place, apply, may_fail in steps if apply and may_fail)

    def decode(data: bytes, out: list[Value]) -> bool:
        values = read(data)
        for place, apply in sure:
            values[place] = apply(values[place])
        good = True
        for place, apply in doubtful:
            value = values[place] = apply(values[place])
            if value is None:
                good = False
        out += values
        return good

    return decode


def bits_decoder(offsets: Sequence[int], count: int) -> Decode:
    """Prepare the decoder of a block of coils or discrete inputs.

    Args:
        offsets: of each tag, in bits from the block's start, in the order wanted.
        count: bits in the block.
    """
    pick = _picker(offsets, (count + 7) // 8 * 8)

    def decode(data: bytes, out: list[Value]) -> bool:
        bits = list(chain.from_iterable(map(_BITS.__getitem__, data)))
        out += bits if pick is None else pick(bits)
        return True

    return decode


class _Field(NamedTuple):
    """One piece of a block: what one struct code reads."""

    order: Order
    offset: int
    code: str

    @property
    def end(self) -> int:
        return self.offset + struct.calcsize(f">{self.code}") // 2


class _Layer(NamedTuple):
    """Fields of one order that don't overlap, by rising offset."""

    order: Order
    fields: list[_Field]

    def unpacker(self, count: int) -> Callable[[bytes | array[int]], tuple[Any, ...]]:
        """One struct over the whole block, so that data of another length can't pass."""
        parts = ["<" if self.order in _LITTLE else ">"]
        at = 0
        for field in self.fields:
            parts += [f"{2 * (field.offset - at)}x", field.code]
            at = field.end
        parts.append(f"{2 * (count - at)}x")
        return struct.Struct("".join(parts)).unpack


def _field(tag: Tag, offset: int) -> _Field:
    """Where a tag's raw data lies and how it is read."""
    if tag.kind is Kind.STRING:
        return _Field(_TEXT_ORDER.get(tag.order, tag.order), offset, f"{2 * tag.length}s")
    code = _BCD_CODES[tag.length] if tag.kind is Kind.BCD else _CODES[tag.kind]
    return _Field(tag.order, offset, code)


def _layers(fields: Sequence[_Field]) -> list[_Layer]:
    """Lay the fields into as few layers as their orders and overlaps allow; equal ones once."""
    layers: list[_Layer] = []
    for field in sorted(set(fields)):
        for layer in layers:
            if layer.order is field.order and layer.fields[-1].end <= field.offset:
                layer.fields.append(field)
                break
        else:
            layers.append(_Layer(field.order, [field]))
    return layers


@lru_cache(16)  # devices of one model, which mostly stand together, share it
def _reader(fields: tuple[_Field, ...], count: int) -> Callable[[bytes], list[Any]]:
    """Prepare the unpacking of a block: the raw data of each field, in their order."""
    layers = _layers(fields)
    order = {field: slot for slot, field in enumerate(f for layer in layers for f in layer.fields)}
    pick = _picker([order[field] for field in fields], len(order))
    unpack = _unpacker(layers, count)
    return unpack if pick is None else lambda data: list(pick(unpack(data)))


def _unpacker(layers: Sequence[_Layer], count: int) -> Callable[[bytes], list[Any]]:
    """Unpack all layers, one behind the other."""
    parts = [(layer.unpacker(count), layer.order in _SWAPPED) for layer in layers]
    if len(parts) == 1:
        ((unpack, swapped),) = parts
        return (
            (lambda data: list(unpack(_swap(data))))
            if swapped
            else (lambda data: list(unpack(data)))
        )

    def read(data: bytes) -> list[Any]:
        raw: list[Any] = []
        for unpack, swapped in parts:
            raw += unpack(_swap(data) if swapped else data)
        return raw

    return read


def _swap(data: bytes) -> array[int]:
    """Swap the two bytes of each register."""
    words = array("H", data)
    words.byteswap()
    return words


def _picker(slots: Sequence[int], count: int) -> Callable[[list[Any]], Sequence[Any]] | None:
    """Choose and order what was read; None when it is all wanted in the order it came."""
    if list(slots) == list(range(count)):
        return None
    if len(slots) == 1:
        (only,) = slots
        return lambda raw: (raw[only],)
    return itemgetter(*slots)
