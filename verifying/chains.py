"""States: each names the one before it, and begins after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.words import _
from verifying.bounded import Bounded

if TYPE_CHECKING:
    from verifying.arrival import Key, Message
    from verifying.findings import Findings
    from verifying.streams import Stream

ASSETS = 100_000
AHEAD_MS = 2_000
"""A state may begin that much after the record was made: two clocks' worth of rounding."""


class Chains:
    """Remembers the newest state of every asset."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._newest: Bounded[str, tuple[Key, str, int]] = Bounded(ASSETS)
        self._corrected: Bounded[str, Key] = Bounded(ASSETS)

    def note(self, event: Message) -> None:
        """Take an event: what was told before an event/clock has other times now."""
        if event.body["type"] == "clock":
            self._corrected.put(event.gateway, event.key)

    def take(self, message: Message, stream: Stream) -> None:
        """Hold a first delivery against the state before it."""
        body = message.body
        now = (message.key, body["state"], body["since"])
        before = self._newest.get(message.topic)
        if before is not None and before[0] >= now[0]:
            return
        self._newest.put(message.topic, now)
        if body["since"] > body["ts"] + AHEAD_MS and body.get("clock") != "unsync":
            what = _("begins after the record was made")
            self._findings.fault("state", message.topic, message.id, what)
        if before is None or before[0][0] != now[0][0]:
            return
        epoch = stream.epoch(now[0][0])
        if epoch.seen.holes(before[0][1], now[0][1]):
            self._findings.leave("state", _("an id between two states had not come yet"))
            return
        corrected = self._corrected.get(message.gateway)
        if corrected is not None and before[0] < corrected:
            self._findings.leave("state", _("the clock was corrected between two states"))
            return
        self._findings.judge("state")
        if body["since"] < before[2]:
            what = _("begins before the state before it")
            self._findings.fault("state", message.topic, message.id, what)
        elif "prev" in body and body["prev"] != before[1] and body["state"] != before[1]:
            what = _("prev is {prev}, and {before} came before it").format(
                prev=body["prev"], before=before[1]
            )
            self._findings.fault("state", message.topic, message.id, what)
