"""The format `cii`: the canonical contract over MQTT.

What the gateway tells of itself is the retained status, and the Will that covers it up. It carries
the epoch and `conn`, which counts the connections of that epoch, so that a consumer ignores a late
Will of an earlier session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import __version__
from gateway.errors import StoreError
from gateway.publishers.canonical import Canonical, epoch_of
from gateway.publishers.format import Format, Parts
from gateway.publishers.inbox import Topic
from gateway.publishers.message import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.model import Record
    from gateway.publishers.reporter import Reporter

MOST_EPOCH = 1 << 26
"""Minutes since 2020 reach it in 2147; beyond it a retained status is a forgery, and obeying it
would let whoever may publish there use up the epochs."""


class Presence(Format):
    """Of one publisher.

    Attributes:
        epoch: of the present connection, or the last one.
        conn: counts the connections of that epoch; 0 before the first.
    """

    def __init__(self, parts: Parts) -> None:
        self._spelling = Canonical(parts.identity)
        self.encoding = self._spelling
        self.look_at = self._spelling.status_topic
        self._store = parts.store
        self._position = parts.position
        self._clock = parts.clock
        self._reason = ""
        self.epoch = 0
        self.conn = 0

    @property
    def is_stale(self) -> bool:  # type: ignore[override]
        """The store gives ids of another epoch by now."""
        return self._store.epoch != self.epoch

    def seen(self, payload: bytes, reporter: Reporter) -> None:
        """Rise above the epoch of a retained status, where it is as high as ours."""
        epoch = epoch_of(payload)
        if epoch > MOST_EPOCH:
            reporter.epoch(epoch)
        elif epoch >= self._store.epoch:
            try:
                self._store.raise_epoch(epoch)
            except StoreError as error:
                reporter.store(error)

    async def begin(self) -> None:
        """Count another connection."""
        if self.epoch != self._store.epoch:
            self.epoch, self.conn = self._store.epoch, 0
        self.conn += 1

    def take_back(self) -> None:
        """No broker has heard of the connection that was begun."""
        self.conn -= 1

    def will(self, mqtt: str) -> Message:
        """The status that tells of an end that nobody announced."""
        return self._status(mqtt, "lwt", online=False)

    def topics(self, *, commands: bool) -> Sequence[Topic]:
        """Commands for this site, while some are allowed."""
        return (Topic(self._spelling.commands),) if commands else ()

    def note(self, reason: str) -> None:
        """Give the next greeting a reason."""
        self._reason = reason

    def greeting(self, mqtt: str) -> Sequence[Message]:
        """The status that opens a connection."""
        if self.conn == 1:
            self._reason = "start"
        return self.news(mqtt)

    def news(self, mqtt: str) -> Sequence[Message]:
        """The status with the reason that was noted."""
        reason, self._reason = self._reason, ""
        return (self._online(mqtt, reason),)

    def beat(self, mqtt: str) -> Sequence[Message]:
        """The status once more, for the outbox in it."""
        return (self._online(mqtt),)

    def farewell(self, mqtt: str, reason: str) -> Sequence[Message]:
        """The status that tells of an end."""
        return (self._status(mqtt, reason, online=False),)

    def gone(self, records: Sequence[Record]) -> Iterable[Message]:
        """Empty messages: the broker then keeps nothing there."""
        for record in records:
            topic = self._spelling.topic(record, hist=False)
            yield Message(0, topic, b"", retain=True, again=False)

    def answer(self, topic: str, payload: bytes) -> Iterable[Message]:
        """As it is; kept over connections that break, and no record."""
        yield Message(0, topic, payload, retain=False)

    def _online(self, mqtt: str, reason: str = "") -> Message:
        return self._status(
            mqtt,
            reason,
            online=True,
            sw=f"nxgate {__version__}",
            outbox=self._position.pending(self._store.last_key),
        )

    def _status(
        self, mqtt: str, reason: str, *, online: bool, sw: str = "", outbox: int | None = None
    ) -> Message:
        payload = self._spelling.status(
            epoch=self.epoch,
            conn=self.conn,
            online=online,
            ts_ms=self._clock.wall_ns() // 1_000_000,
            mqtt=mqtt,
            reason=reason,
            sw=sw,
            outbox=outbox,
        )
        return Message(0, self._spelling.status_topic, payload, retain=True, again=False)
