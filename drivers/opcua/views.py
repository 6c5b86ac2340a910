"""Browse, BrowseNext, and attributes of nodes: requests as bytes, answers as plain data.

Source: OPC 10000-4, 5.9.2 (Browse), 5.9.3 (BrowseNext), 7.30 (ReferenceDescription); ids of the
encodings from OPC 10000-6, A.3.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from drivers.opcua import encode, status
from drivers.opcua.decode import Reader
from drivers.opcua.exchange import Question
from gateway.errors import RequestRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.opcua.decode import DataValue
    from drivers.opcua.exchange import Answer
    from drivers.opcua.server import Server

Id = tuple[int, str, int | str]
"""Index of the namespace in this session, sort, identifier."""
PAGE = 250
"""References of a node in one answer; those that are left are asked for with what it gives."""
AT_ONCE = 50
"""Nodes in one request: what a server has to put together for it stays small."""
HIERARCHICAL, SUBTYPES, PROPERTIES = 33, 45, 46
_BROWSE, _BROWSED, _NEXT, _NEXT_ANSWER = 527, 530, 533, 536
_NO_POINT = 0x804B0000
"""BadNoContinuationPoints: the server keeps no more of them at a time."""
_ALL = 63
_NO_VIEW = b"\0\0" + bytes(12)
_HERE = 0


class Reference(NamedTuple):
    """One node that another one leads to.

    Attributes:
        node: its id.
        space, name: of its browse name.
        title: its display name.
        sort: its node class (1 object, 2 variable, 4 method, …).
        type: its type definition; (0, "i", 0) where it has none.
    """

    node: Id
    space: int
    name: str
    title: str
    sort: int
    type: Id


async def references(
    server: Server,
    nodes: Sequence[Id],
    timeout_s: float,
    *,
    kind: int = HIERARCHICAL,
    backward: bool = False,
) -> list[list[Reference]]:
    """What each node leads to, all pages of it; empty for a node that is refused.

    Args:
        server: in its session.
        nodes: as many as wanted; they are asked for in small requests.
        timeout_s: of each request.
        kind: of references, with their subtypes.
        backward: what leads to the nodes instead.

    Raises:
        DriverError: the server did not answer.
    """
    found: list[list[Reference]] = []
    at_once = min(AT_ONCE, server.limits.browse)
    for start in range(0, len(nodes), at_once):
        some = nodes[start : start + at_once]
        found += await _some(server, some, timeout_s, (kind, backward))
    return found


async def _some(
    server: Server, nodes: Sequence[Id], timeout_s: float, how: tuple[int, bool]
) -> list[list[Reference]]:
    kind, backward = how
    tail = struct.pack("<I", backward) + encode.node_id(0, "i", kind) + b"\1"
    tail += struct.pack("<II", 0, _ALL)
    asked = encode.array(encode.node_id(*node) + tail for node in nodes)
    body = _NO_VIEW + struct.pack("<I", PAGE) + asked
    answer = await server.session.ask(Question(_BROWSE, _BROWSED, body), timeout_s)
    found: list[list[Reference]] = []
    open_: dict[int, bytes] = {}
    again: list[int] = []
    for place, (code, point, some) in enumerate(_pages(answer, len(nodes))):
        found.append(some)
        if code == _NO_POINT and len(nodes) > 1:
            again.append(place)
        elif point:
            open_[place] = point
    while open_:
        body = b"\0" + encode.array(encode.text(point) for point in open_.values())
        answer = await server.session.ask(Question(_NEXT, _NEXT_ANSWER, body), timeout_s)
        pages = zip(tuple(open_), _pages(answer, len(open_)), strict=True)
        open_ = {}
        for place, (_code, point, some) in pages:
            found[place] += some
            if point:
                open_[place] = point
    for place in again:
        (found[place],) = await _some(server, [nodes[place]], timeout_s, how)
    return found


def _pages(answer: Answer, count: int) -> list[tuple[int, bytes, list[Reference]]]:
    """Status, continuation point and references of each node.

    Raises:
        DecodeError: the answer makes no sense.
    """
    reader = Reader(answer.data, answer.pos)
    reader.expect(count)
    pages = []
    for _node in range(count):
        code = reader.uint32()
        point = reader.bytestring() or b""
        some = [_reference(reader) for _one in range(reader.count(15))]
        pages.append((code, point, [one for one in some if one is not None]))
    reader.finish()
    return pages


def _reference(reader: Reader) -> Reference | None:
    """A ReferenceDescription; None where it leads to another server."""
    reader.node_id()
    reader.byte()
    node, server = reader.expanded()
    space = int.from_bytes(reader.take(2), "little")
    name = reader.string() or ""
    title = reader.localized() or name
    sort = reader.uint32()
    type_, _server = reader.expanded()
    return None if server != _HERE else Reference(node, space, name, title, sort, type_)


async def attributes(
    server: Server, wanted: Sequence[tuple[Id, int]], timeout_s: float
) -> list[DataValue]:
    """Attributes of nodes; a request that is too much for the server is halved.

    Raises:
        DriverError: the server did not answer.
    """
    found: list[DataValue] = []
    at_once = min(server.limits.read, 4 * AT_ONCE)
    for start in range(0, len(wanted), at_once):
        found += await _attributes(server, wanted[start : start + at_once], timeout_s)
    return found


async def _attributes(
    server: Server, wanted: Sequence[tuple[Id, int]], timeout_s: float
) -> list[DataValue]:
    asked = [encode.node_id(*node) + encode.attribute(number) for node, number in wanted]
    question = Question(encode.READ, encode.READ_ANSWER, encode.read_attributes(asked))
    try:
        answer = await server.session.ask(question, timeout_s)
    except RequestRefused:
        if len(wanted) == 1:
            raise
        half = len(wanted) // 2
        first = await _attributes(server, wanted[:half], timeout_s)
        return first + await _attributes(server, wanted[half:], timeout_s)
    reader = Reader(answer.data, answer.pos)
    reader.expect(len(wanted))
    held = [reader.data_value() for _one in wanted]
    reader.finish()
    return held


def good(held: DataValue) -> object:
    """What was read; None where it was refused."""
    return None if held.status & status.BAD else held.value
