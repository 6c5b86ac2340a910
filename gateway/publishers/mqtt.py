"""The MQTT publisher: keeps one connection up and lets `Delivery` decide what goes over it.

The first connection of a process only looks at the retained status: another gateway may have used
our name and a higher epoch. The course of all others: CONNECT with the Will, resends, status, the
current metas and states, then live data with the backlog beside it.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from gateway import __version__
from gateway.errors import BrokerUnavailable, StoreError
from gateway.publishers.base import PublisherStatus
from gateway.publishers.canonical import Canonical, epoch_of
from gateway.publishers.causes import SLOW, Cause
from gateway.publishers.delivery import Delivery
from gateway.publishers.dial import Dialer
from gateway.publishers.message import Message
from gateway.publishers.mqtt_client import Connection
from gateway.publishers.mqtt_version import MqttVersion
from gateway.publishers.pace import Backoff, TokenBucket
from gateway.publishers.refusals import Verdict
from gateway.publishers.reporter import Reporter
from gateway.publishers.scan import CHUNK
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.clock import Clock
    from gateway.model import Record
    from gateway.publishers.base import RecordStore
    from gateway.publishers.scan import Read
    from gateway.settings import Identity, MqttSettings

MOST_EPOCH = 1 << 26
"""Minutes since 2020 reach it in 2147; beyond it a retained status is a forgery, and obeying it
would let whoever may publish there use up the epochs."""
LOOK_S = 0.05
"""The least time for a retained status to come after its subscription is granted."""
SETTLED_S = 10.0
"""A connection that lasted so long was a good one: the back-off starts again."""
SLOW_S = 30.0
"""The least pause after a failure that haste can't mend."""
RENEW_S = 0.2
"""A broker that sees the new CONNECT before it has read our goodbye would send the old Will."""
FLUSH_S = 2.0
FAREWELL_S = 1.0
READ_AGAIN_S = 1.0

VERDICTS = {
    0x00: (Verdict.DELIVERED, ""),
    0x10: (Verdict.UNHEARD, "No matching subscribers"),
    0x80: (Verdict.HOLD_TOPIC, "Unspecified error"),
    0x83: (Verdict.HOLD_TOPIC, "Implementation specific error"),
    0x87: (Verdict.HOLD_TOPIC, "Not authorized"),
    0x90: (Verdict.SET_ASIDE, "Topic name invalid"),
    0x91: (Verdict.LATER, "Packet identifier in use"),
    0x95: (Verdict.TOO_LARGE, "Packet too large"),
    0x97: (Verdict.LATER, "Quota exceeded"),
    0x99: (Verdict.SET_ASIDE, "Payload format invalid"),
}
"""PUBACK reason codes (MQTT 5, 3.4.2.1) with the standard's own names."""


class MqttPublisher:
    """One broker, or several that stand in for each other.

    Args:
        name: its key in the site file.
        config: its section.
        store: where records and the position are kept.
        identity: topic levels.
        clock: for ages and pauses.
    """

    def __init__(
        self,
        *,
        name: str,
        config: MqttSettings,
        store: RecordStore,
        identity: Identity,
        clock: Clock,
    ) -> None:
        self.name = name
        self._store = store
        self._clock = clock
        self._identity = identity
        self._encoding = Canonical(identity)
        self._position = store.position(name)
        self._bucket = TokenBucket(config.backlog, clock)
        self._delivery = Delivery(store, self._position, self._encoding, clock, self._bucket)
        self._chance = random.Random()  # noqa: S311 - spreads load, keeps no secret
        self._backoff = Backoff(self._chance)
        self._dialer = Dialer()
        self._adopt(config)
        self._reason = ""
        self._is_outdated = False
        self._epoch = 0
        self._conn = 0
        self._looked = False
        self._connection: Connection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._reading: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._moved = asyncio.Event()
        self._since_ms = clock.wall_ns() // 1_000_000

    def offer(self, records: Sequence[Record]) -> None:
        """Take records just appended to the store."""
        self._delivery.offer(records)
        if self._connection is not None:
            self._pump()

    @property
    def most_body(self) -> int:
        """Bytes of a telemetry body that the broker takes, as far as it is known."""
        return self._delivery.outcomes.most_body

    def resend(self, first: int, last: int) -> int:
        """Send stored records again, as history."""
        count = self._delivery.resend(first, last)
        self._pump()
        return count

    def clear(self, records: Sequence[Record]) -> None:
        """Have the broker let go of what it keeps of these."""
        for record in records:
            topic = self._encoding.topic(record, hist=False)
            self._delivery.tell(Message(0, topic, b"", retain=True, again=False))
        self._pump()

    def announce(self, reason: str) -> None:
        """Tell the status now, or with the next connection, with a reason."""
        self._reason = reason
        if self._connection is not None and not self._is_outdated:
            self._delivery.tell(self._status(online=True, reason=self._take_reason()))
            self._pump()

    async def change(self, config: MqttSettings) -> None:
        """Be what another version of the section says, on a connection of its own."""
        self._is_outdated = True
        connection = self._connection
        if connection is not None:
            self._delivery.tell(self._status(online=False, reason="config"))
            self._pump()
            await self._settle(FAREWELL_S)
            connection.leave(BrokerUnavailable(_("other settings"), Cause.RENEWED))
        self._adopt(config)
        self._bucket.change(config.backlog)
        self._backoff.reset()
        self._hurry.set()

    async def run(self) -> None:
        """Connect, deliver, reconnect, until cancelled or stopped."""
        self._store.on_commit.append(self._committed)
        try:
            while not self._stopping.is_set():
                pause_s = await self._attempt()
                if pause_s:
                    await self._rest(pause_s)
        finally:
            self._store.on_commit.remove(self._committed)

    async def stop(self) -> None:
        """Take no more, give what is in flight a moment, say goodbye."""
        self._stopping.set()
        self._hurry.set()
        self._delivery.close()
        connection = self._connection
        if connection is None:
            return
        if self._beat is not None:
            self._beat.cancel()
        await self._settle(FLUSH_S)
        self._delivery.tell(self._status(online=False, reason="stop"))
        self._pump()
        await self._settle(FAREWELL_S)
        await connection.close()

    def status(self) -> PublisherStatus:
        """How it fares now."""
        delivery = self._delivery
        return PublisherStatus(
            connected=self._connection is not None,
            url=self._url,
            version=self._version.now if self._conn else "",
            since_ms=self._since_ms,
            error=self._reporter.error,
            note=self._version.note,
            outbox=self._position.pending(self._store.last_key),
            in_flight=delivery.in_flight,
            acked=delivery.outcomes.acked,
            unheard=delivery.unheard_count,
            held={topic: held.why for topic, held in delivery.refusals.topics.items()},
            parked=self._position.parked.count,
            aside=delivery.outcomes.aside,
            cause=self._reporter.cause,
        )

    def _adopt(self, config: MqttSettings) -> None:
        self._config = config
        self._client_id = config.client_id or f"{self._identity.gateway}-{self.name}"
        self._version = MqttVersion(config.version)
        self._reporter = Reporter(self.name, self._client_id, config.where)
        self._turn = 0

    def _take_reason(self) -> str:
        reason, self._reason = self._reason, ""
        return reason

    @property
    def _url(self) -> str:
        brokers = self._config.brokers
        return brokers[self._turn % len(brokers)]

    async def _attempt(self) -> float:
        """One connection from beginning to end; return seconds to wait before the next."""
        began_ns = self._clock.mono_ns()
        self._is_outdated = False
        self._delivery.open()
        cause = ""
        try:
            await self._look()
            await self._session()
        except BrokerUnavailable as error:
            cause = error.cause
            return self._failed(error, (self._clock.mono_ns() - began_ns) * 1e-9)
        finally:
            self._down(too_large=cause == Cause.TOO_LARGE)
        return 0.0

    def _failed(self, error: BrokerUnavailable, lasted_s: float) -> float:
        """Make of a failure what people should know and how long to wait."""
        if self._stopping.is_set():
            return 0.0
        if error.cause == Cause.RENEWED:
            self._hurry.clear()
            return RENEW_S
        self._reporter.down(error, self._url)
        if self._version.failed(error.cause):
            return 0.0
        self._turn += 1
        if lasted_s > SETTLED_S:
            self._backoff.reset()
        return self._backoff.pause_s(SLOW_S if error.cause in SLOW else 0.0)

    async def _look(self) -> None:
        """Once per process: where the retained status is of a higher epoch, rise above it.

        A connection of its own, without a Will: a Will of the lower epoch would cover up the
        status that tells of the higher one, and a CONNECT without it is one that brokers of
        version 3.1.1 read far enough to refuse, instead of leaving it unanswered.
        """
        if self._looked:
            return
        connection = self._connect(None)
        try:
            await connection.open(self._dialer)
            self._version.worked()
            status = await connection.retained(self._encoding.status_topic, LOOK_S)
            self._looked = True
            await connection.close()
        finally:
            connection.abort()
        epoch = epoch_of(status) if status is not None else 0
        if epoch > MOST_EPOCH:
            self._reporter.epoch(epoch)
        elif epoch >= self._store.epoch:
            try:
                self._store.raise_epoch(epoch)
            except StoreError as error:
                self._reporter.store(error)

    async def _session(self) -> None:
        """Connect, deliver until it ends, and raise why it did."""
        if self._epoch != self._store.epoch:
            self._epoch, self._conn = self._store.epoch, 0
        self._conn += 1
        connection = self._connect(self._status(online=False, reason="lwt"))
        try:
            await connection.open(self._dialer)
            self._version.worked()
            self._up(connection)
            if self._is_outdated:  # it was changed while it connected
                connection.leave(BrokerUnavailable(_("other settings"), Cause.RENEWED))
            raise await connection.ended
        finally:
            if not connection.spoke:
                self._conn -= 1
            connection.abort()

    def _connect(self, will: Message | None) -> Connection:
        return Connection(
            self._config, self._url, self._client_id, self._version.now, will, self._answered
        )

    def _up(self, connection: Connection) -> None:
        """A connection stands: put it to use."""
        self._connection = connection
        self._since_ms = self._clock.wall_ns() // 1_000_000
        self._reporter.up(self._url, self._version.now)
        reason = self._take_reason()
        greeting = self._status(online=True, reason="start" if self._conn == 1 else reason)
        self._delivery.connected(
            connection, greeting, self._chance.uniform(0.0, self._config.spread)
        )
        self._beat = asyncio.get_running_loop().call_later(self._config.heartbeat, self._tell)
        self.clear(self._store.gone)

    def _down(self, *, too_large: bool) -> None:
        """No connection, or none any more."""
        if self._connection is not None:
            self._since_ms = self._clock.wall_ns() // 1_000_000
        self._connection = None
        self._delivery.lost(too_large=too_large)
        for timer in (self._timer, self._beat):
            if timer is not None:
                timer.cancel()
        self._moved.set()

    def _tell(self) -> None:
        """Repeat the status now and then, for the outbox in it."""
        self._beat = asyncio.get_running_loop().call_later(self._config.heartbeat, self._tell)
        self._delivery.tell(self._status(online=True))
        self._pump()

    def _status(self, *, online: bool, reason: str = "") -> Message:
        payload = self._encoding.status(
            epoch=self._epoch,
            conn=self._conn,
            online=online,
            ts_ms=self._clock.wall_ns() // 1_000_000,
            mqtt=self._version.now,
            reason=reason,
            sw=f"nxgate {__version__}" if online else "",
            outbox=self._position.pending(self._store.last_key) if online else None,
        )
        return Message(0, self._encoding.status_topic, payload, retain=True, again=False)

    def _answered(self, acks: Sequence[tuple[Message, int]]) -> None:
        """Take the broker's answers, and send on into the window they opened."""
        for message, code in acks:
            if code == 0:
                self._delivery.acked(message, Verdict.DELIVERED)
                continue
            verdict, why = VERDICTS.get(code, (Verdict.HOLD_TOPIC, ""))
            if verdict is Verdict.UNHEARD and message.key:
                self._reporter.unheard()
            self._delivery.acked(message, verdict, f"{why} (0x{code:02X})")
        self._pump()
        self._moved.set()

    def _committed(self, key: int) -> None:
        del key
        connection = self._connection
        if connection is None:
            return
        if self._store.epoch != self._epoch:
            connection.leave(BrokerUnavailable(_("another epoch"), Cause.RENEWED))
        self._pump()

    def _pump(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wait_s = self._delivery.pump()
        if wait_s is not None:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._pump)
        if self._reading is None:
            read = self._delivery.next_read()
            if read is not None:
                self._reading = asyncio.create_task(self._load(read))
        self._reporter.refused(self._delivery.outcomes)

    async def _load(self, read: Read) -> None:
        """Read the backlog's next records."""
        try:
            records = await self._store.read(read.after, read.upto, CHUNK)
        except StoreError as error:
            self._reporter.store(error)
            await asyncio.sleep(READ_AGAIN_S)
        else:
            self._delivery.take_in(read, records)
        self._reading = None
        self._pump()

    async def _settle(self, limit_s: float) -> None:
        """Wait until everything sent is answered, but not for ever."""
        try:
            async with asyncio.timeout(limit_s):
                while not self._delivery.idle:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            return

    async def _rest(self, pause_s: float) -> None:
        """Sleep, unless there is no time to lose."""
        try:
            async with asyncio.timeout(pause_s):
                await self._hurry.wait()
        except TimeoutError:
            return
        if not self._stopping.is_set():
            self._hurry.clear()


plugin = MqttPublisher
