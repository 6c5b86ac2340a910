"""Rows of values as data, many metrics at a time.

What a row of some signals looks like is prepared once (`Shape`); a row then costs a few steps
over all of its values together: numbers are packed in one call, and joined with what is known.
"""

from __future__ import annotations

import struct
from operator import itemgetter
from typing import TYPE_CHECKING

from gateway.publishers.sparkplug import wire
from gateway.publishers.sparkplug.wire import SHORT, WHOLE, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.model import Value
    from gateway.publishers.sparkplug.metrics import Metric

PARTS = 3
"""Of a metric: what goes ahead of its time; the time, and what goes ahead of its value; that."""
_VALUE_BYTES = {Type.DOUBLE: 8, Type.BOOLEAN: 1}
_TAGS = {
    Type.DOUBLE: wire.DOUBLE_TAG,
    Type.INT64: wire.LONG_TAG,
    Type.BOOLEAN: wire.BOOLEAN_TAG,
}
_BITS = {False: b"\0", True: b"\1"}
_RANK = {Type.DOUBLE: 0, Type.INT64: 1, Type.BOOLEAN: 2}
"""Kinds whose values have one length."""


class Irregular(Exception):  # noqa: N818 - says what a row is
    """A row that has to be told metric by metric: a value is missing, is text, or doesn't suit."""


class Shape:
    """Rows of the same signals.

    The order of metrics in a payload is free, so those of one datatype stand together.

    Args:
        metrics: of the row's signals, in their order.

    Raises:
        Irregular: one of them has no values of one length.
    """

    def __init__(self, metrics: Sequence[Metric]) -> None:
        if any(metric.kind not in _RANK for metric in metrics):
            raise Irregular
        order = sorted(range(len(metrics)), key=lambda at: _RANK[metrics[at].kind])
        self._metrics = [metrics[at] for at in order]
        self._pick: Callable[[Sequence[Value]], Sequence[Value]] | None = None
        if order != list(range(len(order))):
            self._pick = itemgetter(*order)
        kinds = [metric.kind for metric in self._metrics]
        self._doubles = kinds.count(Type.DOUBLE)
        self._whole = self._doubles + kinds.count(Type.INT64)
        self._count = len(kinds)
        self._pack = struct.Struct(f"<{self._doubles}d").pack
        self._cut = struct.Struct("8s" * self._doubles).unpack
        self._heads: dict[tuple[int, bool], list[bytes]] = {}

    def encode(self, row: Mapping[str, Value], ms: int, *, hist: bool) -> bytes:
        """A row's metrics, one after another.

        Raises:
            Irregular: it isn't what such rows usually are.
        """
        values = tuple(row.values())
        if self._pick is not None:
            values = tuple(self._pick(values))
        doubles, whole, count = self._doubles, self._whole, self._count
        size = SHORT
        try:
            told: tuple[bytes, ...] = self._cut(self._pack(*values[:doubles])) if doubles else ()
            if whole > doubles:
                numbers: Sequence[int] = values[doubles:whole]  # type: ignore[assignment]
                try:
                    told += wire.varints(numbers, SHORT)
                except struct.error:
                    size = WHOLE
                    told += wire.varints(numbers, WHOLE)
            if count > whole:
                told += tuple([_BITS[value] for value in values[whole:]])  # type: ignore[index]
        except (struct.error, TypeError, KeyError) as error:
            raise Irregular from error
        parts = self._parts(size, hist=hist)
        time = wire.time_of(ms)
        parts[1::PARTS] = (
            [time + wire.DOUBLE_TAG] * doubles
            + [time + wire.LONG_TAG] * (whole - doubles)
            + [time + wire.BOOLEAN_TAG] * (count - whole)
        )
        parts[2::PARTS] = told
        return b"".join(parts)

    def _parts(self, size: int, *, hist: bool) -> list[bytes]:
        """What is always said of these metrics, with places for time and value."""
        parts = self._heads.get((size, hist))
        if parts is None:
            said = wire.IS_HISTORICAL if hist else b""
            parts = []
            for metric in self._metrics:
                behind = wire.MS_BYTES + len(_TAGS[metric.kind])
                behind += _VALUE_BYTES.get(metric.kind, size)
                ahead = metric.ident + said + wire.TIME_TAG
                length = wire.varint(len(ahead) + behind)
                parts += (wire.METRIC_TAG + length + ahead, b"", b"")
            self._heads[size, hist] = parts
        return parts.copy()
