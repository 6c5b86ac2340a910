"""What a publisher tells people: a change of its state, once, with what to do next."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gateway.publishers.causes import advice
from gateway.words import _

if TYPE_CHECKING:
    from gateway.errors import BrokerUnavailable
    from gateway.publishers.outcomes import Outcomes

log = logging.getLogger("nxgate.publish")

MOST_TOLD = 10
"""Refused topics told one by one; a gateway that may say nothing at all has a thousand."""


class Reporter:
    """Logs for one publisher.

    Args:
        name: its key in the site file.
        client_id: what the other side knows it by.
        where: `file:line` that configures it.

    Attributes:
        error: why there is no connection, or "".
        cause: the same in a word, or "".
    """

    def __init__(self, name: str, client_id: str, where: str) -> None:
        self._name = name
        self._client_id = client_id
        self._where = where
        self.cause = ""
        self._held: set[str] = set()
        self._told: set[str] = set()
        self._aside = 0
        self._parted = 0
        self._unheard = False
        self.error = ""

    def down(self, error: BrokerUnavailable, url: str) -> None:
        """No connection; logged when it is news, or has another cause than before."""
        self.error = _(
            "{name}: no connection to {url}: {what}. Records are kept. Set in {where}; {next}"
        ).format(
            name=self._name,
            url=url,
            what=error,
            where=self._where,
            next=self._next(error.cause),
        )
        if error.cause != self.cause:
            log.warning("%s", self.error)
        self.cause = str(error.cause)

    def up(self, url: str, version: str) -> None:
        """A connection stands."""
        self.error = self.cause = ""
        self._inform(_("{name}: connected to {url}, MQTT {version}"), url=url, version=version)

    def refused(self, outcomes: Outcomes) -> None:
        """Say which topics have newly been refused or allowed again, and what was set aside."""
        refusals = outcomes.refusals
        topics = refusals.topics.keys()
        if topics != self._held:
            for topic in topics - self._held:
                self._tell_refused(topic, refusals.topics[topic].why)
            for topic in self._told - topics:
                self._inform(_("{name}: {topic} is accepted again"), topic=topic)
            self._told &= topics
            self._held = set(topics)
        if outcomes.parted > self._parted == 0:
            self._warn(self._parts().format(name=self._name, size=outcomes.most_body))
        self._parted = outcomes.parted
        if outcomes.aside > self._aside == 0:
            text = _("{name}: a record is set aside and declared as a gap: {why}")
            self._warn(text.format(name=self._name, why=outcomes.aside_why))
        self._aside = outcomes.aside

    def _tell_refused(self, topic: str, why: str) -> None:
        if len(self._told) > MOST_TOLD:
            return
        if len(self._told) == MOST_TOLD:
            text = _("{name}: more topics are refused; the status shows all of them")
            self._warn(text.format(name=self._name))
        else:
            told = {"name": self._name, "topic": topic, "why": why, "client_id": self._client_id}
            self._warn(self._refusal().format(**told))
        self._told.add(topic)

    def unheard(self) -> None:
        """Say once that nobody subscribes."""
        if not self._unheard:
            text = _(
                "{name}: the broker takes messages that nobody subscribes to; they count as"
                " delivered and stay in the store's history"
            )
            self._warn(text.format(name=self._name))
        self._unheard = True

    def store(self, error: Exception) -> None:
        """The store refused; it says itself what to do."""
        self._warn(f"{self._name}: {error}")

    def epoch(self, epoch: int) -> None:
        """The broker keeps a status that no gateway can have reached; it is not obeyed."""
        text = _("{name}: the broker keeps a status of epoch {epoch}; ignored, delete it there")
        self._warn(text.format(name=self._name, epoch=epoch))

    def _next(self, cause: str) -> str:
        """What to do about a missing connection."""
        return advice(cause, self._client_id)

    def _refusal(self) -> str:
        """What to say of a refused topic."""
        return _(
            "{name}: {topic} is refused: {why}. Its records are kept and tried again;"
            " allow the topic to {client_id} at the broker"
        )

    def _parts(self) -> str:
        """What to say of telemetry that is too large."""
        return _(
            "{name}: telemetry is larger than the broker takes, and goes in parts of {size} bytes"
        )

    def _inform(self, text: str, **fields: str) -> None:
        log.info("%s", text.format(name=self._name, **fields))

    def _warn(self, text: str) -> None:
        log.warning("%s", text)
