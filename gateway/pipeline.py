"""From a batch to records: split by asset, derive, judge, report by exception, feed the figures.

What can be known beforehand is prepared once per group and asset (a `Route`, gateway/routes.py);
at run time a batch is compared with what was last told as whole tuples, and only what changed is
encoded. What is computed from an asset's signals (gateway/deriving/) goes a way of its own, and
is told, judged and watched like the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.alarms.board import Alarms
from gateway.derivation import MEMORY
from gateway.routes import (
    BAD,
    GOOD,
    Route,
    complete,
    judge,
    route_of,
    routes_of,
    set_watches,
    telemetry,
)
from gateway.tap import Tap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gateway.deriving.deriver import Deriver
    from gateway.ledger import Ledger
    from gateway.model import Asset, Batch, Binding, Device, Draft, Quality, Tag, Value


@dataclass(frozen=True, slots=True)
class Shown:
    """One asset's newest value, for displays inside the process."""

    signal: str
    value: Value
    quality: Quality
    unit: str | None
    time_ms: int


@dataclass(slots=True)
class _Derived:
    """What is derived of one asset's signals, and the way on which that is told."""

    deriver: Deriver
    route: Route


@dataclass(slots=True)
class Pipeline:
    """Turns batches into drafts.

    Args:
        ledger: where states, counters and registers go to become figures.
        heartbeat_s: tell all values at least so often.
        alarms: those of all assets, planned already.
        tap: gets what figures are made of.
    """

    ledger: Ledger
    heartbeat_s: float
    alarms: Alarms = field(default_factory=Alarms)
    tap: Tap = field(default_factory=Tap)
    _routes: dict[int, tuple[Route, ...]] = field(default_factory=dict)
    _held: list[tuple[Tag, ...]] = field(default_factory=list)
    _derived: dict[str, _Derived] = field(default_factory=dict)

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
            self._plan(asset, revs)
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
                needs = {name: derived.deriver.needs for name, derived in self._derived.items()}
                routes = tuple(routes_of(group.tags, places, revs, needs))
                set_watches(routes, places, self.alarms)
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
        fed = {route.asset for routes in self._routes.values() for route in routes}
        self._derived = {name: one for name, one in self._derived.items() if name in fed}

    def take(self, batch: Batch) -> list[Draft]:
        """Turn one batch into drafts: telemetry of what changed, states where they did."""
        drafts: list[Draft] = []
        for route in self._routes[id(batch.tags)]:
            if batch.present is not None:
                values, quality = complete(route, batch)
            elif route.pick is None:
                values, quality = batch.values, batch.quality
            else:
                values = route.pick(batch.values)  # type: ignore[assignment]
                quality = None if batch.quality is None else route.pick(batch.quality)  # type: ignore[assignment]
            if route.ranged:
                quality = judge(route.ranged, values, quality)
            route.seen, route.seen_quality = values, quality
            route.seen_ms = time_ms = batch.time_ns // 1_000_000
            if route.figures:
                drafts += self._figure(route, values, time_ms, batch.mono_ns)
            changed = route.changed(values, quality, batch.mono_ns, self.heartbeat_s)
            if changed:
                drafts.append(telemetry(route, changed, quality, time_ms))
            for place, watch in route.alarms:
                mark = GOOD if quality is None else quality[place]
                alarm = watch.read(values[place], mark, batch.mono_ns, time_ms)
                if alarm is not None:
                    drafts.append(alarm)
        return drafts

    def move(self, since_ms: int, delta_ms: int, now_ms: int) -> list[Draft]:
        """Shift the times that derivers keep, because the clock was wrong by so much."""
        del now_ms
        for derived in self._derived.values():
            derived.deriver.move(since_ms, delta_ms)
        return []

    def rest(self) -> None:
        """Before a stop: log all that derivers know, so that they go on as if there were none."""
        for asset, derived in self._derived.items():
            for t_ms, values in derived.deriver.rest():
                self.ledger.observe(asset, t_ms, values)

    def shown(self, asset: str) -> Iterator[Shown]:
        """The newest values of one asset."""
        derived = (derived.route for derived in self._derived.values())
        for routes in (*self._routes.values(), derived):
            for route in routes:
                if route.asset != asset or not route.seen:
                    continue
                for place, name in enumerate(route.names):
                    quality = GOOD if route.seen_quality is None else route.seen_quality[place]
                    yield Shown(name, route.seen[place], quality, route.units[place], route.seen_ms)

    def _figure(
        self, route: Route, values: tuple[Value, ...], t_ms: int, mono_ns: int
    ) -> list[Draft]:
        """Hand on what figures are made of, to whoever records it too."""
        figures = {signal: values[place] for signal, place in route.figures}
        if self.tap.listeners:
            self.tap.tell(route.asset, t_ms, mono_ns, figures)
        if route.is_derived:
            return self._derive(route.asset, t_ms, figures, mono_ns)
        return self._observe(route.asset, t_ms, figures)

    def _observe(self, asset: str, t_ms: int, values: Mapping[str, Value]) -> list[Draft]:
        states = self.ledger.observe(asset, t_ms, values)
        if states:
            self.alarms.follow(states)
        return states

    def _plan(self, asset: Asset, revs: Mapping[str, str]) -> None:
        """Prepare what is derived of an asset; what goes on as it was knows what it knew."""
        spec, before = asset.derived, self._derived.pop(asset.name, None)
        if spec is None:
            return
        from gateway.deriving.deriver import Deriver  # noqa: PLC0415 - few sites derive anything

        route = route_of(asset, spec, revs[asset.name], self.alarms)
        if before is None:
            deriver = Deriver(spec, self.ledger.derived(asset.name))
        elif before.deriver.spec == spec:
            deriver = before.deriver
        else:
            kept = [str(values[MEMORY]) for _t_ms, values in before.deriver.rest()]
            deriver = Deriver(spec, "".join(kept))
        if before is not None and before.route.rev == route.rev:
            route.go_on(before.route)
        self._derived[asset.name] = _Derived(deriver, route)

    def _derive(
        self, asset: str, t_ms: int, figures: Mapping[str, Value], mono_ns: int
    ) -> list[Draft]:
        """Take an asset's readings with what is derived of them; tell what of that changed."""
        derived = self._derived[asset]
        route = derived.route
        drafts: list[Draft] = []
        for at, values in derived.deriver.take(t_ms, figures):
            drafts += self._observe(asset, at, values)
            if values.keys().isdisjoint(route.names):
                continue
            seen = route.seen or (None,) * len(route.names)
            row = tuple(values.get(name, old) for name, old in zip(route.names, seen, strict=True))
            marks = tuple(BAD if value is None else GOOD for value in row)
            drafts += self._tell(route, row, marks if any(marks) else None, at, mono_ns)
        return drafts

    def _tell(
        self,
        route: Route,
        values: tuple[Value, ...],
        quality: tuple[Quality, ...] | None,
        t_ms: int,
        mono_ns: int,
    ) -> Iterator[Draft]:
        """Judge values, tell those that are news, and hold them against their alarms."""
        if route.ranged:
            quality = judge(route.ranged, values, quality)
        route.seen, route.seen_quality, route.seen_ms = values, quality, t_ms
        changed = route.changed(values, quality, mono_ns, self.heartbeat_s)
        if changed:
            yield telemetry(route, changed, quality, t_ms)
        for place, watch in route.alarms:
            mark = GOOD if quality is None else quality[place]
            alarm = watch.read(values[place], mark, mono_ns, t_ms)
            if alarm is not None:
                yield alarm
