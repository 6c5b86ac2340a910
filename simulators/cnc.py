"""A CNC cell that shows itself as a machine tool of OPC 40501-1, with variables of its maker's.

One program ends with one part. Speeds and loads follow the state; energy and power are its own.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from gateway.words import _
from simulators.machine import MachineSettings
from simulators.nodes import MACHINE_TOOL, PROGRAM_STATES, ServerMachine, Shown
from simulators.schedule import Process, Schedule
from simulators.settings import Count
from simulators.truth import Event

WARM_S = 2.0
SPEED, LOAD = 8400.0, 62.0
_STATE = ("Production", "ActiveProgram", "State", "CurrentState")
_PARTS = ("Production", "Statistics", "PartsProducedInLifetime")
SHOWN = (
    Shown(("Cell", *_STATE), "LocalizedText", description="State of the program"),
    Shown(("Cell", *_STATE, "Number"), "UInt32"),
    Shown(("Cell", "Production", "ActiveProgram", "Name"), "String"),
    Shown(("Cell", *_PARTS), "UInt32", description="Programs that ended"),
    Shown(("Cell", "Rejects"), "UInt32", description="Parts that were measured out of tolerance"),
    Shown(("Cell", "Monitoring", "Spindle", "Speed"), "Double", "1/min"),
    Shown(("Cell", "Monitoring", "Spindle", "Load"), "Float", "%"),
    Shown(("Cell", "Monitoring", "Energy"), "Double", "kWh", "Since the cell was installed"),
    Shown(("Cell", "Monitoring", "Power"), "Double", "kW"),
)
_WORDS = {
    "setup": "Initializing",
    "running": "Running",
    "idle": "Ended",
    "waiting": "Interrupted",
    "fault": "Aborted",
}


class CncCell(MachineSettings):
    """A CNC cell in a scenario.

    Attributes:
        parts, rejected: counters at the start.
        kwh: energy register at the start.
        program: name of the program.
    """

    serves: Literal["cnc-cell"]
    parts: Count = 0
    rejected: Count = 0
    kwh: float = 0.0
    program: str = "O1200"


class CncMachine(ServerMachine[CncCell]):
    """A CNC cell."""

    uri = "urn:nxgate:simulators:cnc"
    types: ClassVar = {("Cell",): (MACHINE_TOOL, "MachineToolType")}

    def __init__(
        self, name: str, settings: CncCell, schedule: Schedule, seed: int, log: list[Event]
    ) -> None:
        """Put it on the schedule, as `Machine` says."""
        counts = {"parts": settings.parts, "rejects": settings.rejected}
        super().__init__(name, settings, schedule, seed, log, counts)

    @property
    def title(self) -> str:
        """What it is, for people."""
        return _("CNC cell, OPC UA server")

    @property
    def shown(self) -> Sequence[Shown]:
        """Its variables."""
        return SHOWN

    def warm_up(self) -> Process:
        """Reference the axes."""
        yield WARM_S

    def produce(self) -> None:
        """End a program: one part."""
        self.note({"type": "index", "n": self.count("parts"), "mounted": 1})
        if self.spoils():
            self.note({"type": "reject", "n": self.count("rejects")})

    def values(self) -> tuple[object, ...]:
        """What the variables hold now."""
        is_running = self.state == "running"
        return (
            _WORDS[self.state],
            PROGRAM_STATES[self.state],
            self.settings.program,
            self.counts["parts"],
            self.counts["rejects"],
            SPEED if is_running else 0.0,
            LOAD if is_running else 0.0,
            round(self.settings.kwh + self.kwh, 4),
            self.motor_kw,
        )
