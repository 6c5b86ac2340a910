"""One asset's figures from its log in memory: any window, finished or not.

Nothing here changes the log. Sums of quarter hours are kept (`cells`), and of pairs how far left
is ahead of right where the log begins.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING

from gateway.figures.calendar import SIGHT_MS
from gateway.figures.cells import Cells
from gateway.figures.conversion import factors_of
from gateway.figures.counting import count_pieces, good_halves
from gateway.figures.course import minutes_of
from gateway.figures.energy import EnergyFigures, SharedFigures, energy_figures, with_shared
from gateway.figures.intervals import merge
from gateway.figures.journal import (
    ORDER,
    PRODUCT,
    STATE,
)
from gateway.figures.media import BESIDE, COMPRESSED_AIR, ELECTRICITY, HITS, MEDIA
from gateway.figures.oee import OeeFigures, Sums, figures, state_at, sum_up
from gateway.figures.orders import Carried, Orders
from gateway.figures.part import Part
from gateway.figures.pieces import NOTHING, tells_pieces
from gateway.figures.statement import energy_fields, oee_fields
from gateway.figures.stops import micro_ms_of
from gateway.figures.timeline import is_undecided
from gateway.figures.touching import begin_of, touched
from gateway.figures.track import moved
from gateway.figures.usage import Usage, Used, hole_of
from gateway.figures.windows import HOUR_MS, QUARTER_MS, Window, local_day

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from gateway.figures.calendar import Calendar
    from gateway.figures.intervals import Interval
    from gateway.figures.journal import Journal, Series
    from gateway.figures.media import Medium
    from gateway.figures.presence import Presence
    from gateway.figures.statement import Fields
    from gateway.kpi import Factor, KpiSpec

END = 1 << 62
RECENT = 6
"""Windows whose sums are at hand: an hour, a shift and a day that end together, and for whom."""
LEAP_MS = 48 * HOUR_MS


class Reckoning:
    """The figures of one asset.

    Args:
        spec: what they are computed from.
        line: whose plan holds.
        calendar: of the site.
        journal: the asset's log; someone else fills it.
        presence: what is known of the state; None where no state is bound.
        orders: that the journal tells of.

    Attributes:
        spec, line: as given.
        base: how far left was ahead of right at a time, (UTC ms, halves), where that is known.
        has_oee: whether there are any figures but of meters.
    """

    def __init__(
        self,
        spec: KpiSpec,
        line: str,
        calendar: Calendar,
        journal: Journal,
        presence: Presence | None,
        orders: Orders,
    ) -> None:
        self._orders = orders
        self.spec = spec
        self.line = line
        self._calendar = calendar
        self._journal = journal
        self._presence = presence
        self._micro_ms = micro_ms_of(spec)
        self._cells = Cells(Sums(), self._sum_up, self.is_settled)
        self._usage = Usage(spec, calendar, line)
        self._meter_cells = {
            medium: Cells(Used(), partial(self._meter, medium), partial(self.is_metered, medium))
            for medium in MEDIA
            if not set(medium.signals).isdisjoint(spec.signals)
        }
        self._recent: dict[Window, Sums] = {}
        self._hit: dict[str, tuple[Cells[Sums] | Cells[Used], ...]] = {}
        self.base: tuple[int, Fraction] | None = None
        self.has_oee = STATE in spec.signals or tells_pieces(spec)

    def has_meter(self, medium: Medium) -> bool:
        """Whether anything of a medium is measured."""
        return medium in self._meter_cells

    def oee(self, window: Window, now_ms: int) -> OeeFigures:
        """The OEE figures of a window; of what has passed of it, where it isn't over."""
        end = min(window.end, now_ms)
        sums = self._sums(window, now_ms)
        ahead = self._ahead_at(window, now_ms)
        state, is_order = state_at(self._journal, end), window.kind == ORDER
        return figures(sums, self.spec, state, ahead, is_order=is_order)

    def energy(self, medium: Medium, window: Window, now_ms: int) -> EnergyFigures:
        """What was used of a medium in a window, with the good pieces of the same time."""
        used = self._used(medium, window, now_ms)
        passed_ms = self._passed(window, now_ms)
        good = self.oee(window, now_ms).good if self.has_oee else None
        factors = self._factors(medium, window)
        return energy_figures(used, self.spec, medium, passed_ms, good, factors)

    def part(self, asset: str, window: Window, now_ms: int) -> Part:
        """What the asset adds to figures of several."""
        times = output = None
        jumps = 0
        if self.has_oee:
            sums = self._sums(window, now_ms)
            times = sums.times
            output = count_pieces(sums.counts, self.spec, self._ahead_at(window, now_ms))
            jumps = sum(one.jumps for grown in sums.counts.values() for one in grown.values())
        used = {medium: self._used(medium, window, now_ms) for medium in self._meter_cells}
        factors = {medium: self._factors(medium, window) for medium in used}
        passed_ms = min(window.end, now_ms) - window.start
        return Part(asset, self.line, self.spec, times, output, jumps, used, factors, passed_ms)

    def is_at_hand(self, window: Window) -> bool:
        """Whether a window's sums need not be made anew."""
        return not self.has_oee or window in self._recent

    def windows(self, kind: str, start: int, end: int) -> list[Window]:
        """The windows of a kind that share time with [start, end), in order of their start."""
        if kind == ORDER:
            return self._orders.windows(start, end)
        if kind != PRODUCT:
            return self._calendar.windows(kind, self.line, start, end)
        whole = self._calendar.windows(self._whole(), self.line, start, end)
        return [
            dataclasses.replace(window, product=product)
            for window in whole
            for product in sorted(self._orders.products(window.start, window.end))
        ]

    def next_end(self, kind: str, after: int) -> int:
        """When the next window of a kind ends, after a moment."""
        if kind == ORDER:
            return self._orders.next_end(after) or after + SIGHT_MS
        kind = self._whole() if kind == PRODUCT else kind
        return self._calendar.next_end(kind, self.line, after)

    def current(self, window: Window) -> Window:
        """A window that was told, as it is planned or known now; also where it is none any more."""
        if window.kind == ORDER:
            return self._orders.current(window)
        if window.kind != "shift":
            return window
        found = self._calendar.windows("shift", self.line, window.start, window.start + 1)
        same = (w for w in found if (w.start, w.shift) == (window.start, window.shift))
        end = next((w.end for w in same), window.end)
        return dataclasses.replace(window, end=end)

    def carry(self, front: int, now_ms: int) -> str | None:
        """Sum up what lies before a moment of the order that is older; as the log has it."""
        window = self._orders.older(front)
        if window is None:
            self._orders.carried = None
            return None
        window = dataclasses.replace(window, end=front)
        before = self._orders.before(window)
        products = self._orders.products(window.start, front)
        made = Carried(
            window.start,
            window.order,
            front,
            frozenset(products | (before.products if before else set())),
            self._ahead_at(window, now_ms),
            self._sums(window, now_ms),
            {medium.name: self._used(medium, window, now_ms) for medium in self._meter_cells},
        )
        return self._orders.carry(made)

    def oee_fields(self, window: Window, now_ms: int) -> Fields:
        """What an oee record of a window says."""
        return oee_fields(window, self.oee(window, now_ms), self.spec)

    def energy_fields(
        self, medium: Medium, window: Window, now_ms: int, shared: SharedFigures | None = None
    ) -> Fields:
        """What an energy record of a window says; `shared` hangs on other assets."""
        found = self.energy(medium, window, now_ms)
        found = found if shared is None else with_shared(found, shared)
        return energy_fields(window, found, self.spec, medium)

    def now(self, now_ms: int) -> OeeFigures:
        """The OEE figures of the hour that it is."""
        (hour,) = self._calendar.windows("hour", self.line, now_ms, now_ms + 1)
        return self.oee(hour, max(now_ms, hour.start + 1))

    def is_settled(self, edge: int, now_ms: int) -> bool:
        """Whether what is in time can no longer change figures up to an edge.

        The state must be known as far as that, and a stop that spans the edge must be long
        enough to be one, or over.
        """
        presence = self._presence
        if presence is None:
            return True
        if not presence.is_known_to(edge, now_ms):
            return False
        return not self._micro_ms or not is_undecided(
            self._journal, edge, presence.last, self._micro_ms
        )

    def is_metered(self, medium: Medium, edge: int, now_ms: int) -> bool:
        """Whether a reading beyond an edge is there to interpolate with, or none will come."""
        if not self.is_settled(edge, now_ms):
            return False
        edge = minutes_of(edge, edge)[1]  # what it parts hangs on the whole minute
        registers = [name for name in medium.series if name in self._journal.numbers][:1]
        if medium is ELECTRICITY:
            registers += [*BESIDE, *COMPRESSED_AIR.series]
        for name in registers:
            series = self._journal.numbers.get(name)
            if series is not None and not self._is_read(series, edge, now_ms):
                return False
        return True

    def touched(self, t_ms: int, signal: str) -> Interval:
        """The time whose figures an entry that came late can change."""
        return touched(self._journal, self.spec, t_ms, signal)

    def drop(self, start: int, end: int, signal: str) -> None:
        """Forget the sums that an entry changes."""
        for cells in self._cells_of(signal):
            cells.drop(start, end)
            if cells is self._cells:
                self._recent.clear()

    def kept_to(self, signal: str) -> int:
        """Up to when sums of a signal are kept: `drop` what an entry before that changes."""
        hit = self._hit.get(signal)
        if hit is None:
            hit = self._hit[signal] = tuple(self._cells_of(signal))
        return max((cells.newest for cells in hit), default=0)

    def forget(self, start: int) -> None:
        """Forget all sums from a time on."""
        self._cells.drop(start, END)
        self._recent.clear()
        for metered in self._meter_cells.values():
            metered.drop(start, END)

    def trim(self, front: int, now_ms: int) -> Fraction | None:
        """Forget what lies before a time, which is at a full quarter hour.

        Returns:
            How far left is ahead of right there, where pairs are counted.
        """
        ahead = None
        if self.spec.counting == "pairs":
            ahead = self._ahead(front, now_ms)
            self.base = front, ahead
        self._cells.drop(0, front)
        for cells in self._meter_cells.values():
            cells.drop(0, front)
        return ahead

    def move(self, since: int, delta: int) -> int:
        """Follow the journal, whose entries from a time on are about to be shifted.

        Returns:
            The first ms whose figures may be others then.
        """
        if self.spec.counting == "pairs" and delta > LEAP_MS:
            # Nothing is asked of the time before any more, and years are long to add up.
            self.base = since + delta, self._ahead(since, since)
        elif self.base is not None:
            t_ms, ahead = self.base
            self.base = moved(t_ms, since, delta), ahead
        registers = [name for medium in self._meter_cells for name in medium.series]
        begin = begin_of(self._journal, self.spec, registers, min(since, since + delta))
        self.forget(begin)
        return begin

    def recall(self, t_ms: int, ahead: Fraction) -> None:
        """Take up how far left is ahead of right at a time."""
        self.base = t_ms, ahead

    def _factors(self, medium: Medium, window: Window) -> dict[str, Factor]:
        return factors_of(self.spec, medium, local_day(window.start, self._calendar.tz))

    def _sums(self, window: Window, now_ms: int) -> Sums:
        """The sums of a window, kept for those who ask for them next, once nothing changes them."""
        found = self._recent.get(window)
        if found is None:
            before = self._orders.before(window)
            found = Sums() if before is None else before.sums
            for start, end in self._stretches(window):
                found += self._cells.sum(start, end, now_ms)
            if window.end <= now_ms and self.is_settled(window.end, now_ms):
                if len(self._recent) >= RECENT:
                    del self._recent[next(iter(self._recent))]
                self._recent[window] = found
                self._cells.newest = max(self._cells.newest, window.end)
        return found

    def _used(self, medium: Medium, window: Window, now_ms: int) -> Used:
        before = self._orders.before(window)
        found = Used() if before is None else before.used.get(medium.name, Used())
        for start, end in self._stretches(window):
            found += self._meter_cells[medium].sum(start, end, now_ms)
        return found

    def _stretches(self, window: Window) -> list[Interval]:
        """The time of a window that the log tells of: of one for a product, where it was made."""
        if window.product and window.kind != ORDER:
            told = self._journal.product.stretches(window.start, window.end)
            return merge((start, end) for start, end, code in told if code == window.product)
        before = self._orders.before(window)
        return [(window.start if before is None else before.upto, window.end)]

    def _passed(self, window: Window, now_ms: int) -> int:
        """How much of a window has passed."""
        if window.product and window.kind != ORDER:
            return sum(max(min(end, now_ms) - start, 0) for start, end in self._stretches(window))
        return min(window.end, now_ms) - window.start

    def _whole(self) -> str:
        """The kind of windows that products are told for."""
        return "day" if self._calendar.roster(self.line) is None else "shift"

    def _ahead_at(self, window: Window, now_ms: int) -> Fraction:
        """How far left is ahead of right when a window begins; halves of a product stay its own."""
        if window.product and window.kind != ORDER:
            return NOTHING
        before = self._orders.before(window)
        return self._ahead(window.start, now_ms) if before is None else before.ahead

    def _ahead(self, moment: int, now_ms: int) -> Fraction:
        if self.spec.counting != "pairs":
            return NOTHING
        first = self._journal.first()
        since, ahead = self.base or ((first or moment) // QUARTER_MS * QUARTER_MS, NOTHING)
        left, right = good_halves(self._cells.sum(since, moment, now_ms).counts)
        return ahead + left - right

    def _sum_up(self, start: int, end: int, now_ms: int) -> Sums:
        plan = self._calendar.plan(self.line, start, end)
        plan = plan.without(self._journal.stops(start, end))
        return sum_up(self._journal, start, end, plan, self.spec, now_ms)

    def _meter(self, medium: Medium, start: int, end: int, now_ms: int) -> Used:
        return self._usage.of(self._journal, medium, start, min(end, now_ms))

    def _is_read(self, series: Series[float], edge: int, now_ms: int) -> bool:
        """Whether a register was read beyond an edge, or is overdue."""
        last = series.times[-1]
        return last >= edge or now_ms - last > hole_of(self.spec)

    def _cells_of(self, signal: str) -> Iterator[Cells[Sums] | Cells[Used]]:
        """The sums that hang on a signal: of a meter's its own, of the state all."""
        hit = HITS.get(signal)
        if hit is None:
            yield self._cells
        for medium, cells in self._meter_cells.items():
            if medium in (hit or MEDIA):
                yield cells
