"""A machine's clocks that a test sets, steps and lets run."""

from __future__ import annotations

from gateway.timekeeping.evidence import Backing

S = 1_000_000_000
NOW_S = 1_790_000_000
DAY = 86_400
YEAR = 365 * DAY


class Machine:
    """Stands in for `gateway.timekeeping.evidence.ThisSystem`.

    Attributes:
        up_ns: since boot.
        ahead_ns: what its wall clock says, minus the true time.
    """

    def __init__(
        self, ahead_s: float = 0, *, synced: bool = False, rtc: Backing = Backing.NONE
    ) -> None:
        self.boot = "boot-1"
        self.up_ns = 300 * S
        self.true_ns = NOW_S * S
        self.ahead_ns = round(ahead_s * S)
        self.synced = synced
        self.rtc = rtc

    def wall_ns(self) -> int:
        return self.true_ns + self.ahead_ns

    def steady_ns(self) -> int:
        return self.up_ns

    def mono_ns(self) -> int:
        return self.up_ns

    def is_synchronised(self) -> bool:
        return self.synced

    def backing(self) -> Backing:
        return self.rtc

    def advance(self, seconds: float) -> None:
        self.up_ns += round(seconds * S)
        self.true_ns += round(seconds * S)

    def step(self, seconds: float) -> None:
        """Set the wall clock; the kernel forgets who disciplined it."""
        self.ahead_ns += round(seconds * S)
        self.synced = False

    def reboot(self, down_s: float = 60) -> None:
        self.advance(down_s)
        self.up_ns = 10 * S
        self.boot += "+"
        self.synced = False
