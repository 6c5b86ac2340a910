"""A toe lasting machine: single shoes, left and right by turns, sometimes several of one side.

Its PLC is an Inovance H5U. Registers: D100 run_state, D102 left and D104 right (32 bit each),
D106 rejects left, D107 rejects right (16 bit), M20 running.
"""

from collections.abc import Iterator
from typing import Literal

from gateway.sitefile.units import Period
from gateway.words import _
from simulators import h5u
from simulators.encode import u16, u32_low_first
from simulators.machine import STATE_WORDS, Machine, MachineSettings
from simulators.memory import Area, Memory, Table
from simulators.schedule import Process, Schedule
from simulators.settings import Count, Share
from simulators.truth import Event

LONGEST_STREAK = 4


class ToeLasting(MachineSettings):
    """A toe lasting machine in a scenario; its cycle makes a half pair.

    Attributes:
        warm: time until the glue is hot, in s.
        uneven: how often the operator takes several shoes of one side before the other's.
        left, right, rejected_left, rejected_right: counters at the start.
    """

    serves: Literal["toe-lasting"]
    warm: Period = 3.0
    uneven: Share = 0.05
    left: Count = 0
    right: Count = 0
    rejected_left: Count = 0
    rejected_right: Count = 0


class LastingMachine(Machine[ToeLasting]):
    """A lasting machine and whoever feeds it."""

    def __init__(
        self, name: str, settings: ToeLasting, schedule: Schedule, seed: int, log: list[Event]
    ) -> None:
        """Put it on the schedule, as `Machine` says."""
        counts = {
            "left": settings.left,
            "right": settings.right,
            "reject_left": settings.rejected_left,
            "reject_right": settings.rejected_right,
        }
        super().__init__(name, settings, schedule, seed, log, counts)
        self._sides = self._feed()

    @property
    def title(self) -> str:
        """What it is, for people."""
        return _("toe lasting machine, Inovance H5U")

    @property
    def areas(self) -> tuple[Area, ...]:
        """Which addresses its PLC has."""
        return h5u.areas()

    def warm_up(self) -> Process:
        """Wait until the glue is hot."""
        yield self.settings.warm

    def produce(self) -> None:
        """Last one shoe."""
        side = next(self._sides)
        self.note({"type": "shoe", "side": side, "n": self.count(side)})
        if self.spoils():
            self.note({"type": "reject", "side": side, "n": self.count(f"reject_{side}")})

    def refresh(self, memory: Memory) -> None:
        """Put what is now into the PLC's memory."""
        put = memory.put
        put(Table.HOLDING, 100, u16(STATE_WORDS[self.state]))
        put(Table.HOLDING, 102, u32_low_first(self.counts["left"]))
        put(Table.HOLDING, 104, u32_low_first(self.counts["right"]))
        put(Table.HOLDING, 106, u16(self.counts["reject_left"]))
        put(Table.HOLDING, 107, u16(self.counts["reject_right"]))
        put(Table.COIL, 20, bytes((self.state == "running",)))

    def _feed(self) -> Iterator[str]:
        while True:
            uneven = self.random.random() < self.settings.uneven
            streak = self.random.randint(2, LONGEST_STREAK) if uneven else 1
            yield from ("left",) * streak
            yield from ("right",) * streak
