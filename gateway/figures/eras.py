"""One asset's figures over times of different settings: each window by those in force at its end.

An ideal cycle that is corrected today holds from today on. A window that was over before it, told
already or not yet, is computed with what held then, however late the data that it is told again
for; so settings alone never change a figure. Mostly there is one era, and each call goes to it.
What is dated by itself (a tariff, factors) is the newest's in all eras: it says for which time it
holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.figures.journal import ORDER, REASON, SILENCE, STATE
from gateway.figures.media import METERED
from gateway.figures.orders import Orders
from gateway.figures.reach import NEVER
from gateway.figures.reckoning import Reckoning
from gateway.figures.terms import Terms, read, terms_of, written
from gateway.figures.track import moved
from gateway.figures.windows import HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from fractions import Fraction

    from gateway.figures.calendar import Calendar
    from gateway.figures.energy import SharedFigures
    from gateway.figures.intervals import Interval
    from gateway.figures.journal import Journal
    from gateway.figures.media import Medium
    from gateway.figures.oee import OeeFigures
    from gateway.figures.part import Part
    from gateway.figures.presence import Presence
    from gateway.figures.statement import Fields
    from gateway.figures.windows import Window
    from gateway.kpi import KpiSpec

AGAIN_MS = 12 * HOUR_MS
"""Settings are logged again after so long: less than half of what is read of the log."""


class _Era(NamedTuple):
    """Settings that were in force from a time on, as the log has them, and figures by them."""

    since: int
    text: str
    reckoning: Reckoning


class Eras:
    """The figures of one asset.

    Args:
        spec: what they are computed from now.
        line: whose plan holds.
        calendar: of the site.
        journal: the asset's log; someone else fills it.
        presence: what is known of the state; None where no state is bound.

    Attributes:
        orders: that the log tells of.
        replanned: when figures are others because something of a date is said anew: from, to, and
            when it was logged: what was told later knew it. None: it isn't logged yet.
    """

    def __init__(
        self,
        spec: KpiSpec,
        line: str,
        calendar: Calendar,
        journal: Journal,
        presence: Presence | None,
    ) -> None:
        self._journal = journal
        self._presence = presence
        self.orders = Orders(journal)
        self._newest = Reckoning(spec, line, calendar, journal, presence, self.orders)
        self._terms = self._logged = terms_of(spec, line, calendar)
        self._is_first = True
        self._text = written(spec, line, calendar)
        self.replanned: list[tuple[int, int, int | None]] = []
        self._earlier: list[_Era] = []
        self._since = self._logged_ms = NEVER

    @property
    def spec(self) -> KpiSpec:
        """The settings of now."""
        return self._newest.spec

    def recall(self, t_ms: int, text: str) -> None:
        """Take up settings that were logged, in the order in which they were."""
        self._logged_ms = t_ms
        self._earlier = [era for era in self._earlier if era.since < t_ms]
        if self._earlier and self._earlier[-1].text == text:
            return
        self._follow(self._terms if text == self._text else read(text), t_ms)
        _shorten(self._earlier, t_ms)
        if self._earlier and self._earlier[-1].text == text:
            return
        terms = self._newest if text == self._text else self._of(text)
        if terms is not None:
            self._earlier.append(_Era(t_ms, text, terms))

    def begin(self, now_ms: int) -> None:
        """Go on with the settings of now, after all that were logged."""
        if not self._is_first:
            self._follow(self._terms, None)
        earlier = [era._replace(since=min(era.since, now_ms)) for era in self._earlier]
        if earlier and earlier[-1].text == self._text:
            self._since = earlier.pop().since
        elif earlier:
            self._since, self._logged_ms = now_ms, NEVER
            _shorten(earlier, now_ms)
            if earlier and earlier[-1].text == self._text:
                self._since = earlier.pop().since
        self._earlier = earlier

    def _follow(self, terms: Terms | None, t_ms: int | None) -> None:
        """Note when figures are others because a dated fact is, and up to when told ones are."""
        if terms is None:
            return
        if not self._is_first:
            self.replanned += [(*when, t_ms) for when in self._logged.differs(terms)]
        self._logged, self._is_first = terms, False

    def due(self, now_ms: int) -> tuple[int, str] | None:
        """Since when which settings hold, where it is time to log them."""
        if abs(now_ms - self._logged_ms) < AGAIN_MS:
            return None
        is_new = self._logged_ms == NEVER and self._since != NEVER
        self._logged_ms = self._since if is_new else now_ms
        return self._logged_ms, self._text

    def oee_fields(self, window: Window, now_ms: int) -> Fields | None:
        """What an oee record of a window says; None where the asset had none then."""
        of = self._at(window.end)
        return of.oee_fields(window, now_ms) if of.has_oee else None

    def energy_fields(
        self, medium: Medium, window: Window, now_ms: int, shared: SharedFigures | None = None
    ) -> Fields | None:
        """What an energy record of a window says; None where nothing was bound to it then.

        Args:
            medium: what is metered.
            window: of the record.
            now_ms: UTC ms.
            shared: figures that hang on other assets, by name.
        """
        of = self._at(window.end)
        return of.energy_fields(medium, window, now_ms, shared) if of.has_meter(medium) else None

    def part(self, asset: str, window: Window, now_ms: int) -> Part:
        """What the asset adds to figures of several."""
        return self._at(window.end).part(asset, window, now_ms)

    def is_at_hand(self, window: Window) -> bool:
        """Whether a window's sums need not be made anew."""
        return self._at(window.end).is_at_hand(window)

    def line_at(self, moment: int) -> str:
        """The line that the asset stood on just before a moment."""
        return self._at(moment).line

    def lines(self) -> set[str]:
        """The lines that it stands or stood on."""
        return {of.line for of in self._all()}

    def windows(self, kind: str, start: int, end: int) -> list[Window]:
        """The windows that share time with [start, end), each as planned at its end."""
        if not self._earlier:
            return self._newest.windows(kind, start, end)
        if kind == ORDER:
            return self.orders.windows(start, end)
        found = (
            window
            for of in self._all()
            for window in of.windows(kind, start, end)
            if self._at(window.end) is of
        )
        return sorted(found, key=lambda window: window.start)

    def next_end(self, kind: str, after: int) -> int:
        """When the next window of a kind ends, after a moment; far off where none is in sight."""
        return min(of.next_end(kind, after) for of in self._all())

    def current(self, window: Window) -> Window:
        """A window that was told, as it is planned or known now."""
        return self._at(window.end).current(window)

    def reaches(self, window: Window, front: int) -> bool:
        """Whether the log tells of the whole window, or what lies before it is carried."""
        return window.start >= front or self.orders.before(window) is not None

    def carry(self, front: int, now_ms: int) -> str | None:
        """Sum up what lies before a moment of the order that is older; as the log has it."""
        return self._at(front).carry(front, now_ms)

    def now(self, now_ms: int) -> OeeFigures:
        """The OEE figures of the hour that it is."""
        return self._newest.now(now_ms)

    def is_settled(self, edge: int, now_ms: int) -> bool:
        """Whether what is in time can no longer change figures up to an edge."""
        return self._at(edge).is_settled(edge, now_ms)

    def is_metered(self, medium: Medium, edge: int, now_ms: int) -> bool:
        """Whether a reading beyond an edge is there to interpolate with, or none will come."""
        return self._at(edge).is_metered(medium, edge, now_ms)

    def touched(self, t_ms: int, signal: str) -> Interval:
        """The time whose figures an entry that came late can change, whatever settings held."""
        if not self._earlier:
            return self._newest.touched(t_ms, signal)
        hit = [of.touched(t_ms, signal) for of in self._all()]
        return min(start for start, _end in hit), max(end for _start, end in hit)

    def acts_back(self, t_ms: int, signal: str) -> bool:
        """Whether an entry may change figures of the time before it.

        A meter's reading may end a hole. A reason may come after its stop. A silence taken back,
        or a state that came late, may make a stop longer or shorter that was judged when a window
        closed in it.
        """
        if signal == STATE:
            return t_ms < self._journal.state.times[-1]
        return signal in {SILENCE, REASON} or signal in METERED

    def drop(self, start: int, end: int, signal: str) -> None:
        """Forget the sums that an entry changes."""
        for of in self._all():
            of.drop(start, end, signal)

    def kept_to(self, signal: str) -> int:
        """Up to when sums of a signal are kept: `drop` what an entry before that changes."""
        if not self._earlier:
            return self._newest.kept_to(signal)
        return max(of.kept_to(signal) for of in self._all())

    def forget(self, start: int) -> None:
        """Forget all sums from a time on."""
        for of in self._all():
            of.forget(start)

    def trim(self, front: int, now_ms: int) -> Fraction | None:
        """Forget what lies before a time, which is at a full quarter hour.

        Returns:
            How far left is ahead of right there, where pairs are counted.
        """
        aheads = [of.trim(front, now_ms) for of in self._all()]
        ends = [*(era.since for era in self._earlier[1:]), self._since]
        self._earlier = [era for era, end in zip(self._earlier, ends, strict=False) if end > front]
        return next((ahead for ahead in aheads if ahead is not None), None)

    def move(self, since: int, delta: int) -> int:
        """Follow the journal, whose entries from a time on are about to be shifted.

        Returns:
            The first ms whose figures may be others then.
        """
        begin = min(of.move(since, delta) for of in self._all())
        self.orders.move(since, delta)
        self._earlier = [
            era._replace(since=moved(era.since, since, delta)) for era in self._earlier
        ]
        self._logged_ms = NEVER
        if self._since != NEVER:
            self._since = moved(self._since, since, delta)
        return begin

    def step_back(self, now_ms: int) -> None:
        """Go on after the clock was set back: no settings begin at a time still to come."""
        self.orders.cut(now_ms)
        self._earlier = [era._replace(since=min(era.since, now_ms)) for era in self._earlier]
        self._since = min(self._since, now_ms)
        self._logged_ms = NEVER

    def recall_ahead(self, t_ms: int, ahead: Fraction) -> None:
        """Take up how far left is ahead of right at a time."""
        for of in self._all():
            of.recall(t_ms, ahead)

    def _at(self, moment: int) -> Reckoning:
        """By the settings in force just before a moment; the first ones go back for ever."""
        if not self._earlier or self._since < moment:
            return self._newest
        earlier = [era for era in self._earlier if era.since < moment] or self._earlier[:1]
        return earlier[-1].reckoning

    def _all(self) -> list[Reckoning]:
        return [
            self._newest,
            *(era.reckoning for era in reversed(self._earlier) if era.reckoning != self._newest),
        ]

    def _of(self, text: str) -> Reckoning | None:
        terms = read(text)
        if terms is None:
            return None
        terms = terms.with_facts(self._terms)
        calendar = terms.calendar()
        of = Reckoning(terms.spec, terms.line, calendar, self._journal, self._presence, self.orders)
        if self._newest.base is not None:
            of.recall(*self._newest.base)
        return of


def _shorten(earlier: list[_Era], t_ms: int) -> None:
    """Leave out eras that no window ends in: settings that were changed again within a minute.

    But for orders, which end when they do, windows end on full minutes.
    """
    while earlier and earlier[-1].since // MINUTE_MS == t_ms // MINUTE_MS:
        earlier.pop()
