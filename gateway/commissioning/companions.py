"""Machines that show themselves as a companion specification of OPC UA says, and what to bind.

Each kind of machine is known by its type or by what it has below it, and its signals by the way to
their nodes. Numbers of states are those of the specifications' own state machines; a unit of energy
or of power says what a variable is, whatever its name.

Sources: OPC 30050 PackML 1.01, 6 (state machines, Admin.Prod…Count); OPC 40501-1 Machine Tools,
Production (ActiveProgram, Statistics); OPC 40001-1 Machinery, MachineryItemState.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.commissioning.walk import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.commissioning.walk import Grown

_PACKML = "http://opcfoundation.org/UA/PackML/;PackMLBaseObjectType"
_TOOL = "http://opcfoundation.org/UA/MachineTool/;MachineToolType"
_ITEM_STATE = "http://opcfoundation.org/UA/Machinery/;MachineryItemState_StateMachineType"
_JOB = "http://opcfoundation.org/UA/MachineTool/;ProductionJobType"
_ENERGY = frozenset({"Wh", "kWh", "MWh", "W·h", "kW·h", "MW·h"})
_POWER = frozenset({"W", "kW", "MW"})

_EXECUTE = {
    "Execute": "running",
    "Idle": "idle",
    "Complete": "idle",
    "Held": "fault",
    "Holding": "fault",
    "Unholding": "fault",
    "Suspended": "waiting",
    "Suspending": "waiting",
    "Unsuspending": "waiting",
    "Starting": "running",
    "Completing": "running",
    "Resetting": "setup",
}
_PROGRAM = {"0": "setup", "1": "running", "2": "idle", "3": "waiting", "4": "fault"}
"""Initializing, Running, Ended, Interrupted, Aborted."""
_PROGRAM_WORDS = {
    "Initializing": "setup",
    "Running": "running",
    "Ended": "idle",
    "Interrupted": "waiting",
    "Aborted": "fault",
}
_ITEM = {"0": "unknown", "1": "planned_stop", "2": "idle", "3": "running"}
_ITEM_WORDS = {
    "NotAvailable": "unknown",
    "OutOfService": "planned_stop",
    "NotExecuting": "idle",
    "Executing": "running",
}


@dataclass(slots=True)
class Proposed:
    """An asset.

    Attributes:
        top: the machine's node.
        standard: what it was known by.
        type: of the asset, in the industry `machinery`.
        bind: signal → variable, and the way into its value where that is a structure.
        states: raw value of the state → the gateway's.
    """

    top: Grown
    standard: str
    type: str = "machine"
    bind: dict[str, tuple[Grown, str]] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)


def proposals(top: Grown) -> list[Proposed]:
    """Every machine in a tree whose variables were looked at; none inside another one."""
    found = []
    for one in _machines(top):
        if one.bind:
            _measured(one)
            found.append(one)
    return found


def _machines(here: Grown) -> Iterator[Proposed]:
    made_of = here.branch.made_of
    if _PACKML in made_of:
        yield _packml(here)
    elif _TOOL in made_of:
        yield _tool(here)
    elif (state := _item_state(here)) is not None:
        found = Proposed(here, "OPC 40001 Machinery")
        _state(found, state, _ITEM, _ITEM_WORDS)
        _count(found, here, "PartsProducedInLifetime", "OperationCycleCounter")
        yield found
    else:
        for one in here.below:
            yield from _machines(one)


def _packml(here: Grown) -> Proposed:
    found = Proposed(here, "OPC 30050 PackML", states=_EXECUTE)
    way = ("BaseStateMachine", "MachineState", "ExecuteState", "CurrentState")
    _bind(found, "state", here.find(*way))
    _bind(found, "count", here.find("Admin", "ProdProcessedCount"), "[0].AccCount")
    _bind(found, "reject", here.find("Admin", "ProdDefectiveCount"), "[0].AccCount")
    return found


def _tool(here: Grown) -> Proposed:
    found = Proposed(here, "OPC 40501 MachineTool", "cnc")
    program = here.find("Production", "ActiveProgram")
    state = program.find("State") if program else None
    if state is not None:
        _state(found, state, _PROGRAM, _PROGRAM_WORDS)
    elif (state := _item_state(here)) is not None:
        _state(found, state, _ITEM, _ITEM_WORDS)
    _bind(found, "count", here.find("Production", "Statistics", "PartsProducedInLifetime"))
    if "count" not in found.bind:
        job = next((one for one in here.all() if _JOB in one.branch.made_of), None)
        if job is not None:
            _bind(found, "count", job.find("PartsCompleted") or job.find("RunsCompleted"))
            _bind(found, "good", job.find("PartsGood"))
    if program is not None:
        _bind(found, "product", program.find("Name"))
    return found


def _item_state(here: Grown) -> Grown | None:
    """The state of the machine itself, not that of a component."""
    blocks = here.find("MachineryBuildingBlocks") or here
    for one in (blocks.find("MachineryItemState"), here.find("MachineryItemState")):
        if one is not None and _ITEM_STATE in one.branch.made_of:
            return one
    return None


def _state(
    found: Proposed, machine: Grown, numbers: Mapping[str, str], words: Mapping[str, str]
) -> None:
    """The number of a state machine's state, where it has one; its text has a language."""
    current = machine.find("CurrentState")
    number = current.find("Number") if current else None
    if number is not None and number.detail is not None and number.detail.kind:
        _bind(found, "state", number)
        found.states = numbers
    else:
        _bind(found, "state", current)
        found.states = words


def _count(found: Proposed, here: Grown, *names: str) -> None:
    for name in names:
        one = next((some for some in here.all() if some.branch.name == name), None)
        if one is not None and "count" not in found.bind:
            _bind(found, "count", one)


def _bind(found: Proposed, signal: str, node: Grown | None, part: str = "") -> None:
    if node is not None and node.branch.sort == VARIABLE:
        found.bind[signal] = (node, part)


def _measured(found: Proposed) -> None:
    """Energy and power by their units, where one variable alone has such a unit."""
    for signal, units in (("energy", _ENERGY), ("power", _POWER)):
        fitting = [
            one
            for one in found.top.all()
            if one.detail is not None and one.detail.unit in units and one.detail.kind
        ]
        if len(fitting) == 1:
            found.bind[signal] = (fitting[0], "")
