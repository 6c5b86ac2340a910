"""Requests as bytes, prepared once: what changes from one to the next is their header only.

Source: OPC 10000-6, 5.2 (built-in types), 6.7; OPC 10000-4, 5.11.2 (Read).
"""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drivers.opcua.node import Name

VALUE = 13
"""The attribute that holds a variable's value (OPC 10000-6, A.1)."""
READ, READ_ANSWER = 631, 634
_BOTH = 2
"""TimestampsToReturn: source and server."""
_BYTE, _SHORT = 1 << 8, 1 << 16
_NULL_STRING = b"\xff\xff\xff\xff"
VALUE_AT = struct.pack("<I", VALUE) + _NULL_STRING
"""Behind the id of a node that is written: its value, all of it."""
_NO_ENCODING = b"\x00\x00" + _NULL_STRING
VALUE_OF = VALUE_AT + _NO_ENCODING
"""Behind a node's id: its value, all of it, in the default encoding."""


def text(value: str | bytes) -> bytes:
    """A String or ByteString."""
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<i", len(data)) + data


def type_id(number: int) -> bytes:
    """The id of a service's encoding, in the four-byte form."""
    return struct.pack("<BBH", 1, 0, number)


def node_id(space: int, sort: str, name: Name) -> bytes:
    """A NodeId in its shortest form (OPC 10000-6, 5.2.2.9).

    Args:
        space: index of its namespace in this session.
        sort: `i`, `s`, `g` or `b`.
        name: what the sort wants.
    """
    if sort == "i" and isinstance(name, int):
        if space == 0 and name < _BYTE:
            return struct.pack("<BB", 0, name)
        if space < _BYTE and name < _SHORT:
            return struct.pack("<BBH", 1, space, name)
        return struct.pack("<BHI", 2, space, name)
    if sort == "g":
        return struct.pack("<BH", 4, space) + UUID(str(name)).bytes_le
    if sort == "b":
        return struct.pack("<BH", 5, space) + text(base64.b64decode(str(name)))
    return struct.pack("<BH", 3, space) + text(str(name))


def read(nodes: Sequence[bytes], number: int = VALUE) -> bytes:
    """The body of a ReadRequest for an attribute of some nodes, as new as the server has it."""
    what = attribute(number)
    return read_attributes([node + what for node in nodes])


def read_attributes(asked: Sequence[bytes]) -> bytes:
    """The same for whatever attributes; each is a node's id with `attribute` behind it."""
    return struct.pack("<di", 0.0, _BOTH) + array(asked)


def attribute(number: int) -> bytes:
    """Behind a node's id: one of its attributes, all of it, in the default encoding."""
    return struct.pack("<I", number) + _NULL_STRING + _NO_ENCODING


def array(items: Iterable[bytes]) -> bytes:
    """Some encoded things with their number."""
    held = list(items)
    return struct.pack("<i", len(held)) + b"".join(held)
