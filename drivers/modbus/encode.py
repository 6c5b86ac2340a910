"""Values to registers: the inverse of `convert` and `codec`, for one tag at a time.

A value is written exactly or not at all. A number that lies between two steps of the register, is
out of its reach, or would be read as "no value" is refused with the nearest that would do; only a
float register rounds, to the number it can hold, as the device itself would. Text is ASCII,
because which of its code pages a device shows other characters in can't be known.
"""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import TYPE_CHECKING

from drivers.modbus.convert import conversion
from gateway.driver import Unwritable
from gateway.model import Kind, Order
from gateway.words import _

if TYPE_CHECKING:
    from gateway.model import Tag, Value

_FLOATS = {Kind.F32: ">f", Kind.F64: ">d"}
_BITS = {Kind.U16: 16, Kind.I16: 16, Kind.U32: 32, Kind.I32: 32, Kind.U64: 64, Kind.I64: 64}
_SIGNED = {Kind.I16, Kind.I32, Kind.I64}
_SWAPPED = {Order.BADC, Order.DCBA}
_LOW_FIRST = {Order.CDAB, Order.DCBA}
_CLOSE = Fraction(1, 1_000_000)
"""Of a step: a scale that is no short decimal is matched as closely as this."""
_ASCII = range(0x20, 0x7F)


def bit_of(tag: Tag, value: Value) -> bool:
    """A value for a coil or one bit of a register.

    Raises:
        Unwritable: anything but true, false, 1 and 0.
    """
    if isinstance(value, str) or value not in (0, 1):
        raise Unwritable(_("{tag} takes true or false").format(tag=_name(tag)))
    return bool(value)


def field_of(tag: Tag, value: Value) -> tuple[int, int]:
    """A value for some bits of a register: the bits to set, and the mask of the field, in place.

    Raises:
        Unwritable: the field can't hold it.
    """
    if tag.kind is Kind.BIT:
        bit = tag.register[2] if isinstance(tag.register, tuple) else 0
        return bit_of(tag, value) << bit, 1 << bit
    low, high = tag.bits or (0, 15)
    most = (1 << (high - low + 1)) - 1
    return _whole(tag, value, 0, most) << low, most << low


def words_of(tag: Tag, value: Value) -> tuple[int, ...]:
    """A value as registers, in wire order.

    Raises:
        Unwritable: the registers can't hold it, or not exactly.
    """
    kind = tag.kind
    if kind is Kind.STRING:
        data = _text(tag, value)
    elif kind in _FLOATS:
        data = _float(tag, value)
    elif kind is Kind.BCD:
        digits = 4 * tag.length
        number = _whole(tag, value, 0, 10**digits - 1)
        data = bytes.fromhex(f"{number:0{digits}d}")
    else:
        bits = _BITS[kind]
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if kind in _SIGNED else (0, 2**bits - 1)
        number = _whole(tag, value, low, high)
        data = (number % (1 << bits)).to_bytes(bits // 8, "big")
    words = list(struct.unpack(f">{len(data) // 2}H", data))
    if tag.order in _LOW_FIRST and kind is not Kind.STRING:
        words.reverse()
    if tag.order in _SWAPPED:
        words = [word >> 8 | (word & 0xFF) << 8 for word in words]
    return tuple(words)


def _whole(tag: Tag, value: Value, low: int, high: int) -> int:
    """The raw number that reads as the value.

    Raises:
        Unwritable: between two steps, beyond what the register holds, or the mark for "none".
    """
    wanted = _number(tag, value)
    scale, offset = _exact(tag.scale), _exact(tag.offset)
    raw = (wanted - offset) / scale
    number = round(raw)
    ends = sorted((low * scale + offset, high * scale + offset))
    if not low <= number <= high:
        raise Unwritable(
            _("{tag} holds {low:g} to {high:g}, not {value:g}").format(
                tag=_name(tag), low=float(ends[0]), high=float(ends[1]), value=value
            )
        )
    if abs(raw - number) > _CLOSE:
        below = sorted(float(step * scale + offset) for step in (math.floor(raw), math.ceil(raw)))
        raise Unwritable(
            _("{tag} has steps of {step:g}: {below:.12g} or {above:.12g}, not {value:.12g}").format(
                tag=_name(tag),
                step=abs(tag.scale),
                below=below[0],
                above=below[1],
                value=value,
            )
        )
    if tag.missing and number in map(int, tag.missing):
        raise Unwritable(
            _("{tag}: {value:g} is the device's own mark for no value").format(
                tag=_name(tag), value=value
            )
        )
    return number


def _float(tag: Tag, value: Value) -> bytes:
    code = _FLOATS[tag.kind]
    try:
        raw = float((_number(tag, value) - _exact(tag.offset)) / _exact(tag.scale))
        data = struct.pack(code, raw)
    except OverflowError:
        data = b""
    if not data or conversion(tag).apply(struct.unpack(code, data)[0]) is None:  # type: ignore[misc]
        raise Unwritable(
            _("{tag}: no {kind} holds {value:g}").format(tag=_name(tag), kind=tag.kind, value=value)
        )
    return data


def _text(tag: Tag, value: Value) -> bytes:
    room = 2 * tag.length
    if not isinstance(value, str):
        raise Unwritable(_("{tag} takes text").format(tag=_name(tag)))
    if value != value.strip() or not all(ord(sign) in _ASCII for sign in value):
        raise Unwritable(
            _(
                "{tag} takes ASCII text without spaces around it: which code page the device shows "
                "other characters in isn't known"
            ).format(tag=_name(tag))
        )
    if len(value) > room:
        raise Unwritable(
            _("{tag} has room for {room} characters, not {count}").format(
                tag=_name(tag), room=room, count=len(value)
            )
        )
    return value.encode().ljust(room, b"\0")


def _number(tag: Tag, value: Value) -> Fraction:
    """A finite number, as the decimal that it was written as."""
    if isinstance(value, (bool, str)) or value is None or not math.isfinite(value):
        raise Unwritable(_("{tag} takes a number").format(tag=_name(tag)))
    return Fraction(str(value))


def _exact(number: float) -> Fraction:
    """The decimal that a scale or an offset stands for, free of binary noise."""
    return Fraction(f"{number:.12g}")


def _name(tag: Tag) -> str:
    return f"{tag.device}.{tag.name}"
