"""A bench that tests valves under pressure: fill, hold, measure the leak, say pass or fail."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from gateway.sitefile.units import Number
from gateway.words import _
from simulators.machine import STATE_WORDS, MachineSettings
from simulators.nodes import ServerMachine, Shown
from simulators.schedule import Process, Schedule
from simulators.settings import Count
from simulators.truth import Event

WARM_S = 1.0
ALLOWED_ML_MIN = 3.0
"""Leak at which a valve still passes."""
SHOWN = (
    Shown(
        ("Bench", "State"), "Int32", description="0 idle, 1 running, 2 set-up, 3 waiting, 4 fault"
    ),
    Shown(("Bench", "Tests"), "UInt32", description="Tests that ended"),
    Shown(("Bench", "Failed"), "UInt32", description="Tests that the valve did not pass"),
    Shown(("Bench", "Last", "Serial"), "String", description="Serial number of the valve"),
    Shown(("Bench", "Last", "Result"), "String"),
    Shown(("Bench", "Last", "Pressure"), "Double", "bar", "At the end of the hold"),
    Shown(("Bench", "Last", "Leak"), "Double", "ml/min"),
    Shown(("Bench", "Energy"), "Double", "kWh"),
)


class ValveBench(MachineSettings):
    """A bench in a scenario.

    Attributes:
        tests, failed: counters at the start.
        kwh: energy register at the start.
        test_bar: pressure of the test.
    """

    serves: Literal["valve-bench"]
    tests: Count = 0
    failed: Count = 0
    kwh: float = 0.0
    test_bar: Annotated[Number, Field(gt=0)] = 24.0


class BenchMachine(ServerMachine[ValveBench]):
    """A bench."""

    uri = "urn:nxgate:simulators:valve-bench"

    def __init__(
        self, name: str, settings: ValveBench, schedule: Schedule, seed: int, log: list[Event]
    ) -> None:
        """Put it on the schedule, as `Machine` says."""
        counts = {"tests": settings.tests, "rejects": settings.failed}
        super().__init__(name, settings, schedule, seed, log, counts)
        self._last: tuple[str, str, float, float] = ("", "", 0.0, 0.0)

    @property
    def title(self) -> str:
        """What it is, for people."""
        return _("valve test bench, OPC UA server")

    @property
    def shown(self) -> Sequence[Shown]:
        """Its variables."""
        return SHOWN

    def warm_up(self) -> Process:
        """Fill the accumulator."""
        yield WARM_S

    def produce(self) -> None:
        """End a test."""
        number = self.count("tests")
        self.note({"type": "index", "n": number, "mounted": 1})
        is_bad = self.spoils()
        if is_bad:
            self.note({"type": "reject", "n": self.count("rejects")})
        leak = ALLOWED_ML_MIN * (self.random.uniform(1.2, 4) if is_bad else self.random.random())
        bar = self.settings.test_bar - leak / 10
        result = "fail" if is_bad else "pass"
        self._last = (f"V{number:07d}", result, round(bar, 3), round(leak, 3))

    def values(self) -> tuple[object, ...]:
        """What the variables hold now."""
        return (
            STATE_WORDS[self.state],
            self.counts["tests"],
            self.counts["rejects"],
            *self._last,
            round(self.settings.kwh + self.kwh, 4),
        )
