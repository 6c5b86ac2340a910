"""A home-grown platform, in the topics and JSON that a mapping file gives: docs/platforms.md.

Shapes are prepared once: a message is a walk over its shape, with placeholders filled in.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson

from gateway.ids import record_id
from gateway.publishers.dialects.carrier import Part
from gateway.publishers.dialects.dialect import Dialect, plug
from gateway.publishers.dialects.samples import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from gateway.model import Record, Value
    from gateway.publishers.dialects.samples import Sample
    from gateway.publishers.format import Parts
    from gateway.settings import Mapped as Mapping_
    from gateway.settings import MappedField, MappedMessage, MqttSettings

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Mapped(Dialect):
    """Of one publisher."""

    name = "mapping"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._prepare()

    def adopt(self, config: MqttSettings) -> None:
        """Be what another version of the mapping says."""
        super().adopt(config)
        self._prepare()

    def speaks(self, record: Record, *, hist: bool) -> bool:
        """What some message of the mapping is made of."""
        del hist
        return bool(self._of(record))

    def lane(self, record: Record, *, hist: bool) -> str:
        """The first topic's pattern, which is the same for all assets."""
        del hist
        return self._of(record)[0].spec.topic

    def parts(self, record: Record, *, hist: bool) -> Sequence[Part]:
        """Each message that the record fits."""
        own = self._identity
        known: dict[str, object] = {
            "cluster": own.cluster,
            "enterprise": own.enterprise,
            "site": own.site,
            "gateway": own.gateway,
            "line": record.line,
            "asset": record.asset,
            "class": record.cls,
            "id": record_id(own.gateway, record.key),
            "hist": hist,
        }
        told = [sample._replace(values=self._fields(sample.values)) for sample in samples(record)]
        told = [sample for sample in told if sample.values]
        shapes = self._of(record)
        return [part for shape in shapes for part in shape.parts(known, told, self._now_ms())]

    def _prepare(self) -> None:
        mapping = self._config.mapping
        assert mapping is not None  # noqa: S101 - the site file's check
        self._mapping: Mapping_ = mapping
        self._shapes = [_Shape(spec, mapping.timezone) for spec in mapping.messages]
        self._chosen: dict[tuple[str, str], list[_Shape]] = {}

    def _of(self, record: Record) -> list[_Shape]:
        key = (record.cls, record.asset)
        chosen = self._chosen.get(key)
        if chosen is None:
            kind = record.cls.partition("/")[0]
            chosen = self._chosen[key] = [
                shape
                for shape in self._shapes
                if kind in shape.spec.of
                and any(fnmatchcase(record.asset, pattern) for pattern in shape.spec.assets)
            ]
        return chosen

    def _fields(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Values under the platform's names, in its units."""
        known, others = self._mapping.fields, self._mapping.others
        found: dict[str, Value] = {}
        for name, value in values.items():
            field = known.get(name)
            if field is None:
                if others:
                    found[name] = value
            elif field.name:
                found[field.name] = _converted(value, field)
        return found


class _Shape:
    """One kind of message, prepared."""

    def __init__(self, spec: MappedMessage, timezone: str) -> None:
        self.spec = spec
        self._topic = _filler(spec.topic)
        self._body = _filler(orjson.loads(spec.body))
        self._row = _filler(orjson.loads(spec.row)) if spec.row else None
        self._value = _filler(orjson.loads(spec.value)) if spec.value else None
        zone: tzinfo = ZoneInfo(timezone) if spec.time == "local" else UTC
        self._time = _clock(spec.time, zone)

    def parts(
        self, known: Mapping[str, object], told: Sequence[Sample], now_ms: int
    ) -> Iterator[Part]:
        spec = self.spec
        if not told:
            return
        for filled in self._each({**known, "now": self._time(now_ms)}, told):
            body = orjson.dumps(self._body(filled))
            yield Part(str(self._topic(filled)), body, spec.qos, spec.retain)

    def _each(
        self, known: dict[str, object], told: Sequence[Sample]
    ) -> Iterator[dict[str, object]]:
        if self.spec.each == "value":
            for sample in told:
                yield from self._values(known, sample)
            return
        rows = [self._filled(known, sample) for sample in told]
        if self.spec.each == "row":
            yield from rows
        else:
            row = self._row
            yield {**known, "rows": [row(filled) for filled in rows] if row else []}

    def _filled(self, known: dict[str, object], sample: Sample) -> dict[str, object]:
        filled = {**known, "time": self._time(sample.t_ms), "values": sample.values}
        if self._value is not None:
            filled["list"] = [self._value(one) for one in self._values(known, sample)]
        return filled

    def _values(self, known: dict[str, object], sample: Sample) -> Iterator[dict[str, object]]:
        time = self._time(sample.t_ms)
        for name, value in sample.values.items():
            yield {**known, "time": time, "name": name, "value": value}


def _converted(value: Value, field: MappedField) -> Value:
    """A value in the platform's unit; what needs no change stays what it is."""
    if isinstance(value, (bool, str)) or value is None:
        return value
    changes = field.times != 1.0 or field.plus != 0.0
    return value * field.times + field.plus if changes else value


def _filler(shape: object) -> Callable[[Mapping[str, object]], Any]:
    """Make of a shape what fills it: a text that is one placeholder becomes the thing itself."""
    if isinstance(shape, dict):
        parts = [(_filler(key), _filler(value)) for key, value in shape.items()]
        return lambda known: {str(key(known)): value(known) for key, value in parts}
    if isinstance(shape, list):
        items = [_filler(item) for item in shape]
        return lambda known: [item(known) for item in items]
    if isinstance(shape, str):
        whole = _PLACEHOLDER.fullmatch(shape)
        if whole:
            name = whole[1]
            return lambda known: known[name]
        if _PLACEHOLDER.search(shape):
            return lambda known: _PLACEHOLDER.sub(lambda found: str(known[found[1]]), shape)
    return lambda _known: shape


def _clock(how: str, zone: tzinfo) -> Callable[[int], object]:
    """How a message writes a time in UTC ms."""
    if how == "ms":
        return lambda t_ms: t_ms
    if how == "s":
        return lambda t_ms: t_ms // 1000
    return lambda t_ms: datetime.fromtimestamp(t_ms / 1000, zone).isoformat(timespec="milliseconds")


plugin = plug(Mapped)
