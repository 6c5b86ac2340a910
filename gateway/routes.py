"""The way of one group's values to one asset: what can be known of it before the first value.

A value is told when it changed by more than its deadband, when its quality changed, and all of
them once a heartbeat. A value that could not be read is told as null with quality bad; the last
good one is not held in its place. A value outside its plausible range is uncertain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from operator import itemgetter, ne
from typing import TYPE_CHECKING, cast

import orjson

from gateway.model import Draft, Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gateway.alarms.board import Alarms
    from gateway.alarms.watch import Watch
    from gateway.derivation import Derivation
    from gateway.model import Asset, Batch, Binding, Tag, Value

GOOD, UNCERTAIN, BAD = Quality.GOOD, Quality.UNCERTAIN, Quality.BAD


@dataclass(slots=True, eq=False)
class Route:
    """One group's values on their way to one asset, prepared.

    Attributes:
        names: the signals, in the order of `pick`.
        pick: takes the asset's values out of the batch's; None where it takes all.
        ranged: (place, low, high) of values with a plausible range.
        banded: (place, deadband).
        figures: (signal, place) of what the ledger wants, or a deriver before it.
        is_derived: whether there is such a deriver.
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
    is_derived: bool = False
    alarms: tuple[tuple[int, Watch], ...] = ()
    rev: str = ""
    told: tuple[Value, ...] | None = None
    told_quality: tuple[Quality, ...] | None = None
    told_ns: int = 0
    seen: tuple[Value, ...] = ()
    seen_quality: tuple[Quality, ...] | None = None
    seen_ms: int = 0

    def go_on(self, before: Route) -> None:
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

    def changed(
        self,
        values: tuple[Value, ...],
        quality: tuple[Quality, ...] | None,
        mono_ns: int,
        heartbeat_s: float,
    ) -> dict[str, Value]:
        """What is worth telling of these values; what is told is remembered."""
        told = self.told
        if told is None or mono_ns - self.told_ns >= heartbeat_s * 1e9:
            changed = dict(zip(self.names, values, strict=True))
            self.told_ns = mono_ns
        else:
            if self.banded:
                values = _damp(self.banded, values, told)
            if values == told and quality == self.told_quality:
                return {}
            changed = dict(compress(zip(self.names, values, strict=True), map(ne, values, told)))
            if quality != self.told_quality:
                good = (GOOD,) * len(values)
                differs = map(ne, quality or good, self.told_quality or good)
                changed.update(compress(zip(self.names, values, strict=True), differs))
        self.told, self.told_quality = values, quality
        return changed


def routes_of(
    tags: tuple[Tag, ...],
    places: Mapping[str, list[tuple[Asset, Binding]]],
    revs: Mapping[str, str],
    needs: Mapping[str, frozenset[str]],
) -> Iterator[Route]:
    """One route for each asset that these tags feed.

    Args:
        tags: of one group.
        places: tag → the assets that it feeds, and as what.
        revs: each asset's meta revision.
        needs: asset → signals from which others are derived.
    """
    fed: dict[str, tuple[Asset, list[tuple[int, Binding]]]] = {}
    for index, tag in enumerate(tags):
        for asset, binding in places.get(tag.name, ()):
            fed.setdefault(asset.name, (asset, []))[1].append((index, binding))
    for asset, taken in fed.values():
        indices = tuple(index for index, _binding in taken)
        bound = [binding for _index, binding in taken]
        needed = needs.get(asset.name, frozenset())
        wanted = needed.union(asset.kpi.signals if asset.kpi is not None else ())
        yield Route(
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
            is_derived=bool(needed),
            rev=revs[asset.name],
        )


def route_of(asset: Asset, derivation: Derivation, rev: str, alarms: Alarms) -> Route:
    """The way of what is derived of an asset's signals; alarms know it by asset and signal."""
    signals = derivation.signals
    return Route(
        line=asset.line,
        asset=asset.name,
        names=tuple(signal.signal for signal in signals),
        units=tuple(signal.unit for signal in signals),
        pick=None,
        ranged=tuple(
            (place, _or(signal.low, float("-inf")), _or(signal.high, float("inf")))
            for place, signal in enumerate(signals)
            if signal.low is not None or signal.high is not None
        ),
        banded=(),
        figures=(),
        alarms=tuple(
            (place, watch)
            for place, signal in enumerate(signals)
            for watch in alarms.of_tag(asset.name, signal.signal)
        ),
        rev=rev,
    )


def set_watches(
    routes: Sequence[Route], places: Mapping[str, list[tuple[Asset, Binding]]], alarms: Alarms
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


def complete(route: Route, batch: Batch) -> tuple[tuple[Value, ...], tuple[Quality, ...] | None]:
    """Fill a batch in which only some tags are present with what was last seen."""
    present = batch.present or ()
    fresh = dict(zip(present, batch.values, strict=True))
    marks = dict(zip(present, batch.quality or (GOOD,) * len(present), strict=True))
    places: tuple[int, ...] = tuple(range(len(batch.tags)))
    if route.pick is not None:
        places = route.pick(places)  # type: ignore[assignment]
    seen = route.seen or (None,) * len(places)
    kept = route.seen_quality or ((GOOD,) if route.seen else (BAD,)) * len(places)
    values = tuple(fresh.get(index, old) for index, old in zip(places, seen, strict=True))
    quality = tuple(marks.get(index, old) for index, old in zip(places, kept, strict=True))
    return values, quality if any(quality) else None


def judge(
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
            marks = [GOOD] * len(values) if quality is None else list(quality)
        if marks[place] is GOOD:
            marks[place] = UNCERTAIN
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


def telemetry(
    route: Route,
    changed: dict[str, Value],
    quality: tuple[Quality, ...] | None,
    time_ms: int,
) -> Draft:
    """Write what is told of one moment."""
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
