"""Events about the records themselves: what is missing, and how times were wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.words import _
from verifying.arrival import parse_id
from verifying.bounded import Bounded

if TYPE_CHECKING:
    from verifying.arrival import Message
    from verifying.contract import Contract
    from verifying.findings import Findings
    from verifying.streams import Streams

FOLLOWS_S = 60.0
"""Within which an event/clock must follow once times are marked no more."""

Boot = tuple[tuple[str, str, str], str]


class Events:
    """Judges gap and clock events, and remembers times marked unsync."""

    def __init__(self, contract: Contract, findings: Findings, streams: Streams) -> None:
        self._contract = contract
        self._findings = findings
        self._streams = streams
        self._unsync: Bounded[Boot, str] = Bounded(10_000)
        self._sure_s: Bounded[Boot, float] = Bounded(10_000)

    def take(self, message: Message) -> None:
        """Judge an event."""
        body = message.body
        self._findings.judge("address")
        if body["type"] != message.levels["type"]:
            what = _("type is {type}").format(type=body["type"])
            self._findings.fault("address", message.topic, message.id, what)
        wrong = self._contract.wrong_data(body["type"], body["data"])
        if wrong is not None:
            self._findings.fault("schema", message.topic, message.id, wrong)
        elif body["type"] == "gap":
            self._gap(message)
        elif body["type"] == "clock":
            who = (message.site, message.gateway)
            self._findings.judge("clock")
            self._unsync.pop(who)
            self._sure_s.pop(who)

    def mark(self, message: Message) -> None:
        """Note whether a record's times are to be trusted."""
        who = (message.site, message.gateway)
        if message.body.get("clock") == "unsync":
            self._unsync.put(who, message.id)
            self._sure_s.pop(who)
        elif not message.hist and self._unsync.get(who) and not self._sure_s.get(who):
            self._sure_s.put(who, message.arrival.mono_s)

    def finish(self, now_s: float) -> None:
        """Tell which times nobody corrected."""
        for who, identity in self._unsync.items():
            sure_s = self._sure_s.get(who)
            if sure_s is None or now_s < sure_s + FOLLOWS_S:
                self._findings.leave("clock", _("times are marked unsync still"))
                continue
            what = _("marked unsync, then not, and no event/clock came")
            self._findings.judge("clock")
            self._findings.fault("clock", "/".join(("cii/v1", *who[0])), identity, what)

    def _gap(self, message: Message) -> None:
        data = message.body["data"]
        first, last = parse_id(data["from"]), parse_id(data["to"])
        self._findings.judge("gap")
        what = ""
        if first is None or last is None:
            what = _("from and to are no ids")
        elif {first[0], last[0]} != {message.gateway}:
            what = _("from and to are not of this gateway")
        elif first[1] > last[1]:
            what = _("from is above to")
        elif data["t0"] > data["t1"]:
            what = _("t0 is after t1")
        elif last[1] >= message.key:
            what = _("declares ids that were not given yet")
        else:
            span = last[1][1] - first[1][1] + 1
            count = int(data.get("count", span))
            if count < 1 or (first[1][0] == last[1][0] and count > span):
                what = _("count is {count}, and from to are {span} ids").format(
                    count=count, span=span
                )
            self._streams.of(message.site, message.gateway).add_gap(first[1], last[1], count)
        if what:
            self._findings.fault("gap", message.topic, message.id, what)
