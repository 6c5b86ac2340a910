"""An asset's log, read again: what is in it beside readings, and how it becomes a journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from gateway.figures.journal import REASON, TEST
from gateway.figures.orders import CARRIED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.figures.eras import Eras
    from gateway.figures.journal import Journal
    from gateway.model import Entry

AHEAD, FRONT, TOLD, MOVED = "ahead", "front", "told", "moved"
SETTINGS = "settings"
"""Entries that the account makes itself: left minus right good halves at a time, so that what
waits to be matched outlives the log before it; up to where the log was forgotten; when a window
was told, so that a restart knows which entries that statement couldn't know; from when on, and by
how much, the times of all entries before this one are to be shifted; and which settings hold from
when on."""


@dataclass(slots=True)
class Found:
    """What a log says beside readings.

    Attributes:
        began: time of the reading that was written first, None where there is none: what came
            later and lies before it opened no windows. 0 where the log was cut before.
        late: what came late, each with a time at which it wasn't there yet: a window told before
            that, and not since, is still to be restated.
        was_moved: whether times were shifted.
    """

    began: int | None = None
    late: list[tuple[Entry, int]] = field(default_factory=list)
    was_moved: bool = False

    def move(self, since: int, delta: int, first: int | None) -> None:
        """Follow times that are shifted; every window is looked at anew then.

        Args:
            since: ms from when on.
            delta: by how many.
            first: time of the oldest reading that is left.
        """
        self.late.clear()
        self.was_moved = True
        if self.began and (first is None or first >= since + delta):
            self.began = since + delta
        elif self.began and self.began >= since:
            self.began += delta


def replay(rows: Iterable[tuple[Entry, ...]], journal: Journal, eras: Eras) -> Found:
    """Fill a journal.

    Args:
        rows: the asset's log, in the order it was written.
        journal: takes the readings.
        eras: takes settings, and what is known of pairs.
    """
    found = Found()
    written = newest = 0
    for entries in rows:
        for entry in entries:
            if entry.signal == MOVED:
                since, delta = map(int, str(entry.value).split(":"))
                eras.move(since, delta)
                journal.move(since, delta)
                found.move(since, delta, journal.first())
                written = newest = 0
                continue
            if entry.signal in {AHEAD, CARRIED}:
                _recall(entry, eras)
            elif entry.signal == SETTINGS:
                eras.recall(entry.t_ms, str(entry.value))
                continue  # no reading, so nothing comes late by it
            elif entry.signal == FRONT:
                found.began = 0
            elif entry.signal != TOLD:
                if found.began is None:
                    found.began = entry.t_ms
                is_news = journal.put(entry.t_ms, entry.signal, entry.value)
                if is_news and (entry.t_ms < written or entry.signal in {REASON, TEST}):
                    # A reason changes its stop, a test the window of its piece's first one: late
                    # for windows that knew none of it.
                    found.late.append((entry, max(written, entry.t_ms)))
            newest = max(newest, entry.t_ms)
        written = max(written, newest)
    return found


def _recall(entry: Entry, eras: Eras) -> None:
    """Take up what is known of the time before the log."""
    if entry.signal == AHEAD:
        eras.recall_ahead(entry.t_ms, Fraction(str(entry.value)))
    else:
        eras.orders.recall(str(entry.value))
