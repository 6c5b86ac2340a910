"""What a server says of itself at the beginning of a session: namespaces and limits.

A namespace's index holds for a session; its URI is its name (OPC 10000-4, 7.18). So an address is
made into bytes anew in each session, and of what was resolved in another one nothing is kept.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.opcua import encode
from drivers.opcua.decode import ARRAY, STRING, DataValue, Reader
from drivers.opcua.exchange import Question
from gateway.errors import ConnectionLost, DriverError, RequestRefused
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.opcua.exchange import Asks
    from drivers.opcua.node import Space

NAMESPACES = 2255
_LIMITS = {"read": 11705, "write": 11707, "register": 11711, "translate": 11712, "monitor": 11714}
"""What is asked for → the node of the server's limit on it (OPC 10000-5, 6.3.11)."""
USUAL = 1000
"""Nodes in a request where a server states no limit."""
MOST = 5000
"""Nodes in a request at most, whatever a server takes: its answer is decoded in one go."""


@dataclass(slots=True, eq=False)
class Limits:
    """How many nodes a server takes in one request of each service."""

    read: int = USUAL
    write: int = USUAL
    register: int = USUAL
    translate: int = USUAL
    monitor: int = USUAL


@dataclass(slots=True, eq=False)
class Server:
    """A server in one session.

    Attributes:
        session: to ask on.
        namespaces: URIs by their index.
        limits: how many nodes a request may hold; shrinks where the server refuses so many.
    """

    session: Asks
    namespaces: tuple[str, ...]
    limits: Limits

    def index(self, space: Space) -> int | None:
        """The index that a namespace has in this session; None where the server lacks it."""
        if isinstance(space, int):
            return space
        try:
            return self.namespaces.index(space)
        except ValueError:
            return None


async def meet(session: Asks, timeout_s: float) -> Server:
    """Ask a server for its namespaces and limits.

    Raises:
        ConnectionLost: it did not tell its namespaces; the session is over.
    """
    try:
        (spaces,) = await _read(session, [NAMESPACES], timeout_s)
        limits = await _limits(session, timeout_s)
    except DriverError as error:
        session.drop(str(error))
        if isinstance(error, ConnectionLost):
            raise
        text = _("{endpoint}: asked for its namespaces: {reason}.")
        said = text.format(endpoint=session.endpoint, reason=error)
        raise ConnectionLost(said) from error
    if spaces.type != STRING | ARRAY or not spaces.value:
        session.drop(_("it tells no namespaces"))
        text = _("{endpoint}: it tells no namespaces.")
        raise ConnectionLost(text.format(endpoint=session.endpoint))
    return Server(session, tuple(uri or "" for uri in spaces.value), limits)


async def _limits(session: Asks, timeout_s: float) -> Limits:
    """The limits that a server states; one that takes a node at a time is asked so."""
    nodes = list(_LIMITS.values())
    try:
        told = await _read(session, nodes, timeout_s)
    except RequestRefused:
        told = []
        for node in nodes:
            with contextlib.suppress(RequestRefused):
                told += await _read(session, [node], timeout_s)
        if len(told) < len(nodes):
            return Limits()
    found = Limits()
    for key, limit in zip(_LIMITS, told, strict=True):
        if not limit.status and isinstance(limit.value, int) and limit.value > 0:
            setattr(found, key, min(limit.value, MOST))
    return found


async def _read(session: Asks, nodes: Sequence[int], timeout_s: float) -> list[DataValue]:
    """Values of nodes of the OPC UA namespace."""
    body = encode.read([encode.node_id(0, "i", node) for node in nodes])
    answer = await session.ask(Question(encode.READ, encode.READ_ANSWER, body), timeout_s)
    reader = Reader(answer.data, answer.pos)
    reader.expect(len(nodes))
    held = [reader.data_value() for _node in nodes]
    reader.finish()
    return held
