"""How a production machine lives: it works in cycles, stops for reasons, and draws power.

Everything random comes from the machine's own seeded source, so a machine's life depends on the
seed and on nothing else: not on other machines, not on how often it is looked at.
"""

from abc import abstractmethod
from collections.abc import Mapping
from random import Random
from typing import Generic, Literal, TypeVar

from pydantic import Field

from gateway.sitefile.units import Period
from simulators.schedule import Process, Schedule
from simulators.settings import Count, Device, Kilowatts, Served, Share, Strict
from simulators.truth import Event, Happening

State = Literal["idle", "running", "setup", "waiting", "fault"]
STATE_WORDS: dict[State, int] = {"idle": 0, "running": 1, "setup": 2, "waiting": 3, "fault": 4}
"""What the PLC's run_state register says."""
SHORTEST = 0.25
"""Share of the nominal cycle that even a lucky cycle takes."""


class Stop(Strict):
    """A reason to stop.

    Attributes:
        state: what the machine says of itself meanwhile.
        every: mean running time between two of them, exponentially distributed.
        lasts: shortest and longest, uniformly distributed.
    """

    state: State
    every: Period
    lasts: tuple[Period, Period]


class Load(Strict):
    """Power drawn by drives and controls in each state, in kW; heaters come on top."""

    idle: Kilowatts = 0.4
    running: Kilowatts = 3.0
    setup: Kilowatts = 1.0
    waiting: Kilowatts = 1.0
    fault: Kilowatts = 0.4

    def of(self, state: State) -> float:
        """Return the power in a state, kW."""
        power: float = getattr(self, state)
        return power


class Rejects(Strict):
    """How much goes wrong: more while the machine is new to its work.

    Attributes:
        share: of pieces, once it has settled.
        startup_share: of the first `startup_pieces` after the start and after each set-up.
    """

    share: Share = 0.02
    startup_share: Share = 0.2
    startup_pieces: Count = 5


class MachineSettings(Served):
    """What every machine's scenario says.

    Attributes:
        cycle: mean time of one cycle, in s.
        spread: standard deviation of a cycle, as a share of it.
        stops: reasons to stop, by name.
    """

    cycle: Period
    spread: Share = 0.04
    rejects: Rejects = Rejects()
    stops: dict[str, Stop] = Field(default_factory=dict)
    load_kw: Load = Load()


S = TypeVar("S", bound=MachineSettings)


class Machine(Device, Generic[S]):
    """A machine and the registers of its PLC.

    Attributes:
        state: what it is doing.
        motor_kw, heater_kw: power drawn at the moment.
        counts: what its PLC has counted, by name.
    """

    def __init__(
        self,
        name: str,
        settings: S,
        schedule: Schedule,
        seed: int,
        log: list[Event],
        counts: Mapping[str, int],
    ) -> None:
        """Put a machine on the schedule.

        Args:
            name: of the device in the scenario.
            settings: how it behaves.
            schedule: what it lives on.
            seed: of the whole run; each machine draws from its own stream of it.
            log: takes what happens.
            counts: what the PLC's counters show at the start.
        """
        self.name = name
        self.settings = settings
        self.random = Random(f"{seed}:{name}")
        self.state: State = "idle"
        self.motor_kw = settings.load_kw.of("idle")
        self.heater_kw = 0.0
        self.counts = dict(counts)
        self._schedule = schedule
        self._log = log
        self._began = dict(counts)
        self._fresh = 0
        self._kwh = self._kwh_at = self._state_at = 0.0
        self._time_s: dict[str, float] = dict.fromkeys(STATE_WORDS, 0.0)
        schedule.add(self._life())

    @abstractmethod
    def warm_up(self) -> Process:
        """What happens between power-on and the first cycle."""

    @abstractmethod
    def produce(self) -> None:
        """Complete one cycle."""

    def begin(self) -> Happening:
        """Say for the truth what the counters show at the start."""
        return {"type": "begin", "counts": dict(self.counts)}

    def end(self) -> Happening:
        """Sum up for the truth: counters, what was made, time by state, energy."""
        made = {name: now - self._began[name] for name, now in self.counts.items()}
        times = {state: round(spent, 3) for state, spent in self.time_s.items()}
        return {
            "type": "end",
            "counts": dict(self.counts),
            "made": made,
            "time_s": times,
            "kwh": self.kwh,
        }

    def set_up(self) -> None:
        """Change over, half-way through a stop of state `setup`."""

    @property
    def kwh(self) -> float:
        """Energy used since the start."""
        used_s = self._schedule.now - self._kwh_at
        return self._kwh + (self.motor_kw + self.heater_kw) * used_s / 3600

    @property
    def time_s(self) -> dict[str, float]:
        """Time spent in each state since the start."""
        spent = dict(self._time_s)
        spent[self.state] += self._schedule.now - self._state_at
        return spent

    def heat(self, kw: float) -> None:
        """Switch the heaters."""
        self._settle()
        self.heater_kw = kw

    def enter(self, state: State, reason: str) -> None:
        """Change state, for a reason that the truth names."""
        self._settle()
        now = self._schedule.now
        self._time_s[self.state] += now - self._state_at
        self._state_at = now
        self.state = state
        self.motor_kw = self.settings.load_kw.of(state)
        self.note({"type": "state", "state": state, "reason": reason})

    def count(self, what: str) -> int:
        """Count one more and return what the counter says now."""
        self.counts[what] += 1
        return self.counts[what]

    def note(self, what: Happening) -> None:
        """Log what happens now."""
        self._log.append({"t": self._schedule.now_ms, "on": self.name, **what})

    def spoils(self) -> bool:
        """Decide whether the piece just made is a reject."""
        rejects = self.settings.rejects
        share = rejects.startup_share if self._fresh > 0 else rejects.share
        self._fresh -= 1
        return self.random.random() < share

    def _settle(self) -> None:
        self._kwh = self.kwh
        self._kwh_at = self._schedule.now

    def _life(self) -> Process:
        self.enter("setup", "warm-up")
        yield from self.warm_up()
        self._fresh = self.settings.rejects.startup_pieces
        self.enter("running", "ready")
        run_s, reason = self._next_stop()
        while True:
            cycle_s = self._cycle_s()
            # A stop may fall into a cycle, which is then finished afterwards.
            while cycle_s > run_s:
                yield run_s
                cycle_s -= run_s
                yield from self._stand(reason)
                run_s, reason = self._next_stop()
            yield cycle_s
            run_s -= cycle_s
            self.produce()

    def _stand(self, reason: str) -> Process:
        stop = self.settings.stops[reason]
        half_s = self.random.uniform(*stop.lasts) / 2
        self.enter(stop.state, reason)
        yield half_s
        if stop.state == "setup":
            self.set_up()
            self._fresh = self.settings.rejects.startup_pieces
        yield half_s
        self.enter("running", "resumed")

    def _cycle_s(self) -> float:
        nominal = self.settings.cycle
        return max(self.random.gauss(nominal, nominal * self.settings.spread), nominal * SHORTEST)

    def _next_stop(self) -> tuple[float, str]:
        """Draw how long it runs until which stop; for ever where there are none."""
        draws = [
            (self.random.expovariate(1 / stop.every), reason)
            for reason, stop in self.settings.stops.items()
        ]
        return min(draws, default=(float("inf"), ""))
