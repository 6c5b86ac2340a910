"""Wall and monotonic time behind one small object, so that tests can drive both."""

from __future__ import annotations

import time
from typing import Protocol

DAWN_NS = 1_704_067_200_000_000_000
"""2024-01-01, UTC: this program is younger, so a clock that says less was never set."""


class Clock(Protocol):
    """Labels come from the wall clock, durations only from the monotonic one."""

    def wall_ns(self) -> int:
        """UTC nanoseconds since 1970."""

    def mono_ns(self) -> int:
        """Nanoseconds that never step and never run backwards."""

    def trusted(self) -> bool:
        """False while nobody knows whether the wall clock is right."""

    def doubt(self) -> str:
        """Why it isn't trusted and what to do about it, for people; "" while it is."""


class SystemClock:
    """The machine's own clocks, taken at their word; `timekeeping` looks closer."""

    def wall_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return time.time_ns()

    def mono_ns(self) -> int:
        """Nanoseconds that never step and never run backwards."""
        return time.monotonic_ns()

    def trusted(self) -> bool:
        """Whether the time is at least one at which this program existed."""
        return time.time_ns() >= DAWN_NS

    def doubt(self) -> str:
        """Why it isn't trusted; "" while it is."""
        return "" if self.trusted() else "never set"


class ManualClock:
    """A clock that moves only when told.

    Attributes:
        wall, mono: what it shows.
        is_trusted: what `trusted` says.
    """

    def __init__(self, wall_ns: int = 1_790_000_000_000_000_000, mono_ns: int = 0) -> None:
        self.wall = wall_ns
        self.mono = mono_ns
        self.is_trusted = True

    def wall_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return self.wall

    def mono_ns(self) -> int:
        """Nanoseconds that never step and never run backwards."""
        return self.mono

    def trusted(self) -> bool:
        """Whether `wall` is to be taken for right."""
        return self.is_trusted

    def doubt(self) -> str:
        """Why it isn't trusted; "" while it is."""
        return "" if self.is_trusted else "told so"

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        delta = round(seconds * 1e9)
        self.wall += delta
        self.mono += delta

    def step(self, seconds: float) -> None:
        """Set the wall clock, as NTP or an operator would; the monotonic clock stays."""
        self.wall += round(seconds * 1e9)
