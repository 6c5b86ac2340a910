"""What the gateway tells of itself: the retained status, and the Will that covers it up.

A status carries the epoch and `conn`, which counts the connections of that epoch, so that a
consumer ignores a late Will of an earlier session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import __version__
from gateway.errors import StoreError
from gateway.publishers.canonical import epoch_of
from gateway.publishers.message import Message

if TYPE_CHECKING:
    from gateway.clock import Clock
    from gateway.publishers.base import Position, RecordStore
    from gateway.publishers.canonical import Canonical
    from gateway.publishers.reporter import Reporter


MOST_EPOCH = 1 << 26
"""Minutes since 2020 reach it in 2147; beyond it a retained status is a forgery, and obeying it
would let whoever may publish there use up the epochs."""


class Presence:
    """Of one publisher.

    Args:
        encoding: spells it.
        store: tells epoch and keys.
        position: tells what is not delivered yet.
        clock: wall.

    Attributes:
        epoch: of the present connection, or the last one.
        conn: counts the connections of that epoch; 0 before the first.
    """

    def __init__(
        self, encoding: Canonical, store: RecordStore, position: Position, clock: Clock
    ) -> None:
        self._encoding = encoding
        self._store = store
        self._position = position
        self._clock = clock
        self._reason = ""
        self.epoch = 0
        self.conn = 0

    def surpass(self, status: bytes, reporter: Reporter) -> None:
        """Rise above the epoch of a retained status, where it is as high as ours."""
        epoch = epoch_of(status)
        if epoch > MOST_EPOCH:
            reporter.epoch(epoch)
        elif epoch >= self._store.epoch:
            try:
                self._store.raise_epoch(epoch)
            except StoreError as error:
                reporter.store(error)

    def begin(self) -> None:
        """Count another connection."""
        if self.epoch != self._store.epoch:
            self.epoch, self.conn = self._store.epoch, 0
        self.conn += 1

    def take_back(self) -> None:
        """No broker has heard of the connection that was begun."""
        self.conn -= 1

    def note(self, reason: str) -> None:
        """Give the next greeting a reason."""
        self._reason = reason

    def greeting(self, mqtt: str) -> Message:
        """The status that opens a connection; `mqtt` is the protocol's version."""
        if self.conn == 1:
            self._reason = "start"
        return self.news(mqtt)

    def news(self, mqtt: str) -> Message:
        """The status with the reason that was noted."""
        reason, self._reason = self._reason, ""
        return self.online(mqtt, reason)

    def online(self, mqtt: str, reason: str = "") -> Message:
        """The status of a connection that stands."""
        return self._message(
            mqtt,
            reason,
            online=True,
            sw=f"nxgate {__version__}",
            outbox=self._position.pending(self._store.last_key),
        )

    def offline(self, mqtt: str, reason: str) -> Message:
        """The Will (reason `lwt`), or the goodbye."""
        return self._message(mqtt, reason, online=False)

    def _message(
        self, mqtt: str, reason: str, *, online: bool, sw: str = "", outbox: int | None = None
    ) -> Message:
        payload = self._encoding.status(
            epoch=self.epoch,
            conn=self.conn,
            online=online,
            ts_ms=self._clock.wall_ns() // 1_000_000,
            mqtt=mqtt,
            reason=reason,
            sw=sw,
            outbox=outbox,
        )
        return Message(0, self._encoding.status_topic, payload, retain=True, again=False)
