"""Addresses: what a person may write, and the register it stands for.

Three spellings, each with its own way of counting:

    holding:40, input:3, coil:20, discrete:7, holding:100.3     the protocol's own, from 0
    4x00041, 3x00004, 0x00021, 1x00008, 4x00101.3               as manuals print them, from 1
    D100, M20, X20, D100.3                                      the PLC's own, from its template
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from drivers.modbus.areas import find, suggest
from drivers.modbus.register import LAST, Function, place, spell_entity
from gateway.driver import Address, AddressError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PROTOCOL = re.compile(r"([a-z]+):([^.]*)(?:\.(.*))?", re.IGNORECASE | re.ASCII)
_ENTITY = re.compile(r"([0134])x(\d{4,6})(?:\.(.*))?", re.IGNORECASE | re.ASCII)
_BARE = re.compile(r"([0134])(\d{4,5})", re.ASCII)
_HEX = re.compile(r"0x[0-9a-f]{1,4}", re.IGNORECASE | re.ASCII)
_DIGITS = re.compile(r"\d{1,9}", re.ASCII)

_BY_WORD = {function.word: function for function in Function}
_BY_LEADER = {function.leader: function for function in Function}


def parse(at: str, areas: Sequence[Mapping[str, object]] = ()) -> Address:
    """Read an address in any of the three spellings.

    Args:
        at: as the site file or the template writes it.
        areas: the PLC's own areas, from its template.

    Raises:
        AddressError: with a stable code, what is wrong, and what to do next.
    """
    return _general(at) or find(at.strip(), areas)


@lru_cache(4096)  # a hundred like devices have the same addresses
def _general(at: str) -> Address | None:
    """Read an address that is the same for every device; None where it is none."""
    text = at.strip()
    if match := _PROTOCOL.fullmatch(text):
        word, number, bit = match.groups()
        return _protocol(text, word.lower(), number, bit)
    if match := _ENTITY.fullmatch(text):
        leader, number, bit = match.groups()
        return _entity(text, int(leader), int(number), bit)
    if match := _BARE.fullmatch(text):
        raise _ambiguous(text, _BY_LEADER[int(match[1])], int(match[2]))
    return None


def _ambiguous(at: str, function: Function, number: int) -> AddressError:
    """Say how to write `40041`, which manuals use for two different registers."""
    entity = spell_entity(function, number)
    hint = (
        _("write `{entity}`, which counts from 1")
        if int(at) > LAST
        else _("write `{entity}` if the manual counts from 1, or `{word}:{at}`")
    )
    return AddressError(
        "ambiguous-address",
        _("`{at}` doesn't say which way it counts").format(at=at),
        hint.format(entity=entity, word=function.word, at=int(at)),
    )


def _protocol(at: str, word: str, number: str, bit: str | None) -> Address:
    """Read `holding:40`."""
    function = _BY_WORD.get(word)
    if function is None:
        raise AddressError(
            "unknown-area",
            _("`{at}`: there is no `{word}`").format(at=at, word=word),
            suggest(word, _BY_WORD),
        )
    if _HEX.fullmatch(number):
        raise AddressError(
            "bad-address",
            _("`{at}`: addresses are decimal").format(at=at),
            _("write `{word}:{number}`").format(word=word, number=int(number, 16)),
        )
    if not _DIGITS.fullmatch(number):
        raise AddressError(
            "bad-address",
            _("`{at}`: `{number}` is not a number").format(at=at, number=number),
            _("write `{word}:` and a number from 0 to 65535").format(word=word),
        )
    if int(number) > LAST:
        raise AddressError(
            "address-range",
            _("`{at}` is beyond the last address").format(at=at),
            _("use `{word}:0` to `{word}:65535`").format(word=word),
        )
    return place(at, function, int(number), bit)


def _entity(at: str, leader: int, number: int, bit: str | None) -> Address:
    """Read `4x00041`, which counts from 1."""
    function = _BY_LEADER[leader]
    if not 1 <= number <= LAST + 1:
        raise AddressError(
            "address-range",
            _("`{at}`: this way of writing counts from 1 to 65536").format(at=at),
            _("if the manual counts from 0, write `{word}:{number}`").format(
                word=function.word, number=min(number, LAST)
            ),
        )
    return place(at, function, number - 1, bit)
