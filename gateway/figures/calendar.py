"""When a line plans to work: shifts, breaks, holidays, make-up days, as UTC intervals.

Rules where a calendar leaves room:

- A shift over midnight belongs, whole, to the date it begins. A holiday takes away the shifts
  that begin on it, so the night shift of the eve still ends on the holiday's morning.
- A make-up day (调休) works as a Monday does, whatever its own weekday: it stands for a plain
  working day, and shifts that only Saturdays have are not its business.
- Where shifts of a line overlap, time is planned if any of them works then.
- Without shifts (no calendar, or one that names none) all time is planned and there are no
  shift windows. A line that is listed with no shifts of its own plans nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from gateway.figures.intervals import Interval, clip, merge, subtract
from gateway.figures.windows import HOUR_MS, Window, clock_windows, local_day, local_ms
from gateway.settings import Rosters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from gateway.settings import Roster, Shift

ALL_PLANNED = Rosters(None, {})
SIGHT_MS = 8 * 24 * HOUR_MS
"""How far ahead a next shift is looked for: a week and a day."""
KEPT_DAYS = 512
"""Days remembered over all lines; a turn of one costs about 20 µs to work out again."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One shift on one date, in UTC ms."""

    name: str
    start: int
    end: int
    breaks: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class PlannedTime:
    """Planned time of a stretch: `busy` is shift time without its breaks."""

    busy: tuple[Interval, ...]
    breaks: tuple[Interval, ...] = ()

    def without(self, stops: Sequence[Interval]) -> PlannedTime:
        """The plan with these taken out of planned time, as breaks."""
        if not stops:
            return self
        busy = subtract(self.busy, merge(stops))
        breaks = merge((*self.breaks, *subtract(self.busy, busy)))
        return PlannedTime(tuple(busy), tuple(breaks))


class Calendar:
    """The plan of every line of a site.

    Args:
        tz: the site's zone; shifts and windows follow its clock.
        rosters: the shifts of its lines.
    """

    def __init__(self, tz: ZoneInfo, rosters: Rosters = ALL_PLANNED) -> None:
        self.tz = tz
        self._site = rosters.site
        self._lines = rosters.lines
        self._rosters = rosters
        self.stops = rosters.stops
        self._turns: dict[tuple[str, date], tuple[Turn, ...]] = {}

    def roster(self, line: str) -> Roster | None:
        """The shifts of a line; None: all of its time is planned."""
        return self._lines.get(line, self._site)

    def plan(self, line: str, start: int, end: int) -> PlannedTime:
        """The planned time of a line within [start, end)."""
        plan = self._plan(line, start, end)
        return plan.without(clip(self.standstills(), start, end)) if self.stops else plan

    def of(self, line: str, asset: str) -> Calendar:
        """The calendar of one asset: with the planned stops that are its own."""
        if not self.stops:
            return self
        stops = self._rosters.stops_of(line, asset)
        return Calendar(self.tz, Rosters(self._site, self._lines, stops))

    def standstills(self) -> list[Interval]:
        """When planned stops are, in UTC ms."""
        return [
            (local_ms(stop.day, stop.start, self.tz), local_ms(stop.day, stop.end, self.tz))
            for stop in self.stops
        ]

    def _plan(self, line: str, start: int, end: int) -> PlannedTime:
        roster = self.roster(line)
        if roster is None:
            return PlannedTime(((start, end),))
        turns = list(self._between(line, roster, start, end))
        works = (
            interval
            for turn in turns
            for interval in subtract([(turn.start, turn.end)], merge(turn.breaks))
        )
        busy = merge(clip(works, start, end))
        breaks = merge(clip((rest for turn in turns for rest in turn.breaks), start, end))
        return PlannedTime(tuple(busy), tuple(subtract(breaks, busy)))

    def windows(self, kind: str, line: str, start: int, end: int) -> list[Window]:
        """The windows of a kind that share time with [start, end), in order of their start."""
        if kind != "shift":
            return list(clock_windows(kind, start, end, self.tz))
        roster = self.roster(line)
        if roster is None:
            return []
        turns = sorted(self._between(line, roster, start, end), key=lambda turn: turn.start)
        return [Window(kind, turn.start, turn.end, turn.name) for turn in turns]

    def next_end(self, kind: str, line: str, after: int) -> int:
        """When the next window of a kind ends, after a moment; far off where none is in sight."""
        horizon = after + 1 if kind != "shift" else after + SIGHT_MS
        ends = (window.end for window in self.windows(kind, line, after, horizon))
        return min((end for end in ends if end > after), default=after + SIGHT_MS)

    def _between(self, line: str, roster: Roster, start: int, end: int) -> Iterator[Turn]:
        """The turns that share time with [start, end); no shift is longer than a day."""
        day = local_day(start, self.tz) - timedelta(days=1)
        last = local_day(end, self.tz)
        while day <= last:
            for turn in self._on(line, roster, day):
                if turn.start < end and turn.end > start:
                    yield turn
            day += timedelta(days=1)

    def _on(self, line: str, roster: Roster, day: date) -> tuple[Turn, ...]:
        turns = self._turns.get((line, day))
        if turns is None:
            if len(self._turns) >= KEPT_DAYS:
                self._turns.clear()
            turns = tuple(self._turn(shift, day) for shift in roster.on(day))
            self._turns[line, day] = turns
        return turns

    def _turn(self, shift: Shift, day: date) -> Turn:
        breaks = (
            (local_ms(day, start, self.tz), local_ms(day, end, self.tz))
            for start, end in shift.breaks
        )
        start, end = local_ms(day, shift.start, self.tz), local_ms(day, shift.end, self.tz)
        return Turn(shift.name, start, end, tuple(clip(breaks, start, end)))
