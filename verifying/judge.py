"""One message through every check."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from gateway.words import _
from verifying.arrival import Arrival, Message, parse_id
from verifying.chains import Chains
from verifying.dialogues import Dialogues
from verifying.events import Events
from verifying.figures import Windows
from verifying.findings import Findings
from verifying.lateness import Lateness
from verifying.ordering import Ordering
from verifying.presence import Presence
from verifying.retention import Retention
from verifying.signals import Signals
from verifying.streams import Streams

if TYPE_CHECKING:
    from verifying.contract import Channel, Contract

LARGEST = 16 << 20
"""Bytes of a payload that is read at all."""


@dataclass(slots=True)
class Seen:
    """How much of one channel came.

    Attributes:
        kept: copies that the broker kept.
        late: history.
        cleared: empty messages that take a retained one away.
    """

    messages: int = 0
    bytes: int = 0
    kept: int = 0
    late: int = 0
    cleared: int = 0


class Judge:
    """Judges a stream of messages against the contract; nothing that arrives makes it fail.

    Attributes:
        seen: by channel, `?` for topics of none.
        blind: how often messages may have passed unheard.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.findings = Findings()
        self.seen: dict[str, Seen] = {}
        self.blind = 0
        self.per_class: Counter[str] = Counter()
        self.streams = Streams(self.findings)
        self.lateness = Lateness(self.findings)
        self.presence = Presence(self.findings, self.streams)
        self.retention = Retention(self.findings)
        self._ordering = Ordering(self.findings)
        self._signals = Signals(self.findings)
        self._windows = Windows(self.findings)
        self._chains = Chains(self.findings)
        self._events = Events(contract, self.findings, self.streams)
        self._dialogues = Dialogues(self.findings, self.streams)
        self._open = False

    @property
    def messages(self) -> int:
        """How many came."""
        return sum(seen.messages for seen in self.seen.values())

    def begin(self) -> None:
        """All that the broker kept has been heard."""
        self._open = self._signals.open = self._dialogues.open = True

    def go_blind(self) -> None:
        """The listener's connection broke and its session with it."""
        self.blind += 1
        self._open = self._signals.open = self._dialogues.open = False
        self.streams.go_blind()
        self.retention.go_blind()

    def close(self) -> None:
        """From now on copies that the broker kept come once more."""
        self.retention.close()

    def finish(self, now_s: float) -> None:
        """Judge what only the end can tell."""
        self.streams.finish(now_s)
        self._events.finish(now_s)
        self._dialogues.finish(now_s)
        self.retention.finish()

    def take(self, arrival: Arrival) -> None:
        """Judge one message."""
        self.findings.judge("topic")
        found = self.contract.find(arrival.topic)
        seen = self.seen.setdefault(found[0].name if found else "?", Seen())
        seen.messages += 1
        seen.bytes += len(arrival.payload)
        seen.kept += arrival.kept
        if found is None:
            what = _("no channel of the contract has this topic")
            self.findings.fault("topic", arrival.topic, "", what)
            return
        channel, levels = found
        self.retention.take(arrival, channel)
        if not arrival.payload and channel.retain:
            seen.cleared += 1
            return
        body = self._read(arrival, channel)
        message = self._understand(arrival, channel, levels, body) if body is not None else None
        if message is not None:
            seen.late += message.hist
            self._hand_on(message)

    def _read(self, arrival: Arrival, channel: Channel) -> dict[str, Any] | None:
        """Parse a payload and hold it against its schema."""
        self.findings.judge("payload")
        if len(arrival.payload) > LARGEST:
            what = _("{mib} MiB: too large to be read").format(mib=len(arrival.payload) >> 20)
            self.findings.fault("payload", arrival.topic, "", what)
            return None
        try:
            body = orjson.loads(arrival.payload)
        except orjson.JSONDecodeError as error:
            self.findings.fault("payload", arrival.topic, "", str(error))
            return None
        if not isinstance(body, dict):
            self.findings.fault("payload", arrival.topic, "", _("is no JSON object"))
            return None
        self.findings.judge("schema")
        wrong = channel.check(body)
        if wrong is not None:
            self.findings.fault("schema", arrival.topic, str(body.get("id", "")), wrong)
            return None
        return body

    def _understand(
        self, arrival: Arrival, channel: Channel, levels: dict[str, str], body: dict[str, Any]
    ) -> Message | None:
        """Read a record's id and place."""
        site = (levels["cluster"], levels["enterprise"], levels["site"])
        if "hist" not in body or "id" not in body:
            return Message(arrival, channel, levels, body, site, "", (0, 0), "", hist=False)
        parsed = parse_id(body["id"])
        if parsed is None:
            what = _("the id's numbers are larger than any store gives")
            self.findings.fault("schema", arrival.topic, body["id"], what)
            return None
        gateway, key = parsed
        hist = body["hist"]
        return Message(arrival, channel, levels, body, site, gateway, key, body["id"], hist=hist)

    def _hand_on(self, message: Message) -> None:
        name = message.channel.name
        if name == "status":
            self.presence.take(message)
        elif name == "cmd":
            self._dialogues.ask(message)
        elif name == "reply":
            self._dialogues.answer(message)
        elif message.id:
            self._record(message)

    def _record(self, message: Message) -> None:
        first = self.streams.take(message)
        name = message.channel.name
        if name == "meta":
            self._signals.meta(message)
        if message.arrival.kept or not first:
            return
        stream = self.streams.of(message.site, message.gateway)
        self._ordering.take(message, stream)
        self.lateness.take(message)
        self._events.mark(message)
        if not message.hist and self._open:
            self.presence.speaks(message)
        if name == "telemetry":
            self._signals.telemetry(message)
        elif name == "state":
            self._chains.take(message, stream)
        elif name in {"oee", "energy"}:
            self._windows.take(message)
        elif name == "event":
            self._events.take(message)
            self._chains.note(message)
        elif name == "alarm":
            self.findings.judge("address")
            if message.body["alarm"] != message.levels["alarm_id"]:
                what = _("alarm is {name}").format(name=message.body["alarm"])
                self.findings.fault("address", message.topic, message.id, what)
