"""What a publisher listens to: the topics of commands, and who takes what arrives there."""

from __future__ import annotations

import logging
from typing import Protocol

from gateway.words import _

log = logging.getLogger("nxgate.publish")


class Take(Protocol):
    """Whoever takes what arrives; at once, on the loop's thread."""

    def __call__(self, publisher: str, topic: str, payload: bytes, *, retained: bool) -> None:
        """Take one message."""


class Inbox:
    """One publisher's.

    Args:
        name: of the publisher.
        filter_: the topics, with wildcards.
        take: gets what arrives.

    Attributes:
        refused: why the other side doesn't let us listen, or "".
    """

    def __init__(self, name: str, filter_: str, take: Take) -> None:
        self.filter = filter_
        self.refused = ""
        self._name = name
        self._take = take

    def take(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Hand over a message."""
        self._take(self._name, topic, payload, retained=retained)

    def granted(self, refused: str) -> None:
        """Note what the other side answered to the subscription; logged when it is news."""
        if refused and refused != self.refused:
            text = _(
                "{name}: commands don't arrive: {topics} is refused: {why}."
                " Allow it at the broker, or delete publish.{name}.commands"
            )
            log.warning(text.format(name=self._name, topics=self.filter, why=refused))
        self.refused = refused
