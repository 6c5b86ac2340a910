"""What the other side refuses, kept apart so that everything else flows.

A refused topic (an ACL, most likely) is held: its first message is kept as a probe and tried
again after a while, the topic's records stand parked in the store (`parking.Parking`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.model import Record
    from gateway.publishers.message import Message

FIRST_WAIT_S = 30.0
MOST_WAIT_S = 600.0


class Verdict(Enum):
    """What the other side made of a message, in the words of the delivery loop."""

    DELIVERED = auto()
    UNHEARD = auto()
    """Taken, but nobody subscribes."""
    HOLD_TOPIC = auto()
    """Not on this topic, for now."""
    SET_ASIDE = auto()
    """Never, as it is."""
    TOO_LARGE = auto()
    """Never in one message."""
    LATER = auto()
    """Not now: too much."""


@dataclass(slots=True)
class HeldTopic:
    """One topic that is refused.

    Attributes:
        probe: the message to try again with.
        why: what the other side said.
        wait_s: the pause before the next try; it doubles.
        due_ns: monotonic time of the next try; None while one is under way.
        record: one that stands parked because of it; the probe may be no record, such as the
            empty message that takes back a statement.
    """

    probe: Message
    why: str
    wait_s: float
    due_ns: int | None
    record: Record | None = None


class Refusals:
    """Topics held, of one publisher.

    Attributes:
        topics: by topic.
    """

    def __init__(self) -> None:
        self.topics: dict[str, HeldTopic] = {}

    def hold(self, message: Message, why: str, now_ns: int) -> bool:
        """Hold a topic; True when `message` is kept as its probe, False when another one is."""
        held = self.topics.get(message.topic)
        if held is None:
            due_ns = now_ns + round(FIRST_WAIT_S * 1e9)
            self.topics[message.topic] = HeldTopic(message, why, FIRST_WAIT_S, due_ns)
            return True
        if held.probe is not message:
            return False
        held.why = why
        held.wait_s = min(MOST_WAIT_S, held.wait_s * 2)
        held.due_ns = now_ns + round(held.wait_s * 1e9)
        return True

    def blocks(self, message: Message) -> bool:
        """Tell whether a message has to stay because its topic is held."""
        held = self.topics.get(message.topic)
        return held is not None and held.probe is not message

    def adopt(self, message: Message) -> int | None:
        """Make a newer statement the probe of its topic, due at once.

        Returns:
            The key of the probe it replaces; None where the topic isn't held.
        """
        held = self.topics.get(message.topic)
        if held is None:
            return None
        old = held.probe.key
        held.probe = message
        held.due_ns = 0
        return old

    def is_probe(self, message: Message) -> bool:
        """Tell whether a message is some topic's probe."""
        held = self.topics.get(message.topic)
        return held is not None and held.probe is message

    def release(self, message: Message) -> Record | None:
        """End the hold that `message` was the probe of, if it was one.

        Returns:
            A record that stood parked because of it; None where there was no hold, or none did.
        """
        if not self.is_probe(message):
            return None
        return self.topics.pop(message.topic).record

    def retry_all(self, now_ns: int) -> None:
        """Make every probe due now: a new connection may have new rights."""
        for held in self.topics.values():
            held.due_ns = now_ns

    def due(self, now_ns: int) -> list[Message]:
        """Take the probes whose time has come."""
        probes = []
        for held in self.topics.values():
            if held.due_ns is not None and held.due_ns <= now_ns:
                held.due_ns = None
                probes.append(held.probe)
        return probes

    def next_due_ns(self) -> int | None:
        """When the next probe falls due; None when there is none waiting."""
        times = [held.due_ns for held in self.topics.values() if held.due_ns is not None]
        return min(times, default=None)
