"""Pieces of a window: what raw growth of counters is told by, and what a counting rule makes of it.

`count_pieces` (counting.py) turns `Counts` into an `Output`. Nothing is rounded: sums are
fractions of what the counters gave.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.figures.counter import Growth
    from gateway.kpi import KpiSpec

COUNTERS = (
    "count",
    "reject",
    "good",
    "count_left",
    "count_right",
    "reject_left",
    "reject_right",
    "reject_startup",
    "rework",
)
MOUNTED = "mounted"
TESTED, PASSED, PASSED_FIRST, RETESTED = "tested", "passed", "passed_first", "retested"
"""Serial numbers tested for the first time, of these those that are good in the end, and at once;
and tests of serial numbers tested before."""
NOTHING = Fraction(0)
HALF = Fraction(1, 2)


class Setting(NamedTuple):
    """What pieces are made under.

    Attributes:
        product: its code, or "".
        factors: what a count was multiplied by: the stations mounted, or each of
            `KpiSpec.multipliers` in its order; None where no signal tells.
        since: from when on the product's terms hold, UTC ms.
    """

    product: str
    factors: tuple[float | None, ...] = ()
    since: int = 0


Counts = dict[Setting, dict[str, "Growth"]]
"""Raw growth of each counter, by setting."""


class Split(NamedTuple):
    """A number of pieces: grown while the state was known, and grown across unknown time."""

    placed: Fraction
    unplaced: Fraction

    @property
    def all(self) -> Fraction:
        """Both parts."""
        return self.placed + self.unplaced

    def times(self, factor: Fraction) -> Split:
        """Both parts, scaled."""
        return Split(self.placed * factor, self.unplaced * factor)

    def plus(self, other: Split, factor: int = 1) -> Split:
        """The sum part by part; factor -1 takes the other away."""
        return Split(self.placed + other.placed * factor, self.unplaced + other.unplaced * factor)


NONE = Split(NOTHING, NOTHING)


def split(grown: Mapping[str, Growth], signal: str) -> Split:
    """How much a counter grew."""
    found = grown.get(signal)
    if found is None:
        return NONE
    return Split(Fraction(found.placed), Fraction(found.unplaced))


@dataclass(slots=True)
class Output:
    """Pieces of a window and their ideal times in ms.

    Attributes:
        counted, judged: whether the total, and whether the good pieces, can be told.
        timed: whether all of them have an ideal cycle.
        total, good: pieces.
        first: pieces that were good at once, without rework or a second test.
        rework: rejected pieces that became good; None where nothing counts them.
        ideal, ideal_good: ideal time of the placed pieces; `ideal_good_all` of unplaced ones too.
        turned: ideal time of all placed machine cycles; `empty`, the part that passed empty, and
            `again`, the part that tested again what was tested before. Of the rest, `fruitful`
            went into good pieces, and `startup` into those rejected at start-up; None where
            nothing counts them.
        pairs: pairs that became whole, where pairs are counted.
        ahead: left minus right good halves at the end of the window.
        untimed: pieces of a product without an ideal cycle of its own were among them.
        cycles: the ideal cycles used, in s.
        entered: good or rejected pieces were entered, where nothing counts them.
        disagreement: total minus good minus rejected pieces, where each has its counter.
        attended, earned: time that people attended, and the standard time of the pieces, in
            person-ms; None where either isn't known as a whole.
    """

    counted: bool
    judged: bool
    timed: bool
    total: Split = NONE
    good: Split = NONE
    first: Split = NONE
    rework: Fraction | None = None
    ideal: Fraction = NOTHING
    ideal_good: Fraction = NOTHING
    ideal_good_all: Fraction = NOTHING
    turned: Fraction = NOTHING
    empty: Fraction = NOTHING
    again: Fraction = NOTHING
    fruitful: Fraction = NOTHING
    startup: Fraction | None = None
    pairs: Fraction | None = None
    ahead: Fraction = NOTHING
    untimed: bool = False
    cycles: frozenset[float] = frozenset()
    entered: bool = False
    disagreement: Fraction = NOTHING
    attended: Fraction | None = None
    earned: Fraction | None = None

    @property
    def made(self) -> Fraction:
        """Ideal time that went into pieces, good or not."""
        return self.turned - self.empty - self.again

    @property
    def good_pieces(self) -> Fraction:
        """Good pieces to be had; a reject seen in a later window than its piece takes none back."""
        return max(self.good.all if self.pairs is None else self.pairs, NOTHING)

    @property
    def scrap(self) -> Fraction:
        """Pieces that aren't good."""
        return max(self.total.all - self.good.all, NOTHING)


def terms_since(spec: KpiSpec, product: str, moment: int) -> int:
    """From when on the terms hold that are a product's at a moment; 0 where it has none yet."""
    begun = [t.since_ms for t in spec.products.get(product, ()) if t.since_ms <= moment]
    return begun[-1] if begun else 0


def multiplying(spec: KpiSpec) -> tuple[str, ...]:
    """The signals that say what a count is multiplied by."""
    if spec.counting == "stations":
        return (MOUNTED,)
    return tuple(spec.multipliers) if spec.counting == "multiplied" else ()


def tells_pieces(spec: KpiSpec) -> bool:
    """Whether anything that is bound counts pieces."""
    return not {*COUNTERS, "serial"}.isdisjoint(spec.signals)
