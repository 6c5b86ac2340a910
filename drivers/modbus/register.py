"""The register: where a tag begins, once its address has been read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from gateway.driver import Address, AddressError
from gateway.model import Kind
from gateway.words import _

LAST = 65535
"""The highest address a request can carry (Modbus Application Protocol V1.1b3, 4.4)."""
_BITS = tuple(map(str, range(16)))


class Function(IntEnum):
    """The four tables of a device; the number is the function code that reads one."""

    COIL = 1
    DISCRETE = 2
    HOLDING = 3
    INPUT = 4

    @property
    def word(self) -> str:
        """The table's name as addresses spell it."""
        return self.name.lower()

    @property
    def is_bits(self) -> bool:
        """True where one address is one bit, not one register."""
        return self <= Function.DISCRETE

    @property
    def leader(self) -> int:
        """The digit that manuals which count from 1 put in front: 0x, 1x, 3x or 4x."""
        return _LEADERS[self]


_LEADERS = {Function.COIL: 0, Function.DISCRETE: 1, Function.INPUT: 3, Function.HOLDING: 4}


@dataclass(frozen=True, slots=True)
class Register:
    """Where a tag begins.

    Attributes:
        address: as it goes over the wire, 0..65535.
        bit: one bit of a register, 0 = least significant; None for all of it and for coils.
    """

    function: Function
    address: int
    bit: int | None = None


def spell_entity(function: Function, number: int) -> str:
    """Spell the `number`-th register, counted from 1, as manuals do: `4x00041`."""
    return f"{function.leader}x{number:05d}"


def place(at: str, function: Function, address: int, bit: str | None) -> Address:
    """Make the address of one register or bit, once its table and number are known.

    Raises:
        AddressError: for a bit of a bit, or one beyond 0..15.
    """
    if function.is_bits:
        if bit is not None:
            raise AddressError(
                "bad-bit",
                _("`{at}`: {word} addresses are single bits already").format(
                    at=at, word=function.word
                ),
                _("leave out `.{bit}`").format(bit=bit),
            )
        return Address(Register(function, address), Kind.BIT)
    if bit is None:
        return Address(Register(function, address))
    if bit not in _BITS:
        raise AddressError(
            "bad-bit",
            _("`{at}`: a register has bits 0 to 15").format(at=at),
            _("write the bit as a decimal number, 0 for the lowest"),
        )
    return Address(Register(function, address, int(bit)), Kind.BIT)
