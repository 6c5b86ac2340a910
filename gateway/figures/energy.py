"""Energy of a window, by medium, as a pure function of the asset's log of meter readings.

Energy is the difference of a register, spread evenly between two readings and cut at the edges
of the window; never the sum of power samples, except where there is no register, and then it
says so (`est`). The register may wrap or be reset (`counter`); what a jump hides is not made up.
Exact fractions of the readings' decimals until the last step, so that the windows of a day add up
to the day.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gateway.figures.counter import Change, Limits, steps
from gateway.figures.journal import Journal
from gateway.figures.kpis import number
from gateway.figures.media import ELECTRICITY, POWER_SUM
from gateway.figures.windows import HOUR_MS, MINUTE_MS, QUARTER_MS, quarters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.figures.journal import Series
    from gateway.figures.media import Medium
    from gateway.figures.windows import Window
    from gateway.model import Entry, Factor, KpiSpec


@dataclass(frozen=True, slots=True)
class Metered:
    """What a register tells of a stretch of time; neighbouring stretches add up.

    Attributes:
        use: of the medium, in its unit, between the first and the last reading in it.
        first, last: the register at both ends, between readings interpolated; where readings
            don't reach that far, the nearest one.
        spanned_ms: time between the first and the last reading.
        known_ms: the same without holes, i.e. pairs of readings further apart than normal.
        estimated: some of `use` was spread over a hole, or a reset or jump hides a part.
        peak_kw: highest mean power of its full quarter hours, those that readings span.
    """

    use: Fraction = Fraction(0)
    first: Fraction | None = None
    last: Fraction | None = None
    spanned_ms: int = 0
    known_ms: int = 0
    estimated: bool = False
    peak_kw: Fraction | None = None

    def __add__(self, other: Metered) -> Metered:
        peaks = [peak for peak in (self.peak_kw, other.peak_kw) if peak is not None]
        return Metered(
            self.use + other.use,
            other.first if self.first is None else self.first,
            self.last if other.last is None else other.last,
            self.spanned_ms + other.spanned_ms,
            self.known_ms + other.known_ms,
            self.estimated or other.estimated,
            max(peaks, default=None),
        )


@dataclass(frozen=True, slots=True)
class EnergyFigures:
    """What one asset used of a medium in a window, in the medium's unit.

    Attributes:
        use: None where nothing is known.
        start, end: the register at the window's edges.
        estimated: not all of it is the difference of two readings near the edges.
        coverage: time between readings over the window, as far as that has passed; holes don't
            count.
        max_kw: highest mean power of a quarter hour (fixed demand), from the register; of
            electricity only.
        kpi: use per good piece; of electricity kgce, kgco2, kgce_per_1000_good too.
        factors: what kgce and CO2 were computed with.
    """

    use: float | None
    start: float | None
    end: float | None
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
    medium: Medium = ELECTRICITY,
) -> EnergyFigures:
    """Compute the energy of a window from the log alone.

    Args:
        entries: meter readings from the last before the window to the first after it.
        window: what the figures are for.
        spec: of the asset.
        good: good pieces of the same window, from its OEE fold.
        until: the log is complete up to here; None: beyond the window.
        medium: whose register.
    """
    journal = entries if isinstance(entries, Journal) else Journal(entries)
    end = window.end if until is None else min(window.end, until)
    metered = sum(
        (meter(journal, *part, spec, medium) for part in quarters(window.start, end)), Metered()
    )
    return energy_figures(metered, spec, medium, end - window.start, good)


def meter(journal: Journal, start: int, end: int, spec: KpiSpec, medium: Medium) -> Metered:
    """What the asset's register, or its power for want of one, tells of [start, end)."""
    series = journal.numbers.get(medium.series[0])
    if series is not None:
        return read_off(series, register_limits(spec, medium), hole_of(spec), start, end)
    series = journal.numbers.get(POWER_SUM)
    if series is None or medium is not ELECTRICITY:
        return Metered()
    summed = read_off(series, Limits(None, None), hole_of(spec), start, end)
    return dataclasses.replace(summed, first=None, last=None, estimated=summed.spanned_ms > 0)


def energy_figures(
    metered: Metered, spec: KpiSpec, medium: Medium, passed_ms: int, good: float | None
) -> EnergyFigures:
    """Turn sums into figures; the last step, and the only one that leaves exactness.

    Args:
        metered: of the window, as far as it has passed.
        spec: of the asset.
        medium: what was used.
        passed_ms: how far that is.
        good: good pieces of the same time.
    """
    use = metered.use if metered.spanned_ms else None
    electric = medium is ELECTRICITY
    factors = spec.factors if electric else {}
    return EnergyFigures(
        use=_float(use),
        start=_float(metered.first),
        end=_float(metered.last),
        estimated=metered.estimated,
        coverage=metered.known_ms / passed_ms if passed_ms > 0 else 0.0,
        max_kw=_float(metered.peak_kw) if electric else None,
        kpi=_kpis(use, good, factors, medium.per_good),
        factors=factors,
    )


def register_limits(spec: KpiSpec, medium: Medium = ELECTRICITY) -> Limits:
    """What is believed of a medium's register."""
    most = spec.max_kw if medium is ELECTRICITY else spec.max_flow.get(medium.name)
    rate = None if most is None else most / HOUR_MS
    register = medium.series[0]
    return Limits(spec.moduli.get(register), rate, spec.counts.get(register, 1.0))


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
    beyond = series.index(end - 1) + 1
    reach = times[beyond] if beyond < len(times) else end
    for place, step, change in steps(series, limits, start + 1, reach + 1):
        pair = times[place - 1], values[place - 1], times[place], values[place]
        since, before, until, after = pair
        from_, to = max(since, start), min(until, end)
        over = place + 1 == len(times) or until >= end
        if change is Change.UP and step == after - before:
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
    is_quarter = start % QUARTER_MS == 0 and end - start == spanned == QUARTER_MS
    peak_kw = use * HOUR_MS / QUARTER_MS if is_quarter else None
    return Metered(use, first, last, spanned, known, estimated, peak_kw)


def exact(reading: float) -> Fraction:
    """A reading as the decimal that it stands for: 88131.76, not the nearest binary fraction."""
    return Fraction(str(reading))


def _between(pair: tuple[int, float, int, float], moment: int) -> Fraction:
    """The register between two readings, risen evenly."""
    since, before, until, after = pair
    start = exact(before)
    return start + (exact(after) - start) * Fraction(moment - since, until - since)


def _kpis(
    use: Fraction | None, good: float | None, factors: Mapping[str, Factor], per_piece: str
) -> dict[str, float | None]:
    pieces = None if not good else exact(good)
    per_good = None if use is None or pieces is None else use / pieces
    kpi = {per_piece: per_good}
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
