"""What one unit holds: coils, discrete inputs, holding and input registers, by address."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Table(StrEnum):
    """The four tables of Modbus (Application Protocol V1.1b3, 4.3)."""

    COIL = "coil"
    DISCRETE = "discrete"
    HOLDING = "holding"
    INPUT = "input"

    @property
    def is_bits(self) -> bool:
        """True for the tables of single bits."""
        return self in {Table.COIL, Table.DISCRETE}

    @property
    def width(self) -> int:
        """Bytes kept per element: a register is two, a bit is one (0 or 1)."""
        return 1 if self.is_bits else 2


@dataclass(frozen=True, slots=True)
class Area:
    """Addresses that exist: `count` elements of a table from `first` on, counted from 0.

    Attributes:
        writable: addresses in it that a client may write; most devices' readings are not.
    """

    table: Table
    first: int
    count: int
    writable: range = range(0)


class Memory:
    """The areas of one unit, kept as the bytes that travel.

    A read is then a slice, and a 32-bit counter put as one slice is never seen torn: requests are
    answered on the loop that also puts values.
    """

    def __init__(self, areas: Sequence[Area]) -> None:
        self._blocks = [(area, bytearray(area.count * area.table.width)) for area in areas]

    def has(self, table: Table) -> bool:
        """Tell whether the unit has such a table at all."""
        return any(area.table is table for area, _ in self._blocks)

    def writes(self, table: Table) -> bool:
        """Tell whether anything in the table can be written by a client."""
        return any(area.table is table and area.writable for area, _ in self._blocks)

    def get(self, table: Table, at: int, count: int) -> bytes | None:
        """Return the elements' bytes, or None where not all of them exist in one area."""
        for area, data in self._blocks:
            if area.table is table and area.first <= at and at + count <= area.first + area.count:
                start = (at - area.first) * table.width
                return bytes(data[start : start + count * table.width])
        return None

    def put(self, table: Table, at: int, data: bytes) -> None:
        """Set elements from the simulated machine's side.

        Raises:
            LookupError: the addresses don't exist; a simulator's own mistake.
        """
        count = len(data) // table.width
        for area, kept in self._blocks:
            if area.table is table and area.first <= at and at + count <= area.first + area.count:
                start = (at - area.first) * table.width
                kept[start : start + len(data)] = data
                return
        raise LookupError(f"no {table} {at}..{at + count - 1}")

    def write(self, table: Table, at: int, data: bytes) -> bool:
        """Set elements from a client's side; False, and nothing set, where not all may be."""
        last = at + len(data) // table.width - 1
        for area, _ in self._blocks:
            if area.table is table and at in area.writable and last in area.writable:
                self.put(table, at, data)
                return True
        return False
