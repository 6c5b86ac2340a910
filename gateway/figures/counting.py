"""From counters to pieces: what the counting rule of a machine type makes of raw growth.

- direct: `count` are pieces; good = count - reject + rework, or the `good` counter. Where only
  `good` and `reject` exist their sum is the count.
- multiplied: a count (a shot, a stroke, a lay) is as many pieces as its factors multiplied give,
  each the value in force at that time. The ideal time of a count is fixed; of what a factor falls
  short of its nominal value, the time is a loss of its own, as for empty stations.
- stations: `count` are indexes of a rotary table, and an index brings pieces only from a mounted
  station. The ideal time of an index is fixed, so the ideal time per piece follows the stations
  mounted at that time; what passes empty is a loss of its own.
- pairs: left and right halves are counted. Half a pair takes half the ideal cycle, so p, q and
  oee don't depend on which side is ahead; good pairs are the growth of min(good left, good
  right) since the beginning, so they add up over windows, and the rest waits to be matched.
- tests: a serial number is a piece in the window of its first test. Its last result says whether
  it is good, its first one whether it was so at once; a test more takes time and makes no piece.

What people enter stands in for counters that aren't there (`Entering`).
"""

from __future__ import annotations

import itertools
from enum import Enum, auto
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from gateway.figures.journal import ENTERED, ENTERED_GOOD
from gateway.figures.pieces import (
    HALF,
    NONE,
    NOTHING,
    PASSED,
    PASSED_FIRST,
    RETESTED,
    TESTED,
    Output,
    split,
)
from gateway.figures.staffing import OPERATORS, add_staffing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.figures.counter import Growth
    from gateway.figures.pieces import Counts, Setting, Split
    from gateway.kpi import KpiSpec

CYCLES = frozenset({"direct", "stations", "multiplied"})
"""Rules that count machine cycles with `count`."""


class Entering(Enum):
    """What entered pieces do in a window."""

    NONE = auto()
    REJECTS = auto()
    """Taken from what the machine counts."""
    GOOD = auto()
    """The good ones of what the machine counts."""
    ALL = auto()
    """Good and rejected ones are all there are: nothing counts."""


class _Made(NamedTuple):
    """What was made under one setting.

    Attributes:
        total, good, first: pieces, see `Output`.
        turned: machine cycles.
        pieces: of one cycle.
        share: of a cycle's ideal time that wasn't passed empty.
        again: cycles that made no piece.
    """

    total: Split
    good: Split
    first: Split
    turned: Split
    pieces: Fraction = Fraction(1)
    share: Fraction = Fraction(1)
    again: Split = NONE


def count_pieces(counts: Counts, spec: KpiSpec, ahead: Fraction = NOTHING) -> Output:
    """Apply the counting rule.

    Args:
        counts: raw growth of the window.
        spec: of the asset.
        ahead: left minus right good halves when it began, for pairs.
    """
    timed = spec.ideal_cycle_s is not None or any(
        terms.ideal_cycle_s for found in spec.products.values() for terms in found
    )
    entering = _entering(counts, spec)
    counted, judged = _told(spec)
    counted |= entering is Entering.ALL
    judged |= entering is not Entering.NONE
    output = Output(counted, judged, timed=timed, ahead=ahead)
    output.entered = entering is not Entering.NONE
    if "rework" in spec.signals:
        output.rework = sum((split(grown, "rework").all for grown in counts.values()), NOTHING)
    if "reject_startup" in spec.signals:
        output.startup = NOTHING
    if OPERATORS in spec.signals:
        output.attended = output.earned = NOTHING
    for setting, grown in counts.items():
        _add(output, setting, grown, spec, entering)
    # A reject may be seen in a later window than its piece: it takes none back from this one.
    if output.counted:
        output.ideal_good = min(output.ideal_good, output.ideal)
    output.ideal_good = max(output.ideal_good, NOTHING)
    output.ideal_good_all = max(output.ideal_good_all, NOTHING)
    output.fruitful = min(max(output.fruitful, NOTHING), output.made)
    if output.startup is not None:
        output.startup = min(output.startup, output.made - output.fruitful)
    if spec.counting == "pairs" and output.judged:
        left, right = good_halves(counts)
        output.pairs = min(max(ahead, NOTHING) + left, max(-ahead, NOTHING) + right)
        output.ahead = ahead + left - right
    return output


def good_halves(counts: Counts) -> tuple[Fraction, Fraction]:
    """Growth of good left and good right halves; a pair that is entered as rejected was both."""

    def side(name: str) -> Fraction:
        good = NOTHING
        for grown in counts.values():
            good += split(grown, f"count_{name}").all - split(grown, f"reject_{name}").all
            good -= split(grown, ENTERED).all
        return good

    return side("left"), side("right")


def takes_entered(spec: KpiSpec) -> bool:
    """Whether pieces that people enter count: nothing else tells good ones from rejects."""
    judging = {"good", "reject", "reject_left", "reject_right"}
    return spec.counting in CYCLES | {"pairs"} and judging.isdisjoint(spec.signals)


def _entering(counts: Counts, spec: KpiSpec) -> Entering:
    """What entered pieces do; rejects win where good ones were entered too."""
    if not takes_entered(spec):
        return Entering.NONE
    is_counted = _told(spec)[0]
    if is_counted and any(ENTERED in grown for grown in counts.values()):
        return Entering.REJECTS
    if any(ENTERED_GOOD in grown for grown in counts.values()) and spec.counting != "pairs":
        return Entering.GOOD if is_counted else Entering.ALL
    return Entering.NONE


def _told(spec: KpiSpec) -> tuple[bool, bool]:
    """Whether the signals bound tell the total, and whether they tell the good pieces."""
    bound = set(spec.signals)
    if spec.counting == "pairs":
        counted = {"count_left", "count_right"} <= bound
        return counted, counted and {"reject_left", "reject_right"} <= bound
    if spec.counting == "tests":
        return ({"serial", "result"} <= bound,) * 2
    if spec.counting not in CYCLES:
        return False, False
    counted = "count" in bound or {"good", "reject"} <= bound
    return counted, "good" in bound or {"count", "reject"} <= bound


def _add(
    output: Output,
    setting: Setting,
    grown: Mapping[str, Growth],
    spec: KpiSpec,
    entering: Entering,
) -> None:
    """Add what was made under one setting."""
    made = _of_rule(setting, grown, spec, entering)
    if made is None:
        # Pieces of a factor that nobody knows are no pieces to be told.
        output.counted = output.judged = False
        return
    output.total = output.total.plus(made.total)
    output.good = output.good.plus(made.good)
    output.first = output.first.plus(made.first)
    add_staffing(output, setting, grown, made.total.all, spec)
    if {"count", "good", "reject"} <= set(spec.signals) and spec.counting in CYCLES:
        told_good = split(grown, "good").all - split(grown, "rework").all
        output.disagreement += made.first.all - told_good
    if not (made.turned.all or made.good.all):
        return
    own_s = own_cycle(setting, spec)
    cycle_s = spec.ideal_cycle_s if own_s is None else own_s
    if cycle_s is None:
        output.timed = False
        return
    output.cycles |= {cycle_s}
    if spec.products and (setting.product or "product" in spec.signals):
        output.untimed |= own_s is None
    cycle = Fraction(str(cycle_s)) * 1000
    per_piece = cycle / made.pieces if made.pieces else NOTHING
    output.ideal += made.total.placed * per_piece
    output.ideal_good += made.good.placed * per_piece
    output.ideal_good_all += made.good.all * per_piece
    output.turned += made.turned.placed * cycle
    output.empty += made.turned.placed * cycle * (1 - made.share)
    output.again += made.again.placed * cycle
    output.fruitful += made.good.placed * per_piece * made.share
    if output.startup is not None:
        output.startup += split(grown, "reject_startup").placed * per_piece * made.share


def own_cycle(setting: Setting, spec: KpiSpec) -> float | None:
    """The ideal cycle of the product itself."""
    terms = spec.products.get(setting.product, ())
    return next((one.ideal_cycle_s for one in terms if one.since_ms == setting.since), None)


def _of_rule(
    setting: Setting, grown: Mapping[str, Growth], spec: KpiSpec, entering: Entering
) -> _Made | None:
    """What was made under one setting; None where a factor of it isn't known."""
    if spec.counting == "pairs":
        total = split(grown, "count_left").plus(split(grown, "count_right")).times(HALF)
        reject = split(grown, "reject_left").plus(split(grown, "reject_right")).times(HALF)
        good = total.plus(reject, -1).plus(split(grown, ENTERED), -1)
        return _Made(total, good, good, total)
    if spec.counting == "tests":
        total, again = split(grown, TESTED), split(grown, RETESTED)
        turned = total.plus(again)
        first = split(grown, PASSED_FIRST)
        return _Made(total, split(grown, PASSED), first, turned, again=again)
    share = _share(setting, spec)
    if share is None:
        return None if split(grown, "count").all else _Made(NONE, NONE, NONE, NONE)
    return _of_cycles(grown, spec, entering, *share)


def _of_cycles(
    grown: Mapping[str, Growth],
    spec: KpiSpec,
    entering: Entering,
    pieces: Fraction,
    share: Fraction,
) -> _Made:
    """What machine cycles made, each so many pieces."""
    turned, good, reject = (split(grown, name) for name in ("count", "good", "reject"))
    if entering is Entering.ALL:
        good, reject = split(grown, ENTERED_GOOD), split(grown, ENTERED)
    if entering is Entering.ALL or "count" not in spec.signals:
        total = good.plus(reject)
        return _Made(total, good, good, total)
    total = turned.times(pieces)
    if entering is Entering.REJECTS:
        first = total.plus(split(grown, ENTERED), -1)
    elif entering is Entering.GOOD:
        first = split(grown, ENTERED_GOOD)
    elif "reject" in spec.signals:
        first = total.plus(reject, -1)
    else:
        return _Made(total, good, good, turned, pieces, share)
    return _Made(total, first.plus(split(grown, "rework")), first, turned, pieces, share)


def most_of(spec: KpiSpec, factors: Sequence[float | None] = ()) -> float | None:
    """At most so many pieces of one count; None where nobody knows.

    Args:
        spec: of the asset.
        factors: what a count was multiplied by, as the machine told it.
    """
    if spec.counting == "stations":
        return max(spec.pieces_per_index, 1.0)
    most = 1.0
    if spec.counting == "multiplied":
        for value, nominal in itertools.zip_longest(factors, spec.multipliers.values()):
            if value is None and nominal is None:
                return None
            most *= max(value or 0.0, nominal or 0.0, 1.0)
    return most


def _share(setting: Setting, spec: KpiSpec) -> tuple[Fraction, Fraction] | None:
    """Pieces of one cycle, and the part of it that isn't empty; None where nobody knows."""
    if spec.counting == "stations":
        share = Fraction(1)
        mounted = setting.factors[0] if setting.factors else None
        if spec.stations is not None and mounted is not None:
            share = Fraction(min(max(round(mounted), 0), spec.stations), spec.stations)
        return share * Fraction(str(spec.pieces_per_index)), share
    pieces = share = Fraction(1)
    if spec.counting == "multiplied":
        for value, nominal in zip(setting.factors, spec.multipliers.values(), strict=True):
            most = None if nominal is None else Fraction(str(nominal))
            here = most if value is None else max(Fraction(str(value)), NOTHING)
            if here is None:
                return None
            pieces *= here
            share *= min(here / most, Fraction(1)) if most else Fraction(1)
    # Of what isn't known to be worth less, a cycle that makes nothing is empty.
    return pieces, share if pieces else NOTHING
