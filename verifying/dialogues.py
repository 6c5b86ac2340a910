"""Commands and their replies."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gateway.words import _
from verifying.arrival import parse_id
from verifying.bounded import Bounded

if TYPE_CHECKING:
    from verifying.arrival import Message
    from verifying.findings import Findings
    from verifying.streams import Streams

COMMANDS = 20_000
GRACE_S = 5.0
"""Between a command's expiry and its answer, at most."""
ACCEPTED = "accepted"
"""Not the last word: another reply may follow."""
LARGEST = 16 << 10
"""Bytes of a command; a larger one has nobody to answer to (platform.md)."""
FLOOD = 20
"""Commands without a right signature that are answered at once (platform.md)."""
_RESENT = 1000


class Dialogues:
    """Remembers open commands."""

    def __init__(self, findings: Findings, streams: Streams) -> None:
        self._findings = findings
        self._streams = streams
        self._asked: Bounded[tuple[str, str], tuple[float, str, str]] = Bounded(COMMANDS)
        self._answered: Bounded[tuple[str, str], str] = Bounded(COMMANDS)
        self._answering: Bounded[str, int] = Bounded(COMMANDS)
        self.open = False
        """True once commands are surely heard."""

    def ask(self, message: Message) -> None:
        """Note a command."""
        body, arrival = message.body, message.arrival
        left_s = min(max(0.0, (body["exp"] - arrival.wall_ms) / 1000), 3600.0)
        due_s = arrival.mono_s + left_s + GRACE_S
        if arrival.kept or arrival.retain or len(arrival.payload) > LARGEST:
            due_s = math.inf  # to be refused; whether it is answered is left open
        name = (message.asset, body["cid"])
        self._asked.put(name, (due_s, message.topic, body["cid"]))
        args = body["args"]
        if message.levels["name"] == "resend" and isinstance(args, dict):
            self._resend(message.site, args)

    def answer(self, message: Message) -> None:
        """Hold a reply against its command."""
        body = message.body
        self._answering.put(message.asset, 1)
        self._findings.judge("address")
        if body["cid"] != message.levels["cid"]:
            what = _("cid is {cid}").format(cid=body["cid"])
            self._findings.fault("address", message.topic, "", what)
        name = (message.asset, body["cid"])
        asked, answered = self._asked.get(name), self._answered.get(name)
        if asked is None and not self.open:
            self._findings.leave("command", _("asked before anybody listened"))
            return
        self._findings.judge("command")
        if asked is None:
            what = _("answers {cid}, which nobody sent").format(cid=body["cid"])
            self._findings.fault("command", message.topic, "", what)
        elif answered is not None and answered != ACCEPTED and body["code"] != "duplicate":
            what = _("answers {cid} again: {code}, after {before}").format(
                cid=body["cid"], code=body["code"], before=answered
            )
            self._findings.fault("command", message.topic, "", what)
        self._answered.put(name, body["code"])

    def finish(self, now_s: float) -> None:
        """Tell which commands nobody answered."""
        open_: dict[str, list[tuple[str, str]]] = {}
        for name, (due_s, topic, cid) in self._asked.items():
            if self._answered.get(name) is not None:
                continue
            if now_s < due_s or not self._answering.get(name[0]):
                why = _("not expired yet, or nothing here answers commands")
                self._findings.leave("command", why)
                continue
            open_.setdefault(name[0], []).append((topic, cid))
        for unanswered in open_.values():
            if len(unanswered) >= FLOOD:
                self._findings.leave("command", _("most of a flood is not answered"))
                continue
            for topic, cid in unanswered:
                self._findings.judge("command")
                what = _("{cid} was not answered by its expiry").format(cid=cid)
                self._findings.fault("command", topic, "", what)

    def _resend(self, site: tuple[str, str, str], args: dict[str, Any]) -> None:
        ends = [parse_id(str(args.get(name, ""))) for name in ("from", "to")]
        if ends[0] is None or ends[1] is None or ends[0][0] != ends[1][0]:
            return
        resent = self._streams.of(site, ends[0][0]).resent
        if len(resent) < _RESENT:
            resent.append((ends[0][1], ends[1][1]))
