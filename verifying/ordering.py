"""Order: per topic and lane, first deliveries come in the order of their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.words import _
from verifying.bounded import Bounded

if TYPE_CHECKING:
    from verifying.arrival import Key, Message
    from verifying.findings import Findings
    from verifying.streams import Stream

LANES = 400_000
"""Topics times lanes that are followed; some 100 MB, if ever so many are used."""

Lane = tuple[str, bool, bool, str]
"""Topic, history or not, retained or not, gateway: the backlog is never sent retained, while what
is current is told again at each connect, ahead of the backlog that it belongs to."""


class Ordering:
    """Follows every lane."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._lanes: Bounded[Lane, tuple[Key, str]] = Bounded(LANES)

    def take(self, message: Message, stream: Stream) -> None:
        """Hold a first delivery against the one before it."""
        if stream.is_resent(message.key):
            self._findings.leave("order", _("sent again by command"))
            return
        retain = message.arrival.retain
        if retain is None:
            if message.hist and message.channel.retain:
                why = _("MQTT 3.1.1 doesn't tell the backlog from what is told again")
                self._findings.leave("order", why)
                return
            retain = False
        lane = (message.topic, message.hist, retain, message.gateway)
        before = self._lanes.get(lane)
        if before is not None:
            self._findings.judge("order")
            if message.key < before[0]:
                what = _("came after {other}").format(other=before[1])
                self._findings.fault("order", message.topic, message.id, what)
                return
        self._lanes.put(lane, (message.key, message.id))
