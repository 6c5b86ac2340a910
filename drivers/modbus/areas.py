"""The PLC's own addresses: areas that a device template maps to the four Modbus tables.

A template lists areas as `{area: D, base: 10, function: holding, at: 0, first: 0, last: 7999,
kind: u16}`: element `first` lies at Modbus address `at`, each further one `stride` (default 1)
behind. Where a PLC moved the upper part of an area elsewhere, a second entry continues the first:
one named alike, or `D_high`, `M8000+`, `C32` as the tables of such PLCs name them.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.modbus.register import Function, place
from gateway.driver import Address, AddressError
from gateway.model import Kind
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
        first, last: elements, counted as plain integers (X17 in octal is element 15).
        kind: what an element holds unless the tag says otherwise.
        order: word order of numbers wider than one register, where the area has its own.
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

    @classmethod
    def of(cls, entry: Mapping[str, object]) -> Area:
        """Make one from a template's entry; the template's reader has checked its types."""
        function = Function[str(entry["function"]).upper()]
        kind = entry.get("kind") or (Kind.BIT if function.is_bits else Kind.U16)
        order = entry.get("order")
        return cls(
            name=_CONTINUES.sub("", str(entry["area"])),
            base=int(str(entry.get("base", 10))),
            function=function,
            at=int(str(entry["at"])),
            first=int(str(entry.get("first", 0))),
            last=int(str(entry["last"])),
            stride=int(str(entry.get("stride", 1))),
            kind=Kind(str(kind)),
            order=None if order is None else str(order),
        )

    def spell(self, element: int) -> str:
        """Spell an element as the PLC does: 16 in an octal area X is `X20`."""
        return f"{self.name}{element:{_SPELL[self.base]}}"


def find(at: str, entries: Sequence[Mapping[str, object]]) -> Address:
    """Read `D100`, `X20` or `D100.3`.

    Raises:
        AddressError: nothing like an address, no such area, a digit that the area's numbers
            don't have, or an element out of its range.
    """
    match = _ELEMENT.fullmatch(at)
    if match is None:
        example = f"`{Area.of(entries[0]).spell(Area.of(entries[0]).first)}`, " if entries else ""
        raise AddressError(
            "bad-address",
            _("`{at}` is not an address").format(at=at),
            _("write one like {example}`holding:40` (from 0) or `4x00041` (from 1)").format(
                example=example
            ),
        )
    name, digits, bit = match.groups()
    areas = [Area.of(entry) for entry in entries]
    parts = [area for area in areas if area.name.casefold() == name.casefold()]
    if not parts:
        raise _unknown(at, name, digits, areas)
    element = _number(at, digits, parts[0])
    for area in parts:
        if area.first <= element <= area.last:
            address = place(at, area.function, area.at + (element - area.first) * area.stride, bit)
            return Address(address.register, address.kind or area.kind, area.order)
    spans = ", ".join(f"{area.spell(area.first)}–{area.spell(area.last)}" for area in parts)
    raise AddressError(
        "address-range",
        _("`{at}` is out of range").format(at=at),
        _("this device has {spans}").format(spans=spans),
    )


def suggest(word: str, known: Iterable[str]) -> str:
    """What to do next about a word that isn't known: the nearest one, or all there are."""
    names = list(known)
    near = difflib.get_close_matches(word, names, 1)
    if near:
        return _("did you mean `{near}`?").format(near=near[0])
    return _("there are: {known}").format(known=", ".join(names))


def _unknown(at: str, name: str, digits: str, areas: Sequence[Area]) -> AddressError:
    """Say that there is no such area, and which one may have been meant."""
    if not areas:
        return AddressError(
            "unknown-area",
            _("`{at}`: no PLC areas are known for this device").format(at=at),
            _("give the PLC's `template`, or write `holding:{digits}`").format(digits=digits),
        )
    return AddressError(
        "unknown-area",
        _("`{at}`: this device has no area `{name}`").format(at=at, name=name),
        suggest(name.upper(), dict.fromkeys(area.name for area in areas)),
    )


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
