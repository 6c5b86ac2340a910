"""What somebody sees of a life who looks each few seconds, and when it reaches him.

Of each run of equal readings both ends are kept and one each so often, as a recorder does that
spares its disk; a reading stays the reading of a poll. Running totals begin at some number and may
wrap or begin anew; a meter shows hundredths.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from simulators.week.life import WATT_MS, Life, Value
from simulators.week.machines import COUNTS, Machine

if TYPE_CHECKING:
    from simulators.week.shifts import Interval
    from simulators.week.troubles import Troubles

STATE_EVERY = 20_000
"""An unchanged state is seen again after so long."""
REST_EVERY = 300_000
BENCH = ("serial", "result")
HUNDREDTH = 10 * WATT_MS
"""W·ms in the last digit of a meter, 0.01 kWh."""


class Reading(NamedTuple):
    """One value of a signal as it was read; None: it could not be."""

    t: int
    value: Value | None


class Line(NamedTuple):
    """A reading on its way: it reaches who listens at `arrives`."""

    arrives: int
    asset: str
    signal: str
    t: int
    value: Value | None


Sight = Mapping[str, Sequence[Reading]]
"""Signal → readings in order of time, whenever they arrived."""


@dataclass(frozen=True, slots=True)
class Start:
    """What totals show at the beginning: so many counts, and hundredths of a kWh."""

    counts: int = 20_000
    hundredths: int = 1_250_000


def look_at_controller(
    machine: Machine, life: Life, span: Interval, troubles: Troubles, phase: int, start: Start
) -> dict[str, list[Reading]]:
    """Poll a machine's controller through a week.

    Args:
        machine: which.
        life: what happens to it.
        span: the week.
        troubles: of its controller.
        phase: ms after the beginning at which the first poll is made.
        start: of its totals.
    """
    times = _polls(span, machine.poll_s * 1000, phase, troubles.silences)
    sight: dict[str, list[Reading]] = {}
    blind = troubles.bad.get("state", ())
    for signal, changes in life.levels.items():
        every = STATE_EVERY if signal == "state" else REST_EVERY
        values = _levels(times, changes)
        sight[signal] = _kept(
            times, values, troubles.bad.get(signal, ()), every, machine.poll_s, blind
        )
    if machine.counting == "tests":
        # A result means nothing without the serial number that was read with it.
        moments = sorted({r.t for name in BENCH for r in sight[name]})
        sight |= {name: [Reading(t, life.level(name, t)) for t in moments] for name in BENCH}
    for signal in COUNTS[machine.counting]:
        base = _base(machine, signal, start)
        totals = _totals(
            times, life.steps[signal], base, troubles.reset, machine.moduli.get(signal)
        )
        bad = troubles.bad.get(signal, ())
        sight[signal] = _kept(times, totals, bad, REST_EVERY, machine.poll_s, blind)
    return sight


def look_at_meter(
    machine: Machine, life: Life, span: Interval, troubles: Troubles, phase: int, start: Start
) -> dict[str, list[Reading]]:
    """Poll a machine's meter through a week; what was exchanged begins at nothing."""
    times = _polls(span, machine.meter_s * 1000, phase, troubles.silences)
    values = [shown(life, t, troubles.reset, machine, start) / 100 for t in times]
    bad = troubles.bad.get("energy", ())
    return {"energy": _kept(times, values, bad, machine.meter_s * 1000, machine.meter_s)}


def shown(life: Life, t: int, reset: int | None, machine: Machine, start: Start) -> int:
    """Hundredths of a kWh that a meter shows at a time."""
    if reset is not None and t >= reset:
        return (life.used(t) - life.used(reset)) // HUNDREDTH
    total = start.hundredths + life.used(t) // HUNDREDTH
    wraps = machine.moduli.get("energy")
    return total % wraps if wraps else total


def deliver(
    asset: str, sight: Sight, troubles: Troubles, seed: str, span: Interval
) -> Iterator[Line]:
    """Say when each reading arrives: at once, hours later, in any order, or twice."""
    random = Random(seed)
    behinds: dict[int, int] = {}
    lates = sorted(troubles.late)
    begins = [late.span[0] for late in lates]
    for signal, readings in sight.items():
        for t, value in readings:
            arrives = t
            place = bisect_right(begins, t) - 1
            if place >= 0 and t < lates[place].span[1]:
                late = lates[place]
                behind = (t - late.span[0]) // 50
                if late.mixed:  # what was read at one time stays together
                    behind = behinds.setdefault(t, random.randrange(60_000))
                arrives = late.arrives + behind
            yield Line(arrives, asset, signal, t, value)
            if random.random() < troubles.twice:
                again = arrives + random.choice((0, 0, 1000, 60_000, 3_600_000))
                yield Line(min(again, span[1]), asset, signal, t, value)


def _base(machine: Machine, signal: str, start: Start) -> int:
    wraps = machine.moduli.get(signal)
    return wraps - 300 if wraps else start.counts + 1000 * len(signal)


def _polls(span: Interval, period: int, phase: int, silences: Sequence[Interval]) -> list[int]:
    times = list(range(span[0] + phase, span[1], period))
    for first, last in silences:
        del times[bisect_left(times, first) : bisect_left(times, last)]
    return times


def _levels(times: Sequence[int], changes: Sequence[tuple[int, Value]]) -> list[Value]:
    values: list[Value] = []
    place, most = 0, len(changes) - 1
    for t in times:
        while place < most and changes[place + 1][0] <= t:
            place += 1
        values.append(changes[place][1])
    return values


def _totals(
    times: Sequence[int], steps: Sequence[int], base: int, reset: int | None, wraps: int | None
) -> list[int]:
    values: list[int] = []
    place, most = 0, len(steps)
    lost = None if reset is None else bisect_right(steps, reset)
    for t in times:
        while place < most and steps[place] <= t:
            place += 1
        if lost is not None and reset is not None and t >= reset:
            values.append(place - lost)
        else:
            values.append((base + place) % wraps if wraps else base + place)
    return values


def _kept(
    times: Sequence[int],
    values: Sequence[Value],
    bad: Sequence[Interval],
    every: int,
    period_s: int,
    blind: Sequence[Interval] = (),
) -> list[Reading]:
    """Both ends of what is alike, one each so often, both sides of a gap, and all that is bad.

    Both sides, too, of times in which the state can't be read: a total says there what is unplaced.
    """
    sides = {
        place for a, b in blind for place in (bisect_left(times, a) - 1, bisect_left(times, b))
    }
    found: list[Reading] = []
    period, last, due = period_s * 1000, len(times) - 1, 0
    before: Value | None = None
    for place, t in enumerate(times):
        value: Value | None = values[place]
        if bad and any(a <= t < b for a, b in bad):
            value = None
        is_edge = place == last or times[place + 1] - t > period
        is_begun = place == 0 or t - times[place - 1] > period
        is_side = is_edge or is_begun or place in sides
        if value is None or value != before or t >= due or is_side:
            found.append(Reading(t, value))
            due = t + every
        before = value
    return found
