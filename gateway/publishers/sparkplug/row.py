"""Rows of values as data, many metrics at a time.

What a row of some signals looks like is written once (`Shape`). Metrics of one datatype stand
together, each as long as the others, so that a row only changes single bytes at even distances:
the first byte of all times, the second one, …, the first byte of all values. That touches none of
the thousand small objects that metrics would be, which a processor's cache doesn't hold for long.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from gateway.publishers.sparkplug import wire
from gateway.publishers.sparkplug.wire import MS_BYTES, SIZES, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.model import Value
    from gateway.publishers.sparkplug.metrics import Metric

KINDS = {
    Type.DOUBLE: wire.DOUBLE_TAG,
    Type.INT64: wire.LONG_TAG,
    Type.BOOLEAN: wire.BOOLEAN_TAG,
}
"""Datatypes whose values have one length, in the order in which they stand."""
_DOUBLE_BYTES = 8


class Irregular(Exception):  # noqa: N818 - says what a row is
    """A row that has to be told metric by metric: a value is missing, is text, or doesn't suit."""


@dataclass(slots=True)
class _Form:
    """Metrics of one datatype, with values of one length.

    Attributes:
        text: the metrics, changed from row to row.
        told: the time that is in it.
        stride: bytes of one.
        time, value: where those are in the first.
    """

    text: bytearray
    told: bytes
    stride: int
    time: int
    value: int


class _Block:
    """The metrics of one datatype among a row's.

    Args:
        kind: the datatype.
        metrics: at least one; the names that data calls them by are of one length.

    Raises:
        Irregular: they are not.
    """

    def __init__(self, kind: Type, metrics: Sequence[Metric]) -> None:
        self._kind = kind
        self._metrics = metrics
        self._forms: dict[tuple[int, bool], _Form] = {}
        if len({len(metric.ident) for metric in metrics}) > 1:
            raise Irregular

    def tell(self, values: Sequence[Value], time: bytes, *, hist: bool) -> bytearray:
        """A row's values.

        Raises:
            struct.error, TypeError, ValueError: one isn't of the datatype.
        """
        lanes, width, size = self._encode(values)
        form = self._forms.get((size, hist)) or self._write(size, hist=hist)
        text, stride = form.text, form.stride
        count = len(values)
        for place in range(MS_BYTES):
            if time[place] != form.told[place]:
                text[form.time + place :: stride] = time[place : place + 1] * count
        form.told = time
        for place in range(size):
            text[form.value + place :: stride] = lanes[place::width]
        return text

    def _encode(self, values: Sequence[Value]) -> tuple[bytes, int, int]:
        """The values in lanes, a lane's bytes, and how many of them are a value."""
        if self._kind is Type.DOUBLE:
            return struct.pack(f"<{len(values)}d", *values), _DOUBLE_BYTES, _DOUBLE_BYTES
        if self._kind is Type.BOOLEAN:
            bits = bytes(values)  # type: ignore[arg-type]
            if max(bits) > 1:
                raise ValueError
            return bits, 1, 1
        for size in SIZES[:-1]:
            try:
                return *wire.varints(values, size), size  # type: ignore[arg-type]
            except struct.error:
                continue
        return *wire.varints(values, SIZES[-1]), SIZES[-1]  # type: ignore[arg-type]

    def _write(self, size: int, *, hist: bool) -> _Form:
        """The metrics, with room for times, and for values of so many bytes."""
        said = wire.IS_HISTORICAL if hist else b""
        tag = KINDS[self._kind]
        room = wire.TIME_TAG + bytes(MS_BYTES) + tag + bytes(size)
        text = bytearray()
        for metric in self._metrics:
            text += wire.chunk(2, metric.ident + said + room)
        stride = len(text) // len(self._metrics)
        value = stride - size
        form = _Form(text, bytes(MS_BYTES), stride, value - len(tag) - MS_BYTES, value)
        self._forms[size, hist] = form
        return form


class Shape:
    """Rows of the same signals.

    The order of metrics in a payload is free, so those of one datatype stand together.

    Args:
        metrics: of the row's signals, in their order.

    Raises:
        Irregular: such rows can't be told as a whole.
    """

    def __init__(self, metrics: Sequence[Metric]) -> None:
        ranks = list(KINDS)
        if any(metric.kind not in KINDS for metric in metrics):
            raise Irregular
        order = sorted(range(len(metrics)), key=lambda at: ranks.index(metrics[at].kind))
        self._pick: Callable[[Sequence[Value]], Sequence[Value]] | None = None
        if order != list(range(len(order))):
            self._pick = itemgetter(*order)
        self._blocks: list[tuple[_Block, slice]] = []
        begin = 0
        for kind in ranks:
            block = [metrics[at] for at in order if metrics[at].kind is kind]
            if block:
                self._blocks.append((_Block(kind, block), slice(begin, begin + len(block))))
                begin += len(block)

    def encode(self, row: Mapping[str, Value], ms: int, *, hist: bool) -> bytes:
        """A row's metrics, one after another.

        Raises:
            Irregular: it isn't what such rows usually are.
        """
        values: Sequence[Value] = tuple(row.values())
        if self._pick is not None:
            values = self._pick(values)
        time = wire.time_of(ms)
        try:
            told = [block.tell(values[place], time, hist=hist) for block, place in self._blocks]
        except (struct.error, TypeError, ValueError) as error:
            raise Irregular from error
        return b"".join(told)
