"""The ids of one epoch of one gateway: which came, which are missing, which nobody may ask for."""

from __future__ import annotations

from collections import deque

from verifying.ranges import Ranges

SETTLE_S = 2.0
"""Records are handed over in several lanes: what came shortly before the first live id that is
heard may have a higher one."""
FLIGHT_S = 10.0
"""How long an id may be under way while higher ones arrive."""
CUT_MS = 1000
"""A killed gateway takes ids of its last half second with it; twice that, for a busy disk."""
_STEP_S = 0.25


class Epoch:
    """Belongs to one `Stream`.

    Args:
        whole: its beginning was heard, so that each id from 1 on is due.
    """

    def __init__(self, *, whole: bool) -> None:
        self.seen = Ranges()
        self.top = 0
        self.ended = ""
        """Why no more live ids come: `stop`, `cut`, or "" while it goes on."""
        self._floor: int | None = 0 if whole else None
        self._settles_s = 0.0
        self._blind = False
        self._tops: deque[tuple[float, int]] = deque()
        self._made: deque[tuple[int, int]] = deque()

    def take(self, seq: int, made_ms: int, now_s: float, *, live: bool) -> bool:
        """Note an id; True at its first delivery.

        Args:
            seq: its sequence number.
            made_ms: the record's time, UTC ms.
            now_s: monotonic.
            live: whether it came as live data.
        """
        first = self.seen.add(seq)
        self.top = max(self.top, seq)
        if live:
            self._settle(now_s)
            if not self._tops or now_s >= self._tops[-1][0] + _STEP_S:
                self._tops.append((now_s, self.top))
                while self._tops[0][0] < now_s - 2 * FLIGHT_S:
                    self._tops.popleft()
        if not self._made or made_ms > self._made[-1][0]:
            self._made.append((made_ms, self.top))
            while self._made[0][0] < made_ms - 5 * CUT_MS and len(self._made) > 1:
                self._made.popleft()
        return first

    def go_blind(self) -> None:
        """The listener's own connection broke: what is missing now may pass unheard."""
        self._blind = True
        self._settles_s = 0.0

    @property
    def unjudged(self) -> bool:
        """True while it isn't known from where on ids are due."""
        return self._floor is None or self._blind

    def due(self, now_s: float) -> list[tuple[int, int]]:
        """Return the ranges that should have come and did not."""
        if self._floor is None or self._blind:
            return []
        if self.ended == "stop":
            upto = self.top
        elif self.ended:
            last_ms = self._made[-1][0] if self._made else 0
            upto = max((top for ms, top in self._made if ms <= last_ms - CUT_MS), default=0)
        else:
            upto = self._top_at(now_s - FLIGHT_S)
        return self.seen.holes(self._floor, upto)

    def _settle(self, now_s: float) -> None:
        """Find from where on ids are due, shortly after the first live one."""
        if not self.unjudged:
            return
        if not self._settles_s:
            self._settles_s = now_s + SETTLE_S
        elif now_s >= self._settles_s:
            self._floor = self.top  # whatever is below was, or may have been, told unheard
            self._blind = False

    def _top_at(self, then_s: float) -> int:
        return max((top for at_s, top in self._tops if at_s <= then_s), default=0)
