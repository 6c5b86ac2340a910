"""What the records of a line or a site say; all but `rev` and `final`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from gateway.figures.energy import energy_figures
from gateway.figures.kpis import kpis_of, number, ratios_of, reason_of
from gateway.figures.pieces import Output
from gateway.figures.statement import chosen, energy_fields, seconds, window_fields
from gateway.metering import UNMETERED
from gateway.rollup.total import IDEAL_BASES, STATE_BASES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from gateway.figures.media import Medium
    from gateway.figures.statement import Fields
    from gateway.figures.windows import Window
    from gateway.kpi import KpiSpec
    from gateway.rollup.total import Total

MIXED = "mixed_units"
"""Reason why there is no count: pieces of several units add up to none."""
OF_ONE = frozenset({"unmatched_halves"})
"""KPIs that make sense for a single machine only."""
BALANCE = "line_balance"
"""A KPI of lines alone."""
NOTHING_MADE = Output(counted=False, judged=False, timed=False)


def oee_fields(window: Window, total: Total, *, is_line: bool) -> Fields | None:
    """The oee record; None where no machine has the window.

    Args:
        window: which.
        total: of its parts.
        is_line: whether they are the stations of one line.
    """
    if not total.machines:
        return None
    times, output = total.times, total.output or NOTHING_MADE
    if total.unstaffed or len(total.pieces) > 1:
        output = dataclasses.replace(output, attended=None, earned=None)
    ratios = ratios_of(times, output)
    judged = output.judged
    told = total.unit is not None
    fields: Fields = {
        "win": window_fields(window),
        "time_s": {
            "planned": seconds(times.planned),
            "run": seconds(times.run),
            "setup": seconds(times.setup),
            "delay": seconds(times.delay),
            "idle": seconds(times.idle),
            "unknown": seconds(times.unknown),
            "planned_stop": seconds(times.planned_stop),
        },
        "count": {
            "total": number(output.total.all) if told and output.counted else None,
            "good": number(output.good_pieces) if told and judged else None,
            "scrap": number(output.scrap) if told and judged and output.counted else None,
            "unplaced": number(output.total.unplaced) if told else 0,
            "u": total.unit or "",
        },
        "a": _float(ratios.a),
        "p": _float(ratios.p),
        "q": _float(ratios.q),
        "oee": _float(ratios.oee),
        "coverage": total.known_ms / total.length_ms if total.length_ms else 0.0,
        "kpi": chosen(
            kpis_of(times, output, ratios, total.jumps, is_order=False),
            kpis_told(total.specs.values()),
        ),
        "basis": {
            "quality": _quality(output),
            "ideal": IDEAL_BASES[total.ideal],
            "state": STATE_BASES[total.state],
        },
        "profile": _profile(total),
    }
    if is_line and total.balance is not None:
        kpi: dict[str, object] = {**fields["kpi"], BALANCE: number(total.balance)}  # type: ignore[dict-item]
        fields["kpi"] = kpi
    reason = reason_of(times, output, ratios) or ("" if told else MIXED)
    if reason:
        fields["reason"] = reason
    return fields


def energy_of(window: Window, total: Total, medium: Medium) -> Fields | None:
    """The record of a medium; None where no meter of it has the window."""
    used, count = total.used(medium)
    if not count:
        return None
    output = total.output
    good = None
    if output is not None and output.judged and total.unit is not None:
        good = number(output.good_pieces)
    specs = total.specs.values()
    # Of what stands on a plate or in a contract nothing is said of a sum.
    kpis = tuple(sorted(kpis_told(specs)))
    spec = dataclasses.replace(next(iter(specs)), kpis=kpis, metering=UNMETERED)
    factors = total.factors[medium]
    figures = energy_figures(used, spec, medium, total.passed_ms * count, good, factors)
    fields = energy_fields(window, figures, spec, medium)
    return {**fields, "profile": _profile(total)}


def kpis_told(specs: Iterable[KpiSpec]) -> frozenset[str]:
    """The names of what a record of several may tell: what one of them tells."""
    return frozenset(n for spec in specs for n in spec.kpis if n not in spec.own) - OF_ONE


def _quality(output: Output) -> str:
    if not output.judged:
        return "none"
    return "entered" if output.entered else "measured"


def _profile(total: Total) -> str:
    return ", ".join(sorted({spec.profile for spec in total.specs.values()}))


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
