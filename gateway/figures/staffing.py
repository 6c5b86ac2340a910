"""How many people attended, and what they made by the standard time of each piece (SAM).

    line_efficiency = pieces × SAM / (operators × time attended)

Attended is planned time, weighed with the operators present. It stands among the counters of a
setting, in person-ms, so that it adds up over windows, orders and products as they do; planned
time of which nobody said how many were there is its `unplaced` part, and then there is no figure.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from gateway.figures.counter import Growth
from gateway.figures.pieces import split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.figures.calendar import PlannedTime
    from gateway.figures.journal import Journal
    from gateway.figures.pieces import Output, Setting
    from gateway.kpi import KpiSpec

OPERATORS = "operators"
ATTENDED = "attended"


def attended(journal: Journal, start: int, end: int, plan: PlannedTime) -> Growth | None:
    """The planned time of [start, end) in person-ms; None where none of it is planned."""
    column = journal.numbers.get(OPERATORS)
    told = list(column.stretches(start, end)) if column is not None else []
    found = Growth()
    for first, last in plan.busy:
        planned = max(min(last, end) - max(first, start), 0)
        known = 0
        for since, until, people in told:
            both = max(min(last, until) - max(first, since), 0)
            known += both
            found.placed += both * people
        found.unplaced += planned - known
    return found if found.placed or found.unplaced else None


def add_staffing(
    output: Output, setting: Setting, grown: Mapping[str, Growth], made: Fraction, spec: KpiSpec
) -> None:
    """Add the time attended under one setting, and what its pieces are worth by standard time.

    Neither is told where part of it isn't known: pieces of a product without SAM, or time of which
    nobody said how many were present.
    """
    if output.attended is None or output.earned is None:
        return
    time = split(grown, ATTENDED)
    terms = spec.products.get(setting.product, ())
    sam_s = next((one.sam_s for one in terms if one.since_ms == setting.since), None)
    if time.unplaced or (made and sam_s is None):
        output.attended = output.earned = None
        return
    output.attended += time.placed
    output.earned += made * Fraction(str(sam_s or 0)) * 1000
