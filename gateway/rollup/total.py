"""Exact sums of the parts of a line or a site.

    a = Σ run / Σ (planned - unknown)       p = Σ ideal time of placed pieces / Σ run
    q = Σ ideal time of good ones / Σ of all        oee = a × p × q

Averages of ratios would weigh an hour of work as much as a minute of it. Machines count, that is
assets whose counting rule makes pieces; one that had no planned time in the window adds nothing
to times and pieces, but what it used counts. A meter that stands behind another one of the same
medium in the same sum (`within`) isn't counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from gateway.figures.pieces import NOTHING, Output, Split
from gateway.figures.staffing import OPERATORS
from gateway.figures.timeline import Times
from gateway.figures.usage import (
    AIR,
    APPORTIONED,
    COST,
    PF,
    PRICED,
    SLOT,
    WORK,
    Key,
    Used,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.figures.media import Medium
    from gateway.figures.part import Part
    from gateway.kpi import Factor, KpiSpec

STATE_BASES = ("plc", "power", "counter", "entered")
IDEAL_BASES = ("nameplate", "measured", "default")
"""From the firmest on."""
_ADDED_BY = frozenset({SLOT, WORK})
_ADDED = frozenset({COST, PRICED, APPORTIONED, *PF, *AIR})
"""Amounts of one meter that make sense added to another's."""
_ALL = frozenset({"counted", "judged", "timed"})
"""What a sum tells only where every part tells it."""


@dataclass(slots=True)
class Total:
    """What the parts add up to.

    Attributes:
        times, output: of the machines that had planned time; None: no machine did.
        machines: how many assets make pieces, with planned time or without.
        known_ms, length_ms: time of known state, and all of it, over every machine.
        jumps: steps of counters that were not believed.
        ideal, state: places in `IDEAL_BASES` and `STATE_BASES`: the least firm of all.
        pieces: units of what they make.
        cycles: mean time of a placed piece at each machine in ms, None where it made none.
        stations: the same of those whose pieces don't add up, as operations of a garment.
        unstaffed: of a machine that has operators, time attended or standard time isn't known.
        specs: of all that add anything, by asset.
        meters: by medium, what each asset used; `factors`, what that is converted with, where
            it is the same for all.
        passed_ms: how much of the window has passed.
    """

    times: Times = field(default_factory=Times)
    output: Output | None = None
    machines: int = 0
    known_ms: int = 0
    length_ms: int = 0
    jumps: int = 0
    pieces: set[str] = field(default_factory=set)
    ideal: int = 0
    state: int = 0
    cycles: list[Fraction | None] = field(default_factory=list)
    stations: list[Fraction | None] = field(default_factory=list)
    unstaffed: bool = False
    specs: dict[str, KpiSpec] = field(default_factory=dict)
    meters: dict[Medium, dict[str, Used]] = field(default_factory=dict)
    factors: dict[Medium, Mapping[str, Factor]] = field(default_factory=dict)
    passed_ms: int = 0

    def add(self, part: Part) -> None:
        """Take an asset's part."""
        spec = part.spec
        self.specs[part.asset] = spec
        self.passed_ms = part.passed_ms
        for medium, used in part.used.items():
            self.meters.setdefault(medium, {})[part.asset] = used
            factors = part.factors[medium]
            alike = self.factors.setdefault(medium, factors) == factors
            self.factors[medium] = factors if alike else {}
        times, output = part.times, part.output
        if times is None or output is None or spec.counting == "none":
            return
        self.machines += 1
        self.known_ms += times.known
        self.length_ms += times.length
        if not times.planned:
            return
        self.times += times
        self.output = alone(output) if self.output is None else beside(self.output, alone(output))
        self.jumps += part.jumps
        self.pieces.add(spec.piece)
        placed = output.total.placed if output.counted else NOTHING
        self.cycles.append(times.run / placed if placed else None)
        if not spec.adds_up:
            self.stations.append(self.cycles[-1])
        self.unstaffed |= OPERATORS in spec.signals and output.attended is None
        basis = "default" if output.untimed else spec.ideal_basis
        self.ideal = max(self.ideal, IDEAL_BASES.index(basis))
        self.state = max(self.state, STATE_BASES.index(spec.state_basis))

    @property
    def unit(self) -> str | None:
        """What all of it is counted in; None where pieces don't add up."""
        alike = len(self.pieces) == 1 and (not self.stations or len(self.cycles) == 1)
        return next(iter(self.pieces)) if alike else None

    @property
    def balance(self) -> Fraction | None:
        """The stations' cycles over as many of the slowest one; None where one has none."""
        of = self.stations or self.cycles
        cycles = [cycle for cycle in of if cycle]
        if len(cycles) < len(of) or not (self.stations or len(self.pieces) == 1):
            return None
        return sum(cycles, Fraction(0)) / (len(cycles) * max(cycles))

    def used(self, medium: Medium) -> tuple[Used, int]:
        """What was used of a medium, and how many meters that is the sum of."""
        meters = self.meters.get(medium, {})
        counted = [meters[asset] for asset in self._outermost(medium)]
        use = sum((one.use for one in counted), Fraction(0))
        blind = [one for one in counted if not one.spanned_ms]
        sums: dict[Key, Fraction] = {}
        for one in counted:
            for key, amount in one.sums.items():
                if key in _ADDED or key[0] in _ADDED_BY:
                    sums[key] = sums.get(key, Fraction(0)) + amount
        found = Used(
            use=use,
            spanned_ms=sum(one.spanned_ms for one in counted),
            known_ms=sum(one.known_ms for one in counted),
            estimated=any(one.estimated for one in counted) or 0 < len(blind) < len(counted),
            sums=sums,
        )
        return found, len(counted)

    def _outermost(self, medium: Medium) -> Iterator[str]:
        """The assets whose meters stand behind no other one that is here."""
        meters = self.meters.get(medium, {})
        for asset in meters:
            outer, seen = self.specs[asset].within, {asset}
            while outer and outer not in meters and outer not in seen:
                seen.add(outer)
                outer = self.specs[outer].within if outer in self.specs else ""
            if outer not in meters:
                yield asset


def alone(output: Output) -> Output:
    """An asset's pieces as a sum takes them: good and scrap as they are told of the asset."""
    if not output.judged:
        return output
    good = output.good
    if output.counted:
        good = Split(good.placed, output.total.all - output.scrap - good.placed)
    return replace(output, good=good, pairs=output.good_pieces)


def beside(one: Output, other: Output) -> Output:
    """The pieces of two machines in the same time."""
    values = {
        f.name: _join(f.name, getattr(one, f.name), getattr(other, f.name)) for f in fields(one)
    }
    return Output(**values)


def _join(name: str, one: Any, other: Any) -> Any:  # noqa: ANN401 - whatever a field holds
    if one is None or other is None:
        return other if one is None else one
    if isinstance(one, Split):
        return one.plus(other)
    if isinstance(one, frozenset):
        return one | other
    if isinstance(one, bool):
        return one and other if name in _ALL else one or other
    return one + other
