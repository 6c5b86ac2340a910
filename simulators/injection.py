"""A rotary injection machine for soles: a heated table of stations that steps past an injector.

Its PLC is an Inovance H5U. Registers: D100 run_state, D102 indexes (32 bit), D104 stations with a
mould, D106 rejects (32 bit, pairs), D110 mould temperature in 0.1 °C, D120 its setpoint (writable),
M20 running.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gateway.sitefile.explain import Wrong
from gateway.sitefile.units import Int, Number, Period
from gateway.words import _
from simulators import h5u
from simulators.encode import i16, u16, u32_low_first
from simulators.machine import STATE_WORDS, Machine, MachineSettings
from simulators.memory import Area, Memory, Table
from simulators.schedule import Process, Schedule
from simulators.settings import Count, Kilowatts, Strict
from simulators.truth import Event

SETPOINT = 120
TICK_S = 0.5
BAND_C = 1.0


class Oven(Strict):
    """The moulds' heating: a thermostat on a mass that loses heat to the room.

    Attributes:
        start_c, setpoint_c, room_c: temperatures, °C.
        ready_c: the machine may begin from here on.
        rise_c_s: heating rate without losses, °C/s.
        loss_s: time constant of cooling.
        heater_kw: power of the heaters when on.
    """

    start_c: Number = 150.0
    setpoint_c: Number = 180.0
    ready_c: Number = 176.0
    room_c: Number = 25.0
    rise_c_s: Number = 8.0
    loss_s: Period = 90.0
    heater_kw: Kilowatts = 24.0

    @model_validator(mode="after")
    def _gets_ready(self) -> Self:
        if self.ready_c > self.setpoint_c - BAND_C:
            raise Wrong(
                "never-ready",
                _("the thermostat holds the setpoint within 1 °C, so ready_c may never be reached"),
                _("set ready_c at least 1 °C below setpoint_c"),
                at=("ready_c",),
            )
        return self


class RotaryInjection(MachineSettings):
    """A rotary injection machine in a scenario.

    Attributes:
        stations: places on the table.
        mounted: least and most stations with a mould; drawn anew at each set-up.
        indexes, rejected: counters at the start.
    """

    serves: Literal["rotary-injection"]
    stations: Annotated[Int, Field(ge=1)] = 24
    mounted: tuple[Int, Int] = (22, 22)
    indexes: Count = 0
    rejected: Count = 0
    oven: Oven = Oven()

    @model_validator(mode="after")
    def _fits_on_the_table(self) -> Self:
        least, most = self.mounted
        if not 1 <= least <= most <= self.stations:
            raise Wrong(
                "bad-mounted",
                _("least and most moulds must be from 1 to the {n} stations").format(
                    n=self.stations
                ),
                _("write e.g. [20, {n}]").format(n=self.stations),
                at=("mounted",),
            )
        return self


class InjectionMachine(Machine[RotaryInjection]):
    """An injection machine with its oven."""

    def __init__(
        self, name: str, settings: RotaryInjection, schedule: Schedule, seed: int, log: list[Event]
    ) -> None:
        """Put it on the schedule, as `Machine` says, with the oven beside it."""
        counts = {"indexes": settings.indexes, "rejects": settings.rejected}
        super().__init__(name, settings, schedule, seed, log, counts)
        self.mounted = self.random.randint(*settings.mounted)
        self.temperature_c = settings.oven.start_c
        self.setpoint_c = settings.oven.setpoint_c
        self._station = 0
        schedule.add(self._heating())

    @property
    def title(self) -> str:
        """What it is, for people."""
        return _("rotary injection machine, Inovance H5U")

    @property
    def areas(self) -> tuple[Area, ...]:
        """Which addresses its PLC has."""
        return h5u.areas(writable=range(SETPOINT, SETPOINT + 1))

    def warm_up(self) -> Process:
        """Wait until the moulds are hot."""
        while self.temperature_c < self.settings.oven.ready_c:
            yield TICK_S

    def produce(self) -> None:
        """Step the table; a station without a mould comes by and gives nothing."""
        self.note({"type": "index", "n": self.count("indexes"), "mounted": self.mounted})
        self._station = (self._station + 1) % self.settings.stations
        if self._station < self.mounted and self.spoils():
            self.note({"type": "reject", "n": self.count("rejects")})

    def set_up(self) -> None:
        """Mount moulds for the next product."""
        self.mounted = self.random.randint(*self.settings.mounted)

    def refresh(self, memory: Memory) -> None:
        """Put what is now into the PLC's memory."""
        put = memory.put
        put(Table.HOLDING, 100, u16(STATE_WORDS[self.state]))
        put(Table.HOLDING, 102, u32_low_first(self.counts["indexes"]))
        put(Table.HOLDING, 104, u16(self.mounted))
        put(Table.HOLDING, 106, u32_low_first(self.counts["rejects"]))
        put(Table.HOLDING, 110, i16(round(self.temperature_c * 10)))
        put(Table.HOLDING, SETPOINT, u16(round(self.setpoint_c * 10)))
        put(Table.COIL, 20, bytes((self.state == "running",)))

    def obey(self, memory: Memory) -> None:
        """Take over what a client wrote."""
        written = memory.get(Table.HOLDING, SETPOINT, 1)
        if written is not None:
            self.setpoint_c = int.from_bytes(written, "big") / 10

    def _heating(self) -> Process:
        oven = self.settings.oven
        while True:
            if self.temperature_c < self.setpoint_c - BAND_C:
                self.heat(oven.heater_kw)
            elif self.temperature_c > self.setpoint_c + BAND_C:
                self.heat(0.0)
            yield TICK_S
            gain = oven.rise_c_s if self.heater_kw else 0.0
            loss = (self.temperature_c - oven.room_c) / oven.loss_s
            self.temperature_c += (gain - loss) * TICK_S
