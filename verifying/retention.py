"""Retain and QoS as the bindings say, and what the broker keeps of it."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from gateway.words import _
from verifying.bounded import Bounded

if TYPE_CHECKING:
    from verifying.arrival import Arrival
    from verifying.contract import Channel
    from verifying.findings import Findings

TOPICS = 300_000


class Retention:
    """Remembers the newest message of every retained topic."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._newest: Bounded[str, bytes] = Bounded(TOPICS)
        self._owed: dict[str, bytes] | None = None
        self._given: dict[str, bytes] = {}
        self.cleared = 0

    def take(self, arrival: Arrival, channel: Channel) -> None:
        """Judge how a message was published."""
        topic, wanted = arrival.topic, channel.retain
        if channel.qos is not None and not arrival.kept:
            self._findings.judge("qos")
            if arrival.qos != channel.qos:
                what = _("published at QoS {qos}").format(qos=arrival.qos)
                self._findings.fault("qos", topic, "", what)
        if wanted is False and (arrival.kept or arrival.retain):
            self._findings.judge("retain")
            self._findings.fault("retain", topic, "", _("is retained and must not be"))
        elif wanted is True and not arrival.kept:
            if arrival.retain is None:
                why = _("whether a message was published retained: needs MQTT 5")
                self._findings.leave("retain", why)
            else:
                self._findings.judge("retain")
                if not arrival.retain and arrival.payload and not _says_history(arrival):
                    self._findings.fault("retain", topic, "", _("is not retained and must be"))
        elif arrival.retain is not None:
            self._findings.judge("retain")
        self._keep(arrival, wanted=wanted)

    def close(self) -> None:
        """From now on a new subscription tells what the broker keeps."""
        self._owed = dict(self._newest.items())

    def go_blind(self) -> None:
        """Note that messages may have passed unheard."""
        for topic in [topic for topic, _digest in self._newest.items()]:
            self._newest.pop(topic)

    def finish(self) -> None:
        """Tell what the broker should have kept and did not."""
        if not self._given:
            return  # nobody came to see, or nothing is kept at all
        for topic, digest in (self._owed or {}).items():
            self._findings.judge("kept")
            given = self._given.get(topic)
            if given is None:
                what = _("was published retained, and is not kept")
                self._findings.fault("kept", topic, "", what)
            elif given != digest:
                self._findings.fault("kept", topic, "", _("an older message is kept"))
        if self._newest.forgotten:
            why = _("more retained topics than are remembered")
            self._findings.leave("kept", why, self._newest.forgotten)

    def _keep(self, arrival: Arrival, *, wanted: bool | None) -> None:
        topic, digest = arrival.topic, blake2b(arrival.payload, digest_size=8).digest()
        if self._owed is not None:
            if arrival.kept:
                self._given[topic] = digest
            else:
                self._owed.pop(topic, None)  # told anew meanwhile, before or after it was given
            return
        if not arrival.payload:
            self._newest.pop(topic)
            self.cleared += wanted is True
        elif wanted and arrival.retain is None and not arrival.kept and _says_history(arrival):
            self._newest.pop(topic)  # the backlog, or what is told again: MQTT 3.1.1 hides which
        elif wanted and (arrival.kept or arrival.retain is not False):
            self._newest.put(topic, digest)


def _says_history(arrival: Arrival) -> bool:
    """The backlog is never sent retained."""
    return b'"hist":true' in arrival.payload.replace(b" ", b"")
