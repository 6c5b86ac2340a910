"""One Sparkplug device, which is an asset, or the node itself: its metrics and what it told last.

What the other side takes for a metric's present value must be the newest that there is. So a value
is historical where the metric was told a newer one, by a birth or by data, and only there.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from gateway.publishers.sparkplug import words
from gateway.publishers.sparkplug.metrics import BAD, GOOD, Metric, Reading, kind_of, suits
from gateway.publishers.sparkplug.row import Irregular, Shape
from gateway.publishers.sparkplug.wire import Type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.model import Record, Value
    from gateway.publishers.sparkplug.metrics import Aliases, Style

MOST_SETS = 32
"""Sets of signals that a device's rows are prepared for. Where values are told as they change,
there is no end of sets: the oldest give way."""

Row = dict[str, Any]
Names = tuple[str, ...]


@dataclass(slots=True)
class _Set:
    """Rows of the same signals.

    Attributes:
        shape: None: they are told metric by metric.
        kept: the newest, not yet brought to the metrics, as it came: its time, the record's body,
            which row of it. Values kept as objects would cost twice what telling them does.
    """

    shape: Shape | None = None
    kept: tuple[int, bytes, int] | None = None


class Device:
    """Told about records; gives what data and births say.

    Args:
        name: the last level of its topics; "": the node itself.
        aliases: gives numbers to metrics.
        style: how data names metrics.

    Attributes:
        is_unborn: the other side doesn't know of it, or of all of its metrics.
        is_absent: nothing can be read of it now.
        is_gone: it is an asset no more; what it told may still be on its way.
    """

    def __init__(self, name: str, aliases: Aliases, style: Style) -> None:
        self.name = name
        self.is_unborn = True
        self.is_absent = False
        self.is_gone = False
        self._aliases = aliases
        self._style = style
        self._metrics: dict[str, Metric] = {}
        self._signals: frozenset[str] = frozenset()
        self._readings: dict[str, Reading] = {}
        self._sets: dict[Names, _Set] = {}
        self._last: tuple[Names, _Set] = ((), _Set())
        self._marked: set[str] = set()
        self._rev = b""

    def describe(self, record: Record) -> None:
        """Take what the asset's meta says; metrics that it had before stay, with their aliases."""
        self.is_gone = False
        if record.body == self._rev:
            return
        self._rev = record.body
        meta = orjson.loads(record.body)
        told = list(words.signals(meta))
        self._signals = frozenset(name for name, _kind, _about in told)
        for name, kind, about in told:
            self._set(name, kind, about)
        for name, kind, value in words.described(meta):
            self._set(name, kind)
            self._readings[name] = Reading(value, record.ts_ms)
        for name, kind, _none in words.declared(meta):
            self._set(name, kind)
        self._forget()

    def state(self, name: str, kind: Type, value: Value, ms: int) -> None:
        """Have something in every birth that is no record's."""
        self._set(name, kind)
        self._readings[name] = Reading(value, ms)

    def see(self, record: Record) -> None:
        """Take note of a record that isn't told now, but is part of the next birth."""
        if record.cls == "meta":
            self.describe(record)
        elif record.cls == "telemetry":
            for place, row in enumerate(orjson.loads(record.body)["rows"]):
                self._note(self._prepare(tuple(row["m"])), row, record.body, place)
                if "q" in row:
                    self._judge()
        else:
            for name, kind, value in self._spelt(record):
                self._need(name, kind, value)
                self._readings[name] = Reading(value, record.ts_ms)

    def tell(self, record: Record, *, hist: bool, since_birth: bool) -> bytes:
        """A record as the metrics of a payload.

        Args:
            record: no meta.
            hist: newer ones of its kind may have gone out.
            since_birth: the birth of this session didn't know of it.
        """
        if record.cls == "telemetry":
            return self._rows(record.body, hist=hist, since_birth=since_birth)
        told = []
        for name, kind, value in self._spelt(record):
            metric = self._need(name, kind, value)
            reading = Reading(value, record.ts_ms)
            is_old = not since_birth or (hist and self._knows_newer(name, record.ts_ms))
            if not is_old:
                self._readings[name] = reading
            told.append(metric.data(reading, hist=is_old, quality=False))
        return b"".join(told)

    def birth(self, now_ms: int) -> bytes:
        """Every metric with its present value."""
        self._fold()
        self._marked = {name for name, one in self._readings.items() if one.quality != GOOD}
        none = Reading(None, now_ms)
        return b"".join(
            metric.birth(self._readings.get(name, none)) for name, metric in self._metrics.items()
        )

    def find(self, name: str, alias: int) -> Metric | None:
        """The metric that somebody calls by its name, or by its alias; None: there is none."""
        if name:
            return self._metrics.get(name)
        return next((one for one in self._metrics.values() if one.alias == alias), None)

    def _rows(self, body: bytes, *, hist: bool, since_birth: bool) -> bytes:
        """Moments' values."""
        told = []
        for place, row in enumerate(orjson.loads(body)["rows"]):
            if hist and since_birth:
                told.append(self._late(row))
                continue
            names = tuple(row["m"])
            known = self._last[1] if names == self._last[0] else self._prepare(names)
            if since_birth:
                self._note(known, row, body, place)
            told.append(self._row(known, row, names, hist=not since_birth))
        return told[0] if len(told) == 1 else b"".join(told)

    def _row(self, known: _Set, row: Row, names: Names, *, hist: bool) -> bytes:
        """One moment's values, together where they are as such values usually are."""
        marked = "q" in row or (self._marked and not self._marked.isdisjoint(names))
        if known.shape is not None and not marked:
            with contextlib.suppress(Irregular):
                return known.shape.encode(row["m"], row["t"], hist=hist)
        return self._slowly(row, hist=hist)

    def _late(self, row: Row) -> bytes:
        """Values that were overtaken, as far as the metric was told a newer one."""
        self._fold()
        marks = row.get("q", {})
        news = {n: v for n, v in row["m"].items() if not self._knows_newer(n, row["t"])}
        old = {n: v for n, v in row["m"].items() if n not in news}
        told = self._slowly({"t": row["t"], "m": old, "q": marks}, hist=True)
        fresh = {"t": row["t"], "m": news, "q": marks}
        self._bring(fresh)
        return told + self._slowly(fresh, hist=False)

    def _slowly(self, row: Row, *, hist: bool) -> bytes:
        """Metric by metric."""
        marks = row.get("q", {})
        told = []
        for name, value in row["m"].items():
            metric = self._need(name, kind_of(value), value)
            quality = marks.get(name, GOOD)
            said = quality != GOOD or name in self._marked
            if not hist:
                self._mark(name, quality)
            told.append(metric.data(Reading(value, row["t"], quality), hist=hist, quality=said))
        if not hist and marks:
            self._judge()
        return b"".join(told)

    def _mark(self, name: str, quality: int) -> None:
        if quality == GOOD:
            self._marked.discard(name)
        else:
            self._marked.add(name)

    def _judge(self) -> None:
        """Nothing of it can be read where all signals that were ever told are bad."""
        self._fold()
        told = [self._readings[name] for name in self._signals if name in self._readings]
        self.is_absent = bool(told) and all(
            reading.quality == BAD and reading.value is None for reading in told
        )

    def _note(self, known: _Set, row: Row, body: bytes, place: int) -> None:
        """Keep a row as the newest of its signals."""
        known.kept = (row["t"], body, place)
        if self.is_absent and row.get("q", {}).keys() != row["m"].keys():
            self.is_absent = False

    def _fold(self) -> None:
        """Bring the newest rows to their metrics."""
        kept = [known.kept for known in self._sets.values() if known.kept is not None]
        for known in self._sets.values():
            known.kept = None
        for _ms, body, place in sorted(kept):
            self._bring(orjson.loads(body)["rows"][place])

    def _bring(self, row: Row) -> None:
        """Let a row's values be what its metrics were told last."""
        marks = row.get("q", {})
        for name, value in row["m"].items():
            self._need(name, kind_of(value), value)
            self._readings[name] = Reading(value, row["t"], marks.get(name, GOOD))

    def _knows_newer(self, name: str, ms: int) -> bool:
        known = self._readings.get(name)
        return known is not None and known.ms >= ms

    def _prepare(self, names: Names) -> _Set:
        """Know what rows of these signals look like."""
        found = self._sets.get(names)
        if found is not None:
            self._last = (names, found)
            return found
        if len(self._sets) >= MOST_SETS:
            self._forget()
        made = self._sets[names] = _Set()
        with contextlib.suppress(Irregular, KeyError):  # told metric by metric
            made.shape = Shape([self._metrics[name] for name in names])
        self._last = (names, made)
        return made

    def _forget(self) -> None:
        """Prepare anew: too many sets, or metrics that have changed."""
        self._fold()
        self._sets.clear()
        self._last = ((), _Set())

    def _need(self, name: str, kind: Type, value: Value | bytes) -> Metric:
        """The metric for a value; another birth is due where the last didn't know it, or not so."""
        metric = self._metrics.get(name)
        if metric is None:
            for sibling in words.siblings(name):
                if sibling not in self._metrics:
                    self._set(sibling, kind)
            return self._metrics[name]
        if not suits(metric.kind, value):
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            metric = self._set(name, Type.DOUBLE if number else kind, metric.about)
            self._forget()
        return metric

    def _set(self, name: str, kind: Type, about: bytes = b"") -> Metric:
        known = self._metrics.get(name)
        if known is not None and (known.kind, known.about) == (kind, about):
            return known
        alias = self._aliases() if known is None else known.alias
        self.is_unborn = True
        if known is not None and known.kind is not kind:
            self._readings.pop(name, None)
        made = self._metrics[name] = Metric(name, kind, alias, self._style, about)
        return made

    def _spelt(self, record: Record) -> Iterator[words.Said]:
        return words.spell(record.cls, orjson.loads(record.body))
