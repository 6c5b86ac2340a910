"""Addresses: node ids as servers and their tools write them, and browse paths.

nsu=urn:maker:cell;s=Parts       by the namespace's URI, which survives a server's reconfiguration
ns=2;i=1042                      by its index, which may not
i=2258                           of the OPC UA namespace itself
/Objects/nsu=urn:maker:cell;Cell/Parts     a browse path; a name has the namespace before it
/Objects/2:Cell/2:Parts          the same with an index
nsu=…;s=Position -> x            a field of a structure
nsu=…;s=Temperatures -> [2]      an element of an array, counted from 0
nsu=…;s=Axes -> [1].load.max

In a browse path `&/` is a slash in a name and `&&` an ampersand (OPC 10000-4, A.2).
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

from drivers.opcua.node import PATH
from gateway.driver import Address, AddressError
from gateway.model import Kind
from gateway.words import _

if TYPE_CHECKING:
    from drivers.opcua.node import Name, Space

ARROW = " -> "
_MOST = 0xFFFF_FFFF
_MOST_SPACE = 0xFFFF
_LONGEST = 4096
"""Bytes of an identifier that any server must take (OPC 10000-3, 8.2.4)."""
_ID = re.compile(r"(?:nsu=([^;]+);|ns=(\d{1,5});)?([isgb])=(.+)", re.DOTALL)
_ELEMENT = re.compile(r"/(?:nsu=([^;]+);|(\d{1,5}):)?((?:&[/&.<>:#!]|[^/&])+)")
_STEP = re.compile(r"\[(\d{1,9})\]|(?:^|\.)([^.\[\]]+)")
_ROOTS = ("Objects", "Types", "Views")


@lru_cache(16384)  # devices of one model have the same tags
def parse(at: str) -> Address:
    """Read an address. Without `kind` a tag is a number.

    Raises:
        AddressError: with what is wrong and what to do next.
    """
    text, arrow, way = at.strip().partition(ARROW)
    part = _part(at, way) if arrow else ()
    if text.startswith("/"):
        space: Space = 0
        sort, name = PATH, _path(at, text)
    else:
        space, sort, name = _node_id(at, text)
    return Address((space, sort, name, part), Kind.F64)


def _node_id(at: str, text: str) -> tuple[Space, str, Name]:
    match = _ID.fullmatch(text)
    if match is None:
        raise _bad(
            _("`{at}` is no node id").format(at=at),
            _(
                "write it with its namespace's URI: nsu=urn:maker:cell;s=Parts, or a browse "
                "path: /Objects/nsu=urn:maker:cell;Cell/Parts"
            ),
        )
    uri, index, sort, spelled = match.groups()
    return _space(at, uri, index), sort, _identifier(at, sort, spelled)


def _identifier(at: str, sort: str, spelled: str) -> Name:
    """Check what stands behind `i=`, `s=`, `g=` or `b=`."""
    match sort:
        case "i":
            if not re.fullmatch(r"\d{1,10}", spelled, re.ASCII) or int(spelled) > _MOST:
                what = _("`{at}`: {spelled} is no number of a node").format(at=at, spelled=spelled)
                raise _bad(what, _("write i= with a whole number, or s= with a text"))
            return int(spelled)
        case "g":
            try:
                return str(UUID(spelled))
            except ValueError:
                what = _("`{at}`: {spelled} is no GUID").format(at=at, spelled=spelled)
                next_ = _("write it like g=09087e75-8e5e-499b-954f-f2a9603db28a")
                raise _bad(what, next_) from None
        case "b":
            try:
                held = base64.b64decode(spelled, validate=True)
            except (binascii.Error, ValueError):
                what = _("`{at}`: {spelled} is no base64").format(at=at, spelled=spelled)
                raise _bad(what, _("write it like b=M/RbKBsRVkePCePcx24oRA==")) from None
            return base64.b64encode(held).decode()
    if len(spelled.encode()) > _LONGEST:
        raise _bad(_("`{at}` is too long").format(at=at), _("a server takes 4096 bytes"))
    return spelled


def _path(at: str, text: str) -> Name:
    """The names along a browse path; one without a namespace has that of the name before it."""
    names: list[tuple[Space, str]] = []
    end = 0
    space: Space = 0
    while match := _ELEMENT.match(text, end):
        if match[1] or match[2]:
            space = _space(at, match[1], match[2])
        names.append((space, re.sub("&(.)", r"\1", match[3])))
        end = match.end()
    if end != len(text) or not names:
        raise _bad(
            _("`{at}` is no browse path").format(at=at),
            _("write it like /Objects/nsu=urn:maker:cell;Cell/Parts; `&/` is a slash in a name"),
        )
    if names[0] not in [(0, root) for root in _ROOTS]:
        raise _bad(
            _("`{at}` does not begin at a server's root").format(at=at),
            _("write /Objects/ before it"),
        )
    return tuple(names)


def _part(at: str, way: str) -> tuple[int | str, ...]:
    """The way into a value: `[2]`, `x`, `[1].load.max`."""
    steps: list[int | str] = []
    end = 0
    way = way.strip()
    while match := _STEP.match(way, end):
        if match.end() == end:
            break
        steps.append(int(match[1]) if match[1] else match[2])
        end = match.end()
    if not steps or end != len(way):
        raise _bad(
            _("`{at}`: `{way}` leads into no value").format(at=at, way=way),
            _("write [2] for an element (from 0), x for a field, [1].load.max for both"),
        )
    return tuple(steps)


def _space(at: str, uri: str | None, index: str | None) -> Space:
    if uri is not None:
        return uri
    number = int(index or 0)
    if number > _MOST_SPACE:
        what = _("`{at}`: there is no namespace {index}").format(at=at, index=index)
        raise _bad(what, _("write its URI: nsu=urn:maker:cell;s=Parts"))
    return number


def _bad(what: str, next_: str) -> AddressError:
    return AddressError("bad-address", what, next_)
