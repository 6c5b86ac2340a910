"""Addresses: data identifiers as the standard and its tables write them.

00010000            energy imported, total: what the standard says of it is known
00-01-00-00         the same
01010000.time       when the maximum demand was
0280FF01 XX.XXXX    one of the maker's own, with its format as the manual writes it
0280FF02 -XXX.X     the highest bit is a sign
"""

from __future__ import annotations

import re
from functools import lru_cache

from drivers.dlt645.identifiers import BLOCK, DATE, DIGITS, MOMENT, TEXT, TIME, WORD, Item, moment
from drivers.dlt645.identifiers import item as known
from gateway.driver import Address, AddressError
from gateway.model import Kind
from gateway.words import _

LONGEST = 8
"""Bytes that one number of a maker's own may have."""
_DI = re.compile(r"((?:[0-9A-F]{2}[- ]?){3}[0-9A-F]{2})(\.[a-z]+)?(?:\s+(\S+))?", re.IGNORECASE)
_NUMBER = re.compile(r"(-?)(X+)(?:\.(X+))?")
_TIMES = {DATE: 4, TIME: 3, MOMENT: 5}
_KINDS = {TEXT: Kind.STRING, DIGITS: Kind.STRING, WORD: Kind.U16, "": Kind.BCD}
_REGISTERS = {1: 1, 2: 1, 3: 2, 4: 2}
"""Bytes of a number → registers of four digits that hold it, and wrap where it does or later."""


@lru_cache(4096)  # a hundred like meters have the same tags
def parse(at: str) -> Address:
    """Read an address.

    Raises:
        AddressError: with what is wrong and what to do next.
    """
    text = at.strip()
    if re.fullmatch(r"[1-9]\d{0,7}|0", text, re.ASCII):  # YAML takes leading zeros away
        text = text.zfill(8)
    match = _DI.fullmatch(text)
    if match is None:
        raise AddressError(
            "bad-address",
            _("`{at}` is no data identifier").format(at=at),
            _("write its eight hex digits, DI3 first, e.g. 02010100 for the voltage of phase A"),
        )
    di, part, notation = int(re.sub("[- ]", "", match[1]), 16), match[2], match[3]
    spelled = f"{di:08X}{part or ''}" + (f" {notation}" if notation else "")
    if notation is not None:
        return _address(_own(at, di, part, notation), spelled)
    found = known(di)
    if found is None:
        raise _unknown(at, di)
    if part is None:
        return _address(found, spelled)
    of_time = moment(found) if part.lower() == ".time" else None
    if of_time is None:
        what = _("`{at}`: it has no part {part}").format(at=at, part=part)
        raise AddressError(
            "bad-address", what, _("leave it out; only a maximum demand has .time").format()
        )
    return _address(of_time, spelled)


def _address(found: Item, spelled: str) -> Address:
    kind = Kind.STRING if found.form in _TIMES else _KINDS[found.form]
    if kind is not Kind.BCD:
        return Address(tuple(found), kind, spelled=spelled)
    length = _REGISTERS.get(found.size, 4)
    scale = float(f"1e-{found.decimals}")
    return Address(tuple(found), kind, length=length, scale=scale, spelled=spelled)


def _own(at: str, di: int, part: str | None, notation: str) -> Item:
    """An item whose format is written behind its identifier."""
    number = _NUMBER.fullmatch(notation)
    if number is not None and part is None:
        digits = len(number[2]) + len(number[3] or "")
        if digits % 2 == 0 and digits <= 2 * LONGEST:
            size, decimals = digits // 2, len(number[3] or "")
            return Item(di, size, 0, size, "", decimals, number[1] == "-")
    if notation in _TIMES and part is None:
        size = _TIMES[notation]
        return Item(di, size, 0, size, notation)
    raise AddressError(
        "bad-address",
        _("`{at}`: {notation} is no format").format(at=at, notation=notation),
        _(
            "write it as the manual does: XXXXXX.XX (two digits a byte, {most} at most), -XX.XXXX "
            "where the highest bit is a sign, or {times}"
        ).format(most=2 * LONGEST, times=", ".join(_TIMES)),
    )


def _unknown(at: str, di: int) -> AddressError:
    if di >> 8 & 0xFF == BLOCK:
        return AddressError(
            "bad-address",
            _("`{at}` is a block of several items").format(at=at),
            _("write each item as a tag of its own; they are read as one block all the same"),
        )
    return AddressError(
        "bad-address",
        _("`{at}`: the format of {di} is not known here").format(at=at, di=f"{di:08X}"),
        _("write it behind the identifier as the meter's manual does: {di} XXX.X").format(
            di=f"{di:08X}"
        ),
    )
