"""The bodies of state, oee and energy records, as the contract has them, but for the envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.figures.media import ELECTRICITY
from gateway.figures.own import own_kpis

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gateway.figures.energy import EnergyFigures
    from gateway.figures.media import Medium
    from gateway.figures.oee import OeeFigures
    from gateway.figures.windows import Window
    from gateway.kpi import Factor, KpiSpec

Fields = dict[str, object]

ALWAYS_TOLD = frozenset({"counter_jumps", "counter_disagreement"})
"""KPIs that tell of a fault, so no profile need ask for them."""
COAL_KPIS = frozenset({"kgce", "kgce_per_1000_good"})
CO2_KPIS = frozenset({"kgco2", "kgco2_per_good"})


def oee_fields(window: Window, figures: OeeFigures, spec: KpiSpec) -> Fields:
    """Everything of an oee record but `rev` and `final`."""
    fields: Fields = {
        "win": window_fields(window),
        "time_s": {
            "planned": seconds(figures.planned_ms),
            "run": seconds(figures.run_ms),
            "setup": seconds(figures.setup_ms),
            "delay": seconds(figures.delay_ms),
            "idle": seconds(figures.idle_ms),
            "unknown": seconds(figures.unknown_ms),
            "planned_stop": seconds(figures.planned_stop_ms),
        },
        "count": {
            "total": figures.total,
            "good": figures.good,
            "scrap": figures.scrap,
            "unplaced": figures.unplaced,
            "u": spec.piece,
        },
        "a": figures.a,
        "p": figures.p,
        "q": figures.q,
        "oee": figures.oee,
        "coverage": figures.coverage,
        "kpi": chosen(figures.kpi, spec.kpis),
        "basis": figures.basis,
        "profile": spec.profile,
    }
    if figures.ideal_cycle_s is not None:
        fields["ideal_cycle_s"] = figures.ideal_cycle_s
    if figures.reason:
        fields["reason"] = figures.reason
    if spec.own:
        own = own_kpis(spec, "oee", {**figures.kpi, **fields})
        fields["kpi"] = {**chosen(figures.kpi, spec.kpis), **own}
    return fields


def energy_fields(window: Window, figures: EnergyFigures, spec: KpiSpec, medium: Medium) -> Fields:
    """Everything of an energy record but `rev` and `final`."""
    kpi = chosen(figures.kpi, spec.kpis)
    fields: Fields = {
        "win": window_fields(window),
        "use": figures.use,
        "u": medium.unit,
        "est": figures.estimated,
        "coverage": figures.coverage,
        "kpi": kpi,
        "profile": spec.profile,
    }
    if figures.start is not None and figures.end is not None:
        fields["reg"] = {"start": figures.start, "end": figures.end}
    if figures.max_kw is not None:
        fields["max_kw"] = figures.max_kw
    if figures.by_tariff:
        fields["by_tariff"] = dict(figures.by_tariff)
    if spec.own and medium is ELECTRICITY:
        told = {**figures.kpi, "good": figures.good, "max_kw": figures.max_kw, **fields}
        kpi |= own_kpis(spec, "energy", told)
    used = {"kgce": bool(COAL_KPIS & kpi.keys()), "co2": bool(CO2_KPIS & kpi.keys())}
    factors = {name: _factor(of) for name, of in figures.factors.items() if used.get(name)}
    if factors:
        fields["factors"] = factors
    return fields


def state_fields(word: str, since: int, before: str, reason: str, order: str = "") -> Fields:
    """A state record."""
    fields: Fields = {"state": word, "since": since}
    if before:
        fields["prev"] = before
    if reason:
        fields["reason"] = reason
    if order:
        fields["order"] = order
    return fields


def _factor(factor: Factor) -> Fields:
    year = {} if factor.year is None else {"year": factor.year}
    return {"value": factor.value, **year, "scope": factor.scope}


def window_fields(window: Window) -> Fields:
    """Which window it is."""
    fields: Fields = {"start": window.start, "end": window.end, "kind": window.kind}
    for name in ("shift", "product", "order"):
        value = getattr(window, name)
        if value:
            fields[name] = value
    return fields


def chosen(kpi: Mapping[str, float | None], names: Collection[str]) -> dict[str, float | None]:
    """Those KPIs that are to be told."""
    return {name: value for name, value in kpi.items() if name in names or name in ALWAYS_TOLD}


def seconds(ms: int) -> float:
    """Ms as the contract has times; whole seconds without a point."""
    whole, rest = divmod(ms, 1000)
    return ms / 1000 if rest else whole
