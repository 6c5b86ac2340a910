"""Bytes of an answer to one value: BCD with the lowest byte first; no I/O.

A digit above 9 is no number: meters fill with F what they don't measure.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from drivers.dlt645 import identifiers
from drivers.dlt645.identifiers import DATE, TIME, Item
from gateway.scaling import Scaling

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.model import Tag, Value

    Decode = Callable[[bytes], Value]
    """Takes an item's own bytes as they came, lowest first; None: they are no value."""

_CENTURY = "20"


def item_of(tag: Tag) -> Item:
    """The tag's address as this driver's grammar read it.

    Raises:
        TypeError: for a tag of another driver, which is the caller's mistake.
    """
    if not isinstance(tag.register, (tuple, list)) or len(tag.register) != len(Item._fields):
        raise TypeError(f"{tag.device}.{tag.name} is no DL/T 645 tag: {tag.register!r}")
    return Item(*tag.register)


def decoder(tag: Tag) -> Decode:
    """Prepare the decoder of a tag."""
    found = item_of(tag)
    match found.form:
        case "":
            return _number(tag, signed=found.signed)
        case identifiers.WORD:
            return _word(tag)
        case identifiers.DIGITS:
            return _digits
        case identifiers.TEXT:
            return _text
    return lambda data: _time(found.form, data)


def _number(tag: Tag, *, signed: bool) -> Decode:
    a, b, q = Scaling.of(tag.scale, tag.offset)
    missing = frozenset(tag.missing)

    def decode(data: bytes) -> Value:
        head = data[-1]
        is_negative = signed and head & 0x80 != 0
        digits = (data[:-1] + bytes((head & 0x7F,)) if is_negative else data)[::-1].hex()
        if not digits.isdecimal():
            return None
        raw = -int(digits) if is_negative else int(digits)
        if raw in missing:
            return None
        return raw * a + b if q == 1 else (raw * a + b) / q

    return decode


def _word(tag: Tag) -> Decode:
    a, b, q = Scaling.of(tag.scale, tag.offset)

    def decode(data: bytes) -> Value:
        raw = int.from_bytes(data, "little")
        return raw * a + b if q == 1 else (raw * a + b) / q

    return decode


def _digits(data: bytes) -> Value:
    digits = data[::-1].hex()
    return digits if digits.isdecimal() else None


def _text(data: bytes) -> Value:
    """ASCII, filled up with NULs or spaces."""
    try:
        return data[::-1].decode("ascii").strip("\0 ")
    except UnicodeDecodeError:
        return None


def _time(form: str, data: bytes) -> Value:
    """A date, a time of day, or a moment, of the meter's own clock; None where there is none such.

    The day of the week, which a date ends with, is not repeated.
    """
    digits = data[::-1].hex()
    try:
        if form == TIME:
            return dt.datetime.strptime(digits, "%H%M%S").time().isoformat()  # noqa: DTZ007
        if form == DATE:
            day = dt.datetime.strptime(_CENTURY + digits[:6], "%Y%m%d")  # noqa: DTZ007
            return day.date().isoformat()
        moment = dt.datetime.strptime(_CENTURY + digits, "%Y%m%d%H%M")  # noqa: DTZ007
    except ValueError:
        return None
    return moment.isoformat(" ", "minutes")
