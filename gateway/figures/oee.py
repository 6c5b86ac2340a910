"""OEE of a window as a pure function of the asset's log.

    A = run / (PBT - unknown)      E (p) = ideal time of placed pieces / run
    Q = ideal time of good placed / of all placed       OEE = A x E x Q

Time and counters of a window are summed exactly (`Sums`: whole ms, raw growth); sums of
neighbouring windows add up to the sums of both, so a day may be put together from quarters.
Ratios are exact fractions until the last step. A ratio without a basis is None, never 0.

Source: ISO 22400-2 as reproduced in public implementations; names and the rules for what the
standard leaves open are in docs/kpi.md.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.figures.bench import tests_of
from gateway.figures.counter import Growth, Limits, growth
from gateway.figures.counting import count_pieces, most_of, takes_entered
from gateway.figures.journal import AMOUNTS, Journal
from gateway.figures.kpis import kpis_of, number, ratios_of, reason_of
from gateway.figures.pieces import (
    COUNTERS,
    NOTHING,
    Counts,
    Output,
    Setting,
    multiplying,
    terms_since,
)
from gateway.figures.staffing import ATTENDED, OPERATORS, attended
from gateway.figures.states import PLANNED_STOP, UNKNOWN
from gateway.figures.stops import Stops, micro_ms_of
from gateway.figures.timeline import Times, dark, measure, spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from fractions import Fraction

    from gateway.figures.calendar import PlannedTime
    from gateway.kpi import KpiSpec

JUDGED = frozenset({"good", "reject", "reject_startup", "rework"})
"""Counters of pieces, also where `count` counts what makes several."""


@dataclass(slots=True)
class Sums:
    """What a stretch of time adds to any window it is part of."""

    times: Times = field(default_factory=Times)
    counts: Counts = field(default_factory=dict)

    def __add__(self, other: Sums) -> Sums:
        counts = {setting: dict(grown) for setting, grown in self.counts.items()}
        for setting, grown in other.counts.items():
            mine = counts.setdefault(setting, {})
            for signal, more in grown.items():
                mine[signal] = mine[signal] + more if signal in mine else more
        return Sums(self.times + other.times, counts)


@dataclass(frozen=True, slots=True)
class OeeFigures:
    """The figures of one asset and window.

    Attributes:
        state: the state at the end of the window, or now where it isn't over.
        planned_ms: PBT, unknown time included; planned_ms = run_ms + setup_ms + delay_ms +
            idle_ms + unknown_ms. `planned_stop_ms` lies beside it.
        total, good, scrap: pieces, the unplaced ones too; None where no input tells.
        a, p, q, oee: None where they have no basis; `reason` then says why.
        coverage: known state time over the window, as far as that has passed.
        kpi: every KPI that can be told, by name.
        ideal_cycle_s: the one that was used; None where several were, or none.
    """

    state: str
    planned_ms: int
    run_ms: int
    setup_ms: int
    delay_ms: int
    idle_ms: int
    unknown_ms: int
    planned_stop_ms: int
    total: float | None
    good: float | None
    scrap: float | None
    unplaced: float
    a: float | None
    p: float | None
    q: float | None
    oee: float | None
    coverage: float
    reason: str
    basis: Mapping[str, str]
    kpi: Mapping[str, float | None]
    ideal_cycle_s: float | None


def sum_up(
    journal: Journal,
    start: int,
    end: int,
    plan: PlannedTime,
    spec: KpiSpec,
    until: int | None = None,
) -> Sums:
    """Sum the time and the growth of all counters in [start, end)."""
    micro_ms = micro_ms_of(spec)
    over = end if until is None else min(end, until)
    stops = Stops(journal, start, over, spec)
    times = measure(journal, stops, start, end, plan, micro_ms, until)
    counts: Counts = {}
    if over <= start:
        return Sums(times, counts)
    series = [(name, journal.numbers[name]) for name in COUNTERS if name in journal.numbers]
    before = (column.index(start - 1) for _name, column in series)
    since = (
        column.times[place]
        for place, (_name, column) in zip(before, series, strict=True)
        if place >= 0
    )
    unknown = dark(spans(journal, min(since, default=start), over))
    takes = journal.amounts and takes_entered(spec)
    for first, last, setting in _settings(journal, start, over, spec):
        for name, column in series:
            limits = limits_of(name, spec, setting.factors)
            grown = growth(column, limits, first, last, unknown)
            if grown.placed or grown.unplaced or grown.jumps:
                mine = counts.setdefault(setting, {})
                mine[name] = mine.get(name, Growth()) + grown
        if spec.counting == "tests":
            mine = counts.setdefault(setting, {})
            for name, one in tests_of(journal, first, last, unknown):
                mine[name] = mine.get(name, Growth()) + one
        present = attended(journal, first, last, plan) if OPERATORS in spec.signals else None
        if present is not None:
            counts.setdefault(setting, {})[ATTENDED] = present
        if takes:
            _add_entered(journal, first, last, counts.setdefault(setting, {}))
    return Sums(times, counts)


def limits_of(signal: str, spec: KpiSpec, factors: Sequence[float | None] = ()) -> Limits:
    """What is believed of a piece counter.

    The highest rate is that of counts. What is judged piece by piece may grow by all the pieces of
    a count at once: a charge that is rejected weighs as much as it was loaded with.
    """
    most = most_of(spec, factors) if signal in JUDGED else 1.0
    one = spec.counts.get(signal, 1.0)
    if most is None:
        return Limits(spec.moduli.get(signal), None, one)
    return Limits(spec.moduli.get(signal), spec.max_rate / 1000 * most, one * most)


def state_at(journal: Journal, moment: int) -> str:
    """The state just before a moment; a planned stop that was declared wins over the machine's."""
    if journal.planned_stop.at(moment - 1):
        return PLANNED_STOP
    found = spans(journal, moment - 1, moment)
    return found[-1][2] if found else UNKNOWN


def figures(
    sums: Sums, spec: KpiSpec, state: str, ahead: Fraction = NOTHING, *, is_order: bool = False
) -> OeeFigures:
    """Turn sums into ratios; this is the last step, and the only one that leaves exactness.

    Args:
        sums: of the window.
        spec: of the asset.
        state: at the window's end.
        ahead: left minus right good halves when the window began.
        is_order: whether the window is an order, from its start to its end.
    """
    times, output = sums.times, count_pieces(sums.counts, spec, ahead)
    ratios = ratios_of(times, output)
    jumps = sum(one.jumps for grown in sums.counts.values() for one in grown.values())
    return OeeFigures(
        state=state,
        planned_ms=times.planned,
        run_ms=times.run,
        setup_ms=times.setup,
        delay_ms=times.delay,
        idle_ms=times.idle,
        unknown_ms=times.unknown,
        planned_stop_ms=times.planned_stop,
        total=number(output.total.all) if output.counted else None,
        good=number(output.good_pieces) if output.judged else None,
        scrap=number(output.scrap) if output.counted and output.judged else None,
        unplaced=number(output.total.unplaced),
        a=_float(ratios.a),
        p=_float(ratios.p),
        q=_float(ratios.q),
        oee=_float(ratios.oee),
        coverage=times.known / times.length if times.length else 0.0,
        reason=reason_of(times, output, ratios),
        basis={
            "quality": _quality(output, spec),
            "ideal": "default" if output.untimed else spec.ideal_basis,
            "state": spec.state_basis,
        },
        kpi=kpis_of(times, output, ratios, jumps, is_order=is_order),
        ideal_cycle_s=_cycle(output, spec),
    )


def _quality(output: Output, spec: KpiSpec) -> str:
    if not output.judged:
        return "none"
    return "entered" if output.entered else spec.quality


def _add_entered(journal: Journal, start: int, end: int, grown: dict[str, Growth]) -> None:
    """Add the pieces that were entered in [start, end), 0 too: somebody looked."""
    for signal in AMOUNTS & journal.amounts.keys():
        column = journal.amounts[signal]
        places = range(column.index(start - 1) + 1, column.index(end - 1) + 1)
        if places:
            added = Growth(placed=sum(column.values[place] for place in places))
            grown[signal] = grown.get(signal, Growth()) + added


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _cycle(output: Output, spec: KpiSpec) -> float | None:
    if len(output.cycles) > 1:
        return None
    return next(iter(output.cycles), spec.ideal_cycle_s)


def _settings(
    journal: Journal, start: int, end: int, spec: KpiSpec
) -> Iterator[tuple[int, int, Setting]]:
    """Cut [start, end) where the product, its terms or what a count is multiplied by change."""
    columns = [journal.numbers.get(name) for name in multiplying(spec)]
    edges = {start, end}
    for column in (journal.product, *columns):
        if column is not None:
            edges.update(column.times[column.index(start) + 1 : column.index(end - 1) + 1])
    for terms in spec.products.values():
        edges.update(one.since_ms for one in terms if start < one.since_ms < end)
    cuts = sorted(edges)
    for first, last in itertools.pairwise(cuts):
        product = journal.product.at(first) or ""
        factors = tuple(None if column is None else column.at(first) for column in columns)
        yield first, last, Setting(product, factors, terms_since(spec, product, first))
