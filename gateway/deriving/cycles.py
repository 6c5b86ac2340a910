"""Counts of a machine that counts nothing itself: from the strokes of its power, or from pulses.

A stroke counts where it ends: power went above one limit and then below another, and stayed on
either side for the dwell. A pulse counts where it begins. The running total goes on where it was
after a restart. What happens while the input can't be read is not made up: of a machine that was
in a stroke before and out of it after, one stroke has ended, and that counts; of any others nobody
knows, and the count is unreadable meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.deriving.expression import truth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.derivation import CountRule
    from gateway.model import Value


class Cycles:
    """Counts what one signal tells.

    Args:
        rule: power or pulse.

    Attributes:
        total: counted since the machine was first seen.
    """

    def __init__(self, rule: CountRule) -> None:
        self._rule = rule
        self._counts_end = rule.by == "power"
        self._is_in: bool | None = None
        self._since: int | None = None
        self.total = 0

    def take(self, t_ms: int, value: Value) -> int | None:
        """Take a reading later than the last one.

        Returns:
            The running total; None where the reading is none.
        """
        is_in = self._inside(value)
        if is_in is None:
            self._since = None
            return None
        if self._is_in is None:
            self._is_in = is_in
        elif is_in == self._is_in:
            self._since = None
        else:
            self._since = t_ms if self._since is None else self._since
            if t_ms - self._since >= self._rule.dwell_ms:
                self._is_in, self._since = is_in, None
                self.total += is_in is not self._counts_end
        return self.total

    def known(self) -> list[object]:
        """What a later process must know."""
        return [self.total, self._is_in, self._since]

    kept = known

    def recall(self, known: Sequence[object]) -> None:
        """Go on from what `known` gave."""
        self.total, self._is_in, self._since = known  # type: ignore[assignment]

    def move(self, since: int, delta: int) -> None:
        """Shift its times from one on: the clock was wrong by so much."""
        if self._since is not None and self._since >= since:
            self._since += delta

    def _inside(self, value: Value) -> bool | None:
        """Whether it is in a stroke or pulse; between the two limits it is where it was."""
        if not self._counts_end:
            return truth(value)
        if value is None or isinstance(value, str):
            return None
        if value >= self._rule.above:
            return True
        return False if value <= self._rule.below else bool(self._is_in)
