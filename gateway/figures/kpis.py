"""The ratios and KPIs of exact sums, under the names that records carry.

Where some time is unknown, PBT stands for PBT - unknown in A, OEE, NEE, the allocation and the
losses; TEEP, loading, MTBF, MTTF and `oee_by_count` take PBT as planned, unknown time included.

The losses tile known planned time: breakdown + waiting + set-up + idle + minor stops + empty
stations + speed + quality + productive time. Speed is what is left of run time, so it is
negative where the ideal cycle is set too long.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from gateway.figures.pieces import NOTHING

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


def kpis_of(times: Times, output: Output, ratios: Ratios, jumps: int) -> dict[str, float | None]:
    """Every KPI that the inputs tell, by name; None where it has no basis."""
    found = _of_time(times) | _of_losses(times, output) | _of_pieces(times, output)
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
        "failures": Fraction(times.failures),
        "mtbf_s": _ratio(times.planned, times.failures * 1000),
        "mttr_s": _ratio(times.fault, times.failures * 1000),
        "mttf_s": _ratio(times.planned - times.fault, times.failures * 1000),
        "micro_stops": Fraction(times.micro_stops),
        "micro_stop_s": Fraction(times.micro, 1000),
    }


def _of_losses(times: Times, output: Output) -> dict[str, Fraction | None]:
    losses: dict[str, Fraction | None] = {
        "breakdown_loss_s": Fraction(times.fault, 1000),
        "waiting_loss_s": Fraction(times.waiting, 1000),
        "setup_loss_s": Fraction(times.setup, 1000),
        "idle_loss_s": Fraction(times.idle, 1000),
    }
    if output.counted and output.timed:
        losses["speed_loss_s"] = (times.run - times.micro - output.turned) / 1000
        losses["station_loss_s"] = output.empty / 1000
        if output.judged:
            made = output.turned - output.empty
            good = made * output.ideal_good / output.ideal if output.ideal else NOTHING
            losses["quality_loss_s"] = (made - good) / 1000
            losses["productive_s"] = good / 1000
    return losses


def _of_pieces(times: Times, output: Output) -> dict[str, Fraction | None]:
    found: dict[str, Fraction | None] = {}
    if output.counted and output.judged:
        found["scrap_ratio"] = output.scrap / output.total.all if output.total.all else None
    if output.judged and output.timed:
        found["oee_by_count"] = output.ideal_good_all / times.planned if times.planned else None
    if output.pairs is not None:
        found["unmatched"] = abs(output.ahead)
    return found


def _is_only_unplaced(output: Output) -> bool:
    made = output.total if output.counted else output.good
    return not made.placed and bool(made.unplaced)


def _piece_quality(output: Output) -> Fraction:
    """Without ideal cycles every piece weighs the same."""
    share = output.good.placed / output.total.placed
    return min(max(share, NOTHING), Fraction(1))


def _ratio(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None
