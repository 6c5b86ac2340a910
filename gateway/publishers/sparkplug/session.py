"""One connection's births, data and deaths, with the sequence number that runs through them.

Data goes out at QoS 0, which nobody answers. Behind it goes a marker at QoS 1: its answer says that
the broker has read all that was sent ahead of it, and only then do records count as delivered. One
marker is under way at a time; what is sent meanwhile waits for the next. It isn't sent for every
record: a marker and its answer cost as much as the record.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.errors import BrokerUnavailable
from gateway.publishers.causes import Cause
from gateway.publishers.message import Message
from gateway.publishers.sparkplug import wire
from gateway.publishers.sparkplug.wire import Type, chunk, metric, number
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.clock import Clock
    from gateway.publishers.mqtt_client import Connection
    from gateway.publishers.sparkplug.device import Device
    from gateway.publishers.sparkplug.encoding import Devices
    from gateway.publishers.sparkplug.topics import Topics

WINDOW = 1000
"""Messages that may wait for a marker; a broker's own limit is on QoS 1 alone."""
MARK_S = 0.09
"""The longest wait of data for its marker: of a few messages; many have one at once. On average
half of it, which the delivery loop doesn't take for a slow broker yet (`flight.GROW_NS`)."""
MANY = 25
AROUND = 16
"""Bytes around a payload's metrics."""
REBIRTH = "Node Control/Rebirth"


def bd_seq(session: int, ms: int) -> bytes:
    """The metric that a Will and its births share."""
    name, value = chunk(wire.NAME, b"bdSeq"), number(wire.LONG_VALUE, session)
    return metric(
        name,
        wire.TIME_TAG,
        wire.time_of(ms),
        number(wire.DATATYPE, Type.INT64),
        value,
    )


def death(session: int, ms: int) -> bytes:
    """NDEATH: its session's number alone, and no sequence number."""
    return wire.head(ms) + bd_seq(session, ms)


class Session:
    """Satisfies `message.Transport`.

    Args:
        connection: carries messages.
        topics: of the node.
        devices: what there is to be born.
        number: bdSeq.
        clock: both clocks.
    """

    def __init__(
        self,
        connection: Connection,
        topics: Topics,
        devices: Devices,
        number: int,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._topics = topics
        self._devices = devices
        self._number = number
        self._clock = clock
        self._seq = 0
        self._alive: dict[str, Device] = {}
        self._dying: list[Device] = []
        self._waiting: list[Message] = []
        self._marked: list[Message] = []
        self._marker: Message | None = None
        self._is_over = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def window(self) -> int:
        """How many messages may wait for a marker."""
        return WINDOW

    def excess(self, message: Message) -> int:
        """Bytes beyond what the broker takes."""
        excess = self._connection.excess(message)
        return excess + AROUND if excess else 0

    def send(self, message: Message) -> None:
        """Send a record, with the births that it needs."""
        record = message.record
        if record is None:
            self._connection.send(message)
            return
        if self._is_over:
            return
        self._waiting.append(message)
        device = self._devices.of(record)
        if message.losses:  # made for an earlier session, whose births knew less
            message.payload = self._devices.payload(record, hist=True)
        if device.is_unborn or (device.name and device.name not in self._alive):
            if device.name:
                self._bear(device)
            else:
                self.begin()
        if message.payload:
            self._put(message.topic, message.payload, is_data=True)
        if device.is_absent or device.is_gone:
            self._dying.append(device)

    def flush(self) -> None:
        """Let everything go out, and a marker behind it."""
        while self._dying:
            device = self._dying.pop()
            if device.is_absent or device.is_gone:
                self.bury(device)
        if len(self._waiting) >= MANY:
            self._mark()
        elif self._waiting and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(MARK_S, self._mark_late)
        self._connection.flush()

    def begin(self) -> None:
        """NBIRTH, and a DBIRTH for each device that is there: what a session begins with."""
        self._seq = 0
        self._alive.clear()
        now_ms = self._now_ms()
        node = self._devices.node
        rebirth = metric(
            chunk(wire.NAME, REBIRTH.encode()),
            wire.TIME_TAG,
            wire.time_of(now_ms),
            number(wire.DATATYPE, Type.BOOLEAN),
            wire.value_of(Type.BOOLEAN, False),  # noqa: FBT003 - the metric's value
        )
        own = bd_seq(self._number, now_ms) + rebirth + node.birth(now_ms)
        node.is_unborn = False
        self._put(self._topics.of("BIRTH"), own)
        for device in self._devices:
            if not (device.is_absent or device.is_gone):
                self._bear(device)

    def bury(self, device: Device) -> None:
        """DDEATH, where the other side takes it for alive."""
        if self._alive.pop(device.name, None) is not None and not self._is_over:
            self._put(self._topics.of("DEATH", device.name), b"")

    def end(self) -> None:
        """Nothing goes out behind the node's death."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()

    def answered(self, acks: Sequence[tuple[Message, int]]) -> Sequence[tuple[Message, int]]:
        """Tell what a marker's answer answers: all that went ahead of it, whatever it says."""
        told: list[tuple[Message, int]] = []
        for message, code in acks:
            if message is self._marker:
                told += [(waited, 0) for waited in self._marked]
                self._marker = None
                self._marked = []
            else:
                told.append((message, code))
        if len(self._waiting) >= MANY:
            self._mark()
            self._connection.flush()
        return told

    def _bear(self, device: Device) -> None:
        """DBIRTH."""
        born = device.birth(self._now_ms())
        device.is_unborn = False
        self._alive[device.name] = device
        self._put(self._topics.of("BIRTH", device.name), born)

    def _mark_late(self) -> None:
        """A marker for the few that wait; while one is under way, once more later."""
        self._timer = None
        if self._marker is not None and self._waiting and not self._is_over:
            self._timer = asyncio.get_running_loop().call_later(MARK_S, self._mark_late)
        self._mark()
        self._connection.flush()

    def _mark(self) -> None:
        if self._marker is not None or not self._waiting or self._is_over:
            return
        self._marked, self._waiting = self._waiting, []
        said = b'{"bdSeq":%d,"seq":%d}' % (self._number, (self._seq - 1) % len(wire.SEQUENCE))
        self._marker = Message(0, self._topics.marker, said, retain=False, again=False)
        self._connection.send(self._marker)

    def _put(self, topic: str, metrics: bytes, *, is_data: bool = False) -> None:
        """Send what bears the next sequence number, at QoS 0 and not retained."""
        payload = wire.head(self._now_ms()) + metrics + wire.SEQUENCE[self._seq]
        self._seq = (self._seq + 1) % len(wire.SEQUENCE)
        message = Message(0, topic, payload, retain=False, again=False, qos=0)
        excess = 0 if is_data else self._connection.excess(message)  # data was held against it
        if excess > 0:
            text = _("{topic} takes {size} bytes, {excess} more than the broker lets through")
            text = text.format(topic=topic, size=len(payload), excess=excess)
            self._is_over = True
            self._connection.fail(BrokerUnavailable(text, Cause.BIRTH))
        else:
            self._connection.send(message)

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000
