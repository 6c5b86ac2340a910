"""A message, and the two sides of the delivery loop: how it is spelt, what carries it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gateway.model import Record


@dataclass(slots=True, eq=False)
class Message:
    """One message ready to be sent, and sent unchanged however often it takes.

    Attributes:
        key: of the record in it; 0 for what is no record (a status).
        again: True: goes first on the next connection when this one breaks; False: each
            connection makes its own.
        losses: connections that broke while it was in flight.
        lone_losses: those of them on which nothing but this message can have been the reason.
        record: what is in it; None for what is no record.
        qos: 1, or 0 where the format prescribes it and what carries it tells of its arrival.
    """

    key: int
    topic: str
    payload: bytes
    retain: bool
    again: bool = True
    losses: int = 0
    lone_losses: int = 0
    record: Record | None = None
    qos: int = 1


class Encoding(Protocol):
    """How one format spells records."""

    def speaks(self, record: Record, *, hist: bool) -> bool:
        """Tell whether the format has words for a record; one without counts as delivered."""

    def topic(self, record: Record, *, hist: bool) -> str:
        """Where a record goes."""

    def payload(self, record: Record, *, hist: bool) -> bytes:
        """What it says."""

    def retained(self, record: Record) -> bool:
        """Tell whether the newest record of its kind is to be kept by the server."""


class Transport(Protocol):
    """One connection. What becomes of a message is told later, never from within `send`."""

    @property
    def window(self) -> int:
        """How many messages may be unacknowledged at once, ≥ 1."""

    def excess(self, message: Message) -> int:
        """Bytes by which a message is larger than the other side takes; ≤ 0: it fits."""

    def send(self, message: Message) -> None:
        """Send, with the next `flush`; on a broken connection do nothing: the loss will be told."""

    def flush(self) -> None:
        """Let what was sent go out, in one piece."""
