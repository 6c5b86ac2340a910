"""Status: a gateway is online or not, in which epoch, over which of its connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.words import _
from verifying.bounded import Bounded

if TYPE_CHECKING:
    from verifying.arrival import Message
    from verifying.findings import Findings
    from verifying.streams import Streams

GRACE_S = 2.0
"""Between a Will and the last messages that were under way before it."""

Who = tuple[tuple[str, str, str], str]


class Presence:
    """Follows every gateway's status."""

    def __init__(self, findings: Findings, streams: Streams) -> None:
        self._findings = findings
        self._streams = streams
        self._newest: Bounded[Who, tuple[int, int]] = Bounded(10_000)
        self._offline_s: Bounded[Who, float] = Bounded(10_000)
        self.late_wills = 0

    def take(self, message: Message) -> None:
        """Take a status into account."""
        body, topic = message.body, message.topic
        gateway = str(body["gw"])
        self._findings.judge("address")
        if gateway != message.levels["gateway"]:
            what = _("gw is {name}").format(name=gateway)
            self._findings.fault("address", topic, "", what)
        who = (message.site, gateway)
        now = (int(body["epoch"]), int(body["conn"]))
        before = self._newest.get(who)
        self._findings.judge("status")
        if before is not None and now < before:
            if body["online"]:
                what = _("(epoch, conn) is {now}, after {before}").format(now=now, before=before)
                self._findings.fault("status", topic, "", what)
            else:
                self.late_wills += 1
            return
        if before == now and body["online"] and self._offline_s.get(who) is not None:
            what = _("online again without a new conn: {now}").format(now=now)
            self._findings.fault("status", topic, "", what)
        self._newest.put(who, now)
        self._follow(message, who, now, new=before is None or now > before)

    def speaks(self, message: Message) -> None:
        """Hold a live record against its gateway's status."""
        who = (message.site, message.gateway)
        newest = self._newest.get(who)
        if newest is None:
            self._findings.leave("speaker", _("no status was heard"))
            return
        self._findings.judge("speaker")
        offline_s = self._offline_s.get(who)
        if offline_s is not None and message.arrival.mono_s > offline_s + GRACE_S:
            what = _("live, while the status says offline")
            self._findings.fault("speaker", message.topic, message.id, what)
        elif offline_s is None and message.key[0] != newest[0]:
            what = _("live, while the status tells epoch {epoch}").format(epoch=newest[0])
            self._findings.fault("speaker", message.topic, message.id, what)

    def _follow(self, message: Message, who: Who, now: tuple[int, int], *, new: bool) -> None:
        body, arrival = message.body, message.arrival
        stream = self._streams.of(*who)
        if body["online"]:
            stream.online = True
            self._offline_s.pop(who)
            if not arrival.kept:
                stream.drained = False
                if new:
                    stream.connected_s = arrival.mono_s
                    stream.epoch(now[0], whole=now[1] == 1)
            return
        stream.online = False
        self._offline_s.put(who, arrival.mono_s)
        if body.get("reason") == "stop" and not arrival.kept:
            stream.epoch(now[0]).ended = "stop"
            stream.drained = body.get("outbox") == 0
