"""The ratios and KPIs of exact sums, under the names that records carry.

Where some time is unknown, PBT stands for PBT - unknown in A, OEE, NEE, the allocation and the
losses; TEEP, loading, MTBF, MTTF and `oee_by_count` take PBT as planned, unknown time included.

The six big losses (breakdown, set-up, minor stops, speed, process rejects, start-up rejects)
and those beside them (waiting, idle, stops for want of quality, people or utilities, empty
stations, run time of which only unplaced pieces tell) tile known planned time with the productive
time. Speed is what is left of run time, so it is negative where the ideal cycle is set too long.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gateway.figures.pieces import NOTHING
from gateway.figures.windows import MINUTE_MS

if TYPE_CHECKING:
    from gateway.figures.pieces import Output
    from gateway.figures.timeline import Times


@dataclass(frozen=True, slots=True)
class Ratios:
    """The four, exact; None where a ratio has no basis."""

    a: Fraction | None
    p: Fraction | None
    q: Fraction | None
    oee: Fraction | None


def ratios_of(times: Times, output: Output) -> Ratios:
    """Availability, performance, quality, and the index of all three."""
    known = times.planned - times.unknown
    if known == 0:
        return Ratios(None, None, None, None)
    a = Fraction(times.run, known)
    worth = output.judged and output.timed
    if times.run == 0:
        return Ratios(a, None, None, NOTHING if worth else None)
    if _is_only_unplaced(output):
        return Ratios(a, None, None, None)
    p = output.ideal / times.run if output.counted and output.timed else None
    q = None
    if output.counted and output.judged and output.total.placed:
        q = output.ideal_good / output.ideal if output.timed else _piece_quality(output)
    return Ratios(a, p, q, output.ideal_good / known if worth else None)


def reason_of(times: Times, output: Output, ratios: Ratios) -> str:
    """Why a ratio is None or not to be believed, the first cause of several; else empty."""
    above = ratios.p is not None and ratios.p > 1
    causes = {
        "no_plan": times.planned == 0,
        "unknown": times.planned == times.unknown,
        "no_counter": not output.counted,
        "no_ideal_cycle": not output.timed,
        "no_run": times.run == 0,
        "unplaced": _is_only_unplaced(output),
        "no_quality": not output.judged,
        "no_pieces": not output.total.placed,
        "above_1": above,
    }
    return next((cause for cause, holds in causes.items() if holds), "")


def kpis_of(
    times: Times, output: Output, ratios: Ratios, jumps: int, *, is_order: bool
) -> dict[str, float | None]:
    """Every KPI that the inputs tell, by name; None where it has no basis.

    Args:
        times: of the window.
        output: what was made in it.
        ratios: of both.
        jumps: steps of counters that weren't believed.
        is_order: whether the window is an order, from its start to its end (AOET).
    """
    found = _of_time(times) | _of_pieces(times, output)
    found.update(losses_of(times, output))
    found |= _of_order(times, output, is_order=is_order)
    if ratios.oee is not None and times.run:
        effective = output.ideal_good / times.run
        found["nee"] = (times.run + times.setup) * effective / (times.planned - times.unknown)
    else:
        found["nee"] = None
    found["teep"] = None if ratios.oee is None else ratios.oee * times.planned / times.length
    if jumps:
        found["counter_jumps"] = Fraction(jumps)
    return {name: None if value is None else number(value) for name, value in found.items()}


JSON_WHOLE = 1 << 53
"""Beyond, readers of JSON don't agree on whole numbers."""


def number(value: Fraction) -> float:
    """A whole number where it is one, so that 19271 pieces aren't told as 19271.0."""
    whole = value.denominator == 1 and abs(value) < JSON_WHOLE
    return value.numerator if whole else float(value)


def _of_time(times: Times) -> dict[str, Fraction | None]:
    known = times.planned - times.unknown
    unit = times.run + times.setup
    occupied = unit + times.delay
    return {
        "loading": _ratio(times.planned, times.length),
        "setup_ratio": _ratio(times.setup, unit),
        "utilisation_efficiency": _ratio(times.run, occupied),
        "technical_efficiency": _ratio(times.run, times.run + times.delay),
        "allocation_efficiency": _ratio(occupied, known),
        "unexplained_ratio": _ratio(times.untold, times.told + times.untold),
        "downtime": Fraction(times.down, 1000),
        "downtime_count": Fraction(times.stops),
        "failures": Fraction(times.failures),
        "mtbf_s": _ratio(times.planned, times.failures * 1000),
        "mttr_s": _ratio(times.breakdown, times.failures * 1000),
        "mttf_s": _ratio(times.planned - times.breakdown, times.failures * 1000),
        "microstop_count": Fraction(times.micro_stops),
        "microstop_time": Fraction(times.micro, 1000),
    }


def losses_of(times: Times, output: Output) -> dict[str, Fraction]:
    """What known planned time was spent on but for minor stops, in s, as far as it can be told."""
    losses = {
        "breakdown_loss_time": Fraction(times.breakdown, 1000),
        "waiting_loss_time": Fraction(times.waiting, 1000),
        "setup_loss_time": Fraction(times.setup, 1000),
        "idle_loss_time": Fraction(times.standing, 1000),
        "quality_stop_time": Fraction(times.quality, 1000),
        "personnel_stop_time": Fraction(times.personnel, 1000),
        "utility_stop_time": Fraction(times.utility, 1000),
    }
    if not (output.counted and output.timed):
        return losses
    left = (times.run - times.micro - output.turned) / 1000
    # Where all pieces are unplaced nothing tells how fast they were made.
    unplaced = max(left, NOTHING) if _is_only_unplaced(output) else NOTHING
    losses["unplaced_time"] = unplaced
    losses["speed_loss_time"] = left - unplaced
    losses["station_loss_time"] = output.empty / 1000
    losses["retest_loss_time"] = output.again / 1000
    if not output.judged:
        return losses
    rejected = output.made - output.fruitful
    losses["process_reject_loss_time"] = (rejected - (output.startup or NOTHING)) / 1000
    if output.startup is not None:
        losses["startup_reject_loss_time"] = output.startup / 1000
    losses["productive_time"] = output.fruitful / 1000
    return losses


def _of_pieces(times: Times, output: Output) -> dict[str, Fraction | None]:
    found: dict[str, Fraction | None] = {}
    if output.counted and output.judged:
        made = output.total.all
        found["scrap_ratio"] = output.scrap / made if made else None
        found["quality_ratio_piece"] = _piece_quality(output) if output.total.placed else None
        first = min(max(output.first.all, NOTHING), made)
        found["first_pass_yield"] = first / made if made else None
        if output.rework is not None:
            found["rework_ratio"] = output.rework / made if made else None
    if output.disagreement:
        found["counter_disagreement"] = output.disagreement
    if output.judged and output.timed:
        found["oee_by_count"] = output.ideal_good_all / times.planned if times.planned else None
    if output.attended is not None and output.earned is not None:
        found["attended_time"] = output.attended / 1000
        found["earned_time"] = output.earned / 1000
        found["line_efficiency"] = output.earned / output.attended if output.attended else None
    if output.pairs is not None:
        found["unmatched_halves"] = abs(output.ahead)
    return found


def _of_order(times: Times, output: Output, *, is_order: bool) -> dict[str, Fraction | None]:
    """What takes an order's whole time, planned or not; None in any other window."""
    whole = times.length if is_order else 0
    made = output.total.all if output.counted else None
    return {
        "allocation_ratio": _ratio(times.run + times.setup + times.delay, whole),
        "production_process_ratio": _ratio(times.run, whole),
        "throughput_per_min": made * MINUTE_MS / whole if made is not None and whole else None,
    }


def _is_only_unplaced(output: Output) -> bool:
    made = output.total if output.counted else output.good
    return not made.placed and bool(made.unplaced)


def _piece_quality(output: Output) -> Fraction:
    """By pieces: every one weighs the same, whatever its ideal cycle."""
    share = output.good.placed / output.total.placed
    return min(max(share, NOTHING), Fraction(1))


def _ratio(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None
