"""What figures depend on, by its path in the site file, and what of it has changed.

A change of any of these gives figures that can't be compared with those before it, so each is
told as `event/config` of the asset that it concerns, at the start or at the reload that brings
it. A profile's own content stands behind its version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gateway.contract import OWN_LINE, event

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from gateway.kpi import KpiSpec, ProductTerms
    from gateway.model import Asset, Binding, Draft
    from gateway.plant import Plant
    from gateway.settings import Roster

MOST = 100
"""Changes told one by one; of more, only how many there are."""

Basis = dict[str, object]


def basis_of(plant: Plant, known: Collection[str], before: Mapping[str, object]) -> Basis:
    """Everything that this site's figures depend on.

    Args:
        plant: the site.
        known: assets whose bindings are still there.
        before: what was found earlier, where those of the others are.
    """
    found: Basis = {"site.timezone": plant.timezone}
    if plant.rosters.site is not None:
        found["calendar"] = _roster(plant.rosters.site)
    for line, roster in plant.rosters.lines.items():
        found[f"calendar.lines.{line}"] = _roster(roster)
    if plant.rosters.stops:
        found["calendar.stops"] = [
            [str(stop.day), stop.start, stop.end, stop.line, stop.asset]
            for stop in plant.rosters.stops
        ]
    for asset in plant.assets:
        if asset.kpi is None:
            continue
        found["site.industry"] = asset.kpi.profile
        path = f"assets.{asset.name}"
        found.update((f"{path}.{key}", value) for key, value in _asset(asset, asset.kpi))
    lean = {a.name for a in plant.assets if a.kpi is not None} - set(known)
    found.update(
        (path, value) for path, value in before.items() if ".bind." in path and _owner(path) in lean
    )
    plain: Basis = orjson.loads(orjson.dumps(found))  # as it comes back from the disk
    return plain


def changes(
    before: Mapping[str, object], now: Mapping[str, object], plant: Plant, now_ms: int
) -> list[Draft]:
    """Tell what differs; assets that are new or gone have no figures to compare.

    Args:
        before: the basis of the figures so far.
        now: that of those to come.
        plant: the site, as it is now.
        now_ms: UTC ms, from which the new one holds.
    """
    lines = {asset.name: asset.line for asset in plant.assets}
    known = {_owner(path) for path in before} & {_owner(path) for path in now}
    differing = [
        path
        for path in dict.fromkeys((*before, *now))
        if before.get(path) != now.get(path) and _owner(path) in known
    ]
    drafts: list[Draft] = []
    for path in differing[:MOST]:
        owner = _owner(path)
        line = lines.get(owner, OWN_LINE)
        asset = owner or plant.identity.gateway
        data = {"path": path, "old": before.get(path), "new": now.get(path)}
        drafts.append(_draft(line, asset, data, now_ms))
    rest = len(differing) - MOST
    if rest > 0:
        data = {"path": "assets", "old": None, "new": None, "count": rest}
        drafts.append(_draft(OWN_LINE, plant.identity.gateway, data, now_ms))
    return drafts


def _draft(line: str, asset: str, data: dict[str, object], now_ms: int) -> Draft:
    data |= {"by": "file", "from": now_ms}
    return event("config", line, asset, now_ms, data)


def _owner(path: str) -> str:
    """The asset that a path is about; "" for the site."""
    section, _dot, rest = path.partition(".")
    return rest.partition(".")[0] if section == "assets" else ""


def _asset(asset: Asset, spec: KpiSpec) -> Iterator[tuple[str, object]]:
    yield "line", asset.line
    yield "type", asset.kind
    yield "states", dict(spec.states)
    yield "ideal_cycle", spec.ideal_cycle_s
    yield "products", {code: _products(terms) for code, terms in spec.products.items()}
    yield "micro_stop", spec.micro_stop_s
    for name in ("stations", "pieces_per_index", "max_kw"):
        yield f"parameters.{name}", getattr(spec, name)
    # Else it follows the ideal cycle, whose change is told.
    yield "parameters.max_rate", spec.max_rate if spec.rate_given else None
    for medium, most in spec.max_flow.items():
        yield f"parameters.max_{medium}", most
    for binding in asset.bindings:
        if binding.signal in spec.signals:
            yield f"bind.{binding.signal}", _source(binding)


def _products(terms: Sequence[ProductTerms]) -> object:
    """An ideal cycle by itself where a product has nothing else, else all that it has."""
    if len(terms) == 1 and not terms[0].since_ms and terms[0].sam_s is None:
        return terms[0].ideal_cycle_s
    return [
        {"from": one.since_ms, "ideal_cycle": one.ideal_cycle_s, "sam": one.sam_s} for one in terms
    ]


def _source(binding: Binding) -> str:
    """A tag as far as its number depends on it."""
    tag = binding.tag
    parts = [f"{tag.device}.{tag.name}", tag.at, str(tag.kind), str(tag.order)]
    if tag.bits:
        parts.append(f"bits {tag.bits[0]}-{tag.bits[1]}")
    if (tag.scale, tag.offset) != (1.0, 0.0):
        parts.append(f"× {tag.scale:g} + {tag.offset:g}")
    return " ".join(parts)


def _roster(roster: Roster) -> dict[str, object]:
    """Shifts with times in minutes after midnight, weekdays from Monday 0."""
    return {
        "shifts": {
            shift.name: {
                "start": shift.start,
                "end": shift.end,
                "days": sorted(shift.days),
                "breaks": shift.breaks,
            }
            for shift in roster.shifts
        },
        "holidays": [day.isoformat() for day in sorted(roster.holidays)],
        "workdays": [day.isoformat() for day in sorted(roster.workdays)],
    }
