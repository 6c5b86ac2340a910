"""From counters to pieces: what the counting rule of a machine type makes of raw growth.

- direct: `count` are pieces; good = count - reject, or the `good` counter. Where only `good` and
  `reject` exist their sum is the count.
- stations: `count` are indexes of a rotary table, and an index brings pieces only from a mounted
  station. The ideal time of an index is fixed, so the ideal time per piece follows the stations
  mounted at that time; what passes empty is a loss of its own.
- pairs: left and right halves are counted. Half a pair takes half the ideal cycle, so p, q and
  oee don't depend on which side is ahead; good pairs are the growth of min(good left, good
  right) since the beginning, so they add up over windows, and the rest waits to be matched.

Nothing is rounded: sums are fractions of what the counters gave.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from gateway.figures.journal import ENTERED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.figures.counter import Growth
    from gateway.model import KpiSpec

COUNTERS = (
    "count",
    "reject",
    "good",
    "count_left",
    "count_right",
    "reject_left",
    "reject_right",
)
MOUNTED = "mounted"
NOTHING = Fraction(0)
HALF = Fraction(1, 2)


class Setting(NamedTuple):
    """What pieces are made under.

    Attributes:
        product: its code, or "".
        mounted: stations; None: all.
        since: from when on the product's terms hold, UTC ms.
    """

    product: str
    mounted: int | None
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


@dataclass(slots=True)
class Output:
    """Pieces of a window and their ideal times in ms.

    Attributes:
        counted, judged: whether the total, and whether the good pieces, can be told.
        timed: whether all of them have an ideal cycle.
        total, good: pieces.
        ideal, ideal_good: ideal time of the placed pieces; `ideal_good_all` of unplaced ones too.
        turned: ideal time of all placed machine cycles; `empty`, the part that passed empty.
        pairs: pairs that became whole, where pairs are counted.
        ahead: left minus right good halves at the end of the window.
        untimed: pieces of a product without an ideal cycle of its own were among them.
        cycles: the ideal cycles used, in s.
        entered: rejects were entered, where nothing counts them.
    """

    counted: bool
    judged: bool
    timed: bool
    total: Split = NONE
    good: Split = NONE
    ideal: Fraction = NOTHING
    ideal_good: Fraction = NOTHING
    ideal_good_all: Fraction = NOTHING
    turned: Fraction = NOTHING
    empty: Fraction = NOTHING
    pairs: Fraction | None = None
    ahead: Fraction = NOTHING
    untimed: bool = False
    cycles: frozenset[float] = frozenset()
    entered: bool = False

    @property
    def good_pieces(self) -> Fraction:
        """Good pieces to be had; a reject seen in a later window than its piece takes none back."""
        return max(self.good.all if self.pairs is None else self.pairs, NOTHING)

    @property
    def scrap(self) -> Fraction:
        """Pieces that aren't good."""
        return max(self.total.all - self.good.all, NOTHING)


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
    entered = any(ENTERED in grown for grown in counts.values())
    counted, judged = _told(spec)
    output = Output(counted, judged or entered, timed=timed, ahead=ahead, entered=entered)
    for setting, grown in counts.items():
        _add(output, setting, grown, spec)
    # A reject may be seen in a later window than its piece: it takes none back from this one.
    if output.counted:
        output.ideal_good = min(output.ideal_good, output.ideal)
    output.ideal_good = max(output.ideal_good, NOTHING)
    output.ideal_good_all = max(output.ideal_good_all, NOTHING)
    if spec.counting == "pairs" and output.judged:
        left, right = good_halves(counts)
        output.pairs = min(max(ahead, NOTHING) + left, max(-ahead, NOTHING) + right)
        output.ahead = ahead + left - right
    return output


def good_halves(counts: Counts) -> tuple[Fraction, Fraction]:
    """Growth of good left and good right halves."""

    def side(name: str) -> Fraction:
        good = NOTHING
        for grown in counts.values():
            good += _split(grown, f"count_{name}").all - _split(grown, f"reject_{name}").all
        return good

    return side("left"), side("right")


def _add(output: Output, setting: Setting, grown: Mapping[str, Growth], spec: KpiSpec) -> None:
    """Add what was made under one setting."""
    share, made = Fraction(1), Fraction(1)
    if spec.counting == "stations":
        share = _share(setting, spec)
        made = share * Fraction(str(spec.pieces_per_index))
    total, good = _pieces(grown, spec, made, entered=output.entered)
    turned = _split(grown, "count") if spec.counting == "stations" else total
    output.total = output.total.plus(total)
    output.good = output.good.plus(good)
    if not (turned.all or good.all):
        return
    own_s = _own_cycle(setting, spec)
    cycle_s = spec.ideal_cycle_s if own_s is None else own_s
    if cycle_s is None:
        output.timed = False
        return
    output.cycles |= {cycle_s}
    if spec.products and (setting.product or "product" in spec.signals):
        output.untimed |= own_s is None
    cycle = Fraction(str(cycle_s)) * 1000
    per_piece = cycle / made if made else NOTHING
    output.ideal += total.placed * per_piece
    output.ideal_good += good.placed * per_piece
    output.ideal_good_all += good.all * per_piece
    output.turned += turned.placed * cycle
    output.empty += turned.placed * cycle * (1 - share)


def terms_since(spec: KpiSpec, product: str, moment: int) -> int:
    """From when on the terms hold that are a product's at a moment; 0 where it has none yet."""
    begun = [t.since_ms for t in spec.products.get(product, ()) if t.since_ms <= moment]
    return begun[-1] if begun else 0


def _own_cycle(setting: Setting, spec: KpiSpec) -> float | None:
    """The ideal cycle of the product itself."""
    terms = spec.products.get(setting.product, ())
    return next((one.ideal_cycle_s for one in terms if one.since_ms == setting.since), None)


def _told(spec: KpiSpec) -> tuple[bool, bool]:
    """Whether the signals bound tell the total, and whether they tell the good pieces."""
    bound = set(spec.signals)
    if spec.counting == "pairs":
        counted = {"count_left", "count_right"} <= bound
        return counted, counted and {"reject_left", "reject_right"} <= bound
    if spec.counting not in {"direct", "stations"}:
        return False, False
    counted = "count" in bound or {"good", "reject"} <= bound
    return counted, "good" in bound or {"count", "reject"} <= bound


def _pieces(
    grown: Mapping[str, Growth], spec: KpiSpec, made: Fraction, *, entered: bool
) -> tuple[Split, Split]:
    """Total and good pieces of one setting; `made` is what one count stands for."""
    if spec.counting == "pairs":
        total = _split(grown, "count_left").plus(_split(grown, "count_right")).times(HALF)
        reject = _split(grown, "reject_left").plus(_split(grown, "reject_right")).times(HALF)
        return total, total.plus(reject, -1)
    total, reject, good = (_split(grown, name) for name in ("count", "reject", "good"))
    if "count" not in spec.signals:
        return good.plus(reject), good
    total = total.times(made)
    if entered:
        return total, total.plus(_split(grown, ENTERED), -1)
    return total, total.plus(reject, -1) if "reject" in spec.signals else good


def _share(setting: Setting, spec: KpiSpec) -> Fraction:
    """The part of the stations that is mounted."""
    if spec.stations is None or setting.mounted is None:
        return Fraction(1)
    return Fraction(min(max(setting.mounted, 0), spec.stations), spec.stations)


def _split(grown: Mapping[str, Growth], signal: str) -> Split:
    found = grown.get(signal)
    if found is None:
        return NONE
    return Split(Fraction(found.placed), Fraction(found.unplaced))
