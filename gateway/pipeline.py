"""From a batch to records: split by asset, judge, report by exception, feed the figures.

What can be known beforehand is prepared once per group and asset (a `_Route`); at run time a
batch is compared with what was last told as whole tuples, and only what changed is encoded.

A value is told when it changed by more than its deadband, when its quality changed, and all of
them once a heartbeat. A value that could not be read is told as null with quality bad; the last
good one is not held in its place. A value outside its plausible range is uncertain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import compress
from operator import itemgetter, ne
from typing import TYPE_CHECKING, cast

import orjson

from gateway.alarms.board import Alarms
from gateway.model import Draft, Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from gateway.alarms.watch import Watch
    from gateway.ledger import Ledger
    from gateway.model import Asset, Batch, Binding, Device, Tag, Value

_GOOD, _UNCERTAIN, _BAD = Quality.GOOD, Quality.UNCERTAIN, Quality.BAD


@dataclass(slots=True, eq=False)
class _Route:
    """One group's values on their way to one asset, prepared.

    Attributes:
        names: the signals, in the order of `pick`.
        pick: takes the asset's values out of the batch's; None where it takes all.
        ranged: (place, low, high) of values with a plausible range.
        banded: (place, deadband).
        figures: (normalised signal, place) of what the ledger wants.
        alarms: (place, alarm that watches it).
        told, told_quality: as last published; told is None before the first.
    """

    line: str
    asset: str
    names: tuple[str, ...]
    units: tuple[str | None, ...]
    pick: Callable[[Sequence[object]], tuple[object, ...]] | None
    ranged: tuple[tuple[int, float, float], ...]
    banded: tuple[tuple[int, float], ...]
    figures: tuple[tuple[str, int], ...]
    alarms: tuple[tuple[int, Watch], ...] = ()
    rev: str = ""
    told: tuple[Value, ...] | None = None
    told_quality: tuple[Quality, ...] | None = None
    told_ns: int = 0
    seen: tuple[Value, ...] = ()
    seen_quality: tuple[Quality, ...] | None = None
    seen_ms: int = 0

    def go_on(self, before: _Route) -> None:
        """Take over what another route for the same signals was told last."""
        self.told, self.told_quality, self.told_ns = (
            before.told,
            before.told_quality,
            before.told_ns,
        )
        self.seen, self.seen_quality, self.seen_ms = (
            before.seen,
            before.seen_quality,
            before.seen_ms,
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """One asset's newest value, for displays inside the process."""

    signal: str
    value: Value
    quality: Quality
    unit: str | None
    time_ms: int


@dataclass(slots=True)
class Pipeline:
    """Turns batches into drafts.

    Args:
        ledger: where states, counters and registers go to become figures.
        heartbeat_s: tell all values at least so often.
        alarms: those of all assets, planned already.
    """

    ledger: Ledger
    heartbeat_s: float
    alarms: Alarms = field(default_factory=Alarms)
    _routes: dict[int, tuple[_Route, ...]] = field(default_factory=dict)
    _held: list[tuple[Tag, ...]] = field(default_factory=list)

    def prepare(
        self, assets: Iterable[Asset], devices: Iterable[Device], revs: Mapping[str, str]
    ) -> None:
        """Prepare a route for each group and asset.

        Args:
            assets: every asset, devices' unbound tags included.
            devices: to know which tags are read together.
            revs: each asset's meta revision.
        """
        fed: dict[str, list[Asset]] = {}
        for asset in assets:
            for name in dict.fromkeys(binding.tag.device for binding in asset.feeds()):
                fed.setdefault(name, []).append(asset)
        for device in devices:
            places: dict[str, list[tuple[Asset, Binding]]] = {}
            for asset in fed.get(device.name, ()):
                for binding in asset.feeds():
                    if binding.tag.device == device.name:
                        places.setdefault(binding.tag.name, []).append((asset, binding))
            for group in device.groups:
                self._held.append(group.tags)
                routes = tuple(_routes_of(group.tags, places, revs))
                _watch(routes, places, self.alarms)
                self._routes[id(group.tags)] = routes

    def rewire(
        self,
        assets: Iterable[Asset],
        devices: Sequence[Device],
        revs: Mapping[str, str],
        present: Iterable[Device],
    ) -> None:
        """Prepare the routes of some devices anew; what goes the same way goes on as told.

        Args:
            assets: every asset that these devices feed.
            devices: whose routes may differ.
            revs: of the assets.
            present: all devices; the routes of others end.
        """
        before = {
            (route.line, route.asset, route.rev, route.names): route
            for routes in self._routes.values()
            for route in routes
        }
        rows = [group.tags for device in present for group in device.groups]
        self._routes = {id(tags): self._routes.get(id(tags), ()) for tags in rows}
        self.prepare(assets, devices, revs)
        self._held = rows
        for device in devices:
            for group in device.groups:
                for route in self._routes[id(group.tags)]:
                    old = before.get((route.line, route.asset, route.rev, route.names))
                    if old is not None:
                        route.go_on(old)

    def take(self, batch: Batch) -> list[Draft]:
        """Turn one batch into drafts: telemetry of what changed, states where they did."""
        drafts: list[Draft] = []
        for route in self._routes[id(batch.tags)]:
            if batch.present is not None:
                values, quality = _complete(route, batch)
            elif route.pick is None:
                values, quality = batch.values, batch.quality
            else:
                values = route.pick(batch.values)  # type: ignore[assignment]
                quality = None if batch.quality is None else route.pick(batch.quality)  # type: ignore[assignment]
            if route.ranged:
                quality = _judge(route.ranged, values, quality)
            route.seen, route.seen_quality = values, quality
            route.seen_ms = time_ms = batch.time_ns // 1_000_000
            if route.figures:
                figures = {signal: values[place] for signal, place in route.figures}
                states = self.ledger.observe(route.asset, time_ms, figures)
                if states:
                    self.alarms.follow(states)
                    drafts += states
            changed = self._changed(route, values, quality, batch.mono_ns)
            if changed:
                drafts.append(_telemetry(route, changed, quality, time_ms))
            for place, watch in route.alarms:
                mark = _GOOD if quality is None else quality[place]
                alarm = watch.read(values[place], mark, batch.mono_ns, time_ms)
                if alarm is not None:
                    drafts.append(alarm)
        return drafts

    def shown(self, asset: str) -> Iterator[Shown]:
        """The newest values of one asset."""
        for routes in self._routes.values():
            for route in routes:
                if route.asset != asset or not route.seen:
                    continue
                for place, name in enumerate(route.names):
                    quality = _GOOD if route.seen_quality is None else route.seen_quality[place]
                    yield Shown(name, route.seen[place], quality, route.units[place], route.seen_ms)

    def _changed(
        self,
        route: _Route,
        values: tuple[Value, ...],
        quality: tuple[Quality, ...] | None,
        mono_ns: int,
    ) -> dict[str, Value]:
        """What is worth telling of these values; what is told is remembered."""
        told = route.told
        if told is None or mono_ns - route.told_ns >= self.heartbeat_s * 1e9:
            changed = dict(zip(route.names, values, strict=True))
            route.told_ns = mono_ns
        else:
            if route.banded:
                values = _damp(route.banded, values, told)
            if values == told and quality == route.told_quality:
                return {}
            changed = dict(compress(zip(route.names, values, strict=True), map(ne, values, told)))
            if quality != route.told_quality:
                good = (_GOOD,) * len(values)
                differs = map(ne, quality or good, route.told_quality or good)
                changed.update(compress(zip(route.names, values, strict=True), differs))
        route.told, route.told_quality = values, quality
        return changed


def _routes_of(
    tags: tuple[Tag, ...],
    places: Mapping[str, list[tuple[Asset, Binding]]],
    revs: Mapping[str, str],
) -> Iterator[_Route]:
    """One route for each asset that these tags feed."""
    fed: dict[str, tuple[Asset, list[tuple[int, Binding]]]] = {}
    for index, tag in enumerate(tags):
        for asset, binding in places.get(tag.name, ()):
            fed.setdefault(asset.name, (asset, []))[1].append((index, binding))
    for asset, taken in fed.values():
        indices = tuple(index for index, _binding in taken)
        bound = [binding for _index, binding in taken]
        wanted = asset.kpi.signals if asset.kpi is not None else ()
        yield _Route(
            line=asset.line,
            asset=asset.name,
            names=cast("tuple[str, ...]", _alike(tuple(b.signal for b in bound))),
            units=_alike(tuple(b.unit or b.tag.unit for b in bound)),
            pick=None if indices == tuple(range(len(tags))) else _picker(indices),
            ranged=tuple(
                (place, _or(binding.low, float("-inf")), _or(binding.high, float("inf")))
                for place, binding in enumerate(bound)
                if binding.low is not None or binding.high is not None
            ),
            banded=tuple(
                (place, binding.tag.deadband)
                for place, binding in enumerate(bound)
                if binding.tag.deadband
            ),
            figures=tuple(
                (binding.signal, place)
                for place, binding in enumerate(bound)
                if binding.signal in wanted
            ),
            rev=revs[asset.name],
        )


def _watch(
    routes: Sequence[_Route], places: Mapping[str, list[tuple[Asset, Binding]]], alarms: Alarms
) -> None:
    """Give each alarm the first route on which its tag travels, whoever's that is."""
    for tag, ways in places.items():
        asset, binding = ways[0]
        watches = alarms.of_tag(binding.tag.device, tag)
        for route in routes if watches else ():
            if route.asset == asset.name and binding.signal in route.names:
                place = route.names.index(binding.signal)
                route.alarms += tuple((place, watch) for watch in watches)


@lru_cache(maxsize=256)
def _alike(texts: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """One row for all that are equal: fifty meters of a model have the same names and units."""
    return texts


def _picker(indices: tuple[int, ...]) -> Callable[[Sequence[object]], tuple[object, ...]]:
    if len(indices) == 1:
        only = indices[0]
        return lambda values: (values[only],)
    return itemgetter(*indices)


def _or(limit: float | None, otherwise: float) -> float:
    return otherwise if limit is None else limit


def _complete(route: _Route, batch: Batch) -> tuple[tuple[Value, ...], tuple[Quality, ...] | None]:
    """Fill a batch in which only some tags are present with what was last seen."""
    present = batch.present or ()
    fresh = dict(zip(present, batch.values, strict=True))
    marks = dict(zip(present, batch.quality or (_GOOD,) * len(present), strict=True))
    places: tuple[int, ...] = tuple(range(len(batch.tags)))
    if route.pick is not None:
        places = route.pick(places)  # type: ignore[assignment]
    seen = route.seen or (None,) * len(places)
    kept = route.seen_quality or ((_GOOD,) if route.seen else (_BAD,)) * len(places)
    values = tuple(fresh.get(index, old) for index, old in zip(places, seen, strict=True))
    quality = tuple(marks.get(index, old) for index, old in zip(places, kept, strict=True))
    return values, quality if any(quality) else None


def _judge(
    ranged: tuple[tuple[int, float, float], ...],
    values: tuple[Value, ...],
    quality: tuple[Quality, ...] | None,
) -> tuple[Quality, ...] | None:
    """Mark values outside their plausible range as uncertain."""
    marks: list[Quality] | None = None
    for place, low, high in ranged:
        value = values[place]
        if value is None or isinstance(value, str) or low <= value <= high:
            continue
        if marks is None:
            marks = [_GOOD] * len(values) if quality is None else list(quality)
        if marks[place] is _GOOD:
            marks[place] = _UNCERTAIN
    return quality if marks is None else tuple(marks)


def _damp(
    banded: tuple[tuple[int, float], ...], values: tuple[Value, ...], told: tuple[Value, ...]
) -> tuple[Value, ...]:
    """Replace a value within its deadband by the one last told."""
    damped: list[Value] | None = None
    for place, band in banded:
        value, before = values[place], told[place]
        if value is None or before is None or isinstance(value, str) or isinstance(before, str):
            continue
        if value != before and abs(value - before) <= band:
            damped = damped or list(values)
            damped[place] = before
    return values if damped is None else tuple(damped)


def _telemetry(
    route: _Route,
    changed: dict[str, Value],
    quality: tuple[Quality, ...] | None,
    time_ms: int,
) -> Draft:
    row: dict[str, object] = {"t": time_ms, "m": changed}
    if quality is not None:
        marks = {
            name: int(mark)
            for name, mark in zip(route.names, quality, strict=True)
            if mark and name in changed
        }
        if marks:
            row["q"] = marks
    body = orjson.dumps({"rev": route.rev, "rows": [row]})
    return Draft("telemetry", route.line, route.asset, time_ms, body)
