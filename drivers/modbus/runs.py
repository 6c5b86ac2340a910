"""Runs of registers as people name them: `holding:0-200`, `D100-130`, `VW100-VW160`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from drivers.modbus.address import parse
from drivers.modbus.areas import words
from drivers.modbus.register import Function, Register
from gateway.driver import AddressError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RUN = re.compile(r"(.*?)(\d[0-9A-Fa-f]*)-(.*?)(\d[0-9A-Fa-f]*)", re.ASCII)


def run(text: str, areas: Sequence[Mapping[str, object]]) -> tuple[str, int, int]:
    """The table, and the addresses of the first and the last register, both in it.

    Raises:
        AddressError: it is no run of registers of this device.
    """
    match = _RUN.fullmatch(text.strip())
    name = match[1] if match else ""
    if match is None or match[3].casefold() not in {"", name.casefold()}:
        raise AddressError("bad-address", *_unread(text, areas))
    first, last = (_register(name + number, areas) for number in (match[2], match[4]))
    is_whole = not first.function.is_bits and first.bit is None
    if not is_whole or last.function != first.function or first.address > last.address:
        raise AddressError("bad-address", *_unread(text, areas))
    return first.function.word, first.address, last.address


def spell(table: str, number: int, areas: Sequence[Mapping[str, object]]) -> str:
    """A register as its PLC names it; `holding:40` where it has no name of its own."""
    function = Function[table.upper()]
    for name in words(function, number, areas):
        if _register(name, areas) == (function, number, None):
            return name
    return f"{table}:{number}"


def _register(at: str, areas: Sequence[Mapping[str, object]]) -> Register:
    function, address, bit = cast("Register", parse(at, areas).register)
    return Register(Function(function), address, bit)


def _unread(text: str, areas: Sequence[Mapping[str, object]]) -> tuple[str, str]:
    what = _("{text} names no registers").format(text=text)
    example = next(iter(words(Function.HOLDING, None, areas)), "")
    if not example:
        return what, _("write e.g. holding:0-200 or input:0-80")
    return what, _("write e.g. {example}-20, or holding:0-200").format(example=example)
