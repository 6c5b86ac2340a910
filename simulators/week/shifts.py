"""When a workshop means to work, worked out date by date: shifts, breaks, holidays, overtime.

China's clocks are never changed, so a date begins a whole number of days after the first one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
ZONE = 8 * HOUR
"""Asia/Shanghai is eight hours ahead of UTC."""

Interval = tuple[int, int]
"""From, until: UTC ms, half-open."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A shift as people write it down.

    Attributes:
        start, end: on the clock, `20:00`; an end that isn't later is on the next day.
        days: weekdays on which it begins, 0 is Monday.
        breaks: on the clock, from and until.
    """

    name: str
    start: str
    end: str
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    breaks: tuple[tuple[str, str], ...] = ()


class Extra(NamedTuple):
    """Overtime on a date of the week, 0 is its first."""

    day: int
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One shift on one date, with the breaks in it."""

    name: str
    start: int
    end: int
    rests: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """The dates that a story is about.

    Attributes:
        first: a Monday.
        holidays, workdays: days of it, 0 is the first; no shift begins on a holiday, and a make-up
            day works as a Monday does.
    """

    first: date
    holidays: tuple[int, ...] = ()
    workdays: tuple[int, ...] = ()
    days: int = 7

    @property
    def start(self) -> int:
        """Midnight at its beginning, UTC ms."""
        return (
            round(datetime.combine(self.first, datetime.min.time(), UTC).timestamp()) * 1000 - ZONE
        )

    @property
    def span(self) -> Interval:
        """The whole of it."""
        return self.start, self.start + self.days * DAY

    def on(self, day: int) -> date:
        """The date of one of its days."""
        return self.first + timedelta(days=day)

    def turns(self, patterns: tuple[Pattern, ...], extras: tuple[Extra, ...] = ()) -> list[Turn]:
        """All shifts that reach into the week, in order of their start."""
        found: list[Turn] = []
        for day in range(-1, self.days):
            weekday = 0 if day in self.workdays else day % 7
            if day in self.holidays:
                continue
            found += [self._turn(p, day) for p in patterns if weekday in p.days]
        found += [self._turn(Pattern("overtime", e.start, e.end), e.day) for e in extras]
        begin = self.start
        return sorted((t for t in found if t.end > begin), key=lambda turn: turn.start)

    def _turn(self, pattern: Pattern, day: int) -> Turn:
        midnight = self.start + day * DAY
        start = midnight + on_clock(pattern.start)
        end = _following(midnight + on_clock(pattern.end), start)
        rests: list[Interval] = []
        for first, last in pattern.breaks:
            begin = _following(midnight + on_clock(first), start - 1)
            rests.append((begin, _following(midnight + on_clock(last), begin)))
        return Turn(pattern.name, start, end, tuple(rests))


def on_clock(text: str) -> int:
    """Ms from midnight to a time of the clock."""
    hour, minute = text.split(":")
    return int(hour) * HOUR + int(minute) * MINUTE


def works(turns: list[Turn]) -> list[Interval]:
    """When any of the shifts works: shift time without its breaks, in order, apart."""
    edges: list[tuple[int, int]] = []
    for turn in turns:
        moment = turn.start
        for first, last in sorted(turn.rests):
            edges += [(moment, 1), (first, -1)]
            moment = last
        edges += [(moment, 1), (turn.end, -1)]
    return _covered(edges)


def rests(turns: list[Turn]) -> list[Interval]:
    """Breaks in which no other shift works, in order, apart."""
    edges = [edge for turn in turns for a, b in turn.rests for edge in ((a, 1), (b, -1))]
    busy = works(turns)
    return [piece for whole in _covered(edges) for piece in without(whole, busy)]


def without(whole: Interval, holes: list[Interval]) -> list[Interval]:
    """What holes, in order and apart, leave of an interval."""
    left: list[Interval] = []
    moment, end = whole
    for first, last in holes:
        if last > moment and first < end:
            left.append((moment, first))
            moment = last
    left.append((moment, end))
    return [(a, b) for a, b in left if a < b]


def _covered(edges: list[tuple[int, int]]) -> list[Interval]:
    """Where more has begun than ended; touching stretches are one."""
    depth = since = 0
    found: list[Interval] = []
    for t, step in sorted(edges, key=lambda edge: (edge[0], -edge[1])):
        if depth == 0 and step > 0:
            since = t
        depth += step
        if depth == 0 and t > since:
            found.append((since, t))
    return found


def _following(t: int, after: int) -> int:
    """The same time of the clock, on the first day on which it is later than another."""
    while t <= after:
        t += DAY
    return t
