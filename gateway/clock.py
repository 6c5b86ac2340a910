"""Wall and monotonic time behind one small object, so that tests can drive both."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Labels come from the wall clock, durations only from the monotonic one."""

    def wall_ns(self) -> int:
        """UTC nanoseconds since 1970."""

    def mono_ns(self) -> int:
        """Nanoseconds that never step and never run backwards."""


class SystemClock:
    """The machine's own clocks."""

    def wall_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return time.time_ns()

    def mono_ns(self) -> int:
        """Nanoseconds that never step and never run backwards."""
        return time.monotonic_ns()


class ManualClock:
    """A clock that moves only when told."""

    def __init__(self, wall_ns: int = 1_790_000_000_000_000_000, mono_ns: int = 0) -> None:
        self.wall = wall_ns
        self.mono = mono_ns

    def wall_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return self.wall

    def mono_ns(self) -> int:
        """Nanoseconds that never step and never run backwards."""
        return self.mono

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        delta = round(seconds * 1e9)
        self.wall += delta
        self.mono += delta

    def step(self, seconds: float) -> None:
        """Set the wall clock, as NTP or an operator would; the monotonic clock stays."""
        self.wall += round(seconds * 1e9)
