"""What happened to a machine as states and pieces: really, or as far as it could be seen.

The real story has each change where it was, laid over with what is unknown. The story as seen has
it at the poll that first could show it. Both are told in the same form, so that the same
arithmetic makes figures of them: they differ by what polling costs, and by nothing else.

Unknown is: from an unreadable state to the next good one; and, where nothing good was heard for
longer than the time-out, from the last good state to the next. A piece that came to be between two
readings with unknown time between them is `unplaced`: it is counted, but nobody can say that it
was made in known time.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from simulators.week.life import Life, Value

if TYPE_CHECKING:
    from simulators.week.machines import Machine
    from simulators.week.polling import Reading, Sight
    from simulators.week.shifts import Interval

UNKNOWN = "unknown"
NONE, HALF, ONE = Fraction(0), Fraction(1, 2), Fraction(1)


class Stretch(NamedTuple):
    """Time in one state."""

    start: int
    end: int
    word: str


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """What a step of a running total stands for.

    Attributes:
        product: made then.
        total, good: pieces; a reject is a good piece less, a reworked one a good piece more.
        first: good at the first go. `rework` became good later. `startup` rejected at start-up.
        cycle: ideal ms of the machine's cycles, `empty` the part without stations or cavities.
        ideal, ideal_good: ideal ms of the pieces, of the good ones.
        left, right: good halves.
    """

    product: str
    total: Fraction = NONE
    good: Fraction = NONE
    first: Fraction = NONE
    rework: Fraction = NONE
    startup: Fraction = NONE
    cycle: Fraction = NONE
    empty: Fraction = NONE
    ideal: Fraction = NONE
    ideal_good: Fraction = NONE
    left: Fraction = NONE
    right: Fraction = NONE


class Piece(NamedTuple):
    """A step of a running total, where it is placed: in known time, or not."""

    t: int
    placed: bool
    worth: Worth


@dataclass(frozen=True, slots=True)
class Story:
    """What happened in a week, in order of time; stretches have no gap between them."""

    stretches: list[Stretch]
    pieces: list[Piece]


class _Step(NamedTuple):
    """A running total went up by one."""

    t: int
    signal: str
    placed: bool


At = Callable[[str, int], Value]
"""What a level was at a time."""


def as_seen(
    machine: Machine, life: Life, sight: Sight, silence_ms: int, span: Interval, reset: int | None
) -> Story:
    """The story that polls could tell.

    Args:
        machine: whose.
        life: what happened.
        sight: when which signal was read, and whether it could be; values are not looked at.
        silence_ms: time-out after which the state is unknown from the last good value on.
        span: the week.
        reset: when the running totals began anew.
    """
    stretches = list(_seen_stretches(life, sight["state"], silence_ms, span[1]))
    dark = [s for s in stretches if s.word == UNKNOWN]
    ends = [s.end for s in dark]
    steps: list[_Step] = []
    for signal, times in life.steps.items():
        good = [r.t for r in sight[signal] if r.value is not None]
        for t in times:
            place = bisect_left(good, t)
            if place == len(good):
                break
            if place == 0:
                continue  # before the first reading nobody knew the total
            since, seen = good[place - 1], good[place]
            if reset is not None and t <= reset <= seen and reset > since:
                continue  # counted by a total that is gone
            gap = bisect_right(ends, since)
            is_dark = gap < len(dark) and dark[gap].start < seen
            steps.append(_Step(seen, signal, not is_dark))
    levels = {name: _seen_level(life, name, sight[name]) for name in life.levels}

    def at(signal: str, t: int) -> Value:
        changes = levels[signal]
        return changes[bisect_right(changes, t, key=_time) - 1][1]

    return Story(stretches, list(_pieces(machine, sorted(steps), at, life)))


def as_it_was(machine: Machine, life: Life, seen: Story, span: Interval) -> Story:
    """The real story, unknown where nobody could know."""
    dark = [s for s in seen.stretches if s.word == UNKNOWN]
    changes = [*life.levels["state"], (span[1], "")]
    real = [Stretch(a[0], b[0], str(a[1])) for a, b in itertools.pairwise(changes)]
    steps = [
        _Step(t, signal, not is_in(dark, t))
        for signal, times in life.steps.items()
        for t in times
        if t < span[1]
    ]
    return Story(
        list(_laid_over(real, dark)), list(_pieces(machine, sorted(steps), life.level, life))
    )


def _time(change: tuple[int, Value]) -> int:
    return change[0]


def _seen_stretches(
    life: Life, readings: Sequence[Reading], silence_ms: int, end: int
) -> Iterator[Stretch]:
    """States from one good reading to the next; from the last one on nobody knows."""
    good = [r.t for r in readings if r.value is not None]
    bad = [r.t for r in readings if r.value is None]
    for since, until in zip(good, [*good[1:], end], strict=True):
        word = str(life.level("state", since))
        place = bisect_right(bad, since)
        if until - since > silence_ms or since == good[-1]:
            yield Stretch(since, until, UNKNOWN)
        elif place < len(bad) and bad[place] < until:
            yield Stretch(since, bad[place], word)
            yield Stretch(bad[place], until, UNKNOWN)
        else:
            yield Stretch(since, until, word)


def _seen_level(life: Life, signal: str, readings: Sequence[Reading]) -> list[tuple[int, Value]]:
    good = [r.t for r in readings if r.value is not None]
    found: list[tuple[int, Value]] = []
    for t, value in life.levels[signal]:
        place = bisect_left(good, t)
        if place < len(good):
            found.append((good[place], value))
    return found


def is_in(dark: Sequence[Stretch], t: int) -> bool:
    """Whether one of the stretches, in order and apart, has a time in it."""
    place = bisect_right(dark, t, key=lambda s: s.start) - 1
    return place >= 0 and t < dark[place].end


def _laid_over(real: Sequence[Stretch], dark: Sequence[Stretch]) -> Iterator[Stretch]:
    """What is unknown laid over what was."""
    edges = sorted({s.start for s in (*real, *dark)} | {s.end for s in (*real, *dark)})
    place = 0
    for since, until in itertools.pairwise(edges):
        while place < len(real) and real[place].end <= since:
            place += 1
        if place == len(real):
            return
        yield Stretch(since, until, UNKNOWN if is_in(dark, since) else real[place].word)


def _pieces(machine: Machine, steps: Sequence[_Step], at: At, life: Life) -> Iterator[Piece]:
    levels = [name for name in ("product", "mounted", *machine.factors) if name in life.levels]
    worths: dict[tuple[Value, ...], Worth] = {}
    for t, signal, placed in steps:
        setting = {name: at(name, t) for name in levels}
        key = signal, *setting.values()
        if key not in worths:
            product = str(setting.pop("product", ""))
            worths[key] = _worth(machine, signal, product, setting)
        yield Piece(t, placed, worths[key])


def _worth(machine: Machine, signal: str, product: str, setting: Mapping[str, Value]) -> Worth:
    """What one step is worth under a setting."""
    cycle = machine.cycle_ms(product)
    if machine.counting == "pairs":
        return _half(signal, product, cycle / 2)
    share = ONE
    made = Fraction(machine.per_index)
    if machine.stations:
        share = Fraction(int(setting["mounted"]), machine.stations)
    for name, full in machine.factors.items():
        share *= Fraction(int(setting.get(name, full)), full)
        made *= full
    made *= share
    if signal == "count":
        return Worth(
            product, made, made, made, cycle=cycle, empty=cycle * (1 - share), ideal=cycle,
            ideal_good=cycle,
        )  # fmt: skip
    if signal == "reject":
        return Worth(product, good=-ONE, first=-ONE, ideal_good=-cycle / made)
    if signal == "rework":
        return Worth(product, good=ONE, rework=ONE, ideal_good=cycle / made)
    return Worth(product, startup=ONE)


def _half(signal: str, product: str, ideal: Fraction) -> Worth:
    """A single shoe is half a pair and takes half its time."""
    what, side = signal.split("_")
    if what == "count":
        worth = Worth(product, HALF, HALF, HALF, cycle=ideal, ideal=ideal, ideal_good=ideal)
    else:
        worth = Worth(product, good=-HALF, first=-HALF, ideal_good=-ideal)
    sign = ONE if what == "count" else -ONE
    return replace(worth, left=sign) if side == "left" else replace(worth, right=sign)
