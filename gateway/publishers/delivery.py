"""The delivery loop as state without I/O: what goes out next, and what an answer means.

Everything that a publisher promises is decided here, and can be tried without a socket:

- **Live first, history beside it.** Records made while there is a connection go from memory;
  whatever else is in the store and not acknowledged, or asked for again, is read back and sent
  at a set rate (`history.History`). Both share one window, of which history leaves a quarter
  free.
- **What may precede its commit.** Telemetry only, unless the disk is dead (`live.LiveLane`).
- **Order** holds per topic and lane for first deliveries: each lane is a queue, and what was in
  flight when a connection broke goes first, unchanged, on the next.
- **Only an acknowledgement frees a record.** A refused one is held or set aside
  (`outcomes.Outcomes`) and everything else flows.
- **One poisonous message** must not break each new connection: what was in flight at two losses
  goes alone, after something else was acknowledged; the fifth connection lost over it alone sets
  it aside.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from gateway.publishers.flight import Flight
from gateway.publishers.history import History
from gateway.publishers.live import LiveLane
from gateway.publishers.message import Message
from gateway.publishers.outcomes import Outcomes
from gateway.publishers.refusals import Verdict
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.bucket import TokenBucket
    from gateway.clock import Clock
    from gateway.model import Record
    from gateway.publishers.base import Position, RecordStore
    from gateway.publishers.message import Encoding, Transport
    from gateway.publishers.scan import Read

FRESH_MS = 10_000
"""A record older than this at its first hand-over is history (contract: `hist`)."""
LIVE_RECORDS = 5_000
LIVE_BYTES = 8 << 20
"""Beyond either bound the live lane is let go of: its records are in the store anyway."""
TURN = 25
"""Records of history sent in one go, so that other work of the loop gets its turn."""
HISTORY_LEAVES = 4
"""One in so many of the window's places is left to live data."""
SUSPECT_LOSSES = 2
POISON_LOSSES = 5
FIRST_PAUSE_S = 1.0
MOST_PAUSE_S = 60.0


class Delivery:
    """What one publisher has to deliver, over one connection after another.

    Args:
        store: where records come back from.
        position: what is delivered already.
        encoding: makes topics and payloads.
        clock: wall for ages, monotonic for pauses.
        bucket: the backlog's rate.

    Attributes:
        flight: what is under way.
        outcomes: what became of the messages.
        refusals: topics held.
        unheard_count: records acknowledged that nobody subscribes to.
    """

    def __init__(
        self,
        store: RecordStore,
        position: Position,
        encoding: Encoding,
        clock: Clock,
        bucket: TokenBucket,
    ) -> None:
        self._store = store
        self._position = position
        self._encoding = encoding
        self._clock = clock
        self._bucket = bucket
        self._transport: Transport | None = None
        self._collecting = False
        self._opened_key = 0
        self._backlog_from_ns = 0
        self._paused_until_ns = 0
        self._pause_s = FIRST_PAUSE_S
        self._proven = False
        self._alone: Message | None = None
        self._urgent: deque[Message] = deque()
        self._snapshot: deque[Record] = deque()
        self._live = LiveLane()
        self._held: set[int] = set()
        self._history = History(position, self._held)
        self.flight = Flight(clock)
        self.outcomes = Outcomes(store, position, encoding, self._history.parking, self._held)
        self.refusals = self.outcomes.refusals
        self.unheard_count = 0

    @property
    def idle(self) -> bool:
        """True when nothing is in flight and nothing live could be."""
        return not (len(self.flight) or self._urgent or self._snapshot or len(self._live))

    def open(self) -> None:
        """Begin a connection: records made from now on are live, older ones backlog."""
        self._collecting = True
        self._opened_key = self._store.last_key
        self._history.open(self._store.last_key)

    def connected(self, transport: Transport, greeting: Sequence[Message], spread_s: float) -> None:
        """Take a connection into use: resends, the greeting, the current state, then live.

        Args:
            transport: to send on, until `lost`.
            greeting: what opens this connection: the status, say.
            spread_s: pause before the backlog is drained.
        """
        self._transport = transport
        self.flight.begin(transport.window)
        self._proven = False
        now_ns = self._clock.mono_ns()
        self._backlog_from_ns = now_ns + round(spread_s * 1e9)
        self._paused_until_ns = 0
        self._take_snapshot()
        self.refusals.retry_all(now_ns)
        ahead = any(message.losses >= SUSPECT_LOSSES for message in self._urgent)
        told = [message for message in greeting if not self.outcomes.is_adopted(message)]
        if ahead:
            self._urgent.extendleft(reversed(told))
        else:
            self._urgent.extend(told)

    def lost(self, *, too_large: bool = False, suspect: bool = True) -> None:
        """End a connection, or an attempt at one: what was in flight goes first on the next.

        Args:
            too_large: the other side ended it over the size of a message.
            suspect: what was in flight may be the reason.
        """
        if too_large and len(self.flight):
            largest = max(self.flight, key=lambda message: len(message.payload))
            self.flight.give_up(largest)
            self.outcomes.shrink(
                largest, len(largest.payload) // 2, _("the broker refuses its size")
            )
        if suspect:
            self._blame()
        again = [
            message
            for message in (*self.flight, *self._urgent)
            if message.again and not self.refusals.is_probe(message)
        ]
        self._transport = None
        self._collecting = False
        self._alone = None
        self._urgent = deque(again)
        self._snapshot.clear()
        self._live.clear()
        self._history.lost()
        self.flight.clear()
        probes = (held.probe.key for held in self.refusals.topics.values())
        self._held.clear()
        self._held.update((message.key for message in again), probes)

    def _blame(self) -> None:
        """Count a loss to what was in flight, and be done with what alone is the reason of five."""
        alone = self._alone if self._alone in set(self.flight) else None
        for message in self.flight:
            message.losses += 1
        if alone is not None and self._proven:
            alone.lone_losses += 1
            if alone.lone_losses >= POISON_LOSSES:
                self.flight.give_up(alone)
                self.outcomes.set_aside(alone, _("the connection broke each time it was sent"))

    def close(self) -> None:
        """Take nothing more, and leave what is in the store where it is."""
        self._collecting = False
        self._history.close()

    def tell(self, message: Message) -> None:
        """Send something that is no record, ahead of everything but resends."""
        if not self.outcomes.is_adopted(message):
            self._urgent.append(message)

    def offer(self, records: Iterable[Record]) -> None:
        """Take records that the store has just numbered."""
        if not self._collecting:
            return
        speaks = self._encoding.speaks
        for record in records:
            if speaks(record, hist=False):
                self._live.put(record)
                self._held.add(record.key)
            else:
                self.outcomes.unspoken(record)
        if len(self._live) > LIVE_RECORDS or self._live.size > LIVE_BYTES:
            keys = self._live.shed()
            self._held.difference_update(keys)
            if keys:
                self._history.rescan(keys[0], keys[-1])

    def acked(self, message: Message, verdict: Verdict, why: str = "") -> None:
        """Take the other side's answer to a message."""
        if not self.flight.answered(message):
            return
        if message is self._alone:
            self._alone = None
        match verdict:
            case Verdict.DELIVERED | Verdict.UNHEARD:
                self._proven = True
                self._pause_s = FIRST_PAUSE_S
                self.outcomes.delivered(message)
                self.unheard_count += verdict is Verdict.UNHEARD and message.key > 0
            case Verdict.HOLD_TOPIC if message.key == 0 and not message.retain:
                pass  # a reply, whose topic never comes again
            case Verdict.HOLD_TOPIC:
                self.outcomes.hold(message, why, self._clock.mono_ns())
            case Verdict.SET_ASIDE:
                self.outcomes.set_aside(message, why)
            case Verdict.TOO_LARGE:
                self.outcomes.shrink(message, len(message.payload) // 2, why)
            case Verdict.LATER:
                self._urgent.append(message)
                self._paused_until_ns = self._clock.mono_ns() + round(self._pause_s * 1e9)
                self._pause_s = min(MOST_PAUSE_S, self._pause_s * 2)

    def pump(self) -> float | None:
        """Send what may go out now.

        Returns:
            Seconds after which more may go without anything else happening; None: never.
        """
        transport = self._transport
        if transport is None:
            return None
        now_ns = self._clock.mono_ns()
        if now_ns < self._paused_until_ns:
            return (self._paused_until_ns - now_ns) * 1e-9
        if self.refusals.topics:
            self._urgent.extend(self.refusals.due(now_ns))
        while self._alone is None and self.flight.has_room():
            message = self._next_live(transport)
            if message is None:
                break
            self._hand_over(message, transport)
        wait_s = self._pump_history(transport, now_ns)
        transport.flush()
        due_ns = self.refusals.next_due_ns()
        if due_ns is None:
            return wait_s
        due_s = max(0.0, (due_ns - now_ns) * 1e-9)
        return due_s if wait_s is None else min(wait_s, due_s)

    def next_read(self) -> Read | None:
        """Tell what to ask the store for, when history wants more."""
        if self._transport is None or self._clock.mono_ns() < self._backlog_from_ns:
            return None
        return self._history.next_read(self._store.committed_key)

    def take_in(self, read: Read, records: Sequence[Record]) -> None:
        """Take what the store gave to `next_read`."""
        self._history.take_in(read, records)

    def resend(self, first: int, last: int) -> int:
        """Send what is stored of a range of keys again, as history.

        Returns:
            About how many records that is; 0 also when too many requests wait already.
        """
        last = min(last, self._store.committed_key)
        count = self._store.holds(first, last)
        return count if count and self._history.ask_again(first, last) else 0

    def _take_snapshot(self) -> None:
        """Queue what the world is like now: metas, then states, then active alarms.

        What is not on disk yet waits for it in the live lane, so that telemetry of a new revision
        stays behind its meta.
        """
        for record in self._encoding_order(self._store.current().values()):
            if record.key in self._held:
                continue
            if record.key > self._store.committed_key:
                self._live.put(record)
                self._held.add(record.key)
            else:
                if not self.refusals.topics or not self.outcomes.is_adopted(self._restate(record)):
                    self._snapshot.append(record)
                self._held.add(record.key)

    def _encoding_order(self, records: Iterable[Record]) -> list[Record]:
        ranks = {"meta": 0, "state": 1, "alarm": 2}
        kept = [record for record in records if self._encoding.retained(record)]
        return sorted(kept, key=lambda r: (ranks.get(r.cls.partition("/")[0], 3), r.key))

    def _next_live(self, transport: Transport) -> Message | None:
        """The next message of everything but history, that may go; None when none may."""
        while True:
            if self._urgent:
                message = self._urgent[0]
                if message.losses >= SUSPECT_LOSSES and len(self.flight):
                    return None
                self._urgent.popleft()
            elif self._snapshot:
                message = self._restate(self._snapshot.popleft())
            else:
                record = self._live.take(self._store.committed_key, ring=self._store.ring)
                if record is None:
                    return None
                message = self._encode(record, retain=self._retained(record))
            if not self.outcomes.is_blocked(message) and self._fits(message, transport):
                return message

    def _pump_history(self, transport: Transport, now_ns: int) -> float | None:
        """Send from the store; return seconds until it may go on by itself, as `pump` does."""
        if now_ns < self._backlog_from_ns:
            return (self._backlog_from_ns - now_ns) * 1e-9
        if self._urgent or self._snapshot:
            return None
        sent = 0
        while self._history and self._alone is None and self.flight.has_room(leave=HISTORY_LEAVES):
            wait_s = self._bucket.wait_s()
            if wait_s or sent >= TURN:
                return wait_s
            record = self._history.take()
            if record is None:
                continue
            if not self._encoding.speaks(record, hist=True):
                self.outcomes.unspoken(record)
                continue
            message = self._encode(record, hist=True)
            if self.outcomes.is_blocked(message):
                continue
            self._bucket.take()
            sent += 1
            if self._fits(message, transport):
                self._hand_over(message, transport)
        return None

    def _encode(
        self, record: Record, *, again: bool = True, retain: bool = False, hist: bool = False
    ) -> Message:
        old = record.key <= self._opened_key or self._now_ms() - record.ts_ms > FRESH_MS
        hist = hist or old
        topic = self._encoding.topic(record, hist=hist)
        payload = self._encoding.payload(record, hist=hist)
        return Message(record.key, topic, payload, retain, again, record=record)

    def _retained(self, record: Record) -> bool:
        """Tell whether the server is to keep it: not what is told last of something removed."""
        return self._encoding.retained(record) and record.place in self._store.current()

    def _restate(self, record: Record) -> Message:
        """A record as part of what each connection begins with."""
        return self._encode(record, again=False, retain=True)

    def _fits(self, message: Message, transport: Transport) -> bool:
        """Tell whether a message may be sent at all; its record is else declared."""
        excess = transport.excess(message)
        if excess > 0:
            size = len(message.payload)
            why = _("{size} bytes are more than the server takes").format(size=size)
            self.outcomes.shrink(message, excess, why)
        return excess <= 0

    def _hand_over(self, message: Message, transport: Transport) -> None:
        self.flight.sent(message)
        if message.losses >= SUSPECT_LOSSES:
            self._alone = message
        transport.send(message)

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000
