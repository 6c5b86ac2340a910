"""A store in memory and a scripted transport: the delivery loop's two neighbours, without I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.bucket import TokenBucket
from gateway.clock import ManualClock
from gateway.ids import make_key
from gateway.model import Record
from gateway.publishers.delivery import Delivery
from gateway.publishers.message import Message
from gateway.publishers.refusals import Verdict
from gateway.publishers.scan import CHUNK
from gateway.storage.parked import Parked
from gateway.storage.position import Position, Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.model import Draft, Place


class NotingPosition(Position):
    """The store's own position, which also remembers what it was told."""

    def __init__(self, standing: Standing | None = None) -> None:
        low, ranges, parked = standing or Standing()
        super().__init__(low, ranges, Parked(parked))
        self.acked: set[int] = set()
        self.declared: list[int] = []
        self.parts: list[Draft] = []
        self.given_up = self._note

    def delivered(self, place: Place, key: int) -> None:
        self.acked.add(key)
        super().delivered(place, key)

    def _note(self, record: Record, parts: Sequence[Draft]) -> None:
        self.acked.discard(record.key)
        self.declared.append(record.key)
        self.parts.extend(parts)


@dataclass
class FakeStore:
    """Keys from 1 in epoch 0; commits when told."""

    clock: ManualClock
    records: list[Record] = field(default_factory=list)
    committed_key: int = 0
    ring: bool = False
    folder: Path = Path()
    epoch: int = 0
    on_commit: list[Callable[[int], None]] = field(default_factory=list)
    positions: dict[str, NotingPosition] = field(default_factory=dict)

    last_key: int = 0

    def append(self, cls: str, asset: str = "a1", body: bytes = b'{"x":1}') -> Record:
        ts_ms = self.clock.wall_ns() // 1_000_000
        record = Record(make_key(0, self.last_key + 1), cls, "l1", asset, ts_ms, body)
        self.records.append(record)
        self.last_key = record.key
        return record

    def commit(self) -> None:
        self.committed_key = self.last_key
        for tell in self.on_commit:
            tell(self.committed_key)

    def position(self, publisher: str) -> NotingPosition:
        return self.positions.setdefault(publisher, NotingPosition())

    @property
    def gone(self) -> list[Record]:
        return []

    def current(self) -> dict[Place, Record]:
        kept = ("meta", "state", "alarm")
        return {r.place: r for r in self.records if r.cls.startswith(kept)}

    def read_now(self, after: int, upto: int, limit: int) -> list[Record]:
        upto = min(upto, self.committed_key)
        return [record for record in self.records if after < record.key <= upto][:limit]

    def holds(self, first: int, last: int) -> int:
        return len(self.read_now(first - 1, last, 1 << 30))

    async def read(self, after: int, upto: int, limit: int) -> Sequence[Record]:
        return self.read_now(after, upto, limit)

    def raise_epoch(self, above: int) -> None:
        self.epoch = above + 1


@dataclass
class FakeTransport:
    """Remembers what was sent; answers come from the test."""

    window: int = 100
    most_bytes: int = 1 << 20
    sent: list[Message] = field(default_factory=list)

    def excess(self, message: Message) -> int:
        return len(message.payload) - self.most_bytes

    def send(self, message: Message) -> None:
        self.sent.append(message)

    def flush(self) -> None:
        pass


class PlainEncoding:
    """Topic = class/asset, telemetry with its mode; payload = what the test wants to see."""

    unspoken = frozenset[str]()

    def speaks(self, record: Record, *, hist: bool) -> bool:
        del hist
        return record.cls not in self.unspoken

    def topic(self, record: Record, *, hist: bool) -> str:
        mode = ("/hist" if hist else "/live") if record.cls == "telemetry" else ""
        return f"{record.asset}/{record.cls}{mode}"

    def payload(self, record: Record, *, hist: bool) -> bytes:
        return b"%d %d %b" % (record.key, hist, record.body)

    def retained(self, record: Record) -> bool:
        return record.cls in {"meta", "state"} or record.cls.startswith("alarm")


class Rig:
    """One delivery with its neighbours, and the moves that a test makes."""

    def __init__(self, rate: float = 1000.0) -> None:
        self.clock = ManualClock()
        self.store = FakeStore(self.clock)
        self.rate = rate
        self.reads = 0
        self.start(Standing())

    def start(self, standing: Standing) -> None:
        """Begin as a process does, from where the publisher stood when that was last saved."""
        position = NotingPosition(standing)
        before = self.store.positions.get("p")
        if before is not None:
            position.acked, position.declared = before.acked, before.declared
        self.position = self.store.positions["p"] = position
        undelivered = [r for r in self.store.records if not position.is_done(r.place, r.key)]
        position.outstanding = len(undelivered)
        bucket = TokenBucket(self.rate, self.clock)
        self.encoding = PlainEncoding()
        self.delivery = Delivery(self.store, self.position, self.encoding, self.clock, bucket)
        self.transport = FakeTransport()

    def make(self, cls: str, asset: str = "a1", body: bytes = b'{"x":1}') -> Record:
        """Append a record and offer it, as the agent does."""
        record = self.store.append(cls, asset, body)
        self.position.outstanding += 1
        self.delivery.offer([record])
        return record

    def connect(
        self, window: int = 100, spread_s: float = 0.0, most_bytes: int = 1 << 20
    ) -> FakeTransport:
        """Open a connection and send what goes at once."""
        self.transport = FakeTransport(window, most_bytes)
        greeting = Message(0, "status", b"online", retain=True, again=False)
        self.delivery.open()
        self.delivery.connected(self.transport, (greeting,), spread_s)
        self.pump()
        return self.transport

    def pump(self) -> float | None:
        """Send what may go, reading the backlog as often as it asks."""
        wait_s = self.delivery.pump()
        while (read := self.delivery.next_read()) is not None:
            self.reads += 1
            records = self.store.read_now(read.after, read.upto, CHUNK)
            self.delivery.take_in(read, records)
            wait_s = self.delivery.pump()
        return wait_s

    def answer(self, message: Message, verdict: Verdict = Verdict.DELIVERED, why: str = "") -> None:
        """Let the other side answer one message, and go on."""
        self.delivery.acked(message, verdict, why)
        self.pump()

    def answer_all(self) -> None:
        """Let the other side take everything, until nothing comes any more."""
        done = 0
        while done < len(self.transport.sent):
            message = self.transport.sent[done]
            self.delivery.acked(message, Verdict.DELIVERED)
            done += 1
            wait_s = self.pump()
            while done == len(self.transport.sent) and wait_s:
                self.clock.advance(wait_s + 1e-9)
                wait_s = self.pump()

    def sent_keys(self) -> list[int]:
        """Keys of the records sent on the present connection, in order."""
        return [message.key for message in self.transport.sent if message.key]

    def topics(self) -> list[str]:
        """Topics sent to on the present connection, in order."""
        return [message.topic for message in self.transport.sent]
