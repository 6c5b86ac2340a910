"""What differs between the site that runs and the one that a file now describes.

Devices and assets are compared by digests, which the process that reads the file makes (see
loading.py): the running gateway has let go of its ten thousand bindings, and what is as it was
need not travel. Where something is written is no part of what it is (`compare=False` in model.py,
and the line of a tag), so a line added at the top of the file changes nothing.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from gateway.plain import is_row, spell_simple
from gateway.plant import Marks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.plant import Plant

DIGEST_BYTES = 12


@dataclass(frozen=True, slots=True)
class Change:
    """Names of what was added, removed, changed and kept, each in the order of its file."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Parts:
    """What became of devices and assets.

    Attributes:
        rewired: devices of the new plant, one of whose tags goes another way than before, or that
            are new or changed themselves.
        needed: assets of the new plant that they feed, and all that are new or changed: what must
            be known with its bindings.
    """

    devices: Change
    assets: Change
    rewired: frozenset[str]
    needed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """What has to be done to make one plant of another.

    Attributes:
        figures: assets whose figures are computed in another way, or for the first time.
        store: its bounds or its pace differ.
        fixed: what differs and can't while the gateway runs, as the site file spells it.
    """

    parts: Parts
    publishers: Change
    figures: tuple[str, ...]
    store: bool
    fixed: tuple[str, ...]

    def __bool__(self) -> bool:
        parts = self.parts
        return bool(parts.devices or parts.assets or self.publishers or self.figures or self.store)


def mark(plant: Plant) -> Marks:
    """Take the marks of a plant with all its bindings."""
    devices = {device.name: _digest(device) for device in plant.devices}
    assets: dict[str, str] = {}
    sources: dict[str, tuple[str, ...]] = {}
    for asset in plant.assets:
        names = asset.kpi.kpis if asset.kpi is not None else ()
        texts = [plant.kpis[name] for name in names]
        reasons = plant.reasons_of(asset)
        assets[asset.name] = _digest((asset, plant.timezone, texts, reasons))
        feeding = dict.fromkeys(binding.tag.device for binding in asset.feeds())
        feeding |= dict.fromkeys(alarm.device for alarm in asset.alarms if alarm.device)
        sources[asset.name] = tuple(feeding)
    return Marks(devices, assets, sources)


def match(old: Marks, new: Marks) -> Parts:
    """Tell what became of devices and assets."""
    devices = _change(old.devices, new.devices)
    assets = _change(old.assets, new.assets)
    moved = (*assets.added, *assets.removed, *assets.changed)
    rewired = {*devices.added, *devices.changed}
    for marks in (old, new):
        rewired.update(device for name in moved for device in marks.sources.get(name, ()))
    rewired &= new.devices.keys()
    needed = {name for name, sources in new.sources.items() if not rewired.isdisjoint(sources)}
    needed |= {*assets.added, *assets.changed}
    return Parts(devices, assets, frozenset(rewired), frozenset(needed))


def compare(old: Plant, new: Plant) -> Difference:
    """Tell what differs; bindings may be absent, marks may not.

    Args:
        old: what runs.
        new: what is to run.
    """
    return Difference(
        parts=match(old.marks, new.marks),
        publishers=_published(old, new),
        figures=_figures(old, new),
        store=dataclasses.replace(old.store, path=new.store.path) != new.store,
        fixed=_fixed(old, new),
    )


def _change(old: Mapping[str, object], new: Mapping[str, object]) -> Change:
    return Change(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name in new if name in old and new[name] != old[name]),
        kept=tuple(name for name in new if name in old and new[name] == old[name]),
    )


def _published(old: Plant, new: Plant) -> Change:
    """One that goes on as something else to the other side goes, and comes again."""
    before, after = old.destinations, new.destinations
    change = _change(before, after)
    served = {n for n in change.changed if before[n].known_as != after[n].known_as}
    return Change(
        added=tuple(name for name in after if name in {*change.added, *served}),
        removed=tuple(name for name in before if name in {*change.removed, *served}),
        changed=tuple(name for name in change.changed if name not in served),
        kept=change.kept,
    )


def _figures(old: Plant, new: Plant) -> tuple[str, ...]:
    before = {asset.name: (asset.line, asset.kpi) for asset in old.assets}
    moved = old.timezone != new.timezone
    return tuple(
        asset.name
        for asset in new.assets
        if asset.kpi is not None
        and (
            moved
            or before.get(asset.name) != (asset.line, asset.kpi)
            or old.rosters.of(asset.line) != new.rosters.of(asset.line)
            or old.rosters.stops_of(asset.line, asset.name)
            != new.rosters.stops_of(asset.line, asset.name)
        )
    )


def _fixed(old: Plant, new: Plant) -> tuple[str, ...]:
    """Names are part of every id and topic; the store is open."""
    was, will = old.identity, new.identity
    names = [
        f"site.{part.name}"
        for part in dataclasses.fields(will)
        if getattr(was, part.name) != getattr(will, part.name)
    ]
    return (*names, *(["store.path"] if old.store.path != new.store.path else []))


def _digest(thing: object) -> str:
    data = orjson.dumps(thing, default=_spell, option=orjson.OPT_PASSTHROUGH_DATACLASS)
    return blake2b(data, digest_size=DIGEST_BYTES).hexdigest()


def _spell(part: Any) -> object:  # noqa: ANN401 - whatever a plant is made of
    """Write what counts of a part."""
    if dataclasses.is_dataclass(part):
        kind: Any = type(part)
        values = (getattr(part, name) for name in _counting(kind))
        return [_columns(value) if is_row(value) else value for value in values]
    return spell_simple(part)


def _columns(row: Any) -> list[object]:  # noqa: ANN401 - named tuples
    """Write tags or bindings field by field, all of them at once; the line doesn't count."""
    named = zip(row[0]._fields, zip(*row, strict=True), strict=True)
    return [_columns(c) if is_row(c) else c for name, c in named if name != "line"]


@cache
def _counting(kind: Any) -> tuple[str, ...]:  # noqa: ANN401 - a dataclass
    """The fields that two equal objects have equal."""
    return tuple(field.name for field in dataclasses.fields(kind) if field.compare)
