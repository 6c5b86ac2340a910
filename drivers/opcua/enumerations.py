"""What the numbers of an enumeration are called, asked of the server once in a session.

Where a tag is of kind string and its node holds a number, the number's name is its value. The names
stand at the node itself (a multi-state variable, OPC 10000-8, 5.3.3.3), in the definition of its
type, or beside that type (OPC 10000-3, 8.14 and 8.49).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from drivers.opcua import encode
from drivers.opcua.decode import ARRAY, LOCALIZED, Body, DataValue, Reader
from drivers.opcua.exchange import Question
from gateway.errors import RequestRefused

if TYPE_CHECKING:
    from drivers.opcua.exchange import Asks

Names = dict[int, str]

_DATA_TYPE, _DEFINITION = 14, 23
"""Attributes of a variable, and of a type (OPC 10000-6, A.1)."""
_ENUM_DEFINITION = (0, "i", 123)
_TRANSLATE, _TRANSLATED = 554, 557
_STRINGS = encode.node_id(0, "i", 46) + b"\0\1\0\0" + encode.text("EnumStrings")
"""HasProperty, forward, with its subtypes, to the name EnumStrings."""


class Enumerations:
    """Names of numbers, by the node that holds them.

    Attributes:
        wanted: nodes whose names nobody asked for yet.
    """

    def __init__(self) -> None:
        self.wanted: set[bytes] = set()
        self._known: dict[bytes, Names | None] = {}

    def names(self, node: bytes) -> Names | None:
        """What the numbers of a node are called; None where they have no names, or as yet."""
        if node not in self._known:
            self.wanted.add(node)
            return None
        return self._known[node]

    async def learn(self, session: Asks, timeout_s: float) -> None:
        """Ask for what is wanted.

        Raises:
            DriverError: the server did not answer.
        """
        wanted, self.wanted = self.wanted, set()
        for node in wanted:
            names = await _beside(session, node, timeout_s)
            if names is None:
                held = await _read(session, node, _DATA_TYPE, timeout_s)
                kind = _encoded(held)
                if kind is not None:
                    names = await _defined(session, kind, timeout_s)
                    names = names or await _beside(session, kind, timeout_s)
            self._known[node] = names


def _encoded(held: DataValue | None) -> bytes | None:
    """A NodeId that came as a value, as bytes again."""
    if held is None or not isinstance(held.value, str):
        return None
    space, _semicolon, rest = held.value.rpartition(";")
    sort, _equals, name = rest.partition("=")
    index = int(space.removeprefix("ns=")) if space else 0
    return encode.node_id(index, sort, int(name) if sort == "i" else name)


async def _defined(session: Asks, kind: bytes, timeout_s: float) -> Names | None:
    """The names in a type's definition."""
    held = await _read(session, kind, _DEFINITION, timeout_s)
    body = held.value if held is not None else None
    if not isinstance(body, Body) or body.encoding != _ENUM_DEFINITION:
        return None
    reader = Reader(body.data)
    names: Names = {}
    for _index in range(reader.count(14)):
        (value,) = struct.unpack("<q", reader.take(8))
        shown = reader.localized()
        reader.localized()
        symbol = reader.string()
        names[value] = shown or symbol or ""
    return names


async def _beside(session: Asks, node: bytes, timeout_s: float) -> Names | None:
    """The names that stand as a property at a node, from 0 on."""
    question = Question(_TRANSLATE, _TRANSLATED, encode.array([node + encode.array([_STRINGS])]))
    try:
        answer = await session.ask(question, timeout_s)
    except RequestRefused:
        return None
    reader = Reader(answer.data, answer.pos)
    reader.expect(1)
    reader.uint32()
    if not reader.count(6):
        return None
    held = await _read(session, encode.node_id(*reader.node_id()), encode.VALUE, timeout_s)
    if held is None or held.type != LOCALIZED | ARRAY or not isinstance(held.value, list):
        return None
    return {number: text or "" for number, text in enumerate(held.value)}


async def _read(session: Asks, node: bytes, attribute: int, timeout_s: float) -> DataValue | None:
    """One attribute; None where the server gives none."""
    question = Question(encode.READ, encode.READ_ANSWER, encode.read([node], attribute))
    try:
        answer = await session.ask(question, timeout_s)
    except RequestRefused:
        return None
    reader = Reader(answer.data, answer.pos)
    reader.expect(1)
    held = reader.data_value()
    return None if held.status & 0x8000_0000 else held
