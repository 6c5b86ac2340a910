"""What a server says of itself at the beginning of a session: namespaces and limits.

A namespace's index holds for a session; its URI is its name (OPC 10000-4, 7.18). So an address is
made into bytes anew in each session, and of what was resolved in another one nothing is kept.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drivers.opcua import encode
from drivers.opcua.decode import ARRAY, STRING, DataValue, Reader
from drivers.opcua.enumerations import Enumerations
from drivers.opcua.exchange import Question
from drivers.opcua.structures import Types
from drivers.opcua.vendors import UNKNOWN, Vendor, vendor
from gateway.errors import ConnectionLost, DriverError, RequestRefused
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.opcua.exchange import Asks
    from drivers.opcua.node import Space
    from drivers.opcua.publisher import Publisher

NAMESPACES = 2255
_LIMITS = {
    "read": 11705,
    "write": 11707,
    "browse": 11710,
    "register": 11711,
    "translate": 11712,
    "monitor": 11714,
}
"""What is asked for → the node of the server's limit on it (OPC 10000-5, 6.3.11)."""
_BUILD = (2263, 2261)
"""ManufacturerName and ProductName (OPC 10000-5, 12.4)."""
USUAL = 1000
"""Nodes in a request where a server states no limit."""
MOST = 5000
"""Nodes in a request at most, whatever a server takes: its answer is decoded in one go."""


@dataclass(slots=True, eq=False)
class Limits:
    """How many nodes a server takes in one request of each service."""

    read: int = USUAL
    write: int = USUAL
    browse: int = USUAL
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
        vendor: what is known of its maker's servers.
        types: how its structures are built, as far as they came.
        enumerations: what numbers of its nodes are called, where a tag is a text.
        publisher: asks for news, as soon as anybody wants any.
    """

    session: Asks
    namespaces: tuple[str, ...]
    limits: Limits
    vendor: Vendor = UNKNOWN
    publisher: Publisher | None = None
    types: Types = field(default_factory=Types)
    enumerations: Enumerations = field(default_factory=Enumerations)

    def index(self, space: Space) -> int | None:
        """The index that a namespace has in this session; None where the server lacks it."""
        if isinstance(space, int):
            return space
        try:
            return self.namespaces.index(space)
        except ValueError:
            return None

    def see_namespaces(self, told: Sequence[object]) -> None:
        """End the session where its namespaces are others now: an index may mean another node."""
        if tuple(uri or "" for uri in told) != self.namespaces:
            self.session.drop(_("its namespaces changed"))

    async def learn(self, timeout_s: float) -> bool:
        """Ask for what values were of types that aren't known; whether there were any.

        Raises:
            DriverError: the server did not answer.
        """
        if not self.types.wanted and not self.enumerations.wanted:
            return False
        await self.types.learn(self.session, timeout_s)
        await self.enumerations.learn(self.session, timeout_s)
        return True


async def meet(session: Asks, timeout_s: float) -> Server:
    """Ask a server for its namespaces and limits.

    Raises:
        ConnectionLost: it did not tell its namespaces; the session is over.
    """
    try:
        (spaces,) = await _read(session, [NAMESPACES], timeout_s)
        told = await _all(session, timeout_s)
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
    namespaces = tuple(uri or "" for uri in spaces.value)
    row = vendor(*(one.value if isinstance(one.value, str) else "" for one in told[-2:]))
    return Server(session, namespaces, _limits(told, row), row)


async def _all(session: Asks, timeout_s: float) -> list[DataValue]:
    """Limits and build of a server; one that takes a node at a time is asked so."""
    nodes = [*_LIMITS.values(), *_BUILD]
    try:
        told = await _read(session, nodes, timeout_s)
    except RequestRefused:
        told = []
        for node in nodes:
            with contextlib.suppress(RequestRefused):
                told += await _read(session, [node], timeout_s)
        if len(told) < len(nodes):
            return [DataValue(0, None, 0, 0, 0)] * len(nodes)
    return told


def _limits(told: Sequence[DataValue], row: Vendor) -> Limits:
    """The limits that a server states, and that its maker's servers are known for."""
    found = Limits()
    for key, limit in zip(_LIMITS, told, strict=False):
        if not limit.status and isinstance(limit.value, int) and limit.value > 0:
            setattr(found, key, min(limit.value, MOST))
    found.monitor = min(found.monitor, row.monitor)
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
