"""What becomes of a record: delivered, left in the store until its topic is accepted, or given up.

Nothing that is refused is lost in silence. A refused topic's records stand parked; a record that
is too large goes out in parts under ids of their own, and its own id is declared; what can't be
split, or breaks the connection each time, is set aside and declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.publishers.refusals import Refusals
from gateway.publishers.splitting import UNBOUNDED, split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.model import Draft, Record
    from gateway.publishers.base import Position, RecordStore
    from gateway.publishers.message import Encoding, Message
    from gateway.publishers.parking import Parking

LEAST_BODY = 256
"""A smaller telemetry body isn't tried: its envelope would be larger than itself."""
SLACK = 32
"""Bytes by which the id of a part may be longer than that of the whole."""


class Outcomes:
    """Of one publisher's messages.

    Args:
        store: tells the last key given.
        position: what is done with.
        encoding: tells topics.
        parking: what refused topics hold back.
        held: keys of records on their way by any lane; shared with the delivery loop.

    Attributes:
        refusals: topics held.
        most_body: bytes of a telemetry body that the other side takes, as far as it is known.
        acked: records acknowledged since the process began.
        aside: records set aside since then.
        aside_why: why the last of them was, or "".
        parted: records sent in parts since then.
    """

    def __init__(
        self,
        store: RecordStore,
        position: Position,
        encoding: Encoding,
        parking: Parking,
        held: set[int],
    ) -> None:
        self._store = store
        self._position = position
        self._encoding = encoding
        self._parking = parking
        self._held = held
        self.refusals = Refusals()
        self.most_body = UNBOUNDED
        self.acked = 0
        self.aside = 0
        self.aside_why = ""
        self.parted = 0

    def delivered(self, message: Message) -> None:
        """The other side has it."""
        record = message.record
        if record is not None:
            self._position.delivered(record.place, record.key)
            self._parking.done(record.place, record.key)
            self._held.discard(record.key)
            self.acked += 1
        if self.refusals.topics:
            self._release(message)

    def unspoken(self, record: Record) -> None:
        """The format has no words for it: nothing of it is left to be done."""
        self._position.delivered(record.place, record.key)
        self._parking.done(record.place, record.key)
        self._held.discard(record.key)

    def is_blocked(self, message: Message) -> bool:
        """Tell whether a message may not be sent now; its record then waits in the store."""
        if self.refusals.topics and self.refusals.blocks(message):
            self._park(message)
            return True
        return False

    def is_adopted(self, message: Message) -> bool:
        """Tell whether a held topic took this newer statement as its probe."""
        old = self.refusals.adopt(message)
        if old:
            self._held.discard(old)
        return old is not None

    def hold(self, message: Message, why: str, now_ns: int) -> None:
        """Not on this topic, for now."""
        kept = self.refusals.hold(message, why, now_ns)
        self._park(message)
        if kept:
            self._held.add(message.key)

    def shrink(self, message: Message, excess: int, why: str) -> None:
        """Put smaller records in the place of one that is too large, or set it aside.

        Args:
            message: which.
            excess: bytes by which it is too large.
            why: for people.
        """
        record = message.record
        if record is not None:
            most = max(LEAST_BODY, len(record.body) - excess - SLACK)
            parts = split(record, most)
            if parts:
                self.most_body = min(self.most_body, most)
                self.parted += self._give_up(message, parts)
                return
        self.set_aside(message, why)

    def set_aside(self, message: Message, why: str) -> None:
        """Be done with a message that will never be taken; its record is declared, once."""
        if self._give_up(message, ()):
            self.aside += 1
            self.aside_why = why

    def _give_up(self, message: Message, parts: Sequence[Draft]) -> bool:
        """Be done with a message; False where its record is known to be done with.

        Such a record was declared earlier and is told again as a statement, or it was delivered
        and is asked for again.
        """
        self._held.discard(message.key)
        record = message.record
        news = record is None or not self._position.is_done(record.place, record.key)
        if record is not None and news:
            if record.cls == "event/gap":  # a gap about a gap about a gap would never end
                self._position.delivered(record.place, record.key)
            else:
                self._position.give_up(record, parts)
            self._parking.done(record.place, record.key)
        self._release(message)
        return news

    def _park(self, message: Message) -> None:
        """Leave a message's record in the store until its topic is accepted."""
        self._held.discard(message.key)
        record = message.record
        if record is None:
            return
        held = self.refusals.topics.get(message.topic)
        if held is not None:
            held.record = record
        self._parking.park(
            record.place,
            record.key,
            rest=message.topic == self._encoding.topic(record, hist=False),
            history=message.topic == self._encoding.topic(record, hist=True),
        )

    def _release(self, message: Message) -> None:
        """Take up a topic again whose probe is answered."""
        record = self.refusals.release(message)
        if record is not None:
            self._parking.release(
                record.place,
                self._store.last_key,
                rest=message.topic == self._encoding.topic(record, hist=False),
                history=message.topic == self._encoding.topic(record, hist=True),
            )
