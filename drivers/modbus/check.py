"""Whether a tag's kind, length, bits and address go together; said before anything is polled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from drivers.modbus.codec import width
from drivers.modbus.config import Settings
from drivers.modbus.register import LAST, Register, register_of
from drivers.modbus.writable import why_not
from gateway.driver import AddressError
from gateway.model import Kind
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.model import Tag

_BCD_LENGTHS = (1, 2, 4)
_NOT_NUMBERS = {Kind.BIT, Kind.STRING}
_LEAST_SCALE, _MOST_SCALE = 1e-12, 1e12


def check_tag(tag: Tag, options: Mapping[str, object]) -> None:
    """Check one tag against its address and its device's limits.

    Raises:
        AddressError: the first thing that is wrong, and what to do.
    """
    settings = Settings.of(options)
    register = register_of(tag)
    _check_bits(tag, register)
    _check_length(tag, register, settings)
    _check_room(tag, options.get("room"))
    _check_numbers(tag)
    if tag.write is not None:
        _check_write(tag, settings)


def _check_bits(tag: Tag, register: Register) -> None:
    """Bits where the kind wants bits, and only there."""
    if register.function.is_bits and tag.kind is not Kind.BIT:
        raise AddressError(
            "bad-kind",
            _("`{at}` is a single bit, not {kind}").format(at=tag.at, kind=tag.kind),
            _("write `kind: bit`, or the address of a register"),
        )
    if tag.kind is Kind.BIT and not register.function.is_bits and register.bit is None:
        raise AddressError(
            "bad-kind",
            _("`{at}` is a whole register, not a bit").format(at=tag.at),
            _("name the bit, `{at}.0` to `{at}.15`").format(at=tag.at),
        )
    if tag.kind is not Kind.BIT and register.bit is not None:
        raise AddressError(
            "bad-kind",
            _("`{at}` is a single bit, not {kind}").format(at=tag.at, kind=tag.kind),
            _("write `kind: bit`, or leave out `.{bit}`").format(bit=register.bit),
        )
    if (tag.kind is Kind.BITFIELD) != (tag.bits is not None):
        raise AddressError(
            "bad-bits",
            _("`bits` and `kind: {kind}` don't go together").format(kind=tag.kind)
            if tag.bits is not None
            else _("`kind: {kind}` says no `bits`").format(kind=Kind.BITFIELD),
            _("write `kind: bitfield` with `bits: 0-3`, or name a single bit in the address"),
        )
    if tag.bits is not None and not 0 <= tag.bits[0] <= tag.bits[1] <= 15:  # noqa: PLR2004 - a register
        raise AddressError(
            "bad-bits",
            _("`bits: {low}-{high}` is no part of a register").format(
                low=tag.bits[0], high=tag.bits[1]
            ),
            _("give the lowest and the highest bit, 0 to 15"),
        )


def _check_length(tag: Tag, register: Register, settings: Settings) -> None:
    """A length that the kind, the device and the address space can give."""
    limit = settings.max_bits if register.function.is_bits else settings.max_read
    if tag.kind is Kind.BCD and tag.length not in _BCD_LENGTHS:
        raise AddressError(
            "bad-length",
            _("BCD in {length} registers").format(length=tag.length),
            _("`length` is 1, 2 or 4 registers of four digits each"),
        )
    if tag.kind is Kind.STRING and not 1 <= tag.length <= limit:
        raise AddressError(
            "bad-length",
            _("text in {length} registers").format(length=tag.length),
            _("`length` counts registers of two characters each, 1 to {limit}").format(limit=limit),
        )
    if tag.kind not in {Kind.BCD, Kind.STRING} and tag.length != 1:
        raise AddressError(
            "bad-length",
            _("`length` and `kind: {kind}` don't go together").format(kind=tag.kind),
            _("leave it out: it is for string and bcd"),
        )
    words = width(tag)
    start, end = settings.widen(register.function, register.address, register.address + words)
    if end - start > limit:
        raise AddressError(
            "bad-length",
            _("{kind} takes {words} registers, the device gives {limit} at once").format(
                kind=tag.kind, words=end - start, limit=limit
            ),
            _("raise `read: {max: …}` in the device's template if the device gives more"),
        )
    if register.address + words - 1 > LAST:
        raise AddressError(
            "address-range",
            _("`{at}` and {words} registers reach beyond address 65535").format(
                at=tag.at, words=words
            ),
            _("check the address and the length"),
        )


def _check_room(tag: Tag, room: object) -> None:
    """All of a tag in its PLC area: what lies behind an area's end is another's."""
    words = width(tag)
    if isinstance(room, int) and words > room:
        raise AddressError(
            "address-range",
            _("`{at}`: {kind} takes {words} registers, and its area ends after {room}").format(
                at=tag.at, kind=tag.kind, words=words, room=room
            ),
            _("check the address and the kind; what comes next in the PLC lies elsewhere"),
        )


def _check_numbers(tag: Tag) -> None:
    """Scale, offset and missing only where there is a number, and within reason."""
    if tag.kind in _NOT_NUMBERS and (tag.scale != 1 or tag.offset or tag.missing):
        raise AddressError(
            "bad-scale",
            _("{kind} is no number to scale").format(kind=tag.kind),
            _("leave out `scale`, `offset` and `missing`"),
        )
    if not _LEAST_SCALE <= abs(tag.scale) <= _MOST_SCALE:
        raise AddressError(
            "bad-scale",
            _("`scale: {scale}` is out of reason").format(scale=tag.scale),
            _("give one between 1e-12 and 1e12"),
        )
    if not abs(tag.offset) <= _MOST_SCALE:
        raise AddressError(
            "bad-scale",
            _("`offset: {offset}` is out of reason").format(offset=tag.offset),
            _("give one between -1e12 and 1e12"),
        )
    if not all(map(math.isfinite, tag.missing)):
        raise AddressError(
            "bad-scale",
            _("`missing` names what is no number"),
            _("leave it out: NaN is bad without being named"),
        )


def _check_write(tag: Tag, settings: Settings) -> None:
    """Permission to write only where writing can be done, and within a range."""
    reason = why_not(tag, settings)
    if reason:
        raise AddressError("read-only", reason, _("delete `write`, or give the address to write"))
    write = tag.write
    if write is None or tag.kind in _NOT_NUMBERS:
        return
    if write.min is None or write.max is None:
        raise AddressError(
            "no-range",
            _("`write` without a range allows anything that the register can hold"),
            _("give both: write: {{min: 0, max: 200, every: 5s}}").format(),
        )
