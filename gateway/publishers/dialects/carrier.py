"""One record as several messages: what carries them, and when the record has arrived."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from gateway.publishers.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gateway.publishers.mqtt_client import Connection

FAILED = 0x80
"""Reason codes from here on are refusals (MQTT 5, 2.4)."""


REPLY_S = 20.0
"""A platform that has acknowledged a message and answers it no more is believed after this."""


class Part(NamedTuple):
    """One message of several.

    Attributes:
        awaits: id of the platform's own answer, without which it hasn't arrived; "": the broker's
            acknowledgement will do.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    awaits: str = ""


class Carrier:
    """One connection; a record on it counts as acknowledged once all of its parts are.

    Never more messages are under way than the other side takes: a record of many parts waits here.

    Args:
        connection: carries the parts.
        spell: makes a message's parts.
        introduce: what goes ahead of the first record of a place on this connection.
        most: bytes of a payload that the platform takes; 0: any.
    """

    def __init__(
        self,
        connection: Connection,
        spell: Callable[[Message], Sequence[Part]],
        introduce: Callable[[Message], Sequence[Part]],
        most: int = 0,
    ) -> None:
        self._connection = connection
        self._spell = spell
        self._introduce = introduce
        self._most = most
        self._spelt: tuple[Message | None, list[Message]] = (None, [])
        self._asked: dict[Message, str] = {}
        self._awaited: dict[str, tuple[Message, asyncio.TimerHandle]] = {}
        self._waiting: deque[tuple[Message, Message | None]] = deque()
        self._out: dict[Message, Message | None] = {}
        self._left: dict[Message, int] = {}
        self._codes: dict[Message, int] = {}

    @property
    def window(self) -> int:
        """How many messages may be unacknowledged at once."""
        return self._connection.window

    def excess(self, message: Message) -> int:
        """Bytes by which the largest part is larger than the other side takes."""
        return max((self._beyond(part) for part in self._parts(message)), default=0)

    def send(self, message: Message) -> None:
        """Send all parts, or as many as may be under way."""
        parts = self._parts(message)
        self._spelt = (None, [])
        if message.record is not None:
            self.post(self._introduce(message))
        if not parts:  # nothing to be said: it is told so in a turn of its own
            loop = asyncio.get_running_loop()
            loop.call_soon(self._connection.on_acks, ((message, 0),))
            return
        self._left[message] = len(parts)
        self._waiting.extend((part, message) for part in parts)
        self._go()

    def post(self, parts: Iterable[Part]) -> None:
        """Send what is no record, and belongs to this connection alone."""
        self._waiting.extend((_message(part), None) for part in parts)
        self._go()

    def flush(self) -> None:
        """Let what was sent go out."""
        self._connection.flush()

    def answered(self, acks: Sequence[tuple[Message, int]]) -> Iterator[tuple[Message, int]]:
        """Tell which messages have arrived whole, and the gravest answer to a part of each."""
        for part, code in acks:
            if part not in self._out:
                yield part, code
                continue
            owner = self._out.pop(part)
            wanted = self._asked.pop(part, "")
            if wanted and code < FAILED:
                continue
            if wanted and not self._unawait(wanted):
                continue
            if owner is not None:
                yield from self._arrived(owner, code)
        self._go()

    def replied(self, number: str, code: int) -> None:
        """Take the platform's own answer to a part.

        Args:
            number: what the part awaits.
            code: 0, or what the broker's reason code would be.
        """
        owner = self._unawait(number)
        if owner is not None:
            self._connection.on_acks(tuple(self._arrived(owner, code)))

    def close(self) -> None:
        """Nothing is awaited any more."""
        for _owner, timer in self._awaited.values():
            timer.cancel()
        self._awaited.clear()
        self._waiting.clear()

    def _arrived(self, owner: Message, code: int) -> Iterator[tuple[Message, int]]:
        if owner not in self._left:
            return
        self._codes[owner] = max(code, self._codes.get(owner, 0))
        self._left[owner] -= 1
        if not self._left[owner]:
            del self._left[owner]
            yield owner, self._codes.pop(owner)

    def _unawait(self, number: str) -> Message | None:
        owner, timer = self._awaited.pop(number, (None, None))
        if timer is not None:
            timer.cancel()
        return owner

    def _beyond(self, part: Message) -> int:
        excess = self._connection.excess(part)
        return max(excess, len(part.payload) - self._most) if self._most else excess

    def _go(self) -> None:
        while self._waiting and len(self._out) < self._connection.window:
            part, owner = self._waiting.popleft()
            if part.qos:
                self._out[part] = owner
            number = self._asked.get(part)
            if number and owner is not None:
                loop = asyncio.get_running_loop()
                timer = loop.call_later(REPLY_S, self.replied, number, 0)
                self._awaited[number] = (owner, timer)
            self._connection.send(part)

    def _parts(self, message: Message) -> list[Message]:
        if message.record is None:
            return [message]
        spelt, parts = self._spelt
        if spelt is not message:
            for unsent in parts:  # of one that was looked at and not sent
                self._asked.pop(unsent, None)
            parts = []
            for part in self._spell(message):
                made = _message(part)
                parts.append(made)
                if part.awaits:
                    self._asked[made] = part.awaits
            self._spelt = (message, parts)
        return parts


def _message(part: Part) -> Message:
    return Message(0, part.topic, part.payload, part.retain, again=False, qos=part.qos)
