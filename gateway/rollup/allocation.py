"""Energy of a shared machine, such as a compressor, among those that it works for.

It is shared out by quarter hours, so hours add up to the day: by the time that each ran, by good
pieces, or by fixed shares. What is shared out and what is left add up to the meter exactly; where
nobody ran, all of it is left with the machine itself. What others use is a figure of its own
(`shared_kwh`), never mixed into what their own meters tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from gateway.figures.account import STEP_MS, front_of
from gateway.figures.cells import Cells
from gateway.figures.course import exact
from gateway.figures.media import ELECTRICITY
from gateway.figures.windows import Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.figures.part import Part
    from gateway.figures.share import Share
    from gateway.metering import Shared

NOTHING = Fraction(0)
END = 1 << 62
RUN_TIME, SHARE = "run_time", "share"


@dataclass(frozen=True, slots=True)
class Portions:
    """What became of a shared machine's energy; neighbouring stretches add up.

    Attributes:
        of: asset → kWh.
        left: kWh that nobody is given.
        metered: ms of which its meter tells.
    """

    of: Mapping[str, Fraction] = field(default_factory=dict)
    left: Fraction = NOTHING
    metered: int = 0

    def __add__(self, other: Portions) -> Portions:
        of = dict(self.of)
        for name, kwh in other.of.items():
            of[name] = of.get(name, NOTHING) + kwh
        return Portions(of, self.left + other.left, self.metered + other.metered)


class Allocation:
    """One shared machine.

    Args:
        shared: the machine.
        shares: all assets, by name.
    """

    def __init__(self, shared: Share, shares: Mapping[str, Share]) -> None:
        terms = shared.spec.metering.shared
        names = () if terms is None else terms.among
        self.shared = shared
        self.users = [shares[name] for name in names if name in shares]
        self._now = 0
        self._shares = shares
        self._cells = Cells(Portions(), self._share_out, self.is_settled)

    def follow(self) -> None:
        """Be told from now on of what changes."""
        for share in (self.shared, *self.users):
            share.on_touch.append(self._touch)

    def is_settled(self, edge: int, now_ms: int) -> bool:
        """Whether what is in time can no longer change portions up to an edge."""
        return all(share.is_known(edge, now_ms) for share in (self.shared, *self.users))

    def portions(self, window: Window, now_ms: int) -> Portions:
        """What became of its energy in a window, as far as that has passed."""
        if now_ms < self._now - STEP_MS:
            self._cells.drop(now_ms, END)
        self._now = now_ms
        self._cells.drop(0, front_of(now_ms))
        return self._cells.sum(window.start, window.end, now_ms)

    def _touch(self, start: int, end: int, now_ms: int, seen_ms: int | None) -> None:
        self._cells.drop(start, end)
        for share in (self.shared, *self.users):
            share.touch_energy(start, end, now_ms, seen_ms)

    def _share_out(self, start: int, end: int, now_ms: int) -> Portions:
        window = Window("quarter", start, end)
        if not self.shared.has(window):
            return Portions()
        part = self.shared.part(window, now_ms)
        used, terms = part.used.get(ELECTRICITY), part.spec.metering.shared
        if used is None or not used.spanned_ms:
            return Portions()
        weights = {} if terms is None else self._weights(terms, window, now_ms)
        whole = sum(weights.values(), NOTHING)
        if not whole:
            return Portions({}, used.use, used.spanned_ms)
        of = {name: used.use * weight / whole for name, weight in weights.items()}
        return Portions(of, NOTHING, used.spanned_ms)

    def _weights(self, terms: Shared, window: Window, now_ms: int) -> dict[str, Fraction]:
        if terms.by == SHARE:
            return {name: exact(share) for name, share in terms.among.items()}
        found: dict[str, Fraction] = {}
        for name in terms.among:
            share = self._shares.get(name)
            if share is not None and share.has(window):
                found[name] = _weight(share.part(window, now_ms), terms.by)
        return found


class Allotment:
    """What one asset has to do with shared machines.

    Args:
        name: of the asset.
        given: machines of whose energy it is given a part.
        own: how its own energy is shared out; None: it isn't.
    """

    def __init__(self, name: str, given: Sequence[Allocation], own: Allocation | None) -> None:
        self._name = name
        self._given = given
        self._own = own

    def is_settled(self, edge: int, now_ms: int) -> bool:
        """Whether what is in time can no longer change it up to an edge."""
        involved = [*self._given, *([] if self._own is None else [self._own])]
        return all(one.is_settled(edge, now_ms) for one in involved)

    def told(self, window: Window, now_ms: int) -> dict[str, Fraction | None]:
        """Its figures of a window; None where no shared meter tells of any of it."""
        figures: dict[str, Fraction | None] = {}
        if self._given:
            found = [one.portions(window, now_ms) for one in self._given]
            is_metered = any(portions.metered for portions in found)
            kwh = sum((portions.of.get(self._name, NOTHING) for portions in found), NOTHING)
            figures["shared_kwh"] = kwh if is_metered else None
        if self._own is not None:
            own = self._own.portions(window, now_ms)
            figures["unallocated_kwh"] = own.left if own.metered else None
        return figures


def allot(shares: Mapping[str, Share]) -> None:
    """Tell each asset what it has to do with shared machines."""
    made = {
        name: Allocation(share, shares)
        for name, share in shares.items()
        if share.spec.metering.shared is not None
    }
    for name, share in shares.items():
        given = [one for one in made.values() if share in one.users]
        own = made.get(name)
        share.allotment = Allotment(name, given, own) if given or own is not None else None
    for allocation in made.values():
        allocation.follow()


def _weight(part: Part, by: str) -> Fraction:
    """How much a machine has done in a quarter hour."""
    if by == RUN_TIME:
        return NOTHING if part.times is None else Fraction(part.times.run)
    if part.output is None:
        return NOTHING
    return part.output.good_pieces if part.output.judged else part.output.total.all
