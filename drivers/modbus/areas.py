"""The PLC's own addresses: areas that a template or the site file maps to the Modbus tables.

An area is listed as `{area: D, base: 10, function: holding, at: 0, first: 0, last: 7999, kind:
u16}`: element `first` lies at Modbus address `at`, each further one `stride` (default 1) behind.
Where a PLC moved the upper part of an area elsewhere, a second entry continues the first: one
named alike, or `D_high`, `M8000+`, `C32` as the tables of such PLCs name them.

Where the number counts bytes (`counts: bytes`), as Siemens does, `bytewise.py` reads the address.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from drivers.modbus.bytewise import area_of, beyond, choose, first_of, spelt, split
from drivers.modbus.register import Function, place
from gateway.driver import Address, AddressError
from gateway.model import Kind
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_ELEMENT = re.compile(r"([A-Za-z_]+?)(\d[0-9A-Fa-f]{0,8})(?:\.(.*))?", re.ASCII)
_CONTINUES = re.compile(r"(_high|\d+\+?)$")
_SPELL = {8: "o", 10: "d", 16: "X"}


@dataclass(frozen=True, slots=True)
class Area:
    """A run of elements of one kind.

    Attributes:
        name: what stands before the number, e.g. `D`.
        base: how the PLC writes its numbers: 8, 10 or 16.
        at: Modbus address of element `first`.
        first, last: elements, counted as plain integers (X17 in octal is element 15); bytes where
            `is_bytewise`.
        kind: what an element holds unless the tag says otherwise.
        order: word order of numbers wider than one register, where the area has its own.
        is_bytewise: the number counts bytes.
    """

    name: str
    base: int
    function: Function
    at: int
    first: int
    last: int
    stride: int
    kind: Kind
    order: str | None
    is_bytewise: bool = False

    @classmethod
    def of(cls, entry: Mapping[str, object]) -> Area:
        """Make one from a template's entry; the template's reader has checked its types."""
        function = Function[str(entry["function"]).upper()]
        kind = entry.get("kind") or (Kind.BIT if function.is_bits else Kind.U16)
        order = entry.get("order")
        is_bytewise = entry.get("counts") == "bytes"
        name = str(entry["area"])
        return cls(
            name=name if is_bytewise else _CONTINUES.sub("", name),
            base=int(str(entry.get("base", 10))),
            function=function,
            at=int(str(entry["at"])),
            first=int(str(entry.get("first", 0))),
            last=int(str(entry["last"])),
            stride=int(str(entry.get("stride", 1))),
            kind=Kind(str(kind)),
            order=None if order is None else str(order),
            is_bytewise=is_bytewise,
        )

    def spell(self, element: int) -> str:
        """Spell an element as the PLC does: 16 in an octal area X is `X20`."""
        return f"{self.name}{element:{_SPELL[self.base]}}"

    def address(self, at: str, element: int, bit: str | None) -> Address:
        """The Modbus address of an element, which lies in this area."""
        start = self.at + (element - self.first) * self.stride
        address = place(at, self.function, start, bit)
        end = self.at + (self.last - self.first + 1) * self.stride
        # Where elements overlap, as 32-bit counters at stride 1 do, none ends before the next.
        is_sure = self.kind in {Kind.U16, Kind.I16} or self.stride > 1
        room = end - start if is_sure else None
        return Address(address.register, address.kind or self.kind, self.order, room=room)


def find(at: str, entries: Sequence[Mapping[str, object]]) -> Address:
    """Read `D100`, `X20`, `D100.3`, `VW100` or `DB10.DBX4.3`.

    Raises:
        AddressError: nothing like an address, no such area, a digit that the area's numbers
            don't have, or an element out of its range.
    """
    areas = _areas(tuple(tuple(entry.items()) for entry in entries))
    parts = [(area, part) for area in areas if area.is_bytewise and (part := split(at, area.name))]
    if parts:
        return choose(at, parts)
    match = _ELEMENT.fullmatch(at)
    name, digits, bit = match.groups() if match else ("", "", None)
    alike = [
        area for area in areas if not area.is_bytewise and area.name.casefold() == name.casefold()
    ]
    if not alike:
        raise _unknown(at, name, digits, areas)
    element = _number(at, digits, alike[0])
    for area in alike:
        if area.first <= element <= area.last:
            return area.address(at, element, bit)
    spans = ", ".join(f"{area.spell(area.first)}–{area.spell(area.last)}" for area in alike)
    ends = [(area, end) for area in alike for end in (area.first, area.last)]
    near, end = min(ends, key=lambda place: abs(place[1] - element))
    raise beyond(at, spans, near.spell(end))


def words(
    function: Function, number: int | None, entries: Sequence[Mapping[str, object]]
) -> Iterator[str]:
    """What a register may be called, area by area.

    Args:
        function: of its table.
        number: its address; None: the first of each area.
        entries: the areas.
    """
    for area in _areas(tuple(tuple(entry.items()) for entry in entries)):
        if area.function is not function or (area.stride != 1 and not area.is_bytewise):
            continue
        steps = 0 if number is None else number - area.at
        element = area.first + steps * (2 if area.is_bytewise else 1)
        if area.first <= element <= area.last:
            yield spelt(area, "W", element, 0) if area.is_bytewise else area.spell(element)


def suggest(word: str, known: Iterable[str]) -> str:
    """What to do next about a word that isn't known: the nearest one, or all there are."""
    names = list(known)
    near = difflib.get_close_matches(word, names, 1)
    if near:
        return _("did you mean `{near}`?").format(near=near[0])
    return _("there are: {known}").format(known=", ".join(names))


@lru_cache(64)  # asked for each tag, and a site has few kinds of PLC
def _areas(entries: tuple[tuple[tuple[str, object], ...], ...]) -> list[Area]:
    return [Area.of(dict(entry)) for entry in entries]


def _example(area: Area) -> str:
    return first_of(area) if area.is_bytewise else area.spell(area.first)


def _unknown(at: str, name: str, digits: str, areas: Sequence[Area]) -> AddressError:
    """Say that there is no such area, and which one may have been meant.

    Args:
        at: as it was written.
        name: of the area; "" where it is nothing like an element.
        digits: behind the name.
        areas: of the device.
    """
    if any(area.is_bytewise for area in areas):
        name = area_of(at) or name
    if not name:
        example = f"`{_example(areas[0])}`, " if areas else ""
        return AddressError(
            "bad-address",
            _("`{at}` is not an address").format(at=at),
            _("write one like {example}`holding:40` (from 0) or `4x00041` (from 1)").format(
                example=example
            ),
        )
    if not areas:
        return AddressError(
            "unknown-area",
            _("`{at}`: no PLC areas are known for this device").format(at=at),
            _("give the PLC's `template`, or write `holding:{digits}`").format(digits=digits),
        )
    known = dict.fromkeys(area.name for area in areas)
    if not any(area.is_bytewise for area in areas):
        next_ = suggest(name.upper(), known)
    else:
        next_ = _(
            "there are: {known}; what else the PLC's program serves is stated under `areas`"
        ).format(known=", ".join(known))
    what = _("`{at}`: this device has no area `{name}`").format(at=at, name=name)
    return AddressError("unknown-area", what, next_)


def _number(at: str, digits: str, area: Area) -> int:
    """Read the number in the area's own base."""
    try:
        return int(digits, area.base)
    except ValueError:
        odd = next(digit for digit in digits if int(digit, 16) >= area.base)
        base = {8: _("octal"), 10: _("decimal")}[area.base]
        raise AddressError(
            "bad-digit",
            _("`{at}`: {name} is numbered in {base}, which has no digit {digit}").format(
                at=at, name=area.name, base=base, digit=odd
            ),
            _("after {seven} comes {ten}").format(
                seven=f"{area.name}{area.base - 1}", ten=f"{area.name}10"
            ),
        ) from None
