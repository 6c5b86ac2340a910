"""NCMD and DCMD: what others ask of a node, and of its devices.

A write becomes the canonical contract's command `write`, so that it passes the same judge, the
same permissions of the site file and the same audit log as one that comes in that contract.
Sparkplug has no ids: one is made of the message itself, so that a message that comes twice is
carried out once.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from gateway.contract import VERSION
from gateway.publishers.sparkplug.session import REBIRTH
from gateway.publishers.sparkplug.wire import Type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.model import Value
    from gateway.publishers.sparkplug.device import Device

LIFE_MS = 30_000
"""From the message's own time; a host that asks for a write waits no longer."""
_SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}
"""Bits of signed datatypes, which come as their two's complement."""


class Asked(NamedTuple):
    """One metric of a command.

    Attributes:
        name, alias: what it is called; one of them may be missing.
        datatype: 0: not told.
        field: where the value is, as the payload's definition calls it; "": nowhere.
    """

    name: str
    alias: int
    datatype: int
    field: str
    value: Value


class Order(NamedTuple):
    """A command message.

    Attributes:
        ms: UTC ms at which it says that it was sent; 0: it doesn't.
    """

    ms: int
    asked: tuple[Asked, ...]


def read(payload: bytes) -> Order | None:
    """Read a command; None where it isn't a payload of Sparkplug."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - see schema.py

    from gateway.publishers.sparkplug.schema import Payload  # noqa: PLC0415

    message = Payload()
    try:
        message.ParseFromString(payload)
    except DecodeError:
        return None
    return Order(int(message.timestamp), tuple(_asked(metric) for metric in message.metrics))


def asks_rebirth(order: Order) -> bool:
    """Tell whether a node is to be born again."""
    return any(asked.name == REBIRTH and asked.value is True for asked in order.asked)


def writes(order: Order, device: Device, topic: str, payload: bytes) -> Iterator[bytes]:
    """The bodies of canonical commands for a device's metrics.

    Args:
        order: what `payload` says.
        device: which it is for.
        topic: where it came from.
        payload: as it came.
    """
    mark = hashlib.sha256(topic.encode() + b"\0" + payload).hexdigest()[:24]
    for place, asked in enumerate(order.asked):
        metric = device.find(asked.name, asked.alias)
        name = metric.name if metric is not None else asked.name or f"alias {asked.alias}"
        value = _value(asked, metric.kind if metric is not None else None)
        yield orjson.dumps(
            {
                "v": VERSION,
                "cid": f"spb-{mark}-{place}",
                "ts": order.ms,
                "exp": order.ms + LIFE_MS,
                "args": {"tag": name, "value": value},
                "by": "sparkplug",
            }
        )


def _asked(metric: Any) -> Asked:  # noqa: ANN401 - a generated class
    for field in ("int_value", "long_value", "float_value", "double_value", "boolean_value"):
        if metric.HasField(field):
            break
    else:
        field = "string_value" if metric.HasField("string_value") else ""
    value = getattr(metric, field) if field and not metric.is_null else None
    alias = int(metric.alias) if metric.HasField("alias") else 0
    return Asked(metric.name, alias, int(metric.datatype), field, value)


def _value(asked: Asked, kind: Type | None) -> Value:
    """The value that is meant: whole numbers come without their sign."""
    value = asked.value
    if asked.field not in {"int_value", "long_value"} or not isinstance(value, int):
        return value
    bits = _SIGNED.get(asked.datatype, 0)
    if not asked.datatype and kind is Type.INT64:
        bits = 64 if asked.field == "long_value" else 32
    if not bits:
        return value
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value
