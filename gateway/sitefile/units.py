"""Values that carry their unit or their shape: durations, sizes, rates, times of day, dates, texts.

Annotated types for pydantic models: a validator that reads what people write and refuses the rest
with a sentence, and the same rule as a JSON Schema pattern for editors. Each thing has one way to
be said.
"""

import datetime as dt
import math
import re
from collections.abc import Callable
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    AllowInfNan,
    BeforeValidator,
    PlainValidator,
    Strict,
    WithJsonSchema,
)

from gateway.sitefile.explain import Wrong, describe
from gateway.words import _

T = TypeVar("T")
_SECONDS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86_400, "y": 365 * 86_400}
_BYTES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
_DURATION = re.compile(rf"({_NUMBER}) ?(ms|s|min|h|d|y)")
_SIZE = re.compile(rf"({_NUMBER}) ?(KiB|MiB|GiB|TiB)")
_RATE = re.compile(rf"({_NUMBER}) ?records/s")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_QUANTITY = re.compile(rf"(-?{_NUMBER}) ?([^\W\d]+)")

_MEANT = {
    **dict.fromkeys(("sec", "secs", "second", "seconds", "秒"), "s"),
    **dict.fromkeys(("mins", "minute", "minutes", "分", "分钟"), "min"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours", "小时"), "h"),
    **dict.fromkeys(("day", "days", "天"), "d"),
    **dict.fromkeys(("year", "years", "年"), "y"),
    **dict.fromkeys(("msec", "millisecond", "milliseconds", "毫秒"), "ms"),
    **dict.fromkeys(("k", "kb"), "KiB"),
    **dict.fromkeys(("mb",), "MiB"),
    **dict.fromkeys(("g", "gb"), "GiB"),
    **dict.fromkeys(("t", "tb"), "TiB"),
}
"""Spellings from elsewhere and the unit that they mean here."""


def seconds(value: object) -> float:
    """Read a duration such as `500ms`, `1s`, `1min`, `2h`, `30d`, `3y` (of 365 days).

    Raises:
        Wrong: `bare-number`, `negative` or `bad-duration`.
    """
    as_written = _("write {value}ms, {value}s, {value}min, {value}h, {value}d or {value}y")
    quantity = _quantity(value, as_written)
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match:
        return float(match[1]) * _SECONDS[match[2]]
    next_ = _("write a number and its unit: 500ms, 1s, 5min, 2h, 30d or 3y")
    if quantity and quantity[2] == "m":
        next_ = _("write {n}min for minutes or {n}ms for milliseconds").format(n=quantity[1])
    elif quantity:
        next_ = _suggest(quantity[1], quantity[2], _SECONDS) or next_
    raise Wrong("bad-duration", _("{value} is not a duration").format(value=describe(value)), next_)


def size_bytes(value: object) -> int:
    """Read a size such as `2GiB` (1024-based).

    Raises:
        Wrong: `bare-number`, `negative` or `bad-size`.
    """
    quantity = _quantity(value, _("write {value}MiB, {value}GiB or {value}TiB"))
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match:
        return round(float(match[1]) * _BYTES[match[2]])
    next_ = _("write a number and its unit: 512MiB or 2GiB")
    if quantity:
        next_ = _suggest(quantity[1], quantity[2], _BYTES) or next_
    raise Wrong("bad-size", _("{value} is not a size").format(value=describe(value)), next_)


def records_per_second(value: object) -> float:
    """Read a rate such as `500 records/s`.

    Raises:
        Wrong: `bare-number` or `bad-rate`.
    """
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match and float(match[1]) > 0:
        return float(match[1])
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        raise Wrong(
            "bare-number",
            _("{value} has no unit").format(value=value),
            _("write {value} records/s").format(value=value),
        )
    raise Wrong(
        "bad-rate",
        _("{value} is not a rate").format(value=describe(value)),
        _("write records per second, more than none: 500 records/s"),
    )


def minutes_of_day(value: object) -> int:
    """Read a time of day, `HH:MM`, as minutes after local midnight; `24:00` is the day's end.

    Raises:
        Wrong: `bad-time`.
    """
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match:
        return 24 * 60 if match[1] is None else int(match[1]) * 60 + int(match[2])
    next_ = _('write hours and minutes with two digits each: "08:00", "17:30", "24:00"')
    short = re.fullmatch(r"[0-9]:[0-5][0-9]", value) if isinstance(value, str) else None
    if short:
        next_ = _('write "0{time}"').format(time=value)
    raise Wrong("bad-time", _("{value} is not a time of day").format(value=describe(value)), next_)


def date(value: object) -> dt.date:
    """Read a date, `YYYY-MM-DD`.

    Raises:
        Wrong: `bad-date`.
    """
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return dt.date.fromisoformat(value)
    except ValueError as error:  # a day that its month doesn't have
        what = _("{value} is in no calendar").format(value=value)
        raise Wrong("bad-date", what, _("check month and day")) from error
    raise Wrong(
        "bad-date",
        _("{value} is not a date").format(value=describe(value)),
        _("write year, month and day, with two digits each: 2026-03-01"),
    )


def text(value: object) -> dict[str, str]:
    """Read a text for people in one or both languages, `{zh: …, en: …}`.

    Raises:
        Wrong: `bad-text`.
    """
    if isinstance(value, dict) and value and set(value) <= {"zh", "en"}:
        wrong = [k for k, v in value.items() if not (isinstance(v, str) and 0 < len(v) <= 200)]  # noqa: PLR2004
        if not wrong:
            return value
        raise Wrong(
            "bad-text",
            _("must be text of 1 to 200 characters, not {value}").format(
                value=describe(value[wrong[0]])
            ),
            _("put text that looks like a number into quotes"),
            at=(wrong[0],),
        )
    if isinstance(value, str):
        what = _("does not say its language")
        next_ = _("write {{zh: {value}}} or {{zh: …, en: …}}").format(value=value)
        raise Wrong("bad-text", what, next_)
    what = _("must give a text in zh, en or both")
    raise Wrong("bad-text", what, _("write e.g. {{zh: 1号机, en: Machine 1}}").format())


def at_least(least: str) -> Callable[[int], int]:
    """Make a validator that holds a size above one written as people write it."""
    bound = size_bytes(least)

    def check(value: int) -> int:
        if value >= bound:
            return value
        what = _("must be at least {least}").format(least=least)
        raise Wrong("out-of-range", what, _("write {least} or more").format(least=least))

    return check


def scalar(value: object) -> str | float | bool:
    """Take a number, a text or a truth value as it is.

    Raises:
        Wrong: `wrong-type`.
    """
    if isinstance(value, (str, bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    what = _("must be a number, a text, true or false, not {value}").format(value=describe(value))
    raise Wrong("wrong-type", what, _("write one value after the colon"))


def positive(value: float) -> float:
    """Refuse what isn't above 0.

    Raises:
        Wrong: `out-of-range`.
    """
    if value > 0:
        return value
    what = _("must be above 0, not {value}").format(value=describe(value))
    raise Wrong("out-of-range", what, _("read it off its source again"))


def some(value: T) -> T:
    """Refuse a list with nothing in it.

    Raises:
        Wrong: `wrong-count`.
    """
    if value:
        return value
    raise Wrong("wrong-count", _("nothing is in it"), _("write at least one, or delete the key"))


def given(value: object) -> object:
    """Refuse a key that has no value: leaving it out says that better."""
    if value is None:
        raise Wrong("no-value", _("has no value"), _("write one, or delete the key"))
    return value


def between(low: str, high: str) -> Callable[[float], float]:
    """Make a validator that holds a duration within bounds written as people write them."""
    least, most = seconds(low), seconds(high)

    def check(value: float) -> float:
        if least <= value <= most:
            return value
        raise Wrong(
            "out-of-range",
            _("must be from {low} to {high}").format(low=low, high=high),
            _("write a duration within these two"),
        )

    return check


def _quantity(value: object, with_unit: str) -> re.Match[str] | None:
    """Match a number and whatever follows it.

    Args:
        value: as written in the file.
        with_unit: how to write a bare number `{value}`.

    Raises:
        Wrong: `bare-number` or `negative`.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < 0:
            raise _negative(value)
        what = _("{value} has no unit").format(value=value)
        raise Wrong("bare-number", what, with_unit.format(value=value))
    quantity = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if quantity and quantity[1].startswith("-"):
        raise _negative(value)
    return quantity


def _negative(value: object) -> Wrong:
    what = _("{value} is negative").format(value=value)
    return Wrong("negative", what, _("write it without the minus sign"))


def _suggest(number: str, unit: str, known: dict[str, float] | dict[str, int]) -> str | None:
    """Say how to write a quantity whose unit is spelled in another way."""
    meant = next((name for name in known if name.lower() == unit.lower()), None)
    meant = meant or _MEANT.get(unit.lower())
    if meant not in known:
        return None
    return _("write {quantity}").format(quantity=f"{number}{meant}")


def _pattern(pattern: re.Pattern[str], *examples: str) -> WithJsonSchema:
    plain = pattern.pattern.replace("(?:", "(")
    return WithJsonSchema({"type": "string", "pattern": f"^({plain})$", "examples": list(examples)})


Maybe = Annotated[T | None, BeforeValidator(given)]
"""A key that may be left out, but not left empty."""
Int = Annotated[int, Strict()]
Number = Annotated[float, Strict(), AllowInfNan(allow_inf_nan=False)]
Positive = Annotated[
    Number, AfterValidator(positive), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})
]
Some = Annotated[T, AfterValidator(some)]
"""A list that isn't empty."""
Flag = Annotated[bool, Strict()]
Scalar = Annotated[
    str | float | bool,
    PlainValidator(scalar),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
Duration = Annotated[float, BeforeValidator(seconds), _pattern(_DURATION, "500ms", "1s", "5min")]
"""Seconds."""
Size = Annotated[int, BeforeValidator(size_bytes), _pattern(_SIZE, "512MiB", "2GiB")]
"""Bytes."""
Rate = Annotated[float, BeforeValidator(records_per_second), _pattern(_RATE, "500 records/s")]
"""Records per second."""
Clock = Annotated[int, BeforeValidator(minutes_of_day), _pattern(_CLOCK, "08:00", "24:00")]
"""Minutes after local midnight."""
Day = Annotated[dt.date, BeforeValidator(date), _pattern(_DAY, "2026-10-01")]
Text = Annotated[
    dict[str, str],
    BeforeValidator(text),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                "zh": {"type": "string", "minLength": 1, "maxLength": 200},
                "en": {"type": "string", "minLength": 1, "maxLength": 200},
            },
            "minProperties": 1,
            "additionalProperties": False,
        }
    ),
]
"""By language."""
Period = Annotated[Duration, AfterValidator(between("1ms", "100y"))]
"""A duration that is not nothing."""
