"""What a publisher listens to: the topics of commands, and who takes what arrives there."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

log = logging.getLogger("nxgate.publish")


Arrived = tuple[str, bytes, bool]
"""Topic, payload, and whether the broker had kept it."""


class Topic(NamedTuple):
    """What to subscribe to.

    Attributes:
        filter: may have wildcards.
        kept: what the broker has kept there is wanted too.
    """

    filter: str
    kept: bool = False


class Take(Protocol):
    """Whoever takes what arrives; at once, on the loop's thread."""

    def __call__(self, publisher: str, topic: str, payload: bytes, *, retained: bool) -> None:
        """Take one message."""


class Hear(Protocol):
    """Whoever tells which commands an arrived message is."""

    def __call__(self, topic: str, payload: bytes, *, retained: bool) -> Iterable[Arrived]:
        """Read one message."""


def as_it_is(topic: str, payload: bytes, *, retained: bool) -> Iterable[Arrived]:
    """Take a message for the command that it is."""
    yield topic, payload, retained


class Inbox:
    """One publisher's.

    Args:
        name: of the publisher.
        topics: what to subscribe to, at least one.
        take: gets what arrives, as commands of the canonical contract.
        hear: reads it.

    Attributes:
        refused: why the other side doesn't let us listen, or "".
    """

    def __init__(
        self, name: str, topics: Sequence[Topic], take: Take | None, hear: Hear = as_it_is
    ) -> None:
        self.topics = topics
        self.refused = ""
        self._name = name
        self._take = take
        self._hear = hear

    def take(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Hand over a message."""
        for command, body, kept in self._hear(topic, payload, retained=retained):
            if self._take is not None:
                self._take(self._name, command, body, retained=kept)

    def granted(self, refused: str) -> None:
        """Note what the other side answered to the subscription; logged when it is news."""
        if refused and refused != self.refused:
            text = _(
                "{name}: commands don't arrive: {topics} is refused: {why}."
                " Allow it at the broker, or delete publish.{name}.commands"
            )
            filters = ", ".join(topic.filter for topic in self.topics)
            log.warning(text.format(name=self._name, topics=filters, why=refused))
        self.refused = refused
