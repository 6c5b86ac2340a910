"""What a device shows as an OPC UA server: variables, with the way to each; no server in here."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from simulators.machine import Machine, MachineSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from simulators.memory import Area, Memory

MACHINE_TOOL = "http://opcfoundation.org/UA/MachineTool/"
"""Namespace of OPC 40501-1."""
PROGRAM_STATES = {"setup": 0, "running": 1, "idle": 2, "waiting": 3, "fault": 4}
"""Numbers of a program's states (OPC 40501-1, ProductionStateMachineType): Initializing, Running,
Ended, Interrupted, Aborted."""
S = TypeVar("S", bound=MachineSettings)


@dataclass(frozen=True, slots=True)
class Shown:
    """A variable.

    Attributes:
        way: names of the objects above it and its own, in the maker's namespace.
        kind: built-in type, e.g. `UInt32`.
        unit: as people see it; "" where it has none.
        description: in English.
    """

    way: tuple[str, ...]
    kind: str
    unit: str = ""
    description: str = ""


class ServerMachine(Machine[S]):
    """A machine whose control is an OPC UA server."""

    uri: str
    """The maker's namespace."""
    types: ClassVar[Mapping[tuple[str, ...], tuple[str, str]]] = {}
    """Objects that are of a type of somebody's: its namespace and name."""

    @property
    @abstractmethod
    def shown(self) -> Sequence[Shown]:
        """Its variables."""

    @abstractmethod
    def values(self) -> tuple[object, ...]:
        """What they hold now, in the same order."""

    @property
    def areas(self) -> tuple[Area, ...]:
        """None: it has nodes."""
        return ()

    def refresh(self, memory: Memory) -> None:
        """Nothing: it has no registers."""
