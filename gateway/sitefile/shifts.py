"""The factory's calendar: shifts, breaks, holidays, make-up days.

Times are minutes after local midnight of the day that a shift begins. A shift that ends at or
before the time it starts runs over midnight and belongs to the day it began.
"""

import itertools
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator
from pydantic.json_schema import WithJsonSchema

from gateway.sitefile.explain import Wrong, describe
from gateway.sitefile.names import Name
from gateway.sitefile.part import Part, example
from gateway.sitefile.units import Clock, Day, Maybe
from gateway.words import _

DAY = 24 * 60
WEEK = 7 * DAY
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _days(value: object) -> object:
    """Read `mon-sat` or `[mon, wed]` as weekdays, Monday 0."""
    if isinstance(value, str):
        first, _dash, last = value.partition("-")
        start, end = _weekday(first), _weekday(last or first)
        return frozenset((start + n) % 7 for n in range((end - start) % 7 + 1))
    if isinstance(value, list) and value:
        return frozenset(map(_weekday, value))
    raise _no_day(value)


def _weekday(value: object) -> int:
    if value not in WEEKDAYS:
        raise _no_day(value)
    return WEEKDAYS.index(str(value))


def _no_day(value: object) -> Wrong:
    return Wrong(
        "bad-days",
        _("{value} is no day of the week").format(value=describe(value)),
        _("write mon-sat or [mon, wed, fri]; the days are mon tue wed thu fri sat sun"),
    )


_DAY_SCHEMA = {"enum": list(WEEKDAYS)}
_ONE = "|".join(WEEKDAYS)
Days = Annotated[
    frozenset[int],
    BeforeValidator(_days),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^({_ONE})(-({_ONE}))?$"},
                {"type": "array", "items": _DAY_SCHEMA, "minItems": 1},
            ],
        }
    ),
]


class ShiftConfig(Part):
    """One shift, on the days of the week that it begins."""

    start: Clock = Field(description="Local time it starts.", examples=["08:00"])
    end: Clock = Field(
        description="Local time it ends, on the next day where that is not after its start.",
        examples=["20:00"],
    )
    days: Days = Field(
        default=frozenset(range(7)),
        description="Days of the week on which it starts.",
        examples=["mon-sat"],
        json_schema_extra={"default": "mon-sun"},
    )
    breaks: tuple[tuple[Clock, Clock], ...] = Field(
        default=(), description="Planned breaks, from and to.", examples=[[["12:00", "13:00"]]]
    )

    @property
    def length(self) -> int:
        """Minutes from start to end."""
        return (self.end - self.start) % DAY or DAY

    @model_validator(mode="after")
    def _times_fit(self) -> "ShiftConfig":
        refuse_times(self)
        return self


class LineCalendar(Part):
    """Shifts of one line, instead of the site's."""

    shifts: dict[Name, ShiftConfig] = Field(
        default_factory=dict,
        description="Shifts by their names.",
        examples=[{"day": {"start": "08:00", "end": "20:00", "days": "mon-sat"}}],
    )

    @model_validator(mode="after")
    def _apart(self) -> "LineCalendar":
        refuse_overlap(self.shifts)
        return self


class OvertimeConfig(Part):
    """A shift on one date: an extra one, or one of the week's that is worked then, or longer."""

    model_config = example({"on": "2026-10-10", "shift": "day", "end": "22:00"})

    on: Day = Field(description="Date on which it starts.", examples=["2026-10-10"])
    shift: Name = Field(
        description="Its name; one of the shifts, or another with a start and an end.",
        examples=["day"],
    )
    start: Maybe[Clock] = Field(
        default=None, description="Local time; the shift's own without.", examples=["08:00"]
    )
    end: Maybe[Clock] = Field(
        default=None, description="Local time; the shift's own without.", examples=["22:00"]
    )
    breaks: Maybe[tuple[tuple[Clock, Clock], ...]] = Field(
        default=None,
        description="Planned breaks; the shift's own without.",
        examples=[[["12:00", "13:00"]]],
    )
    line: Maybe[Name] = Field(
        default=None, description="The only line that works it.", examples=["sole-line"]
    )

    def worked(self, shifts: Mapping[str, ShiftConfig]) -> ShiftConfig | None:
        """The shift that it is among these; None where it has no times of its own nor theirs."""
        usual = shifts.get(self.shift)
        start = usual.start if self.start is None and usual else self.start
        end = usual.end if self.end is None and usual else self.end
        if start is None or end is None:
            return None
        breaks = self.breaks
        if breaks is None:
            breaks = usual.breaks if usual else ()
        return ShiftConfig.model_construct(
            start=start, end=end, days=frozenset({self.on.weekday()}), breaks=breaks
        )


class StopConfig(Part):
    """Planned down time on a date: maintenance, an announced power cut."""

    model_config = example({"on": "2026-10-12", "start": "08:00", "end": "10:00"})

    on: Day = Field(description="Date on which it starts.", examples=["2026-10-12"])
    start: Clock = Field(description="Local time it starts.", examples=["08:00"])
    end: Clock = Field(
        description="Local time it ends, on the next day where that is not after its start.",
        examples=["10:00"],
    )
    line: Maybe[Name] = Field(
        default=None, description="The only line that stops.", examples=["sole-line"]
    )
    asset: Maybe[Name] = Field(
        default=None, description="The only machine that stops.", examples=["injection-1"]
    )

    @model_validator(mode="after")
    def _one(self) -> "StopConfig":
        if self.line is not None and self.asset is not None:
            what = _("a stop is of a line or of a machine")
            raise Wrong("contradiction", what, _("keep line or asset; two stops are two entries"))
        if self.start in {DAY, self.end}:
            what = _("the stop ends when it starts")
            raise Wrong("bad-stop", what, _("correct its times"), at=("end",))
        return self


class CalendarConfig(Part):
    """When the factory plans to work."""

    shifts: dict[Name, ShiftConfig] = Field(
        default_factory=dict,
        description="Shifts by their names.",
        examples=[{"day": {"start": "08:00", "end": "20:00", "days": "mon-sat"}}],
    )
    holidays: frozenset[Day] = Field(
        default=frozenset(),
        description="Days on which no shift starts.",
        examples=[["2026-10-01"]],
    )
    workdays: frozenset[Day] = Field(
        default=frozenset(),
        description="Make-up days, on which shifts start although the week has them free.",
        examples=[["2026-10-10"]],
    )
    overtime: tuple[OvertimeConfig, ...] = Field(
        default=(),
        description="Shifts of single dates: extra ones, and longer ones.",
        examples=[[{"on": "2026-10-10", "shift": "day", "end": "22:00"}]],
    )
    stops: tuple[StopConfig, ...] = Field(
        default=(),
        description="Planned down time of single dates.",
        examples=[[{"on": "2026-10-12", "start": "08:00", "end": "10:00"}]],
    )
    lines: dict[Name, LineCalendar] = Field(
        default_factory=dict,
        description="Lines whose shifts are others than the site's.",
        examples=[{"sole-line": {"shifts": {"day": {"start": "06:00", "end": "14:00"}}}}],
    )

    @model_validator(mode="after")
    def _apart(self) -> "CalendarConfig":
        refuse_overlap(self.shifts)
        both = sorted(self.holidays & self.workdays)
        if both:
            what = _("{day} is a holiday and a make-up day").format(day=both[0])
            raise Wrong("contradiction", what, _("keep it in one of the two lists"))
        return self

    @model_validator(mode="after")
    def _overtime_fits(self) -> "CalendarConfig":
        for index, extra in enumerate(self.overtime):
            if extra.line is not None:
                tables = [
                    self.lines[extra.line].shifts if extra.line in self.lines else self.shifts
                ]
            else:
                tables = [self.shifts, *(line.shifts for line in self.lines.values())]
            worked = [(shifts, extra.worked(shifts)) for shifts in tables]
            if all(shift is None for _shifts, shift in worked):
                what = _("there is no shift {name}").format(name=extra.shift)
                next_ = _("write its start and its end, or name one of the shifts")
                raise Wrong("unknown-shift", what, next_, at=("overtime", index, "shift"))
            for shifts, shift in worked:
                if shift is None:
                    continue
                try:
                    refuse_times(shift)
                except Wrong as wrong:
                    at = ("overtime", index)
                    raise Wrong(wrong.code, wrong.what, wrong.next, at=at) from wrong
                self._refuse_crossing(index, extra, shift, shifts)
        return self

    def _refuse_crossing(
        self, index: int, extra: OvertimeConfig, shift: ShiftConfig, shifts: dict[str, ShiftConfig]
    ) -> None:
        """Raise where a shift of that date would share time with another one.

        Raises:
            Wrong: `overlap`.
        """
        start, end = shift.start, shift.start + shift.length
        for name, other in shifts.items():
            for offset in (-1, 0, 1):
                day = extra.on + timedelta(days=offset)
                same = name == extra.shift and offset == 0
                free = day in self.holidays or (
                    day.weekday() not in other.days and day not in self.workdays
                )
                begin = other.start + offset * DAY
                if not (same or free) and begin < end and begin + other.length > start:
                    what = _("overlaps {other} on {day} from {time}").format(
                        other=name, day=day, time=_time(max(begin, start) % DAY)
                    )
                    next_ = _("shifts of one line follow each other; change a time")
                    raise Wrong("overlap", what, next_, at=("overtime", index))


def refuse_times(shift: ShiftConfig) -> None:
    """Raise where the times of a shift and its breaks make none.

    Raises:
        Wrong: `bad-shift`, `bad-break`.
    """
    if shift.start == DAY:
        what = _("24:00 ends a day and starts none")
        raise Wrong("bad-shift", what, _('write start: "00:00"'), at=("start",))
    if shift.start == shift.end:
        what = _("the shift ends when it starts")
        next_ = _('for a shift round the clock write start: "00:00" and end: "24:00"')
        raise Wrong("bad-shift", what, next_, at=("end",))
    taken = 0
    for index, (start, end) in enumerate(shift.breaks):
        begins, length = (start - shift.start) % DAY, (end - start) % DAY
        if length == 0 or begins + length > shift.length:
            what = _("the break is not within the shift, {start} to {end}").format(
                start=_time(shift.start), end=_time(shift.end)
            )
            next_ = _("correct its times, or those of the shift")
            raise Wrong("bad-break", what, next_, at=("breaks", index))
        if begins < taken:
            what = _("the break begins before the one above has ended")
            next_ = _("write breaks in their order, apart from each other")
            raise Wrong("bad-break", what, next_, at=("breaks", index))
        taken = begins + length


def refuse_overlap(shifts: dict[str, ShiftConfig]) -> None:
    """Raise where two shifts of one line share a minute of the week, over Sunday night too.

    Raises:
        Wrong: `overlap`.
    """
    spans = sorted(
        (day * DAY + shift.start, day * DAY + shift.start + shift.length, name)
        for name, shift in shifts.items()
        for day in shift.days
    )
    if not spans:
        return
    start, end, name = spans[0]
    for (_start, ends, one), (begins, _end, other) in itertools.pairwise(
        [*spans, (start + WEEK, end + WEEK, name)]
    ):
        if begins < ends:
            day = WEEKDAYS[begins // DAY % 7]
            minute = begins % DAY
            what = _("overlaps {other} on {day} from {time}").format(
                other=one, day=day, time=_time(minute)
            )
            next_ = _("shifts of one line follow each other; change a time or the days")
            raise Wrong("overlap", what, next_, at=("shifts", other))


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
