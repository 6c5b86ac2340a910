"""How a window's figures came about, as plain data: everything that was counted, and how.

Nothing is computed here by formulas of its own: intervals, growth and ratios come from the very
functions that the figures come from, asked about the window's parts.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gateway.figures.counter import Change, steps
from gateway.figures.counting import count_pieces, own_cycle
from gateway.figures.kpis import ratios_of
from gateway.figures.media import MEDIA
from gateway.figures.oee import limits_of, sum_up
from gateway.figures.pieces import COUNTERS
from gateway.figures.staffing import ATTENDED
from gateway.figures.timeline import spans
from gateway.figures.usage import register_limits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from gateway.figures.counter import Limits
    from gateway.figures.journal import Series
    from gateway.figures.oee import Sums
    from gateway.figures.timeline import Times
    from gateway.tracing.evidence import Evidence

ELEMENTS = ("run", "setup", "delay", "idle", "unknown", "planned_stop")
LOSSES = ("breakdown", "waiting", "standing", "quality", "personnel", "utility")
Data = dict[str, Any]


def explain(evidence: Evidence) -> Data:
    """Explain a window.

    Returns:
        JSON: `window`, `statement` (as told) and `computed` (again, from the log), `intervals`,
        `counters`, `products`, `registers`, `ratios` (exact, as text) and `bindings`. Times in
        UTC ms.
    """
    window, journal = evidence.window, evidence.journal
    end = min(window.end, evidence.now_ms)
    sums = _sums(evidence, window.start, end)
    computed = {}
    if "state" in evidence.spec.signals or journal.state.times:
        computed["oee"] = evidence.eras.oee_fields(window, evidence.now_ms)
    for medium in MEDIA:
        if set(medium.signals) & set(evidence.spec.signals):
            record = f"energy/{medium.name}"
            computed[record] = evidence.eras.energy_fields(medium, window, evidence.now_ms)
    return {
        "asset": evidence.asset.name,
        "line": evidence.asset.line,
        "profile": evidence.spec.profile,
        "window": {name: getattr(window, name) for name in ("kind", "start", "end", "shift")},
        "known_to": end,
        "statement": dict(evidence.told),
        "computed": {cls: fields_ for cls, fields_ in computed.items() if fields_ is not None},
        "intervals": list(_intervals(evidence, end)),
        "excluded": _excluded(evidence, end),
        "counters": [
            _course(name, journal.numbers[name], limits_of(name, evidence.spec), evidence, end)
            for name in COUNTERS
            if name in journal.numbers
        ],
        "products": list(_products(evidence, sums)),
        "registers": [
            _course(name, journal.numbers[name], limits, evidence, end)
            for medium in MEDIA
            for limits in [register_limits(evidence.spec, medium)]
            for name in medium.series
            if name in journal.numbers
        ],
        "ratios": _ratios(evidence, sums),
        "bindings": [
            {
                "signal": binding.signal,
                "device": binding.tag.device,
                "tag": binding.tag.name,
                "at": binding.tag.at,
                "where": binding.tag.where,
            }
            for binding in evidence.asset.bindings
            if binding.tag.device
        ],
    }


def _sums(evidence: Evidence, start: int, end: int) -> Sums:
    plan = evidence.calendar.plan(evidence.asset.line, start, end)
    plan = plan.without(evidence.journal.stops(start, end))
    return sum_up(evidence.journal, start, end, plan, evidence.spec, evidence.now_ms)


def _intervals(evidence: Evidence, end: int) -> Iterator[Data]:
    """The states of the window, cut where its plan changes, each with what it was counted as."""
    window, journal = evidence.window, evidence.journal
    plan = evidence.calendar.plan(evidence.asset.line, window.start, end)
    plan = plan.without(journal.stops(window.start, end))
    edges = {edge for interval in (*plan.busy, *plan.breaks) for edge in interval}
    for start, until, word in spans(journal, window.start, end):
        cuts = [start, *sorted(edge for edge in edges if start < edge < until), until]
        for first, last in pairwise(cuts):
            times = _sums(evidence, first, last).times
            counted = {name: getattr(times, name) for name in ELEMENTS if getattr(times, name)}
            reason = _reason(evidence, first, last) if word != "running" else ""
            yield {
                "start": first,
                "end": last,
                "state": word,
                "counted": counted or {"not_planned": last - first},
                "minor": times.micro,
                "lost_to": _lost_to(times),
                "reason": reason,
            }


def _lost_to(times: Times) -> str:
    """What an interval's time was lost to, where it was."""
    return next((name for name in LOSSES if getattr(times, name)), "")


def _reason(evidence: Evidence, start: int, end: int) -> str:
    """What was said of a stop while it lasted."""
    said = evidence.journal.reason
    place = said.index(end - 1)
    return said.values[place] if place >= 0 and said.times[place] >= start else ""


def _excluded(evidence: Evidence, end: int) -> Data:
    """Time that is no part of planned time, and time that nobody knows, in ms."""
    window = evidence.window
    plan = evidence.calendar.plan(evidence.asset.line, window.start, end)
    times = _sums(evidence, window.start, end).times
    return {
        "breaks": [list(interval) for interval in plan.breaks],
        "planned_stops": [list(one) for one in evidence.journal.stops(window.start, end)],
        "not_planned": times.length - times.planned - times.planned_stop,
        "planned_stop": times.planned_stop,
        "unknown": times.unknown,
    }


def _course(name: str, series: Series[float], limits: Limits, evidence: Evidence, end: int) -> Data:
    """A counter or register in the window: its ends, and each step that isn't plain."""
    start = evidence.window.start
    times, values = series.times, series.values
    before, last = series.index(start), series.index(end - 1)
    after = last + 1 if last + 1 < len(times) else None
    odd: list[Data] = []
    grown = 0.0
    for place, step, change in steps(series, limits, start, end):
        grown += step
        if change is not Change.UP:
            odd.append(
                {
                    "t": times[place],
                    "change": str(change),
                    "before": values[place - 1],
                    "now": values[place],
                    "counted": step,
                }
            )
    within = before + 1 if before < 0 <= last else None
    return {
        "signal": name,
        "first": None if before < 0 else {"t": times[before], "value": values[before]},
        "within": None if within is None else {"t": times[within], "value": values[within]},
        "last": None if last < 0 else {"t": times[last], "value": values[last]},
        "following": None if after is None else {"t": times[after], "value": values[after]},
        "grown": grown,
        "steps": odd,
    }


def _products(evidence: Evidence, sums: Sums) -> Iterator[Data]:
    """What was made under each setting, with the ideal cycle that was used."""
    for setting, grown in sums.counts.items():
        own_s = own_cycle(setting, evidence.spec)
        output = count_pieces({setting: grown}, evidence.spec)
        timed = output.timed and output.counted
        yield {
            "product": setting.product,
            "factors": list(setting.factors),
            "multipliers": dict(evidence.spec.multipliers),
            "ideal_cycle_s": evidence.spec.ideal_cycle_s if own_s is None else own_s,
            "grown": {
                name: {"placed": float(one.placed), "unplaced": float(one.unplaced)}
                for name, one in grown.items()
                if name != ATTENDED
            },
            "total": _exact(output.total.placed) if output.counted else None,
            "good": _exact(output.good.placed) if output.judged else None,
            "ideal": _exact(output.ideal) if timed else None,
            "ideal_good": _exact(output.ideal_good) if timed and output.judged else None,
        }


def _ratios(evidence: Evidence, sums: Sums) -> Data:
    """The four ratios with the exact numbers that they are made of, times in ms."""
    times, output = sums.times, count_pieces(sums.counts, evidence.spec)
    ratios = ratios_of(times, output)
    return {
        "run": times.run,
        "known_planned": times.planned - times.unknown,
        "ideal": _exact(output.ideal) if output.timed else None,
        "ideal_good": _exact(output.ideal_good) if output.timed and output.judged else None,
        "total": _exact(output.total.all) if output.counted else None,
        "good": _exact(output.good_pieces) if output.judged else None,
        "earned": _exact(output.earned),
        "attended": _exact(output.attended),
        **{name: _exact(getattr(ratios, name)) for name in ("a", "p", "q", "oee")},
    }


def _exact(value: Fraction | None) -> str | None:
    return None if value is None else str(value)
