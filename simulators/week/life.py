"""What one machine really does in a week: an event at a time, from a seed of its own.

The result is the whole truth about it: levels that hold until the next one, times at which running
totals went up by one, and power that is even between its changes. Nobody has looked yet.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from simulators.week.machines import COUNTS, Machine
from simulators.week.shifts import DAY, Interval, Turn, rests, without, works

if TYPE_CHECKING:
    from collections.abc import Callable

Value = str | int | float
WATT_MS = 3_600_000
"""W·ms in a Wh."""
STREAKS = 0.05
"""How often somebody takes several shoes of one side before the other's."""
LEAST = 0.4
"""Share of the ideal cycle that even a lucky cycle takes."""


@dataclass(slots=True)
class Life:
    """What happened to a machine; times are UTC ms.

    Attributes:
        levels: signal → (from when, value), in order; the first at the beginning.
        steps: running total → when it went up by one, in order; of two at a time both are there.
        watts: (from when, W), in order.
    """

    levels: dict[str, list[tuple[int, Value]]] = field(default_factory=dict)
    steps: dict[str, list[int]] = field(default_factory=dict)
    watts: list[tuple[int, int]] = field(default_factory=list)
    _used: list[int] = field(default_factory=list)

    def level(self, signal: str, t: int) -> Value:
        """What a level was at a time."""
        changes = self.levels[signal]
        return changes[bisect_right(changes, t, key=lambda change: change[0]) - 1][1]

    def used(self, t: int) -> int:
        """W·ms used from the beginning to a time."""
        if not self._used:
            total, self._used = 0, [0]
            for (since, watts), (until, _) in zip(self.watts, self.watts[1:], strict=False):
                total += watts * (until - since)
                self._used.append(total)
        place = bisect_right(self.watts, t, key=lambda change: change[0]) - 1
        since, watts = self.watts[place]
        return self._used[place] + watts * (t - since)


def live(
    machine: Machine, turns: list[Turn], span: Interval, seed: str, off: list[Interval]
) -> Life:
    """Let a machine live through a week.

    Args:
        machine: what it is.
        turns: the shifts of its line.
        span: the week.
        seed: of its chance.
        off: when its main switch is off, as it is to exchange the meter; in order, apart.
    """
    return _Living(machine, turns, span, Random(seed), off).life


class _Living:
    """One machine on its way through the week."""

    def __init__(
        self,
        machine: Machine,
        turns: list[Turn],
        span: Interval,
        random: Random,
        off: list[Interval],
    ) -> None:
        self.life = Life(steps={name: [] for name in COUNTS[machine.counting]})
        self._machine, self._random = machine, random
        self._habits = machine.habits
        self.now, end = span
        self._state, self._share = "", -1.0
        self._left_s = 0.0
        self._fresh = 0
        self._serial = 0
        self._again: list[tuple[int, str]] = []
        self._sides: list[str] = []
        self._product = -1
        self._change_product()
        for name, full in machine.factors.items():
            if name not in machine.fixed:
                self._set(name, full)
        if machine.stations:
            self._set("mounted", machine.stations)
        if machine.counting == "tests":
            self._set("serial", "")
            self._set("result", "")
        for stretch, what in _stretches(turns, span, off):
            self.now = stretch[0]
            what(self, stretch[1])
        self.now = end
        self.life.watts.append((end, 0))
        for times in self.life.steps.values():
            times.sort()

    def rest(self, until: int) -> None:
        """Stand still, outside of the shifts."""
        self._enter("idle", 0.7)
        self.now = until

    def pause(self, until: int) -> None:
        """A break: mostly the machine stands, sometimes somebody goes on."""
        if self._random.random() < self._habits.diligent:
            self.work(until)
        else:
            self._enter("idle", 1.0)
            self.now = until

    def darken(self, until: int) -> None:
        """The main switch is off."""
        self._enter("idle", 0.0)
        self.now = until

    def work(self, until: int) -> None:
        """Run, and stop now and then."""
        while self.now < until:
            if self._left_s <= 0:
                self._left_s = self._random.expovariate(1 / self._habits.runs_s)
                self._stop(until)
                continue
            self._enter("running", 1.0)
            self._cycle(until)

    def _cycle(self, until: int) -> None:
        takes = self._random.gauss(1 + self._habits.slow, self._habits.spread)
        takes_ms = round(self._ideal_ms * max(takes, LEAST))
        self._left_s -= takes_ms / 1000
        began, self.now = self.now, self.now + takes_ms
        if self.now > until:
            self.now = until
        elif self._machine.counting == "tests":
            self._test(began)
        elif self._machine.counting != "none":
            self._finish()

    def _finish(self) -> None:
        """Complete a count."""
        habits, steps, random = self._habits, self.life.steps, self._random
        side = ""
        if self._machine.counting == "pairs":
            if not self._sides:
                streak = random.randint(2, 4) if random.random() < STREAKS else 1
                self._sides = ["_right"] * streak + ["_left"] * streak
            side = self._sides.pop()
        steps[f"count{side}"].append(self.now)
        is_fresh, self._fresh = self._fresh > 0, max(self._fresh - 1, 0)
        if random.random() >= (habits.startup if is_fresh else habits.spoilt):
            return
        found = self.now + random.randrange(0, 20_000)
        steps[f"reject{side}"].append(found)
        if is_fresh and "reject_startup" in steps:
            steps["reject_startup"].append(found)
        if "rework" in steps and random.random() < habits.reworked:
            steps["rework"].append(found + random.randrange(600_000, 7_200_000))

    def _test(self, began: int) -> None:
        """Test a piece: a new one, or one that failed before."""
        self._again = [item for item in self._again if item[0] > began - DAY]
        due = [item for item in self._again if item[0] <= began]
        if due:
            self._again.remove(due[0])
            serial = due[0][1]
        else:
            self._serial += 1
            serial = f"{self._machine.name}-{self._serial:05d}"
        mounted = (began + self.now) // 2  # until then the bench shows what it tested before
        self.life.levels["result"].append((mounted, ""))
        self.life.levels["serial"].append((mounted, serial))
        share = 0.3 if due else self._habits.spoilt
        fails = self._random.random() < share
        self.life.levels["result"].append((self.now, "ng" if fails else "ok"))
        if fails and self._random.random() < 0.9:  # noqa: PLR2004 - some are never tested again
            wait = 0 if self._random.random() < 0.5 else self._random.randrange(7_200_000)  # noqa: PLR2004
            self._again.append((self.now + wait, serial))

    def _stop(self, until: int) -> None:
        kinds = list(self._habits.stops)
        (kind,) = self._random.choices(kinds, list(self._habits.stops.values()))
        span_s = {
            "micro": (1, self._machine.micro_s),
            "waiting": (self._machine.micro_s, 900),
            "fault": (self._machine.micro_s, 2400),
            "setup": (480, 1500),
            "planned_stop": (600, 1800),
        }[kind]
        lasts = round(self._random.uniform(*span_s) * 1000)
        if kind == "micro":
            word = self._random.choice(("waiting", "waiting", "fault", "idle"))
            if self._random.random() < 0.2:  # noqa: PLR2004 - a stop may change its name
                self._enter("waiting", 1.0)
                self.now += min(lasts // 3, max(until - self.now, 0))
                lasts -= lasts // 3
        else:
            word = kind
        self._enter(word, 1.0)
        began, self.now = self.now, min(self.now + lasts, until)
        if kind == "setup":
            self._set_up(began)

    def _set_up(self, began: int) -> None:
        """Change over to another product, shortly before all is ready."""
        now = self.now
        self.now = max(began, now - 60_000)
        self._change_product()
        machine, random = self._machine, self._random
        if machine.stations:
            empty = random.choice((0, 0, 1, 2, 5))
            self._set("mounted", max(machine.stations - empty, 1))
        for name, full in machine.factors.items():
            if name not in machine.fixed:
                self._set(name, max(full - random.choice((0, 0, 0, 1)), 1))
        self._fresh = self._habits.fresh
        self.now = now

    def _change_product(self) -> None:
        codes = list(self._machine.products)
        self._product += 1
        self._code = codes[self._product % len(codes)] if codes else ""
        if codes:
            self._set("product", self._code)
        machine = self._machine
        self._ideal_ms = float(machine.cycle_ms(self._code)) if machine.cycle else 30_000.0
        if machine.counting == "pairs":
            self._ideal_ms /= 2

    def _set(self, signal: str, value: Value) -> None:
        self.life.levels.setdefault(signal, []).append((self.now, value))

    def _enter(self, word: str, share: float) -> None:
        """Be in a state from now on, and draw its power, or a share of it."""
        if word != self._state:
            self._set("state", word)
        elif share == self._share:
            return
        self._state, self._share = word, share
        watts = round(self._machine.watts[word] * share * self._random.uniform(0.95, 1.05))
        if not self.life.watts or self.life.watts[-1][0] < self.now:
            self.life.watts.append((self.now, watts))
        else:
            self.life.watts[-1] = self.now, watts


def _stretches(
    turns: list[Turn], span: Interval, off: list[Interval]
) -> list[tuple[Interval, Callable[[_Living, int], None]]]:
    """The week as it is planned, in order: worked, paused, stood still, switched off."""
    on = without(span, off)
    busy = [piece for whole in on for piece in _inside(works(turns), whole)]
    idle = [piece for whole in on for piece in _inside(rests(turns), whole)]
    rest = without(span, sorted([*busy, *idle, *off]))
    found: list[tuple[Interval, Callable[[_Living, int], None]]] = [
        *((one, _Living.work) for one in busy),
        *((one, _Living.pause) for one in idle),
        *((one, _Living.rest) for one in rest),
        *((one, _Living.darken) for one in off),
    ]
    return sorted(found, key=lambda item: item[0])


def _inside(intervals: list[Interval], whole: Interval) -> list[Interval]:
    start, end = whole
    return [(max(a, start), min(b, end)) for a, b in intervals if a < end and b > start]
