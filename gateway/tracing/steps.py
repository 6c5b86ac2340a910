"""Clock steps, told from late data by a clock that nobody sets.

A line's `t` comes from a clock on the wall, `mono` from one that only goes on. Where the distance
of the two leaps from one line to the next, the wall clock was set: that changes no figure, so all
that follows is told by the clock as it was before. Where both lie before what came earlier, the
line is late. A small difference is followed, as a clock that is trimmed makes it.
"""

from __future__ import annotations

JITTER_MS = 5.0
DRIFT = 0.001
"""Of the time that passed; time servers trim by half of it at most."""
MOST_MS = 2_000.0


class Steps:
    """Takes the steps of one trace's clock out of its times.

    Attributes:
        count: steps seen so far.
    """

    def __init__(self) -> None:
        self.count = 0
        self._ahead = 0
        self._last: tuple[int, float] | None = None

    def undone(self, t_ms: int, mono_ms: float | None) -> int:
        """When a line was, in UTC ms by the clock that the trace began with.

        Args:
            t_ms: as the line says.
            mono_ms: the same instant on a clock that nobody sets; it may begin anew where the
                box was started anew. None: by what is known from the lines before.
        """
        if mono_ms is None:
            return t_ms - self._ahead
        if self._last is not None:
            before_ms, mono_before = self._last
            passed = mono_ms - mono_before
            leap = t_ms - self._ahead - before_ms - passed
            is_new_boot = passed < 0 < t_ms - self._ahead - before_ms
            if abs(leap) > min(MOST_MS, JITTER_MS + DRIFT * abs(passed)) and not is_new_boot:
                self._ahead += round(leap)
                self.count += 1
        self._last = t_ms - self._ahead, mono_ms
        return self._last[0]
