"""Nodes as bytes for one session: namespaces by their index of today, browse paths followed.

Source: OPC 10000-4, 5.9.4 (TranslateBrowsePathsToNodeIds), 5.9.5 (RegisterNodes).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from drivers.opcua import encode, status
from drivers.opcua.decode import Reader
from drivers.opcua.exchange import Question
from drivers.opcua.node import PATH
from gateway.errors import RequestRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drivers.opcua.exchange import Answer
    from drivers.opcua.node import Node
    from drivers.opcua.server import Server

NO_SPACE = -1
"""In place of a status code: the server has no namespace of that URI."""
Found = bytes | int
"""A NodeId, encoded; or the status code that says why there is none."""
_TRANSLATE, _TRANSLATED = 554, 557
_REGISTER, _REGISTERED = 560, 563
_ROOT = encode.node_id(0, "i", 84)
_HIERARCHICAL = encode.node_id(0, "i", 33) + b"\0\1"
"""HierarchicalReferences, forward, with its subtypes."""
_WHOLE = 0xFFFF_FFFF
"""All names of the path were followed (OPC 10000-4, 7.11)."""


async def resolve(server: Server, nodes: Iterable[Node], timeout_s: float) -> dict[Node, Found]:
    """Find nodes in a session.

    Raises:
        DriverError: the server did not answer.
    """
    found: dict[Node, Found] = {}
    paths: list[tuple[Node, bytes]] = []
    for node in nodes:
        if node.sort != PATH:
            index = server.index(node.space)
            found[node] = NO_SPACE if index is None else encode.node_id(index, node.sort, node.name)
            continue
        path = _path(server, node)
        if path is None:
            found[node] = NO_SPACE
        else:
            paths.append((node, path))
    at_once = server.limits.translate
    for start in range(0, len(paths), at_once):
        some = paths[start : start + at_once]
        question = Question(_TRANSLATE, _TRANSLATED, encode.array(path for _node, path in some))
        answer = await server.session.ask(question, timeout_s)
        found |= zip((node for node, _path in some), _targets(answer, some), strict=True)
    return found


async def register(server: Server, found: dict[Node, Found], timeout_s: float) -> None:
    """Have a server give its own short ids, for this session, to nodes with other ones.

    One that refuses, or has no room for more, is asked with the ids as they are.

    Raises:
        DriverError: the server did not answer.
    """
    long = [node for node, held in found.items() if isinstance(held, bytes) and node.sort != "i"]
    at_once = server.limits.register
    for start in range(0, len(long), at_once):
        some = long[start : start + at_once]
        ids = [held for node in some if isinstance(held := found[node], bytes)]
        try:
            question = Question(_REGISTER, _REGISTERED, encode.array(ids))
            answer = await server.session.ask(question, timeout_s)
        except RequestRefused:
            return
        reader = Reader(answer.data, answer.pos)
        reader.expect(len(some))
        for node in some:
            found[node] = encode.node_id(*reader.node_id())


def _path(server: Server, node: Node) -> bytes | None:
    """A BrowsePath with the indices of today; None where a namespace is missing."""
    elements = []
    for space, name in node.name if isinstance(node.name, tuple) else ():
        index = server.index(space)
        if index is None:
            return None
        elements.append(_HIERARCHICAL + struct.pack("<H", index) + encode.text(name))
    return _ROOT + encode.array(elements)


def _targets(answer: Answer, asked: Sequence[object]) -> list[Found]:
    """What the server found at the end of each path.

    Raises:
        DecodeError: the answer makes no sense.
    """
    reader = Reader(answer.data, answer.pos)
    reader.expect(len(asked))
    found: list[Found] = []
    for _one in asked:
        code = reader.uint32()
        ends = [(reader.node_id(), reader.uint32()) for _target in range(reader.count(6))]
        whole = [node for node, rest in ends if rest == _WHOLE]
        if code & status.BAD or not whole:
            found.append(code or status.BAD_NO_MATCH)
        else:
            found.append(encode.node_id(*whole[0]))
    return found
