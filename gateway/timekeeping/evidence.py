"""What the system knows of its own clock, without privileges and without a program of its own.

The kernel's word comes first: whoever disciplines the clock (timesyncd, chrony, ntpd, PTP) tells
the kernel how far it may be wrong, and setting the clock makes the kernel forget that. The bound
is looked at besides the flag, because chrony without `rtcsync` leaves the flag as it is. A service
that may not even ask the kernel (`ProtectClock=`) goes by the file that timesyncd touches with each
answer of a time server: a clock that was set by hand since is no more as old as that file says. The
hardware clock comes second, for sites without a time server: it has kept time while the box was
off, and it is believed where the system's clock agrees with it.

Source: adjtimex(2); systemd-timesyncd.service(8), Files; Linux
Documentation/ABI/testing/sysfs-class-rtc (`since_epoch`: UTC seconds).
"""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

STA_UNSYNC = 0x40
UNBOUNDED_US = 16_000_000
"""The kernel's error bound of a clock that nobody disciplines; it grows to that by itself."""
TIMEX_BYTES = 208
"""Of `struct timex`: modes, offset, freq, maxerror, esterror, status, each as wide as a long."""
AGREE_S = 60
"""A hardware clock has whole seconds, and drifts from the system's by up to 10 s a day."""
RTC = Path("/sys/class/rtc")
TIMESYNCD = Path("/run/systemd/timesync/synchronized")
TOUCHED_S = 2 * 2048
"""timesyncd asks every 2048 s at most (timesyncd.conf(5)); one answer may be missing."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
CPU = Path("/proc/cpuinfo")


class Backing(StrEnum):
    """What the hardware clock says of the system's."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NONE = "none"


class System(Protocol):
    """A machine's clocks, and what it knows of them.

    Attributes:
        boot: tells this boot from every other.
    """

    boot: str

    def wall_ns(self) -> int:
        """The system's clock: UTC nanoseconds since 1970, right or wrong."""

    def steady_ns(self) -> int:
        """Nanoseconds since boot, those spent asleep included; never set."""

    def mono_ns(self) -> int:
        """Nanoseconds that never step and never run backwards."""

    def is_synchronised(self) -> bool:
        """Whether somebody disciplines the clock and bounds its error."""

    def backing(self) -> Backing:
        """What the hardware clock says."""


class ThisSystem:
    """The machine that the process runs on.

    Attributes:
        boot: the kernel's boot id.
    """

    def __init__(self) -> None:
        try:
            self.boot = BOOT_ID.read_text().strip()
        except OSError:  # elsewhere than on Linux no later process knows this boot again
            self.boot = f"{time.time_ns():x}"
        self._steady = getattr(time, "CLOCK_BOOTTIME", None)
        self._ask = _kernel()
        self._is_virtual = _is_virtual()

    def wall_ns(self) -> int:
        """The system's clock: UTC nanoseconds since 1970, right or wrong."""
        return time.time_ns()

    def steady_ns(self) -> int:
        """Nanoseconds since boot, those spent asleep included; never set."""
        return time.monotonic_ns() if self._steady is None else time.clock_gettime_ns(self._steady)

    def mono_ns(self) -> int:
        """Nanoseconds that never step and never run backwards."""
        return time.monotonic_ns()

    def is_synchronised(self) -> bool:
        """Whether somebody disciplines the clock and bounds its error.

        Elsewhere than on Linux, where no one can be asked, the system is taken at its word.
        """
        if self._ask is None:
            return sys.platform != "linux"
        told = self._ask()
        if told is None:
            return _is_touched()
        status, error_us = told
        return not status & STA_UNSYNC or error_us < UNBOUNDED_US

    def backing(self) -> Backing:
        """What the hardware clock says; a virtual machine's is its host's, read at boot."""
        for clock in RTC.glob("rtc*/since_epoch"):
            try:
                apart_s = int(clock.read_text()) - time.time()
            except (OSError, ValueError):
                continue
            return Backing.AGREES if abs(apart_s) <= AGREE_S else Backing.DIFFERS
        return Backing.AGREES if self._is_virtual else Backing.NONE


def _is_touched() -> bool:
    try:
        return 0 <= time.time() - TIMESYNCD.stat().st_mtime <= TOUCHED_S
    except OSError:
        return False


def _kernel() -> Callable[[], tuple[int, int] | None] | None:
    """A question to the kernel, for status and error bound in µs; None where there is none.

    The answer is None where the process may not ask it.
    """
    if sys.platform != "linux":
        return None
    import ctypes  # noqa: PLC0415 - 0.4 MB that other systems spare

    timex = ctypes.create_string_buffer(TIMEX_BYTES)
    view = memoryview(timex).cast("B")
    wide = ctypes.sizeof(ctypes.c_long)
    adjtimex = ctypes.CDLL(None).adjtimex

    def field(place: int) -> int:
        return int.from_bytes(view[place * wide : (place + 1) * wide], sys.byteorder)

    def ask() -> tuple[int, int] | None:
        view[:4] = b"\0\0\0\0"  # modes: change nothing
        if adjtimex(timex) < 0:
            return None
        return int.from_bytes(view[5 * wide : 5 * wide + 4], sys.byteorder), field(3)

    return ask


def _is_virtual() -> bool:
    try:
        with CPU.open("rb") as file:
            return b" hypervisor" in file.read(8192)
    except OSError:
        return False
