"""A workshop's week, lived through and looked at: lines on their way, and the truth beside them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from simulators.week.benches import real_pieces, seen_pieces
from simulators.week.life import Life, live
from simulators.week.polling import (
    HUNDREDTH,
    STATE_EVERY,
    Line,
    Reading,
    Start,
    deliver,
    look_at_controller,
    look_at_meter,
)
from simulators.week.shifts import HOUR, MINUTE, Interval, Turn
from simulators.week.story import UNKNOWN, Story, as_it_was, as_seen
from simulators.week.troubles import PEACE, controller_troubles, meter_troubles

if TYPE_CHECKING:
    from simulators.week.machines import Machine
    from simulators.week.workshop import Workshop

TIME_OUT = 3 * STATE_EVERY


@dataclass(frozen=True, slots=True)
class Watched:
    """One machine's week, and what could be seen of it.

    Attributes:
        seen: the story that polls could tell; None for what has no state.
        real: the story as it was, unknown where nobody could know.
        meter: readings of its meter in order of time, hundredths of a kWh.
        swap: when the meter was exchanged.
    """

    machine: Machine
    turns: list[Turn]
    life: Life
    seen: Story | None
    real: Story | None
    meter: list[Reading]
    swap: int | None
    span: Interval

    def used_kwh(self) -> float:
        """Energy between the first and the last reading of the meter, as it really flowed.

        But for what flowed after the last reading of a meter that was exchanged: it took that
        with it.
        """
        good = [(r.t, r.value) for r in self.meter if isinstance(r.value, (int, float))]
        used = (self.life.used(good[-1][0]) - self.life.used(good[0][0])) / HUNDREDTH
        if self.swap is not None:
            swap = self.swap
            before = max(t for t, _value in good if t < swap)
            after, shown = min((t, value) for t, value in good if t >= swap)
            used -= (self.life.used(after) - self.life.used(before)) / HUNDREDTH - 100 * shown
        return used / 100


@dataclass(frozen=True, slots=True)
class WorkshopWeek:
    """All of it: what arrives, in order, and each machine's truth."""

    workshop: Workshop
    lines: list[Line]
    watched: dict[str, Watched]


def watch(
    workshop: Workshop, seed: int, silence_ms: int = TIME_OUT, *, peaceful: bool = False
) -> WorkshopWeek:
    """Let a workshop live through its week, and look at it.

    Args:
        workshop: which.
        seed: of all chance.
        silence_ms: after which the gateway takes an asset for silent; of a trace, three times the
            usual pace of its states.
        peaceful: nothing goes wrong with the looking.
    """
    lines: list[Line] = []
    watched: dict[str, Watched] = {}
    for machine in workshop.machines:
        one, more = _watch(
            workshop, machine, f"{seed}:{machine.name}", silence_ms, peaceful=peaceful
        )
        watched[machine.name] = one
        lines += more
    lines.sort(key=lambda line: line.arrives)
    return WorkshopWeek(workshop, lines, watched)


def _watch(
    workshop: Workshop, machine: Machine, seed: str, silence_ms: int, *, peaceful: bool
) -> tuple[Watched, list[Line]]:
    span, turns = workshop.week.span, workshop.turns(machine.line)
    random = Random(seed + ":look")
    swap: Interval | None = None
    if random.random() < 0.3 and not peaceful:  # noqa: PLR2004
        begin = random.randrange(span[0] + 3 * HOUR, span[1] - 3 * HOUR)
        swap = begin, begin + 20 * MINUTE
    off = [] if swap is None else [swap]
    life = live(machine, turns, span, seed + ":life", off)
    of_controller, of_meter = PEACE, PEACE
    if not peaceful:
        of_controller = controller_troubles(machine, span, seed + ":controller")
        of_meter = meter_troubles(span, seed + ":meter", swap)
    start = Start()
    if "energy" in machine.moduli:
        start = Start(hundredths=machine.moduli["energy"] - 90_000)
    lines: list[Line] = []
    seen = real = None
    if machine.told:
        phase = random.randrange(machine.poll_s * 1000)
        sight = look_at_controller(machine, life, span, of_controller, phase, start)
        seen = as_seen(machine, life, sight, silence_ms, span, of_controller.reset)
        real = as_it_was(machine, life, seen, span)
        if machine.counting == "tests":
            dark = [s for s in seen.stretches if s.word == UNKNOWN]
            seen = Story(seen.stretches, seen_pieces(machine, life, sight, seen.stretches))
            real = Story(real.stretches, real_pieces(machine, life, dark))
        lines += deliver(machine.name, sight, of_controller, seed + ":way", span)
    metered = look_at_meter(
        machine, life, span, of_meter, random.randrange(machine.meter_s * 1000), start
    )
    lines += deliver(machine.name, metered, of_meter, seed + ":wire", span)
    return (
        Watched(machine, turns, life, seen, real, metered["energy"], of_meter.reset, span),
        lines,
    )
