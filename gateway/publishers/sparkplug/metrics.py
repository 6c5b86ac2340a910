"""A device's metrics: what a birth says of each, and what data needs to be prepared of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.publishers.sparkplug import wire
from gateway.publishers.sparkplug.wire import Type, chunk, metric, number

if TYPE_CHECKING:
    from gateway.model import Value

GOOD, BAD = 0, 2
ALIAS_BYTES = 3
"""Of an alias in data: enough for two million metrics."""


class Reading(NamedTuple):
    """What a metric was told last.

    Attributes:
        value: None: there is none, or it couldn't be read.
        ms: UTC ms of it.
        quality: the contract's number.
    """

    value: Value | bytes
    ms: int
    quality: int = GOOD


class Style(NamedTuple):
    """How data names its metrics.

    Attributes:
        aliases: by their alias; else by their name.
        datatypes: with their datatype too, which the standard leaves to births.
    """

    aliases: bool = True
    datatypes: bool = False


class Metric:
    """One metric of one device.

    Attributes:
        name: unique in its device.
        kind: its datatype.
        alias: unique over the node and its devices.
        about: its properties.
        ident: alias, or name, as data says it; with the datatype where the style asks for it.
    """

    def __init__(self, name: str, kind: Type, alias: int, style: Style, about: bytes = b"") -> None:
        self.name = name
        self.kind = kind
        self._name = chunk(wire.NAME, name.encode())
        self.alias = alias
        self._alias = number(wire.ALIAS, alias) if style.aliases else b""
        self.about = about
        self._datatype = number(wire.DATATYPE, kind)
        said = self._datatype if style.datatypes else b""
        if style.aliases:
            self.ident = wire.ALIAS_TAG + wire.padded(alias, ALIAS_BYTES) + said
        else:
            self.ident = self._name + said

    def birth(self, reading: Reading) -> bytes:
        """All that there is to say of it."""
        about = self.about
        if reading.quality != GOOD:
            about += wire.QUALITIES[reading.quality]
        return metric(
            self._name,
            self._alias,
            wire.TIME_TAG,
            wire.time_of(reading.ms),
            self._datatype,
            wire.value_of(self.kind, reading.value),
            wire.property_set(about),
        )

    def data(self, reading: Reading, *, hist: bool, quality: bool) -> bytes:
        """A value.

        Args:
            reading: what it is.
            hist: it is older than what the metric was told last.
            quality: say it even where it is good.
        """
        return metric(
            self.ident,
            wire.TIME_TAG,
            wire.time_of(reading.ms),
            wire.IS_HISTORICAL if hist else b"",
            wire.value_of(self.kind, reading.value),
            wire.property_set(wire.QUALITIES[reading.quality]) if quality else b"",
        )


def kind_of(value: Value) -> Type:
    """The datatype of a value of which nothing else is known."""
    match value:
        case bool():
            return Type.BOOLEAN
        case int():
            return Type.INT64
        case str():
            return Type.STRING
        case _:
            return Type.DOUBLE


def suits(kind: Type, value: Value | bytes) -> bool:
    """Tell whether a value can be told under a datatype."""
    if value is None:
        return True
    match kind:
        case Type.BOOLEAN:
            return isinstance(value, bool)
        case Type.STRING:
            return isinstance(value, str)
        case Type.DOUBLE:
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case Type.DATASET:
            return isinstance(value, bytes)
        case _:
            return (
                isinstance(value, int)
                and not isinstance(value, bool)
                and -(1 << 63) <= value < 1 << 63
            )


class Aliases:
    """Numbers for metrics, never given twice: unique over a node and all of its devices."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> int:
        """Give the next."""
        self._last += 1
        return self._last
