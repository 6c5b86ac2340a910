"""One raw number or byte string to one value: what `struct` can't do, as one closure a tag.

A value is raw × scale + offset as `gateway.scaling` computes it.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from drivers.modbus.register import register_of
from gateway.model import Kind
from gateway.scaling import Scaling

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.model import Tag, Value

BITS_PER_REGISTER = 16

_INTEGER_BITS = {
    Kind.U16: 16,
    Kind.I16: 16,
    Kind.U32: 32,
    Kind.I32: 32,
    Kind.U64: 64,
    Kind.I64: 64,
    Kind.BITFIELD: 16,
    Kind.BCD: 64,
}
_JSON_INTEGER = 1 << 63
"""Whole numbers from here on don't fit what JSON encoders take; they become floats."""


class Conversion(NamedTuple):
    """What is left to do after unpacking.

    Attributes:
        apply: raw → value; None: the raw number is the value.
        may_fail: it can give None, for raw data that is no value.
    """

    apply: Callable[..., Value] | None
    may_fail: bool


def conversion(tag: Tag) -> Conversion:
    """Prepare the conversion of a tag read from registers.

    `Tag.missing` holds raw numbers (before scale and offset) by which the device says that it
    has no value; those, NaN, infinities, invalid BCD and undecodable text give None.
    """
    kind = tag.kind
    if kind is Kind.BIT:
        return Conversion(_bit(register_of(tag).bit or 0), may_fail=False)
    if kind is Kind.STRING:
        return Conversion(_text, may_fail=True)
    return _number(kind, tag.scale, tag.offset, tag.missing, tag.bits)


@lru_cache(256)  # thousands of tags, a few ways to write a number
def _number(
    kind: Kind,
    scale: float,
    offset: float,
    missing: tuple[float, ...],
    bits: tuple[int, int] | None,
) -> Conversion:
    """Prepare the conversion of a number."""
    line = Scaling.of(scale, offset)
    markers = _markers(kind, missing)
    if kind in {Kind.F32, Kind.F64}:
        return Conversion(_without(markers, _finite(line)), may_fail=True)
    scaled = _scaled(kind, line)
    if kind is Kind.BITFIELD:
        low, high = bits or (0, BITS_PER_REGISTER - 1)
        scaled = _field(low, high, scaled)
    if kind is Kind.BCD:
        return Conversion(_bcd(_without(markers, scaled) if markers else scaled), may_fail=True)
    if markers:
        return Conversion(_without(markers, scaled), may_fail=True)
    return Conversion(scaled, may_fail=False)


def _scaled(kind: Kind, line: Scaling) -> Callable[[int], Value] | None:
    """Scale an integer; it stays one where the line is whole and the result fits 64 bits."""
    a, b, q = line
    if (a, b, q) == (1, 0, 1):
        return None
    reach = abs(a) * (1 << _INTEGER_BITS[kind]) + abs(b)
    if q == 1 and reach < _JSON_INTEGER:
        return lambda raw: raw * a + b
    if (a, b) == (1, 0):
        return lambda raw: raw / q
    return lambda raw: (raw * a + b) / q


def _finite(line: Scaling) -> Callable[[float], Value]:
    """Scale a float; what isn't finite is no value."""
    a, b, q = line
    # x - x is 0 for every finite x, NaN for the rest: a third of the cost of math.isfinite.
    if (a, b, q) == (1, 0, 1):
        return lambda raw: raw if raw - raw == 0 else None

    def scale(raw: float) -> Value:
        value = (raw * a + b) / q
        return value if value - value == 0 else None

    return scale


def _without(markers: frozenset[float], then: Callable[..., Value] | None) -> Callable[..., Value]:
    """Give None for a marker, else what follows."""
    if then is None:
        return lambda raw: None if raw in markers else raw
    if not markers:
        return then
    return lambda raw: None if raw in markers else then(raw)


def _markers(kind: Kind, missing: tuple[float, ...]) -> frozenset[float]:
    """The device's own words for "no value", as the numbers that unpacking will give.

    They may have passed through a float on their way from the template: 0xFFFFFFFFFFFFFFFF
    arrives as 2⁶⁴ and is brought back to the largest number there is; a float is rounded to
    what 32 bits hold.
    """
    if kind is Kind.F32:
        return frozenset(map(_single, missing))
    if kind is Kind.F64:
        return frozenset(missing)
    bits = _INTEGER_BITS[kind]
    highest = (1 << (bits - 1 if kind in {Kind.I16, Kind.I32, Kind.I64} else bits)) - 1
    return frozenset(min(int(marker), highest) for marker in missing)


def _single(number: float) -> float:
    """Round to what an f32 holds."""
    try:
        rounded: float = struct.unpack(">f", struct.pack(">f", number))[0]
    except OverflowError:
        return number
    return rounded


def _bit(bit: int) -> Callable[[int], Value]:
    mask = 1 << bit
    return lambda raw: raw & mask != 0


def _field(low: int, high: int, then: Callable[[int], Value] | None) -> Callable[[int], Value]:
    """Bits `low` to `high` of a register, both included, as one number."""
    mask = (1 << (high - low + 1)) - 1
    if then is None:
        return lambda raw: raw >> low & mask
    return lambda raw: then(raw >> low & mask)


def _bcd(then: Callable[[int], Value] | None) -> Callable[[int], Value]:
    """Four digits a register: 0x1234 is 1234; a nibble above 9 is no value."""

    def read(raw: int) -> Value:
        try:
            number = int(f"{raw:x}")
        except ValueError:
            return None
        return number if then is None else then(number)

    return read


def _text(raw: bytes) -> Value:
    """Text up to the first NUL, without the spaces around it.

    UTF-8 first, since other encodings rarely pass for it by chance; then GB18030, which is what
    panels and PLC tools in China write.
    """
    held = raw.partition(b"\0")[0].strip()
    for encoding in ("utf-8", "gb18030"):
        try:
            return held.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None
