"""A message as it arrived, and as the contract understands it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verifying.contract import Channel

Key = tuple[int, int]
"""Epoch and sequence number: how ids are compared."""

_ID = re.compile(r"([A-Za-z0-9_-]+):([0-9]{1,18}):([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One PUBLISH.

    Attributes:
        kept: True for the copy that the broker kept and gives to a new subscription.
        retain: as it was published; None where that can't be seen (MQTT 3.1.1).
        mono_s: when it came, on the monotonic clock.
        wall_ms: when it came, UTC ms.
    """

    topic: str
    payload: bytes
    qos: int
    kept: bool
    retain: bool | None
    mono_s: float
    wall_ms: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message that fits its channel's schema.

    Attributes:
        levels: the topic's variable parts by name.
        body: the payload, parsed.
        site: cluster, enterprise and site: ids are unique within.
        gateway: who numbered it; "" for commands, replies and the status.
        key: its number; (0, 0) where it has none.
        id: as written, "" where it has none.
        hist: not live, as it says itself.
    """

    arrival: Arrival
    channel: Channel
    levels: dict[str, str]
    body: dict[str, Any]
    site: tuple[str, str, str]
    gateway: str
    key: Key
    id: str
    hist: bool

    @property
    def topic(self) -> str:
        """Where it came."""
        return self.arrival.topic

    @property
    def asset(self) -> str:
        """The topic up to its asset."""
        return self.arrival.topic.rsplit("/", self.channel.tail)[0]


def parse_id(text: str) -> tuple[str, Key] | None:
    """Read `gateway:epoch:seq`; None where it isn't one, or no number that a store could give."""
    found = _ID.fullmatch(text)
    return (found[1], (int(found[2]), int(found[3]))) if found else None
