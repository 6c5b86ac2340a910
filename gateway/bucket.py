"""A token bucket: so many at once, then at a rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.clock import Clock

BURST_S = 0.1
"""A bucket holds as much as its rate yields in this time, so that a late timer costs nothing."""

GRAIN_S = 0.02
"""One that has run dry is worth coming back to after this time, not for every single thing."""


class TokenBucket:
    """Lets a set number of things pass each second.

    Args:
        rate: how many a second, > 0.
        clock: its monotonic side is used.
        burst: how many at once, ≥ 1; None: what the rate yields in `BURST_S`.
    """

    def __init__(self, rate: float, clock: Clock, burst: float | None = None) -> None:
        self._clock = clock
        self._at_ns = clock.mono_ns()
        self._burst = burst
        self.change(rate)
        self._tokens = self._most

    def change(self, rate: float) -> None:
        """From now on let so many pass each second."""
        self._rate = rate
        self._most = max(1.0, rate * BURST_S) if self._burst is None else self._burst
        self._some = max(1.0, rate * GRAIN_S)

    def wait_s(self) -> float:
        """Seconds until some may pass; 0 when one may pass now."""
        now_ns = self._clock.mono_ns()
        earned = (now_ns - self._at_ns) * 1e-9 * self._rate
        self._tokens = min(self._most, self._tokens + earned)
        self._at_ns = now_ns
        return 0.0 if self._tokens >= 1.0 else (self._some - self._tokens) / self._rate

    def take(self) -> None:
        """Let one pass; only after `wait_s` returned 0."""
        self._tokens -= 1.0

    def try_take(self) -> bool:
        """Let one pass if one may pass now."""
        if self.wait_s():
            return False
        self.take()
        return True
