"""How often: a back-off for reconnecting."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random


class Backoff:
    """Pauses between attempts: full jitter under a ceiling that doubles.

    Full jitter, because a broker that restarts meets all gateways of a cluster at once.

    Args:
        chance: source of the jitter.
        first_s, most_s: the ceiling's first and last value.
    """

    def __init__(self, chance: random.Random, first_s: float = 0.5, most_s: float = 60.0) -> None:
        self._chance = chance
        self._first_s = first_s
        self._most_s = most_s
        self._ceiling_s = first_s

    def reset(self) -> None:
        """Start again at the first ceiling: the last attempt held."""
        self._ceiling_s = self._first_s

    def pause_s(self, at_least_s: float = 0.0) -> float:
        """Seconds to wait before the next attempt.

        Args:
            at_least_s: a floor, for failures that haste can't mend (credentials); half of it
                is added as jitter at most.
        """
        ceiling_s = self._ceiling_s
        self._ceiling_s = min(self._most_s, ceiling_s * 2)
        if at_least_s:
            return at_least_s + self._chance.uniform(0.0, max(at_least_s / 2, ceiling_s))
        return self._chance.uniform(0.0, ceiling_s)
