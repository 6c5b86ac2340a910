"""Addresses whose number counts bytes, as Siemens writes them.

    V10.3  I0.0  Q0.7  %MX4.1  DB10.DBX4.1     a bit of a byte
    VB10  %MB4  DB10.DBB4                      a byte
    VW10  %MW4  AIW0  DB10.DBW4                a word: two bytes, the first one is the high one
    VD10  %MD4  DB10.DBD4                      four bytes: u32 unless the tag says f32 or i32

A register holds two bytes, so words begin at every second byte, counted from the area's first;
VB10 is the high byte of VW10, and V10.0 its bit 8. `DB` without a number is the block that the
program serves, whichever that is: DBW4.

Source: the mapping of V memory, S7-200 SMART System Manual A5E03822230-AF, page 474.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from drivers.modbus.register import place
from gateway.driver import Address, AddressError
from gateway.model import Kind
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.modbus.areas import Area

_BLOCK = re.compile(r"%?(DB\d{1,5})\.DB[XBWD]\d.*", re.IGNORECASE | re.ASCII)
_AREA = re.compile(r"%?(DB|[A-Z]{1,3}?)[XBWD]?\d.*", re.IGNORECASE | re.ASCII)
_REST = re.compile(r"([XBWD]?)(\d{1,9})(?:\.(.*))?", re.IGNORECASE | re.ASCII)
_BYTES = {"X": 1, "B": 1, "W": 2, "D": 4}
_SIGNED = {Kind.I16, Kind.I32}
_BIT = re.compile("[0-7]", re.ASCII)
_WORD_BIT = re.compile("[0-9]|1[0-5]", re.ASCII)


class Part(NamedTuple):
    """What an address says behind the name of its area.

    Attributes:
        size: X (a bit), B, W or D.
        byte: the first one.
        bit: as it was written, None where none was.
    """

    size: str
    byte: int
    bit: str | None


def split(at: str, name: str) -> Part | None:
    """Read an address in the area `name`; None where it is in another."""
    text = at.removeprefix("%")
    if not text.casefold().startswith(name.casefold()):
        return None
    rest, is_block = text[len(name) :], name[:2].upper() == "DB"
    if is_block and name[2:].isdigit():
        if rest[:3].upper() != ".DB":
            return None
        rest = rest[3:]
    match = _REST.fullmatch(rest)
    if match is None:
        return None
    bit = match[3]
    if is_block and not match[1]:  # DB4, DB4.0: which of the two numbers is meant is open
        if bit and not bit.isdigit():
            return None
        bit = None
    return Part(match[1].upper() or "X", int(match[2]), bit)


def area_of(at: str) -> str | None:
    """Name the area that an address is written in, whether a device has it or not."""
    match = _BLOCK.fullmatch(at) or _AREA.fullmatch(at)
    return match[1].upper() if match else None


def choose(at: str, parts: Sequence[tuple[Area, Part]]) -> Address:
    """Read an address in the first area that holds all of its bytes.

    Raises:
        AddressError: a bit or a size that the area can't give, or bytes beyond it.
    """
    for area, part in parts:
        _check(at, area, part)
        if area.first <= part.byte and part.byte + _BYTES[part.size] - 1 <= area.last:
            return _address(at, area, part)
    area, part = parts[0]
    spans = ", ".join("–".join(_ends(area, part.size)) for area, _part in parts)
    raise beyond(at, spans, _ends(area, part.size)[part.byte >= area.first])


def beyond(at: str, spans: str, near: str) -> AddressError:
    """Say that an address is out of range, what there is, and what lies nearest."""
    next_ = _(
        "this device has {spans}; the nearest is {near}. "
        "If the PLC has more, state it under `areas`"
    )
    what = _("`{at}` is out of range").format(at=at)
    return AddressError("address-range", what, next_.format(spans=spans, near=near))


def spelt(area: Area, size: str, byte: int, bit: str | int | None = None) -> str:
    """Spell an address as the PLC's programmer does."""
    name = area.name if not area.name[2:].isdigit() else f"{area.name}.DB"
    is_block = area.name[:2].upper() == "DB"
    letter = "" if size == "X" and not is_block else size
    return f"{name}{letter}{byte}" + (f".{bit}" if size == "X" and bit is not None else "")


def first_of(area: Area) -> str:
    """Spell an area's first address."""
    return _ends(area, "X" if area.function.is_bits else "W")[0]


def _ends(area: Area, size: str) -> tuple[str, str]:
    """The first and the last address of a size."""
    last = area.last + 1 - _BYTES[size]
    if size in "WD":
        last -= (last - area.first) % 2
    return spelt(area, size, area.first, 0), spelt(area, size, last, 7)


def _check(at: str, area: Area, part: Part) -> None:
    """Refuse what no byte of this area could make right."""
    size, byte, bit = part
    if area.function.is_bits and size != "X":
        raise AddressError(
            "bad-kind",
            _("`{at}`: {name} is read bit by bit").format(at=at, name=area.name),
            _("write `{first}` to `{last}`").format(
                first=spelt(area, "X", byte, 0), last=spelt(area, "X", byte, 7)
            ),
        )
    if size == "X" and (bit is None or not _BIT.fullmatch(bit)):
        next_ = _("name the bit, `{first}` to `{last}`").format(
            first=spelt(area, "X", byte, 0), last=spelt(area, "X", byte, 7)
        )
        if not area.function.is_bits:
            next_ = _("{bits}, or write `{word}` for a word").format(
                bits=next_, word=spelt(area, "W", byte)
            )
        raise AddressError("bad-bit", _("`{at}` names no bit of a byte").format(at=at), next_)
    if size != "X" and bit is not None:
        raise AddressError(
            "bad-bit",
            _("`{at}`: bits are counted in bytes").format(at=at),
            _("write `{right}`").format(right=spelt(area, "X", *_in_byte(part))),
        )
    if size in "WD" and (byte - area.first) % 2:
        raise AddressError(
            "unaligned",
            _("`{at}` lies across two registers").format(at=at),
            _("Modbus gives whole words, from `{low}` or `{high}`").format(
                low=spelt(area, size, byte - 1), high=spelt(area, size, byte + 1)
            ),
        )


def _in_byte(part: Part) -> tuple[int, int]:
    """The byte and its bit that were meant by a bit of a word (`VW10.3`), which has 16."""
    bit = int(part.bit) if part.bit and _WORD_BIT.fullmatch(part.bit) else 0
    last = part.byte + _BYTES[part.size] - 1
    return last - bit // 8, bit % 8


def _address(at: str, area: Area, part: Part) -> Address:
    offset, size = part.byte - area.first, part.size
    if area.function.is_bits:
        return place(at, area.function, area.at + 8 * offset + int(part.bit or 0), None)
    start, low = area.at + offset // 2, 0 if offset % 2 else 8
    if size == "X":
        return place(at, area.function, start, str(low + int(part.bit or 0)))
    register = place(at, area.function, start, None).register
    if size == "B":
        return Address(register, Kind.BITFIELD, area.order, (low, low + 7), room=1)
    room = (area.last + 1 - part.byte) // 2
    if size == "W":
        return Address(register, area.kind, area.order, room=room)
    kind = Kind.I32 if area.kind in _SIGNED else Kind.U32
    return Address(register, kind, area.order, room=room)
