"""Data identifiers: what the standard says that a meter holds under each of them, and how.

An identifier has four bytes, DI3 DI2 DI1 DI0, and is written as eight hex digits in this order:
`02010100` is the voltage of phase A. Numbers are BCD, the lowest byte first on the wire; where a
number has a sign, it is the highest bit.

Source: DL/T 645-2007, annex A, tables of energy, demand, variables and parameters.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

BLOCK = 0xFF
"""In DI1 it stands for all items there: of one quantity, of all phases, of all tariffs."""
TEXT = "text"
DIGITS = "digits"
WORD = "word"
DATE, TIME, MOMENT = "YYMMDDWW", "hhmmss", "YYMMDDhhmm"


class Item(NamedTuple):
    """One value and where it lies in the answer to its identifier; plain data that can travel.

    Attributes:
        di: the identifier, DI3 its highest byte.
        whole: bytes of data in the answer.
        start: where the value begins, from the lowest byte.
        size: bytes that it takes.
        form: `""` for a number, TEXT, DIGITS, WORD, or one of the formats of time.
        decimals: of a number, behind the point.
        signed: its highest bit is a sign.
    """

    di: int
    whole: int
    start: int
    size: int
    form: str = ""
    decimals: int = 0
    signed: bool = False

    @property
    def spelled(self) -> str:
        """The identifier as people write it."""
        return f"{self.di:08X}"


class Block(NamedTuple):
    """A block of like items that one answer brings.

    Attributes:
        di: its identifier.
        place: of an item in it, from 0.
        items: that it must have; 0: any number, and the first are always the same.
    """

    di: int
    place: int
    items: int


_TOTALS = range(0x0B)
_PHASES = (0x15, 0x29, 0x3D)
_COMBINED = {0x00, 0x03, 0x04}
"""Sums of what goes in and what goes out: they have a sign."""
_TARIFFS = 0x3F
_SETTLEMENTS = 0x0C
_VARIABLES = {
    0x01: (2, 1, False, range(1, 4)),  # voltage, V
    0x02: (3, 3, True, range(1, 4)),  # current, A
    0x03: (3, 4, True, range(4)),  # active power, kW
    0x04: (3, 4, True, range(4)),  # reactive power, kvar
    0x05: (3, 4, True, range(4)),  # apparent power, kVA
    0x06: (2, 3, True, range(4)),  # power factor
    0x07: (2, 1, False, range(1, 4)),  # phase angle, °
    0x08: (2, 2, False, range(1, 4)),  # distortion of the voltage, %
    0x09: (2, 2, False, range(1, 4)),  # distortion of the current, %
}
"""DI2 → bytes, decimals, whether there is a sign, what DI1 may be (0 the total, 1 to 3 a phase)."""
_OTHERS = {
    0x02800001: (3, 3, True),  # current of the neutral, A
    0x02800002: (2, 2, False),  # frequency, Hz
    0x02800003: (3, 4, True),  # active power, mean of a minute, kW
    0x02800004: (3, 4, True),  # active demand, kW
    0x02800005: (3, 4, True),  # reactive demand, kvar
    0x02800006: (3, 4, True),  # apparent demand, kVA
    0x02800007: (2, 1, True),  # temperature in the meter, °C
    0x02800008: (2, 2, False),  # battery of the clock, V
    0x02800009: (2, 2, False),  # battery for readings without mains, V
    0x0280000A: (4, 0, False),  # working time of the battery, min
    0x04000103: (1, 0, False),  # demand period, min
    0x04000306: (3, 0, False),  # ratio of the current transformers
    0x04000307: (3, 0, False),  # ratio of the voltage transformers
    0x04000409: (3, 0, False),  # pulses per kWh
    0x0400040A: (3, 0, False),  # pulses per kvarh
}
_OTHER_FORMS = {
    0x04000101: (4, DATE),
    0x04000102: (3, TIME),
    0x04000401: (6, DIGITS),  # communication address
    0x04000402: (6, DIGITS),  # number of the meter
    0x04000404: (6, TEXT),  # rated voltage
    0x04000405: (6, TEXT),  # rated current
    0x04000406: (6, TEXT),  # highest current
    0x0400040B: (10, TEXT),  # model
    0x0400040C: (10, TEXT),  # made on
    0x0400040D: (16, TEXT),  # version of the protocol
    **dict.fromkeys(range(0x04000501, 0x04000508), (2, WORD)),  # status words 1 to 7
}


@lru_cache(1024)
def item(di: int) -> Item | None:
    """What the standard says of an identifier; None where it says nothing, or this file doesn't."""
    if di in _OTHERS:
        size, decimals, signed = _OTHERS[di]
        return Item(di, size, 0, size, "", decimals, signed)
    if di in _OTHER_FORMS:
        size, form = _OTHER_FORMS[di]
        return Item(di, size, 0, size, form)
    di3, di2, di1, di0 = di.to_bytes(4, "big")
    if di3 == 2 and di2 in _VARIABLES and di0 == 0:  # noqa: PLR2004 - variables
        size, decimals, signed, places = _VARIABLES[di2]
        return Item(di, size, 0, size, "", decimals, signed) if di1 in places else None
    quantity = _quantity(di2)
    if di3 > 1 or quantity is None or di1 > _TARIFFS or di0 > _SETTLEMENTS:
        return None
    if di3 == 0:
        return Item(di, 4, 0, 4, "", 2, quantity in _COMBINED)
    return Item(di, 8, 0, 3, "", 4, quantity in _COMBINED) if quantity else None


def moment(found: Item) -> Item | None:
    """When a maximum demand was: it comes behind its value. None where the item is none."""
    if found.di >> 24 != 1 or found.whole != 8:  # noqa: PLR2004 - demand
        return None
    return found._replace(start=3, size=5, form=MOMENT, decimals=0, signed=False)


def block(di: int) -> Block | None:
    """The block that an item can be read with; None where there is none."""
    di3, di2, di1, _di0 = di.to_bytes(4, "big")
    if item(di) is None:
        return None
    whole = di | BLOCK << 8
    if di3 < 2:  # noqa: PLR2004 - energy and demand
        return Block(whole, di1, 0)
    if di3 == 2 and di2 in _VARIABLES:  # noqa: PLR2004 - variables
        places = _VARIABLES[di2][3]
        return Block(whole, di1 - places.start, len(places))
    return None


def _quantity(di2: int) -> int | None:
    """Which quantity of energy or demand, whether of all phases or of one."""
    if di2 in _TOTALS:
        return di2
    for first in _PHASES:
        if first <= di2 < first + 10:
            return di2 - first + 1
    return None
