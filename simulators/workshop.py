"""A scenario come to life: machines, meters and their memories, on one schedule; no sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.cnc import CncCell, CncMachine
from simulators.injection import InjectionMachine, RotaryInjection
from simulators.lasting import LastingMachine, ToeLasting
from simulators.memory import Memory
from simulators.meter import Dtsu666, Meter
from simulators.schedule import Schedule
from simulators.tag_meter import TagMeter
from simulators.tags import Rehearsed, TagDevice
from simulators.valve_bench import BenchMachine, ValveBench

if TYPE_CHECKING:
    from simulators.scenario import Scenario
    from simulators.settings import Device, Served
    from simulators.truth import Event

    AnyMachine = InjectionMachine | LastingMachine | CncMachine | BenchMachine


class Workshop:
    """All devices of a scenario.

    What happens depends on scenario, seed and elapsed time alone, in whatever steps it is
    advanced.

    Attributes:
        devices, memories: by the scenario's names, in its order.
    """

    def __init__(self, scenario: Scenario, seed: int, start_ms: int) -> None:
        """Set everything up as it is at the start.

        Args:
            scenario: what there is.
            seed: another seed is another day in the same workshop.
            start_ms: UTC of the start, from which events take their times.
        """
        self.schedule = Schedule(start_ms)
        self._log: list[Event] = []
        self._seed = seed
        machines: dict[str, AnyMachine] = {}
        for name, settings in scenario.devices.items():
            machine = self._machine(name, settings)
            if machine is not None:
                machines[name] = machine
        rehearsed = {
            name: TagDevice(settings, self.schedule)
            if settings.address is None
            else TagMeter(name, settings, self.schedule, seed)
            for name, settings in scenario.devices.items()
            if isinstance(settings, Rehearsed)
        }
        # Meters come after all machines, so that at equal times they see the machines' news.
        meters = {
            name: Meter(
                name,
                settings,
                self.schedule,
                seed,
                self._log,
                [machines[measured] for measured in settings.measures],
            )
            for name, settings in scenario.devices.items()
            if isinstance(settings, Dtsu666)
        }
        every: dict[str, Device] = {**machines, **meters, **rehearsed}
        self.devices = {name: every[name] for name in scenario.devices}
        self.memories = self._memories(scenario)
        self._log += [
            {"t": start_ms, "on": name, "seed": seed, **device.begin()}
            for name, device in self.devices.items()
        ]
        self.schedule.advance(0.0)
        self._refresh()

    def advance(self, elapsed_s: float) -> list[Event]:
        """Let everything happen up to a moment; return it in the order it happened.

        Args:
            elapsed_s: since the start; never less than last time.
        """
        if elapsed_s >= self.schedule.next_at:
            for name, device in self.devices.items():
                device.obey(self.memories[name])
            self.schedule.advance(elapsed_s)
            self._refresh()
        events = self._log[:]
        self._log.clear()
        return events

    def count_from(self, name: str, share: float) -> bool:
        """Let a device's counters stand at a share of what they count to; False: it has none."""
        found = self.devices[name].count_from(share)
        self.devices[name].refresh(self.memories[name])
        return found

    def close(self, elapsed_s: float) -> list[Event]:
        """Advance a last time, and sum up."""
        events = self.advance(elapsed_s)
        self.schedule.advance(elapsed_s)
        now_ms = self.schedule.now_ms
        for name, device in self.devices.items():
            self._log.append({"t": now_ms, "on": name, **device.end()})
        self._refresh()
        return [*events, *self._log]

    def _refresh(self) -> None:
        for name, device in self.devices.items():
            device.refresh(self.memories[name])

    def _memories(self, scenario: Scenario) -> dict[str, Memory]:
        """A memory for each unit of a link; two devices of a site file may be one unit."""
        units: dict[object, Memory] = {}
        found = {}
        for name, settings in scenario.devices.items():
            made = Memory(self.devices[name].areas)
            place = settings.place
            shares = isinstance(settings, Rehearsed) and settings.address is None
            one = (place.key, settings.unit) if shares else name
            found[name] = units.setdefault(one, made)
        return found

    def _machine(self, name: str, settings: Served | Rehearsed) -> AnyMachine | None:
        match settings:
            case RotaryInjection():
                return InjectionMachine(name, settings, self.schedule, self._seed, self._log)
            case ToeLasting():
                return LastingMachine(name, settings, self.schedule, self._seed, self._log)
            case CncCell():
                return CncMachine(name, settings, self.schedule, self._seed, self._log)
            case ValveBench():
                return BenchMachine(name, settings, self.schedule, self._seed, self._log)
            case _:
                return None
