"""Subscriptions as bytes: the requests that make them, and what comes of each.

Source: OPC 10000-4, 5.13.2 (CreateMonitoredItems), 5.14.2 (CreateSubscription), 5.14.5 (Publish),
5.14.6 (Republish), 7.22.2 (DataChangeFilter), 7.25 (NotificationData).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from drivers.opcua import encode
from drivers.opcua.decode import Reader
from drivers.opcua.exchange import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.opcua.exchange import Answer

_REPORTING = 2
_BOTH = 2
_STATUS_VALUE, _ABSOLUTE = 1, 1
_DATA_CHANGE, _STATUS_CHANGE = (0, "i", 811), (0, "i", 820)


class Created(NamedTuple):
    """A subscription as the server made it."""

    id: int
    publishing_ms: float
    lifetime: int
    keep_alive: int


class Item(NamedTuple):
    """A monitored item to be made.

    Attributes:
        node: its id, encoded.
        handle: what its notifications carry.
        deadband: the raw value's least change that is told; 0: any.
    """

    node: bytes
    handle: int
    sampling_ms: float
    queue: int
    discard_oldest: bool
    deadband: float = 0.0


class Published(NamedTuple):
    """What came of a publish request.

    Attributes:
        subscription: whose it is; 0: nobody's.
        sequence: of the message; of a keep-alive, that of the next one.
        parts: what it tells, as (type of the structure, where its body begins, where it ends).
        data: the whole answer.
    """

    subscription: int
    sequence: int
    parts: tuple[tuple[tuple[int, str, int | str], int, int], ...]
    data: bytes

    @property
    def status(self) -> int | None:
        """What became of the subscription itself, where the message tells that."""
        for kind, start, _end in self.parts:
            if kind == _STATUS_CHANGE:
                return Reader(self.data, start).uint32()
        return None

    def changes(self) -> list[tuple[Reader, int]]:
        """Where notifications of items begin, and how many there are."""
        found = []
        for kind, start, _end in self.parts:
            if kind == _DATA_CHANGE:
                reader = Reader(self.data, start)
                found.append((reader, reader.count(5)))
        return found


def create(publishing_ms: float, lifetime: int, keep_alive: int) -> Question:
    """Make a subscription; it keeps alive after so many intervals without news."""
    body = struct.pack("<dIII?B", publishing_ms, lifetime, keep_alive, 0, True, 0)  # noqa: FBT003
    return Question(787, 790, body)


def created(answer: Answer) -> Created:
    """What the server made of it."""
    reader = Reader(answer.data, answer.pos)
    return Created(*struct.unpack("<IdII", reader.take(20)))


def delete(subscriptions: Sequence[int]) -> Question:
    """End some subscriptions."""
    return Question(847, 850, encode.array(struct.pack("<I", one) for one in subscriptions))


def monitor(subscription: int, items: Sequence[Item]) -> Question:
    """Have some nodes monitored."""
    return Question(
        751,
        754,
        struct.pack("<Ii", subscription, _BOTH) + encode.array(_item(item) for item in items),
    )


def _item(item: Item) -> bytes:
    filter_ = b"\0\0\0"
    if item.deadband:
        body = struct.pack("<iId", _STATUS_VALUE, _ABSOLUTE, item.deadband)
        filter_ = encode.type_id(724) + b"\1" + encode.text(body)
    return (
        item.node
        + encode.VALUE_OF
        + struct.pack("<iId", _REPORTING, item.handle, item.sampling_ms)
        + filter_
        + struct.pack("<I?", item.queue, item.discard_oldest)
    )


def monitored(answer: Answer, count: int) -> list[int]:
    """The status code of each item."""
    reader = Reader(answer.data, answer.pos)
    reader.expect(count)
    codes = []
    for _index in range(count):
        codes.append(reader.uint32())
        reader.take(4 + 8 + 4)
        reader.structure()
    reader.finish()
    return codes


def publish(seen: Sequence[tuple[int, int]]) -> Question:
    """Ask for news, and acknowledge messages, as (subscription, sequence number)."""
    return Question(826, 829, encode.array(struct.pack("<II", *one) for one in seen))


def published(answer: Answer) -> Published:
    """Read what came of a publish request."""
    reader = Reader(answer.data, answer.pos)
    subscription = reader.uint32()
    for _number in range(reader.count(4)):
        reader.uint32()
    reader.byte()
    return _message(reader, subscription)


def republish(subscription: int, sequence: int) -> Question:
    """Ask again for a message that was missed."""
    return Question(832, 835, struct.pack("<II", subscription, sequence))


def republished(answer: Answer, subscription: int) -> Published:
    """Read a message that was asked for again."""
    return _message(Reader(answer.data, answer.pos), subscription)


def _message(reader: Reader, subscription: int) -> Published:
    sequence = reader.uint32()
    reader.take(8)
    parts = []
    for _part in range(reader.count(3)):
        kind = reader.node_id()
        size = reader.int32() if reader.byte() else 0
        start = reader.pos
        reader.take(max(size, 0))
        parts.append((kind, start, reader.pos))
    return Published(subscription, sequence, tuple(parts), reader.data)
