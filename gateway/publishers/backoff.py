"""How fast and how often: a token bucket for the backlog, a back-off for reconnecting."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from gateway.clock import Clock

BURST_S = 0.1
"""A bucket holds as much as its rate yields in this time, so that a late timer costs nothing."""

GRAIN_S = 0.02
"""One that has run dry is worth coming back to after this time, not for every single record."""


class TokenBucket:
    """Lets a set number of records pass each second.

    Args:
        rate: records per second, > 0.
        clock: its monotonic side is used.
    """

    def __init__(self, rate: float, clock: Clock) -> None:
        self._clock = clock
        self._at_ns = clock.mono_ns()
        self.change(rate)
        self._tokens = self._most

    def change(self, rate: float) -> None:
        """From now on let so many records pass each second."""
        self._rate = rate
        self._most = max(1.0, rate * BURST_S)
        self._some = max(1.0, rate * GRAIN_S)

    def wait_s(self) -> float:
        """Seconds until some records may pass; 0 when one may pass now."""
        now_ns = self._clock.mono_ns()
        earned = (now_ns - self._at_ns) * 1e-9 * self._rate
        self._tokens = min(self._most, self._tokens + earned)
        self._at_ns = now_ns
        return 0.0 if self._tokens >= 1.0 else (self._some - self._tokens) / self._rate

    def take(self) -> None:
        """Let one record pass; only after `wait_s` returned 0."""
        self._tokens -= 1.0


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
