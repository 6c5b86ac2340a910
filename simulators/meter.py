"""A CHINT DTSU666 that measures what simulated machines draw.

Source: shared register map of the DTSU666 as in profiles/devices/chint/dtsu666.yaml, copied here
on purpose: raw = value / scale, an f32 high word first. Like the real one it knows only the
secondary side of its current transformers.
"""

import math
from collections import deque
from collections.abc import Sequence
from random import Random
from typing import Annotated, Literal, NamedTuple, Protocol

from pydantic import Field

from gateway.sitefile.units import Int, Number
from gateway.words import _
from simulators.encode import f32, u16
from simulators.memory import Area, Memory, Table
from simulators.schedule import Process, Schedule
from simulators.settings import Device, Served
from simulators.truth import Event, Happening

TICK_S = 0.5
DEMAND_S = 60
PHASES = (0.34, 0.335, 0.325)
"""How the load spreads over the phases."""
MOTOR_TAN = math.tan(math.acos(0.82))
"""Reactive over active power of the drives; heaters have none."""


class Register(NamedTuple):
    """Where a reading stands: first register, what one raw unit is worth."""

    at: int
    scale: float
    unit: str


REGISTERS = {
    "voltage_l12": Register(8192, 0.1, "V"),
    "voltage_l23": Register(8194, 0.1, "V"),
    "voltage_l31": Register(8196, 0.1, "V"),
    "voltage_l1": Register(8198, 0.1, "V"),
    "voltage_l2": Register(8200, 0.1, "V"),
    "voltage_l3": Register(8202, 0.1, "V"),
    "current_l1": Register(8204, 0.001, "A"),
    "current_l2": Register(8206, 0.001, "A"),
    "current_l3": Register(8208, 0.001, "A"),
    "active_power": Register(8210, 0.1, "W"),
    "active_power_l1": Register(8212, 0.1, "W"),
    "active_power_l2": Register(8214, 0.1, "W"),
    "active_power_l3": Register(8216, 0.1, "W"),
    "reactive_power": Register(8218, 0.1, "var"),
    "reactive_power_l1": Register(8220, 0.1, "var"),
    "reactive_power_l2": Register(8222, 0.1, "var"),
    "reactive_power_l3": Register(8224, 0.1, "var"),
    "power_factor": Register(8234, 0.001, ""),
    "power_factor_l1": Register(8236, 0.001, ""),
    "power_factor_l2": Register(8238, 0.001, ""),
    "power_factor_l3": Register(8240, 0.001, ""),
    "frequency": Register(8260, 0.01, "Hz"),
    "demand_active": Register(8272, 0.1, "W"),
    "energy_import": Register(4126, 1.0, "kWh"),
    "energy_import_l1": Register(4128, 1.0, "kWh"),
    "energy_import_l2": Register(4130, 1.0, "kWh"),
    "energy_import_l3": Register(4132, 1.0, "kWh"),
    "energy_export": Register(4136, 1.0, "kWh"),
    "energy_export_l1": Register(4138, 1.0, "kWh"),
    "energy_export_l2": Register(4140, 1.0, "kWh"),
    "energy_export_l3": Register(4142, 1.0, "kWh"),
}
TRANSFORMED = {"A", "W", "var", "kWh"}
"""Units of what lies behind the current transformers."""


class Dtsu666(Served):
    """A meter in a scenario.

    Attributes:
        measures: names of the machines behind it.
        kwh: what its register shows at the start, on the primary side.
        ct_ratio: of its current transformers; 1 for a meter that is connected directly.
        volts: mean phase voltage.
    """

    serves: Literal["dtsu666"]
    measures: Annotated[list[str], Field(min_length=1)]
    kwh: Annotated[Number, Field(ge=0)] = 0.0
    ct_ratio: Annotated[Int, Field(ge=1, le=10_000)] = 1
    volts: Annotated[Number, Field(gt=0)] = 228.0


class Consumer(Protocol):
    """What a meter sees of a machine: power now, and energy since the start."""

    motor_kw: float
    heater_kw: float

    @property
    def kwh(self) -> float:
        """Energy used since the start."""


class Meter(Device):
    """A meter and its registers.

    Attributes:
        readings: what it shows, by the names of the map, on the primary side.
    """

    def __init__(
        self,
        name: str,
        settings: Dtsu666,
        schedule: Schedule,
        seed: int,
        log: list[Event],
        machines: Sequence[Consumer],
    ) -> None:
        """Put a meter on the schedule, after the machines that it measures."""
        self.name = name
        self.settings = settings
        self.readings: dict[str, float] = {}
        self._machines = machines
        self._schedule = schedule
        self._random = Random(f"{seed}:{name}")
        self._log = log
        self._past: deque[float] = deque(maxlen=round(DEMAND_S / TICK_S) + 1)
        schedule.add(self._measure())
        schedule.add(self._tell())

    @property
    def title(self) -> str:
        """What it is, for people."""
        return _("energy meter of {machines}, CHINT DTSU666").format(
            machines=", ".join(self.settings.measures)
        )

    @property
    def areas(self) -> tuple[Area, ...]:
        """Set-up, energies (the block of the current manual) and what it measures now."""
        return (
            Area(Table.HOLDING, 0, 50),
            Area(Table.HOLDING, 4126, 18),
            Area(Table.HOLDING, 8192, 82),
        )

    @property
    def kwh(self) -> float:
        """What the energy register shows, on the primary side."""
        return self.settings.kwh + sum(machine.kwh for machine in self._machines)

    def refresh(self, memory: Memory) -> None:
        """Put what is now into the meter's memory."""
        ratio = self.settings.ct_ratio
        memory.put(Table.HOLDING, 6, u16(ratio) + u16(10))  # CT ratio, PT ratio in tenths
        memory.put(Table.HOLDING, 45, u16(self.settings.unit))
        for name, (at, scale, unit) in REGISTERS.items():
            raw = self.readings[name] / scale / (ratio if unit in TRANSFORMED else 1)
            memory.put(Table.HOLDING, at, f32(raw))

    def begin(self) -> Happening:
        """Say for the truth what the register shows at the start."""
        return {"type": "begin", "kwh": self.kwh}

    def end(self) -> Happening:
        """Read once more, and say for the truth what the register shows at the end."""
        self._sample()
        return {"type": "end", "kwh": self.kwh}

    def _measure(self) -> Process:
        while True:
            self._sample()
            yield TICK_S

    def _tell(self) -> Process:
        """Note the register at each full minute of UTC."""
        while True:
            edge_ms = (self._schedule.now_ms // 60_000 + 1) * 60_000
            yield (edge_ms - self._schedule.start_ms) / 1000 - self._schedule.now
            self._log.append({"t": edge_ms, "on": self.name, "type": "energy", "kwh": self.kwh})

    def _sample(self) -> None:
        motor_w = sum(machine.motor_kw for machine in self._machines) * 1000
        heater_w = sum(machine.heater_kw for machine in self._machines) * 1000
        active, reactive = motor_w + heater_w, motor_w * MOTOR_TAN
        factor = active / math.hypot(active, reactive) if active else 1.0
        volts = [self._random.gauss(self.settings.volts, 0.5) for _phase in PHASES]
        kwh = self.kwh
        self._past.append(kwh)
        hours = (len(self._past) - 1) * TICK_S / 3600
        demand = (kwh - self._past[0]) * 1000 / hours if hours else active
        readings = {
            "active_power": active,
            "reactive_power": reactive,
            "power_factor": factor,
            "frequency": self._random.gauss(50.0, 0.01),
            "demand_active": demand,
            "energy_import": kwh,
            "energy_export": 0.0,
        }
        for phase, share in enumerate(PHASES):
            one, two = volts[phase], volts[(phase + 1) % 3]
            n = phase + 1
            readings |= {
                f"voltage_l{n}": one,
                # Two phases a third of a turn apart.
                f"voltage_l{n}{n % 3 + 1}": math.sqrt(one * one + two * two + one * two),
                f"current_l{n}": math.hypot(active, reactive) * share / one,
                f"active_power_l{n}": active * share,
                f"reactive_power_l{n}": reactive * share,
                f"power_factor_l{n}": factor,
                f"energy_import_l{n}": kwh * share,
                f"energy_export_l{n}": 0.0,
            }
        self.readings = readings
