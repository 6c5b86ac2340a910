"""The MQTT publisher: keeps one connection up and lets `Delivery` decide what goes over it.

What is said, a `Format` decides. Where it asks for it, the first connection to a broker only looks
at a retained message: another gateway may have used our name and a higher epoch. The course of all
others: CONNECT with the Will, resends, greeting, the current metas and states, then live data with
the backlog beside it.
"""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING

from gateway.bucket import TokenBucket
from gateway.errors import BrokerUnavailable
from gateway.publishers.base import PublisherStatus
from gateway.publishers.brokers import Brokers
from gateway.publishers.causes import Cause
from gateway.publishers.delivery import Delivery
from gateway.publishers.fetching import Fetching
from gateway.publishers.format import Parts
from gateway.publishers.inbox import Inbox
from gateway.publishers.look import Look
from gateway.publishers.mqtt_answers import verdict
from gateway.publishers.mqtt_client import Connection
from gateway.publishers.presence import Presence
from gateway.publishers.refusals import Verdict
from gateway.publishers.reporter import Reporter
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.clock import Clock
    from gateway.errors import StoreError
    from gateway.model import Record
    from gateway.publishers.base import RecordStore
    from gateway.publishers.format import Format
    from gateway.publishers.inbox import Take
    from gateway.publishers.message import Message, Transport
    from gateway.settings import Identity, MqttSettings

ANSWER_S = 60.0
"""A broker that answers nothing for so long, while something is under way, is left."""
WATCH_S = 5.0
RENEW_S = 0.2
"""A broker that sees the new CONNECT before it has read our goodbye would send the old Will."""
FLUSH_S = 2.0
FAREWELL_S = 1.0


class MqttPublisher:
    """One broker, or several that stand in for each other.

    Args:
        name: its key in the site file.
        config: its section.
        store: where records and the position are kept.
        identity: topic levels.
        clock: for ages and pauses.
        form: makes the format.
    """

    def __init__(
        self,
        *,
        name: str,
        config: MqttSettings,
        store: RecordStore,
        identity: Identity,
        clock: Clock,
        form: Callable[[Parts], Format] = Presence,
    ) -> None:
        self.name = name
        self._store = store
        self._clock = clock
        self._identity = identity
        self._position = store.position(name)
        self._bucket = TokenBucket(config.backlog, clock)
        self._format = form(Parts(name, config, identity, store, self._position, clock))
        encoding = self._format.encoding
        self._delivery = Delivery(store, self._position, encoding, clock, self._bucket)
        self._chance = random.Random()  # noqa: S311 - spreads load, keeps no secret
        self._adopt(config)
        self._is_outdated = False
        self._looks = Look(self._format.look_at)
        self._fetching = Fetching(store, self._delivery, self._note_unread, self._pump)
        self._up_ns: int | None = None
        self._connection: Connection | None = None
        self._opening: Connection | None = None
        self._version = ""
        self._take: Take | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._watching: asyncio.TimerHandle | None = None
        self._is_pumping = False
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._moved = asyncio.Event()
        self._since_ms = clock.wall_ns() // 1_000_000
        self._answered_ms = 0
        self._attempts = 0

    def offer(self, records: Sequence[Record]) -> None:
        """Take records just appended to the store; what comes in a turn of the loop goes as one."""
        self._format.offered(records)
        self._delivery.offer(records)
        if self._connection is not None and not self._is_pumping:
            self._is_pumping = True
            asyncio.get_running_loop().call_soon(self._pump)

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
        self._tell(self._format.gone(records))

    def announce(self, reason: str) -> None:
        """Tell the status now, or with the next connection, with a reason."""
        self._format.note(reason)
        if self._connection is not None and not self._is_outdated:
            self._tell(self._format.news(self._mqtt))

    async def change(self, config: MqttSettings) -> None:
        """Be what another version of the section says, on a connection of its own."""
        self._is_outdated = True
        connection = self._connection
        if connection is not None:
            self._tell(self._format.farewell(self._mqtt, "config"))
            await self._settle(FAREWELL_S)
        if self._opening is not None:
            self._renew(self._opening, _("other settings"))
        self._adopt(config)
        self._format.adopt(config)
        self._bucket.change(config.backlog)
        self._hurry.set()

    def listen(self, take: Take) -> None:
        """Hand over commands that arrive, while the site file allows some."""
        self._take = take

    def reply(self, topic: str, payload: bytes) -> None:
        """Answer a command."""
        self._tell(self._format.answer(topic, payload))

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

    def cut(self, seconds: float) -> None:
        """Break the connection as a torn cable does, and make none for so long."""
        self._brokers.cut_s = seconds
        if self._connection is not None:
            self._connection.fail(BrokerUnavailable(_("cut, to be proved")))

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
        self._tell(self._format.farewell(self._mqtt, "stop"))
        await self._settle(FAREWELL_S)
        await connection.close(with_will=self._format.ends_with_will)

    def status(self) -> PublisherStatus:
        """How it fares now."""
        delivery = self._delivery
        return PublisherStatus(
            connected=self._connection is not None,
            url=self._brokers.url,
            version=self._version,
            since_ms=self._since_ms,
            error=self._reporter.error,
            note=self._format.waits_for or self._brokers.version.note,
            outbox=self._position.pending(self._store.last_key),
            in_flight=len(delivery.flight),
            window=delivery.flight.window,
            rtt_ms=delivery.flight.rtt_ns / 1e6,
            answered_ms=self._answered_ms,
            acked=delivery.outcomes.acked,
            unheard=delivery.unheard_count,
            held={topic: held.why for topic, held in delivery.refusals.topics.items()},
            parked=self._position.parked.count,
            aside=delivery.outcomes.aside,
            cause=self._reporter.cause,
            attempts=self._attempts,
        )

    def _adopt(self, config: MqttSettings) -> None:
        self._config = config
        self._client_id = config.client_id or f"{self._identity.gateway}-{self.name}"
        self._brokers = Brokers(config.brokers, config.version, self._chance)
        self._reporter = Reporter(self.name, self._client_id, config.where)

    @property
    def _mqtt(self) -> str:
        """The version of the protocol in use, or to be tried."""
        return self._brokers.version.now

    async def _attempt(self) -> float:
        """One connection from beginning to end; return seconds to wait before the next."""
        self._attempts += 1
        self._is_outdated = False
        self._up_ns = None
        self._delivery.open()
        cause = ""
        try:
            await self._look()
            await self._session()
        except BrokerUnavailable as error:
            cause = error.cause
            return self._failed(error)
        finally:
            self._down(too_large=cause == Cause.TOO_LARGE)
        return 0.0

    def _failed(self, error: BrokerUnavailable) -> float:
        """Make of a failure what people should know and how long to wait."""
        if self._stopping.is_set():
            return 0.0
        if error.cause == Cause.RENEWED:
            self._hurry.clear()
            return RENEW_S
        held_s = None if self._up_ns is None else (self._clock.mono_ns() - self._up_ns) * 1e-9
        error.cause = self._brokers.judge(error.cause, held_s)
        self._reporter.down(error, self._brokers.url)
        return self._brokers.failed(error.cause, held_s)

    async def _look(self) -> None:
        """Let the format know what the broker keeps, before it sees a Will of ours."""
        if self._looks.is_due(self._brokers.url):
            found = await self._looks.at(self._brokers, self._connect(None))
            if found is not None:
                self._format.seen(found, self._reporter)

    async def _session(self) -> None:
        """Connect, deliver until it ends, and raise why it did."""
        await self._format.begin()
        connection = self._connect(self._format.will(self._mqtt), self._listening())
        self._opening = connection
        try:
            await connection.open(self._brokers.dialer)
            self._brokers.version.worked()
            self._version = self._mqtt
            if self._is_outdated:  # it was changed while it connected
                self._renew(connection, _("other settings"))
            else:
                self._format.opened(connection, partial(self._up, connection))
            raise await connection.ended
        finally:
            if not connection.spoke:
                self._format.take_back()
            self._opening = None
            self._format.closed()
            connection.abort()

    def _renew(self, connection: Connection, why: str) -> None:
        """Say goodbye, to be back at once."""
        reason = BrokerUnavailable(why, Cause.RENEWED)
        connection.leave(reason, with_will=self._format.ends_with_will)

    def _listening(self) -> Inbox | None:
        """What to listen to on the next connection."""
        commands = self._config.commands is not None and self._take is not None
        topics = self._format.topics(commands=commands)
        return Inbox(self.name, topics, self._take, self._format.hear) if topics else None

    def _connect(self, will: Message | None, inbox: Inbox | None = None) -> Connection:
        url, mqtt = self._brokers.url, self._mqtt
        config, client_id = self._format.sign(self._config, self._client_id)
        return Connection(config, url, client_id, mqtt, will, self._answered, inbox)

    def _up(self, connection: Connection, transport: Transport) -> None:
        """A connection stands: put it to use."""
        self._connection = connection
        self._since_ms = self._clock.wall_ns() // 1_000_000
        self._up_ns = self._clock.mono_ns()
        self._watch()
        self._reporter.up(self._brokers.url, self._mqtt)
        spread_s = self._chance.uniform(0.0, self._config.spread)
        self._delivery.connected(transport, self._format.greeting(self._mqtt), spread_s)
        self._beat = asyncio.get_running_loop().call_later(self._config.heartbeat, self._repeat)
        self.clear(self._store.gone)

    def _down(self, *, too_large: bool) -> None:
        """No connection, or none any more."""
        if self._connection is not None:
            self._since_ms = self._clock.wall_ns() // 1_000_000
        self._connection = None
        self._delivery.lost(too_large=too_large)
        for timer in (self._timer, self._beat, self._watching):
            if timer is not None:
                timer.cancel()
        self._moved.set()

    def _tell(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._delivery.tell(message)
        self._pump()

    def _repeat(self) -> None:
        """Say now and then what the format repeats."""
        self._beat = asyncio.get_running_loop().call_later(self._config.heartbeat, self._repeat)
        self._tell(self._format.beat(self._mqtt))

    def _watch(self) -> None:
        """Leave a broker that keeps the connection alive and acknowledges nothing."""
        self._watching = asyncio.get_running_loop().call_later(WATCH_S, self._watch)
        silent_s = self._delivery.flight.silent_s()
        if silent_s > ANSWER_S and self._connection is not None:
            text = _("the broker has acknowledged nothing for {seconds:.0f} s")
            reason = BrokerUnavailable(text.format(seconds=silent_s), Cause.UNANSWERED)
            self._connection.fail(reason)

    def _answered(self, acks: Sequence[tuple[Message, int]]) -> None:
        """Take the broker's answers, and send on into the window they opened."""
        self._answered_ms = self._clock.wall_ns() // 1_000_000
        for message, code in self._format.answered(acks):
            if code == 0:
                self._delivery.acked(message, Verdict.DELIVERED)
                continue
            found, why = verdict(code)
            if found is Verdict.UNHEARD and message.key:
                self._reporter.unheard()
            self._delivery.acked(message, found, why)
        self._pump()
        self._moved.set()

    def _committed(self, key: int) -> None:
        del key
        connection = self._connection
        if connection is None:
            return
        if self._format.is_stale:
            self._renew(connection, _("another epoch"))
        self._pump()

    def _pump(self) -> None:
        self._is_pumping = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wait_s = self._delivery.pump()
        if wait_s is not None:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._pump)
        self._fetching.go_on()
        self._reporter.refused(self._delivery.outcomes)

    def _note_unread(self, error: StoreError) -> None:
        self._reporter.store(error)

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
