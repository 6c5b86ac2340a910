"""Energy of a window, by medium, as a pure function of the asset's log of meter readings.

Energy is the difference of a register, spread evenly between two readings and cut at the edges
of the window; never the sum of power samples, except where there is no register, and then it
says so (`est`). The register may wrap or be reset (`counter`); what a jump hides is not made up.
Exact fractions of the readings' decimals until the last step, so that the windows of a day add up
to the day.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from gateway.figures.course import NOTHING, exact
from gateway.figures.demand import FIXED, SLIDING
from gateway.figures.efficiency import grade_of
from gateway.figures.kpis import number
from gateway.figures.media import COMPRESSED_AIR, ELECTRICITY
from gateway.figures.states import UNKNOWN
from gateway.figures.usage import (
    AIR,
    APPORTIONED,
    BY_STATE,
    COST,
    HOURS,
    IDLE,
    IMBALANCES,
    OFF_MS,
    OFF_USE,
    PF,
    PRICED,
    RUN,
    SLOT,
    STANDBY,
    WORK,
    Used,
)
from gateway.figures.windows import HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from gateway.figures.media import Medium
    from gateway.kpi import Factor, KpiSpec

Kpis = dict[str, Fraction | None]
SharedFigures = Mapping[str, Fraction | None]
"""What hangs on other assets: `shared_kwh`, and `unallocated_kwh` of a shared machine itself."""


@dataclass(frozen=True, slots=True)
class EnergyFigures:
    """What one asset used of a medium in a window, in the medium's unit.

    Attributes:
        use: None where nothing is known.
        start, end: the register at the window's edges.
        estimated: not all of it is the difference of two readings near the edges.
        coverage: time between readings over the window, as far as that has passed; holes don't
            count.
        max_kw: highest mean power of a block of demand (fixed, by the clock), from the register;
            of electricity only.
        kpi: every figure that can be told, by name.
        factors: what kgce and CO2 were computed with.
        by_tariff: kWh by slot; empty where no tariff holds.
        good: good pieces of the same window, where that is known.
    """

    use: float | None
    start: float | None
    end: float | None
    estimated: bool
    coverage: float
    max_kw: float | None
    kpi: Mapping[str, float | None]
    factors: Mapping[str, Factor]
    by_tariff: Mapping[str, float] = field(default_factory=dict)
    good: float | None = None


def energy_figures(
    used: Used,
    spec: KpiSpec,
    medium: Medium,
    passed_ms: int,
    good: float | None,
    factors: Mapping[str, Factor],
) -> EnergyFigures:
    """Turn sums into figures; the last step, and the only one that leaves exactness.

    Args:
        used: in the window, as far as it has passed.
        spec: of the asset.
        medium: what was used.
        passed_ms: how far that is.
        good: good pieces of the same time.
        factors: what the medium is converted with, by name.
    """
    use = used.use if used.spanned_ms else None
    kpi = _conversions(use, good, factors, medium.per_good) | _off_shift(used, medium)
    if medium is ELECTRICITY:
        kpi |= _demand(used, spec) | _network(used) | _tariff(used, use) | _states(used, use)
        kpi |= _compressor(used, spec) | _plate(used, use, spec)
    return EnergyFigures(
        use=_float(use),
        start=_float(used.first),
        end=_float(used.last),
        estimated=used.estimated,
        coverage=used.known_ms / passed_ms if passed_ms > 0 else 0.0,
        max_kw=_float(used.tops.get(FIXED)),
        kpi={name: None if value is None else number(value) for name, value in kpi.items()},
        factors=factors,
        by_tariff={name: number(kwh) for name, kwh in used.part(SLOT).items()},
        good=good,
    )


def with_shared(figures: EnergyFigures, shared: SharedFigures) -> EnergyFigures:
    """Add what an asset has to do with shared machines; `use` stays what its own meter tells."""
    kpi: Kpis = dict(shared)
    if "shared_kwh" in shared:
        kwh, good, use = shared["shared_kwh"], figures.good, figures.use
        name = "kwh_per_good_with_shared"
        kpi[name] = None
        if kwh is not None and use is not None and good:
            kpi[name] = (exact(use) + kwh) / exact(good)
    added = {name: None if value is None else number(value) for name, value in kpi.items()}
    return replace(figures, kpi={**figures.kpi, **added})


def _conversions(
    use: Fraction | None, good: float | None, factors: Mapping[str, Factor], per_piece: str
) -> Kpis:
    """Use per good piece, coal and CO2."""
    pieces = None if not good else exact(good)
    per_good = None if use is None or pieces is None else use / pieces
    kpi: Kpis = {per_piece: per_good}
    coal, co2 = factors.get("kgce"), factors.get("co2")
    if coal is not None:
        kpi["kgce"] = _times(use, exact(coal.value))
        kpi["kgce_per_1000_good"] = _times(per_good, exact(coal.value) * 1000)
    if co2 is not None:
        kpi["kgco2"] = _times(use, exact(co2.value))
        kpi["kgco2_per_good"] = _times(per_good, exact(co2.value))
    return kpi


def _demand(used: Used, spec: KpiSpec) -> Kpis:
    fixed, sliding = used.tops.get(FIXED), used.tops.get(SLIDING)
    kpi: Kpis = {"demand_fixed_max_kw": fixed, "demand_sliding_max_kw": sliding}
    metering = spec.metering
    if metering.contract_kw is not None:
        top = sliding if metering.contract_by == SLIDING else fixed
        kpi["demand_share"] = None if top is None else top / exact(metering.contract_kw)
    return kpi


def _network(used: Used) -> Kpis:
    """Power factor and imbalance."""
    kwh, kvarh = (used.sums.get(key) for key in PF)
    factor = None
    if kwh is not None and kvarh is not None and (kwh or kvarh):
        factor = Fraction(float(kwh) / math.hypot(kwh, kvarh))
    kpi: Kpis = {"kvarh": kvarh, "power_factor": factor}
    for name in IMBALANCES:
        samples = used.sums.get((name, "samples"))
        kpi[f"{name}_mean"] = None if not samples else used.sums[name, "sum"] / samples
        kpi[f"{name}_max"] = used.tops.get(name)
    return kpi


def _tariff(used: Used, use: Fraction | None) -> Kpis:
    """What it cost, where all of it has a price."""
    slots = used.part(SLOT)
    if not slots:
        return {}
    kpi: Kpis = {"tariff_apportioned_kwh": used.sums.get(APPORTIONED, NOTHING)}
    is_priced = use is not None and COST in used.sums and used.sums[PRICED] == use
    kpi["cost"] = used.sums[COST] if is_priced else None
    kpi["average_price"] = used.sums[COST] / use if is_priced and use else None
    return kpi


def _states(used: Used, use: Fraction | None) -> Kpis:
    """What was used without producing; standby is known by level alone."""
    work = used.part(WORK)
    if use is None or not work:
        return {}
    if work.keys() == {UNKNOWN}:
        return dict.fromkeys(BY_STATE)
    idle, run = work.get(IDLE, NOTHING), work.get(RUN, NOTHING)
    known = sum(work.values(), NOTHING) - work.get(UNKNOWN, NOTHING)
    lost, has_levels = known - run, STANDBY in work
    return {
        "idle_kwh": idle,
        "standby_kwh": work.get(STANDBY),
        "nonproductive_kwh": lost,
        "nonproductive_ratio": lost / known if known else None,
        "no_load_share": idle / (idle + run) if has_levels and idle + run else None,
    }


def _off_shift(used: Used, medium: Medium) -> Kpis:
    """Mean power, and mean flow of air in m3/min, between the shifts."""
    ms = used.sums.get(OFF_MS)
    if not ms:
        return {}
    if medium is COMPRESSED_AIR:
        return {"leakage_m3_min": used.sums[OFF_USE] * MINUTE_MS / ms}
    return {"base_load_kw": used.sums[OFF_USE] * HOUR_MS / ms} if medium is ELECTRICITY else {}


def _compressor(used: Used, spec: KpiSpec) -> Kpis:
    kwh, volume = (used.sums.get(key) for key in AIR)
    specific = None if kwh is None or not volume else kwh * 60 / volume
    grade = grade_of(specific, spec.metering.nameplate)
    run, load = (used.sums.get(key) for key in HOURS)
    return {
        "specific_power": specific,
        "efficiency_grade": None if grade is None else Fraction(grade),
        "load_ratio": None if load is None or not run else load / run,
    }


def _plate(used: Used, use: Fraction | None, spec: KpiSpec) -> Kpis:
    """What follows from the plate: a motor's own grade, and how far it is loaded."""
    plate = spec.metering.nameplate
    if plate is None:
        return {}
    kpi: Kpis = {}
    if plate.grade is not None:
        kpi["nameplate_grade"] = Fraction(plate.grade)
    if plate.power_kw is not None:
        hours = Fraction(used.spanned_ms, HOUR_MS)
        kpi["load_factor"] = None if use is None else use / hours / exact(plate.power_kw)
    return kpi


def _times(value: Fraction | None, factor: Fraction) -> Fraction | None:
    return None if value is None else value * factor


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
