"""What a poll takes of a connection, told before anything is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.opcua import encode
from drivers.opcua.node import PATH
from drivers.opcua.server import USUAL
from gateway.driver import Cost
from gateway.words import _

if TYPE_CHECKING:
    from drivers.opcua.node import Node
    from drivers.opcua.plan import UaPlan

ROUND_S = 0.005
"""A question and its answer over a network, about."""
_FRAME = 28
"""Bytes around a message: three headers (OPC 10000-6, 6.7.2) and what a policy adds at least."""
_HEADER = 60
"""A RequestHeader with the token that most servers give."""
_VALUE = 26
"""A DataValue with a Double and both times."""


def costs(plan: UaPlan, endpoint: str) -> tuple[Cost, ...]:
    """Every request of one poll, in order, for a server that states no limit."""
    found = []
    for start in range(0, len(plan.seats), USUAL):
        seats = plan.seats[start : start + USUAL]
        names = tuple(plan.tags[place].name for seat in seats for place in seat.tags)
        sent = _FRAME + _HEADER + len(encode.read([_about(seat.node) for seat in seats]))
        received = _FRAME + _FRAME + _VALUE * len(seats)
        request = _("{count} nodes of {endpoint}").format(count=len(seats), endpoint=endpoint)
        found.append(Cost(request, names, sent, received, ROUND_S))
    return tuple(found)


def _about(node: Node) -> bytes:
    """An id as long as the node's is likely to be."""
    return encode.node_id(
        1, "i" if node.sort == PATH else node.sort, 1 if node.sort == PATH else node.name
    )
