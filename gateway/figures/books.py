"""One asset's books: its windows of each class, and which of them an entry makes others."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateway.figures.bench import alike
from gateway.figures.book import Book, Fold
from gateway.figures.journal import PRODUCT, STATE, TEST
from gateway.figures.media import BESIDE, HITS, MEDIA
from gateway.figures.pieces import tells_pieces
from gateway.figures.reach import ALWAYS
from gateway.figures.share import Share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.figures.eras import Eras
    from gateway.figures.journal import Journal
    from gateway.figures.media import Medium
    from gateway.kpi import KpiSpec
    from gateway.model import Asset, Draft, Record

METERS = (*(signal for medium in MEDIA for signal in medium.signals), *BESIDE)
REPLANNED = frozenset({"shift", PRODUCT})
"""Kinds of windows that a plan changed afterwards makes more of."""


class Books:
    """The books of one asset.

    Args:
        asset: whose.
        spec: its `kpi`.
        eras: its figures.
        journal: its log in memory.
        grace_ms: how long windows wait for what is under way.
        note_told: logs that windows were told.

    Attributes:
        oee: windows of pieces and states; None where it has none.
        each: all of its books.
        share: what figures of several assets may ask of it.
    """

    def __init__(
        self,
        asset: Asset,
        spec: KpiSpec,
        eras: Eras,
        journal: Journal,
        grace_ms: int,
        note_told: Callable[[int], None],
    ) -> None:
        self._eras = eras
        self._journal = journal
        self._note_told = note_told

        def book(cls: str, fold: Fold, is_settled: Callable[[int, int], bool]) -> Book:
            return Book(
                cls,
                (asset.line, asset.name),
                spec.windows,
                spec.interim_s,
                eras,
                grace_ms,
                fold,
                lambda window, now_ms: is_settled(window.end, now_ms),
                journal.tells_of,
            )

        self.oee: Book | None = None
        if STATE in spec.signals or tells_pieces(spec):
            self.oee = book("oee", eras.oee_fields, eras.is_settled)
        self._meters: dict[Medium, Book] = {}
        makes = self.oee is not None and spec.counting != "none"
        self.share = Share(
            asset.name,
            asset.line,
            eras,
            self.oee,
            self._meters,
            journal.tells_of,
            note_told,
            makes=makes,
        )
        for medium in MEDIA:
            if not set(medium.signals).isdisjoint(spec.signals):
                fold = partial(self.share.energy_fields, medium)
                settled = partial(self.share.is_metered, medium)
                self._meters[medium] = book(f"energy/{medium.name}", fold, settled)
        self.each = (*filter(None, [self.oee]), *self._meters.values())

    @property
    def due(self) -> int:
        """When `advance` next has something to do."""
        return min((book.due for book in self.each), default=ALWAYS)

    @property
    def closed(self) -> int:
        """End of the latest closed window."""
        return max((book.closed for book in self.each), default=0)

    def open(self, t_ms: int) -> None:
        """Begin with the windows in which the log begins."""
        self.share.opened = t_ms
        for book in self.each:
            book.open(t_ms)

    def hurry(self) -> None:
        """Look at all windows at the next `advance`: there may be others."""
        for book in self.each:
            book.due = 0

    def advance(
        self, now_ms: int, front: int, rest_of: Callable[[Iterable[str]], None]
    ) -> list[Draft]:
        """Records of windows that are to be closed, restated or told before they are over.

        Args:
            now_ms: UTC ms.
            front: before which there is no log.
            rest_of: logs the newest readings of signals.
        """
        drafts: list[Draft] = []
        for book in self.each:
            if now_ms >= book.due:
                if book is not self.oee:
                    # The meter may have fallen silent: its last reading belongs to the window.
                    rest_of(METERS)
                drafts += book.advance(now_ms, front)
        if any(book.told_ms == now_ms for book in self.each):
            self._note_told(now_ms)
        return drafts

    def finish(self, end_ms: int, front: int) -> list[Draft]:
        """Records of windows that are over, where nothing more will ever be read."""
        self.share.ended = end_ms
        return [draft for book in self.each for draft in book.finish(end_ms, front)]

    def recall(self, statements: Iterable[Record]) -> None:
        """Take up what was told last."""
        for record in statements:
            for book in self.each:
                if record.cls == book.cls:
                    book.recall(record)

    def step_back(self, now_ms: int) -> None:
        """Go on after the clock was set back."""
        for book in self.each:
            book.step_back(now_ms)

    def move(self, since: int, opens: int | None, now_ms: int) -> None:
        """Follow the log, whose entries from a time on were shifted; see `Book.move`."""
        for book in self.each:
            book.move(since, opens, now_ms)

    def trim(self, front: int) -> None:
        """Forget what was told of windows before a time."""
        for book in self.each:
            book.trim(front)

    def redate(self, front: int, now_ms: int) -> None:
        """Tell all windows again: by other dated facts."""
        for book in self.each:
            book.touch(front, now_ms, now_ms)
        self.share.touch(front, now_ms, now_ms, None)

    def replan(self, start: int, end: int, now_ms: int, seen_ms: int | None) -> None:
        """Tell windows again whose plan is another one, and those that it makes more of."""
        for book in self.each:
            book.touch(start, end, now_ms, seen_ms)
            book.look_again(start, now_ms, REPLANNED)
        self.share.replan(start, end, now_ms, seen_ms)

    def touch(self, t_ms: int, signal: str, now_ms: int, written_ms: int | None) -> bool:
        """Have what an entry changes in closed windows computed again; whether there is any."""
        # A test changes its piece, in whatever window that was tested first.
        moments = alike(self._journal, t_ms) if signal == TEST else (t_ms,)
        found = [self._touch_at(moment, signal, now_ms, written_ms) for moment in moments]
        return any(found)

    def _touch_at(self, t_ms: int, signal: str, now_ms: int, written_ms: int | None) -> bool:
        media = HITS.get(signal)
        hit = [*self.each]
        if media is not None:
            hit = [self._meters[medium] for medium in media if medium in self._meters]
        used = self._eras.kept_to(signal), self.share.used_to
        frozen = max([*used, *(book.closed for book in hit)])
        if t_ms >= frozen and not self._eras.acts_back(t_ms, signal):
            return False
        start, end = self._eras.touched(t_ms, signal)
        if start >= frozen:
            return False
        self._eras.drop(start, end, signal)
        for book in hit:
            book.touch(start, end, now_ms, written_ms)
        self.share.touch(start, end, now_ms, written_ms)
        return True
