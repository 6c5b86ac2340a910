"""Electricity of a window as a pure function of the asset's log of meter readings.

Energy is the difference of a register, spread evenly between two readings and cut at the edges
of the window; never the sum of power samples, except where there is no register, and then it
says so (`est`). The register may wrap or be reset (gateway/counter.py); what a jump hides is not
made up. Exact fractions of the readings' decimals until the last step, so that the windows of a
day add up to the day.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gateway.counter import Change, Limits
from gateway.journal import Journal
from gateway.kpis import number
from gateway.windows import HOUR_MS, MINUTE_MS, QUARTER_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.journal import Series
    from gateway.model import Entry, Factor, KpiSpec
    from gateway.windows import Window

REGISTER = "energy"
POWER_SUM = "energy_of_power"
"""Register that the gateway makes from power samples (kWh), for assets without one."""


@dataclass(frozen=True, slots=True)
class Metered:
    """What a register tells of a stretch of time.

    Attributes:
        use: kWh; None where no two readings span any part of it.
        first, last: the register at both ends, between readings interpolated; where readings
            don't reach that far, the nearest one.
        spanned_ms: time between the first and the last reading.
        known_ms: the same without holes, i.e. pairs of readings further apart than normal.
        estimated: some of `use` was spread over a hole, or a reset or jump hides a part.
    """

    use: Fraction | None
    first: Fraction | None
    last: Fraction | None
    spanned_ms: int
    known_ms: int
    estimated: bool


@dataclass(frozen=True, slots=True)
class EnergyFigures:
    """The electricity of one asset and window.

    Attributes:
        use_kwh: None where nothing is known.
        start_kwh, end_kwh: the register at the window's edges.
        estimated: not all of it is the difference of two readings near the edges.
        coverage: time between readings over the window, as far as that has passed; holes don't
            count.
        max_kw: highest mean power of a quarter hour (fixed demand), from the register.
        kpi: kwh_per_good, kgce, kgco2, kgce_per_1000_good.
        factors: what kgce and CO2 were computed with.
    """

    use_kwh: float | None
    start_kwh: float | None
    end_kwh: float | None
    estimated: bool
    coverage: float
    max_kw: float | None
    kpi: Mapping[str, float | None]
    factors: Mapping[str, Factor]


def fold_energy(
    entries: Journal | Iterable[Entry],
    window: Window,
    spec: KpiSpec,
    good: float | None = None,
    until: int | None = None,
) -> EnergyFigures:
    """Compute the electricity of a window from the log alone.

    Args:
        entries: meter readings from the last before the window to the first after it.
        window: what the figures are for.
        spec: of the asset.
        good: good pieces of the same window, from its OEE fold.
        until: the log is complete up to here; None: beyond the window.
    """
    journal = entries if isinstance(entries, Journal) else Journal(entries)
    end = window.end if until is None else min(window.end, until)
    series = journal.numbers.get(REGISTER)
    by_power = series is None
    if series is None:
        series = journal.numbers.get(POWER_SUM)
    if series is None or end <= window.start:
        return EnergyFigures(
            None, None, None, estimated=False, coverage=0.0, max_kw=None, kpi={}, factors={}
        )
    limits, hole_ms = register_limits(spec), hole_of(spec)
    metered = read_off(series, limits, hole_ms, window.start, end)
    return EnergyFigures(
        use_kwh=_float(metered.use),
        start_kwh=None if by_power else _float(metered.first),
        end_kwh=None if by_power else _float(metered.last),
        estimated=metered.estimated or (by_power and metered.use is not None),
        coverage=metered.known_ms / (end - window.start),
        max_kw=_float(_demand(series, limits, hole_ms, window.start, end)),
        kpi=_kpis(metered.use, good, spec.factors),
        factors=spec.factors,
    )


def register_limits(spec: KpiSpec) -> Limits:
    """What is believed of the energy register."""
    rate = None if spec.max_kw is None else spec.max_kw / HOUR_MS
    return Limits(spec.moduli.get(REGISTER), rate, spec.counts.get(REGISTER, 1.0))


def hole_of(spec: KpiSpec) -> int:
    """Readings further apart than this, in ms, leave a hole: the log keeps two a minute."""
    return MINUTE_MS + round(spec.silence_s * 1000)


def read_off(series: Series[float], limits: Limits, hole_ms: int, start: int, end: int) -> Metered:
    """Read a register off at both ends of [start, end) and follow it in between."""
    times, values = series.times, series.values
    use = Fraction(0)
    spanned = known = 0
    estimated = False
    first = last = rise_from = None
    place = max(series.index(start), 0)
    while place + 1 < len(times) and times[place] < end:
        pair = times[place], values[place], times[place + 1], values[place + 1]
        since, before, until, after = pair
        place += 1
        from_, to = max(since, start), min(until, end)
        step, change = limits.step(before, after, until - since)
        over = place + 1 == len(times) or until >= end
        if change is Change.UP:
            # A run of rises is the difference of its ends: only those are made exact.
            if rise_from is None:
                rise_from = _between(pair, from_)
                first = rise_from if first is None else first
            if over:
                last = _between(pair, to)
                use += last - rise_from
        else:
            if rise_from is not None:
                use += exact(before) - rise_from
                rise_from = None
            use += exact(step) * Fraction(to - from_, until - since)
            if first is None:
                first = exact(before if since <= start else after)
            last = exact(after if until <= end else before)
        spanned += to - from_
        is_hole = until - since > hole_ms
        known += 0 if is_hole else to - from_
        estimated |= is_hole or change in {Change.RESET, Change.JUMP}
    return Metered(use if spanned else None, first, last, spanned, known, estimated)


def exact(reading: float) -> Fraction:
    """A reading as the decimal that it stands for: 88131.76, not the nearest binary fraction."""
    return Fraction(str(reading))


def _between(pair: tuple[int, float, int, float], moment: int) -> Fraction:
    """The register between two readings, risen evenly."""
    since, before, until, after = pair
    start = exact(before)
    return start + (exact(after) - start) * Fraction(moment - since, until - since)


def _demand(
    series: Series[float], limits: Limits, hole_ms: int, start: int, end: int
) -> Fraction | None:
    """Highest mean power (kW) of the quarter hours that lie in [start, end) and are spanned."""
    highest: Fraction | None = None
    for quarter in range(-(-start // QUARTER_MS) * QUARTER_MS, end - QUARTER_MS + 1, QUARTER_MS):
        metered = read_off(series, limits, hole_ms, quarter, quarter + QUARTER_MS)
        if metered.use is not None and metered.spanned_ms == QUARTER_MS:
            mean = metered.use * HOUR_MS / QUARTER_MS
            highest = mean if highest is None else max(highest, mean)
    return highest


def _kpis(
    use: Fraction | None, good: float | None, factors: Mapping[str, Factor]
) -> dict[str, float | None]:
    pieces = None if not good else exact(good)
    per_good = None if use is None or pieces is None else use / pieces
    kpi = {"kwh_per_good": per_good}
    coal, co2 = factors.get("kgce"), factors.get("co2")
    if coal is not None:
        kpi["kgce"] = None if use is None else use * exact(coal.value)
        kpi["kgce_per_1000_good"] = (
            None if per_good is None else per_good * exact(coal.value) * 1000
        )
    if co2 is not None:
        kpi["kgco2"] = None if use is None else use * exact(co2.value)
    return {name: None if value is None else number(value) for name, value in kpi.items()}


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
