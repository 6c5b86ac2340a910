"""The InfluxDB publisher: writes the store's records as points, in batches, to a v2 server.

What goes next, what an answer means and what is kept of it is `Delivery`'s, as for MQTT; the way
there is HTTP, so a connection is a run of batches that were answered. Points may arrive again and
in any order: their time and tags follow from the record alone (`influx_lines`).
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from gateway.bucket import TokenBucket
from gateway.errors import BrokerUnavailable
from gateway.publishers.backoff import Backoff
from gateway.publishers.base import PublisherStatus
from gateway.publishers.causes import SLOW, Cause
from gateway.publishers.delivery import HISTORY_LEAVES, Delivery
from gateway.publishers.fetching import Fetching
from gateway.publishers.influx_batches import Batches
from gateway.publishers.influx_client import Client, ServerUnavailable
from gateway.publishers.influx_lines import Lines
from gateway.publishers.influx_reporter import InfluxReporter
from gateway.publishers.message import Message
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.clock import Clock
    from gateway.errors import StoreError
    from gateway.model import Record
    from gateway.publishers.base import RecordStore
    from gateway.publishers.inbox import Take
    from gateway.publishers.refusals import Verdict
    from gateway.settings import Identity, InfluxSettings

LINGER_S = 1.0
"""Values gather for so long before they go as one batch: a database is asked in seconds."""
SLOW_S = 30.0
"""The pause where haste can't mend it."""
FLUSH_S = 2.0


class InfluxPublisher:
    """One bucket of one server.

    Args:
        name: its key in the site file.
        config: its section.
        store: where records and the position are kept.
        identity: tags of every point.
        clock: for ages and pauses.
    """

    def __init__(
        self,
        *,
        name: str,
        config: InfluxSettings,
        store: RecordStore,
        identity: Identity,
        clock: Clock,
    ) -> None:
        self.name = name
        self._store = store
        self._clock = clock
        self._config = config
        self._position = store.position(name)
        self._bucket = TokenBucket(config.backlog, clock)
        self._lines = Lines(identity)
        self._delivery = Delivery(store, self._position, self._lines, clock, self._bucket)
        self._fetching = Fetching(store, self._delivery, self._note_unread, self._pump)
        self._reporter = InfluxReporter(name, config.where)
        self._backoff = Backoff(random.Random())  # noqa: S311 - spreads load, keeps no secret
        self._batches: Batches | None = None
        self._is_up = False
        self._is_full = False
        self._pumped_ns = 0
        self._cut_until_ns = 0
        self._timer: asyncio.TimerHandle | None = None
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._moved = asyncio.Event()
        self._since_ms = clock.wall_ns() // 1_000_000
        self._answered_ms = 0

    def offer(self, records: Sequence[Record]) -> None:
        """Take records just appended to the store; they go with the next batch."""
        self._delivery.offer(records)
        self._come_back()

    @property
    def most_body(self) -> int:
        """Bytes of a telemetry body that the server takes, as far as it is known."""
        return self._delivery.outcomes.most_body

    def resend(self, first: int, last: int) -> int:
        """Write stored records again."""
        count = self._delivery.resend(first, last)
        self._pump()
        return count

    def listen(self, take: Take) -> None:
        """Nothing comes from a database."""

    def reply(self, topic: str, payload: bytes) -> None:
        """Nothing came from it."""

    def clear(self, records: Sequence[Record]) -> None:
        """It keeps what was; nothing stands for what is no more."""

    def announce(self, reason: str) -> None:
        """It keeps no status."""

    async def change(self, config: InfluxSettings) -> None:
        """Be what another version of the section says, from the next batch on."""
        self._config = config
        self._reporter = InfluxReporter(self.name, config.where)
        self._bucket.change(config.backlog)
        self._end(BrokerUnavailable(_("other settings"), Cause.RENEWED))
        self._hurry.set()

    async def run(self) -> None:
        """Write, and begin anew after failures, until cancelled or stopped."""
        self._store.on_commit.append(self._committed)
        try:
            while not self._stopping.is_set():
                pause_s = await self._attempt()
                if pause_s:
                    await self._rest(pause_s)
        finally:
            self._store.on_commit.remove(self._committed)

    def cut(self, seconds: float) -> None:
        """Write nothing for so long."""
        self._cut_until_ns = self._clock.mono_ns() + round(seconds * 1e9)
        self._end(BrokerUnavailable(_("cut, to be proved")))

    async def stop(self) -> None:
        """Take no more, and give what is in flight a moment."""
        self._stopping.set()
        self._hurry.set()
        self._delivery.close()
        self._pump()
        try:
            async with asyncio.timeout(FLUSH_S):
                while self._batches is not None and not self._delivery.idle:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            pass  # it stays in the store
        self._end(BrokerUnavailable(_("stopped"), Cause.RENEWED))

    def status(self) -> PublisherStatus:
        """How it fares now; connected: the last batch was answered."""
        delivery = self._delivery
        return PublisherStatus(
            connected=self._is_up,
            url=self._config.url,
            version="v2" if self._answered_ms else "",
            since_ms=self._since_ms,
            error=self._reporter.error,
            note="",
            outbox=self._position.pending(self._store.last_key),
            in_flight=len(delivery.flight),
            window=delivery.flight.window,
            rtt_ms=delivery.flight.rtt_ns / 1e6,
            answered_ms=self._answered_ms,
            acked=delivery.outcomes.acked,
            unheard=0,
            held={topic: held.why for topic, held in delivery.refusals.topics.items()},
            parked=self._position.parked.count,
            aside=delivery.outcomes.aside,
            cause=self._reporter.cause,
        )

    async def _attempt(self) -> float:
        """Write until something fails; return seconds to wait before the next attempt."""
        if self._clock.mono_ns() < self._cut_until_ns:
            return (self._cut_until_ns - self._clock.mono_ns()) * 1e-9
        suspect = False
        self._delivery.open()
        try:
            raise await self._session()
        except BrokerUnavailable as error:
            suspect = isinstance(error, ServerUnavailable) and error.suspect
            return self._failed(error)
        finally:
            self._down(suspect=suspect)

    async def _session(self) -> BrokerUnavailable:
        """Write batch after batch; return why it ends."""
        batches = Batches(Client(self._config), self._answered, self._go_on)
        try:
            self._batches = batches
            hello = self._lines.hello(self._clock.wall_ns() // 1_000_000)
            greeting = Message(0, "connection", hello, retain=False, again=False)
            self._delivery.connected(batches, (greeting,), 0.0)
            self._pump()
            return await batches.ended
        finally:
            self._batches = None
            await batches.close()

    def _failed(self, error: BrokerUnavailable) -> float:
        """Make of a failure what people should know and how long to wait."""
        if self._stopping.is_set() or error.cause == Cause.RENEWED:
            self._hurry.clear()
            return 0.0
        self._reporter.down(error, self._config.url)
        if self._is_up:
            self._backoff.reset()
        after_s = error.after_s if isinstance(error, ServerUnavailable) else 0.0
        return self._backoff.pause_s(max(after_s, SLOW_S if error.cause in SLOW else 0.0))

    def _end(self, why: BrokerUnavailable) -> None:
        if self._batches is not None:
            self._batches.end(why)

    def _down(self, *, suspect: bool) -> None:
        if self._is_up:
            self._since_ms = self._clock.wall_ns() // 1_000_000
        self._is_up = False
        self._moved.set()
        self._delivery.lost(suspect=suspect)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _answered(self, message: Message, verdict: Verdict, why: str) -> None:
        """Take the server's answer for one record."""
        self._answered_ms = self._clock.wall_ns() // 1_000_000
        if not self._is_up:
            self._is_up = True
            self._since_ms = self._answered_ms
            self._reporter.up(self._config.url, "v2")
        self._delivery.acked(message, verdict, why)

    def _go_on(self) -> None:
        """Send on after a batch: at once where it filled the window, else with the next one."""
        self._moved.set()
        if self._is_full:
            self._pump()
        else:
            self._come_back()

    def _committed(self, key: int) -> None:
        del key
        self._come_back()

    def _come_back(self, wait_s: float | None = None) -> None:
        """Pump when the time has come for another batch; what is due sooner stays so."""
        if self._batches is None:
            return
        due_s = (self._pumped_ns - self._clock.mono_ns()) * 1e-9 + (
            LINGER_S if wait_s is None else wait_s
        )
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + max(0.0, due_s):
                return
            self._timer.cancel()
        self._timer = loop.call_later(max(0.0, due_s), self._pump)

    def _pump(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._batches is None:
            return
        self._pumped_ns = self._clock.mono_ns()
        wait_s = self._delivery.pump()
        self._is_full = not self._delivery.flight.has_room(leave=HISTORY_LEAVES)
        if wait_s is not None:
            self._come_back(wait_s)
        self._fetching.go_on()
        self._reporter.refused(self._delivery.outcomes)

    def _note_unread(self, error: StoreError) -> None:
        self._reporter.store(error)

    async def _rest(self, pause_s: float) -> None:
        """Sleep, unless there is no time to lose."""
        try:
            async with asyncio.timeout(pause_s):
                await self._hurry.wait()
        except TimeoutError:
            return
        if not self._stopping.is_set():
            self._hurry.clear()


plugin = InfluxPublisher
