"""The windows of one line, or of the site: closed once all parts are, and restated as they are.

There is nothing of its own in memory but what was told: a figure is the sum of its parts, and
those are folds over each asset's log. So after a restart, for late data and where a clock was
set, it is made again as it was made at first.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateway.figures.account import STEP_MS, front_of
from gateway.figures.book import Book
from gateway.figures.media import MEDIA
from gateway.figures.reach import ALWAYS
from gateway.rollup.budget import Budget
from gateway.rollup.gathering import gather, who
from gateway.rollup.statement import energy_of, oee_fields
from gateway.rollup.total import Total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.figures.book import Agenda
    from gateway.figures.media import Medium
    from gateway.figures.share import Share
    from gateway.figures.statement import Fields
    from gateway.figures.windows import Window
    from gateway.model import Draft, Record

KINDS = ("hour", "shift", "day")
UNBOUNDED = 1 << 62


class RollUp:
    """One line, or the site.

    Args:
        place: line and asset, as the topic has them.
        line: whose assets it sums up; None: those of all lines.
        agenda: which windows it has.
        grace_ms: how long after its end a window waits for what is under way.

    Attributes:
        place, line: as given.
        shares: the assets that stand or stood on it.
    """

    def __init__(
        self, place: tuple[str, str], line: str | None, agenda: Agenda, grace_ms: int
    ) -> None:
        self.place = place
        self.line = line
        self.shares: list[Share] = []
        self._now = 0
        self._budget = Budget(0)
        self._waiting: tuple[Window, Total, list[Share]] | None = None
        self._totals: dict[Window, Total] = {}
        self._wanted: set[Window] = set()
        self._agenda = agenda
        self._kept_to = 0
        self._grace = grace_ms
        self._books: dict[Medium | None, Book] = {}

    def follow(self, shares: Sequence[Share]) -> None:
        """Sum up other assets from now on; windows that one had which is gone stay as told."""
        before = {share.name for share in self.shares}
        if before - {share.name for share in shares}:
            self._kept_to = self._closed()
        self.shares = [s for s in shares if self.line is None or self.line in s.lines()]
        if any(share.makes for share in self.shares):
            self._add("oee", None)
        for medium in MEDIA:
            if any(medium in share.media for share in self.shares):
                self._add(f"energy/{medium.name}", medium)
        self._forget()
        for share in self.shares:
            share.used_to = max(share.used_to, self._closed())
            share.on_touch.append(self._touch)
        for book in self._books.values():
            book.due = 0
        self._replan(self._now)
        self._open()

    def recall(self, record: Record) -> None:
        """Take up a statement made earlier, before assets take up their logs."""
        for book in self._books.values():
            if book.cls == record.cls:
                book.recall(record)
        for share in self.shares:
            share.used_to = max(share.used_to, self._closed())

    def resume(self, now_ms: int) -> None:
        """Go on, once assets and statements are there."""
        self._now = now_ms
        self._replan(now_ms)
        if any(share.was_moved for share in self.shares):
            self.move(0, now_ms)

    def advance(self, now_ms: int, budget: Budget) -> list[Draft]:
        """Close and restate what is due.

        Args:
            now_ms: UTC ms.
            budget: how many parts may be gathered now.
        """
        if now_ms < self._now - STEP_MS:
            self._forget()
            for book in self._books.values():
                book.step_back(now_ms)
        self._now, self._budget = now_ms, budget
        self._open()
        drafts: list[Draft] = []
        self._wanted.clear()
        front = front_of(now_ms)
        for book in self._books.values():
            if now_ms >= book.due:
                drafts += book.advance(now_ms, front)
                book.trim(front)
        self._totals = {w: total for w, total in self._totals.items() if w in self._wanted}
        if self._waiting is not None and self._waiting[0] not in self._wanted:
            self._waiting = None
        if drafts:
            for share in self.shares:
                share.note_told(now_ms)
        return drafts

    @property
    def due(self) -> int:
        """When `advance` next has something to do, as far as is known now."""
        is_open = any(share.opened is not None for share in self.shares)
        return min((book.due for book in self._books.values() if is_open), default=ALWAYS)

    def finish(self) -> list[Draft]:
        """Close what is over of all assets, where nothing more will ever be read."""
        end_ms = min((share.ended for share in self.shares if share.ended is not None), default=0)
        self._budget = Budget(UNBOUNDED)
        drafts: list[Draft] = []
        for book in self._books.values():
            drafts += book.finish(end_ms, front_of(end_ms), self._is_gathered)
        return drafts

    def move(self, since: int, now_ms: int) -> None:
        """Look at all windows anew: logs were shifted from a time on."""
        self._now = now_ms
        self._forget()
        for book in self._books.values():
            book.move(since, None, now_ms)

    def _open(self) -> None:
        """Begin with the windows in which the first of its assets began."""
        opened = [share.opened for share in self.shares if share.opened is not None]
        if opened:
            for book in self._books.values():
                book.open(min(opened))

    def _add(self, cls: str, medium: Medium | None) -> None:
        """Tell of one more class, unless it is told already."""
        if medium in self._books:
            return
        fold = partial(self._fold, medium)
        of = self._agenda, self._grace, fold, self._is_gathered, self._is_logged
        self._books[medium] = Book(cls, self.place, KINDS, None, *of)

    def _replan(self, now_ms: int) -> None:
        """Look for shifts that are planned only now, and are over."""
        starts = [share.replanned for share in self.shares if share.replanned is not None]
        for book in self._books.values() if starts else ():
            book.look_again(min(starts), now_ms, {"shift"})

    def _closed(self) -> int:
        return max((book.closed for book in self._books.values()), default=0)

    def _touch(self, start: int, end: int, now_ms: int, seen_ms: int | None) -> None:
        start = max(start, self._kept_to)
        known = [*self._totals, *([self._waiting[0]] if self._waiting else [])]
        if any(window.start < end and window.end > start for window in known):
            self._forget()
        for book in self._books.values():
            book.touch(start, end, now_ms, seen_ms)

    def _forget(self) -> None:
        self._waiting = None
        self._totals.clear()

    def _is_gathered(self, window: Window, now_ms: int) -> bool:
        """Whether the parts of a window are all there; else some more of them are gathered."""
        self._wanted.add(window)
        if window in self._totals:
            return True
        if self._waiting is None:
            self._waiting = window, Total(), who(self.shares, window, self.line)
        at, total, waiting = self._waiting
        if at != window or not gather(total, waiting, window, now_ms, self._budget):
            return False
        self._totals[window], self._waiting = total, None
        return True

    def _is_logged(self, start: int, end: int) -> bool:
        return any(share.tells_of(start, end) for share in self.shares)

    def _fold(self, medium: Medium | None, window: Window, _now_ms: int) -> Fields | None:
        total = self._totals[window]
        if medium is None:
            return oee_fields(window, total, is_line=self.line is not None)
        return energy_of(window, total, medium)
