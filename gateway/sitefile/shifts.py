"""The factory's calendar: shifts, breaks, holidays, make-up days.

Times are minutes after local midnight of the day that a shift begins. A shift that ends at or
before the time it starts runs over midnight and belongs to the day it began.
"""

import itertools
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator
from pydantic.json_schema import WithJsonSchema

from gateway.sitefile.explain import Wrong, describe
from gateway.sitefile.names import Name
from gateway.sitefile.part import Part
from gateway.sitefile.units import Clock, Day
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
    def _breaks_within(self) -> "ShiftConfig":
        if self.start == DAY:
            what = _("24:00 ends a day and starts none")
            raise Wrong("bad-shift", what, _('write start: "00:00"'), at=("start",))
        if self.start == self.end:
            what = _("the shift ends when it starts")
            next_ = _('for a shift round the clock write start: "00:00" and end: "24:00"')
            raise Wrong("bad-shift", what, next_, at=("end",))
        taken = 0
        for index, (start, end) in enumerate(self.breaks):
            begins, length = (start - self.start) % DAY, (end - start) % DAY
            if length == 0 or begins + length > self.length:
                what = _("the break is not within the shift, {start} to {end}").format(
                    start=_time(self.start), end=_time(self.end)
                )
                next_ = _("correct its times, or those of the shift")
                raise Wrong("bad-break", what, next_, at=("breaks", index))
            if begins < taken:
                what = _("the break begins before the one above has ended")
                next_ = _("write breaks in their order, apart from each other")
                raise Wrong("bad-break", what, next_, at=("breaks", index))
            taken = begins + length
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
