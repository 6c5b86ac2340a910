"""What one sign says for or against a device being of a make and model, in bits.

A sign that holds weighs as much as it would be surprising in any other device. Of registers that
nothing is known about, half are taken to hold 0, three in ten a number of any size (as many
between 1 and 10 as between 100 and 1000), the rest any bits at all. So a float between 45 and 65
says much, a register between 0 and 99 next to nothing, and no sign says more than `MOST`.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.model import Kind
from gateway.words import _

if TYPE_CHECKING:
    from gateway.model import Tag, Value
    from gateway.resolution.identity import Sign

MOST = 14.0
THERE = 1.0
"""Half of all devices refuse an address that is nothing special."""
REFUSED = -5.0
"""The device says that it has no such register, and a device of this kind has."""
NOT_REFUSED = -2.0
"""There is a register where the map has none; makers add some."""
OTHERWISE = -5.0
"""The register holds what it can't be."""
IDLE = -1.0
"""It holds 0: a phase that isn't connected, or another device."""
_ZERO, _ANY_SIZE, _ANY_BITS = 0.5, 0.3, 0.2
_WIDTHS = {Kind.U16: 16, Kind.I16: 16, Kind.BITFIELD: 16, Kind.U64: 64, Kind.I64: 64, Kind.F64: 64}
_FLOATS = {Kind.F32: (">f", ">I"), Kind.F64: (">d", ">Q")}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a sign says.

    Attributes:
        bits: for it, or against it where they are below 0.
        text: for people.
    """

    bits: float
    text: str


def weigh(sign: Sign, tag: Tag, value: Value, unit: int, *, is_answered: bool) -> Finding:
    """Hold what was read against what is to be there.

    Args:
        sign: what is to be found.
        tag: what was read.
        value: in the tag's unit; None where the register holds no value, or isn't there.
        unit: that answered.
        is_answered: False where the device refused, or said nothing.
    """
    place = f"{tag.name} ({tag.at})" if sign.tag else tag.at
    if not is_answered:
        if sign.refused:
            return Finding(THERE, _("{place} is refused, as expected").format(place=place))
        return Finding(REFUSED, _("{place} is refused").format(place=place))
    if sign.refused:
        text = _("{place} is there, and the map has no such register")
        return Finding(NOT_REFUSED, text.format(place=place))
    if sign.present:
        return Finding(THERE, _("{place} is there").format(place=place))
    if value is None or isinstance(value, str):
        return Finding(IDLE, _("{place} holds no value just now").format(place=place))
    return _held(sign, tag, value, unit, place)


def _held(sign: Sign, tag: Tag, value: float, unit: int, place: str) -> Finding:
    """The same for a register that holds a number."""
    fits = _("{place} is {value}, as expected")
    not_so = _("{place} is {value}")
    if sign.unit or sign.equals:
        wanted = (float(unit),) if sign.unit else sign.equals
        holds = value in wanted
        chance = sum(2.0 ** -surprise(tag, number, number) for number in wanted)
        bits = -math.log2(min(1.0, chance)) if holds else OTHERWISE
    else:
        low = -math.inf if (limit := _first(sign.low, tag.low)) is None else limit
        high = math.inf if (limit := _first(sign.high, tag.high)) is None else limit
        holds = low <= value <= high
        bits = THERE + surprise(tag, low, high) if holds else OTHERWISE
        bits = bits if holds or value else IDLE
        not_so = _("{place} is {value}, not {low:g} to {high:g}")
        not_so = not_so.format(place="{place}", value="{value}", low=low, high=high)
    shown = f"{value:.7g}" + (f" {tag.unit}" if tag.unit else "")
    return Finding(min(MOST, bits), (fits if holds else not_so).format(place=place, value=shown))


def _first(own: float | None, usual: float | None) -> float | None:
    return usual if own is None else own


def surprise(tag: Tag, low: float, high: float) -> float:
    """Bits that a value between two bounds says, in a register that nothing is known about."""
    ends = sorted(((low - tag.offset) / tag.scale, (high - tag.offset) / tag.scale))
    first, last = (_raw(tag.kind, end) for end in ends)
    bits = _WIDTHS.get(tag.kind, 32)
    whole = float(1 << bits)
    first, last = max(first, -whole / 2), min(last, whole)
    chance = _ZERO if first <= 0 <= last else 0.0
    least, most = max(first, 1.0), max(last, 0.0)
    if most >= least:
        chance += _ANY_SIZE * math.log2((most + 1) / least) / bits
    chance += _ANY_BITS * (last - first + 1) / whole
    return min(MOST, -math.log2(min(1.0, max(chance, 2.0**-MOST))))


def _raw(kind: Kind, number: float) -> float:
    """A number as the whole number that its bits are, which grows with it; below 0 as it is."""
    if kind not in _FLOATS or number <= 0:
        return number
    as_float, as_bits = _FLOATS[kind]
    try:
        (raw,) = struct.unpack(as_bits, struct.pack(as_float, number))
    except OverflowError:
        return math.inf
    return float(raw)
