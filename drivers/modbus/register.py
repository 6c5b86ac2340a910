"""The register: where a tag begins, once its address has been read."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from gateway.driver import Address, AddressError
from gateway.model import Kind
from gateway.words import _

if TYPE_CHECKING:
    from gateway.model import Tag

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


class Store(IntEnum):
    """The functions that write, by their codes."""

    COIL = 5
    REGISTER = 6
    COILS = 15
    REGISTERS = 16
    MASK = 22


class Writing(NamedTuple):
    """One write as it goes to the device.

    Attributes:
        address: as it goes over the wire, 0..65535.
        words: registers in wire order, bits as 0 and 1; for `Store.MASK` the bits to keep, and
            the bits to set.
    """

    store: Store
    address: int
    words: tuple[int, ...]


_LEADERS = {Function.COIL: 0, Function.DISCRETE: 1, Function.INPUT: 3, Function.HOLDING: 4}


class Register(NamedTuple):
    """Where a tag begins; `Tag.register` holds it as a bare tuple, plain data that can travel.

    Attributes:
        address: as it goes over the wire, 0..65535.
        bit: one bit of a register, 0 = least significant; None for all of it and for coils.
    """

    function: Function
    address: int
    bit: int | None = None


def register_of(tag: Tag) -> Register:
    """The tag's address as this driver's grammar read it.

    Raises:
        TypeError: for a tag of another driver, which is the caller's mistake.
    """
    if not isinstance(tag.register, (tuple, list)) or len(tag.register) != len(Register._fields):
        raise TypeError(f"{tag.device}.{tag.name} is no Modbus tag: {tag.register!r}")
    return _register(*tag.register)


@lru_cache(4096)  # a hundred like devices have the same registers
def _register(function: int, address: int, bit: int | None) -> Register:
    return Register(Function(function), address, bit)


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
        return Address((int(function), address, None), Kind.BIT)
    if bit is None:
        return Address((int(function), address, None))
    if bit not in _BITS:
        raise AddressError(
            "bad-bit",
            _("`{at}`: a register has bits 0 to 15").format(at=at),
            _("write the bit as a decimal number, 0 for the lowest"),
        )
    return Address((int(function), address, int(bit)), Kind.BIT)
