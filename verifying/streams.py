"""Which ids came of each gateway: duplicates, bodies, holes."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import orjson

from gateway.words import _
from verifying.bounded import Bounded
from verifying.epochs import Epoch

if TYPE_CHECKING:
    from verifying.arrival import Key, Message
    from verifying.findings import Findings

BODIES = 200_000
"""Bodies whose hashes are kept to be compared; some 30 MB."""
GATEWAYS = 10_000
EPOCHS = 64
"""Of one gateway; one that starts more often in one run is told, and its oldest forgotten."""
QUIET_S = 10.0
"""A backlog that flows has a record at least so often."""
RETURN_S = 90.0
"""After a connect a gateway waits up to a minute at random before it drains its backlog."""
_RANGES = 1000

Name = tuple[tuple[str, str, str], str]
"""(cluster, enterprise, site), gateway: ids are unique within."""


class Stream:
    """One gateway's ids.

    Attributes:
        epochs: those heard of, in the order of their first record.
        online: as its newest status says; None where none was heard.
        drained: it left, and nothing was left to deliver.
        connected_s: monotonic time of its newest connect, 0 where none was heard.
        late_s: monotonic time of its newest late record.
        resent: ranges that a command asked for again.
    """

    def __init__(self) -> None:
        self.epochs: dict[int, Epoch] = {}
        self.online: bool | None = None
        self.drained = False
        self.connected_s = 0.0
        self.late_s = float("-inf")
        self.gaps: list[tuple[Key, Key, int]] = []
        self.resent: list[tuple[Key, Key]] = []

    def epoch(self, number: int, *, whole: bool = False) -> Epoch:
        """Return what is known of an epoch."""
        found = self.epochs.get(number)
        if found is None:
            found = self.epochs[number] = Epoch(whole=whole)
            newest = max(self.epochs)
            for other, epoch in self.epochs.items():
                if other < newest and not epoch.ended:
                    epoch.ended = "cut"
        return found

    def is_resent(self, key: Key) -> bool:
        """True where a command asked for an id again."""
        return any(lo <= key <= hi for lo, hi in self.resent)

    def add_gap(self, first: Key, last: Key, count: int) -> None:
        """Note what was declared as lost."""
        if len(self.gaps) < _RANGES:
            self.gaps.append((first, last, count))

    def waits(self, now_s: float) -> bool:
        """True while records may still come: offline, just back, or its backlog flows."""
        return not self.drained and (
            self.online is False
            or now_s < self.connected_s + RETURN_S
            or now_s < self.late_s + QUIET_S
        )


class Streams:
    """All gateways' ids."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._streams: Bounded[Name, Stream] = Bounded(GATEWAYS)
        self._bodies: Bounded[tuple[Name, Key], bytes] = Bounded(BODIES)
        self.duplicates = 0
        self.missing = 0
        self.waited_for = 0
        self.declared = 0

    def of(self, site: tuple[str, str, str], gateway: str) -> Stream:
        """Return one gateway's stream."""
        stream = self._streams.get((site, gateway))
        if stream is None:
            stream = Stream()
            self._streams.put((site, gateway), stream)
        return stream

    def take(self, message: Message) -> bool:
        """Note a record; True at its first delivery."""
        name = (message.site, message.gateway)
        stream = self.of(*name)
        number, seq = message.key
        arrival = message.arrival
        same = self._compare(name, message)
        if arrival.kept:
            return False
        if message.hist:
            stream.late_s = arrival.mono_s
        epoch = stream.epoch(number)
        if len(stream.epochs) > EPOCHS:
            del stream.epochs[min(stream.epochs)]
            self._findings.leave("missing", _("a gateway with more epochs than are kept"))
        first = epoch.take(seq, message.body["ts"], arrival.mono_s, live=not message.hist)
        self.duplicates += same and not first
        return first

    def go_blind(self) -> None:
        """Note that messages may have passed unheard."""
        for stream in self._streams.values():
            for epoch in stream.epochs.values():
                epoch.go_blind()

    def finish(self, now_s: float) -> None:
        """Tell what is missing."""
        for (site, gateway), stream in self._streams.items():
            for number, epoch in sorted(stream.epochs.items()):
                self._tell(site, gateway, stream, number, epoch, now_s)

    def _tell(
        self,
        site: tuple[str, str, str],
        gateway: str,
        stream: Stream,
        number: int,
        epoch: Epoch,
        now_s: float,
    ) -> None:
        if epoch.unjudged:
            self._findings.leave("missing", _("an epoch of which no beginning was heard"))
        else:
            self._findings.judge("missing")
        if epoch.seen.blurred:
            self._findings.leave("missing", _("too many holes to keep"), epoch.seen.blurred)
        spare = {gap: gap[2] for gap in stream.gaps}
        for lo, hi in epoch.due(now_s):
            for first, last in _undeclared((number, lo), (number, hi), spare):
                count = last - first + 1
                if stream.waits(now_s):
                    self.waited_for += count
                    continue
                self.missing += count
                what = _("{count} ids up to {last} never came, and no gap declares them").format(
                    count=count, last=f"{gateway}:{number}:{last}"
                )
                topic = "/".join(("cii/v1", *site))
                self._findings.fault("missing", topic, f"{gateway}:{number}:{first}", what, count)
        self.declared += sum(gap[2] - left for gap, left in spare.items())

    def _compare(self, name: Name, message: Message) -> bool:
        """Hold a body against the one that came with the same id; False where it differs."""
        plain = {field: value for field, value in message.body.items() if field != "hist"}
        try:
            content = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
        except TypeError:  # nested deeper than it writes
            content = message.arrival.payload
        digest = blake2b(content, digest_size=8).digest()
        known = self._bodies.get((name, message.key))
        if known is None:
            self._bodies.put((name, message.key), digest)
            epoch = self.of(*name).epochs.get(message.key[0])
            if epoch is not None and message.key[1] in epoch.seen:
                why = _("repeated after more records than bodies are kept for")
                self._findings.leave("identity", why)
            return True
        self._findings.judge("identity")
        if known != digest:
            what = _("came before with another body")
            self._findings.fault("identity", message.topic, message.id, what)
        return known == digest


def _undeclared(lo: Key, hi: Key, spare: dict[tuple[Key, Key, int], int]) -> list[tuple[int, int]]:
    """Return what of a hole no gap declares; each gap declares `count` ids within its ends."""
    left = [(lo[1], hi[1])]
    for gap, count in list(spare.items()):
        first, last, _count = gap
        if last < lo or first > hi or not count:
            continue
        start = first[1] if first[0] == lo[0] else 0
        end = last[1] if last[0] == hi[0] else hi[1]
        rest: list[tuple[int, int]] = []
        for one, two in left:
            inner = (max(one, start), min(two, end))
            taken = min(spare[gap], max(0, inner[1] - inner[0] + 1))
            spare[gap] -= taken
            if not taken:
                rest.append((one, two))
                continue
            rest += [
                part
                for part in ((one, inner[0] - 1), (inner[0] + taken, two))
                if part[0] <= part[1]
            ]
        left = rest
    return left
