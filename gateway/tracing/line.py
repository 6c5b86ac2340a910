"""One line of a trace: what one signal of one asset was at one time.

    {"t": "2026-03-02T08:00:00+08:00", "asset": "inj-1", "signal": "state", "value": "running"}

`t` is ISO 8601 with its offset, or UTC ms; `"q": "bad"` says that the value could not be read and
then needs none; `mono`, in seconds of a clock that nobody sets, tells a clock step from late data.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from gateway.words import _

if TYPE_CHECKING:
    from gateway.model import Value

FIELDS = ("t", "asset", "signal", "value", "q", "mono")
PLAIN = 4
"""Keys of a line that has neither `q` nor `mono`."""
SCALARS = frozenset({int, float, str, bool})
ALL = frozenset(FIELDS)
NEEDED = ("t", "asset", "signal")
QUALITIES = {"good": True, "uncertain": True, "bad": False}
"""Quality → whether there is a value."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)
EARLIEST_MS = 946_684_800_000
"""2000-01-01; a number below it is no time in ms."""
LATEST_MS = 4_102_444_800_000
"""2100-01-01."""


class Line(NamedTuple):
    """A reading.

    Attributes:
        t_ms: UTC ms, as the line says.
        value: None where it could not be read.
        mono_ms: the same instant on a clock that nobody sets; None where the line gives none.
    """

    t_ms: int
    asset: str
    signal: str
    value: Value
    mono_ms: float | None


class BadLine(ValueError):  # noqa: N818 - reads as one
    """A line that is no reading.

    Attributes:
        column: from 1.
        code: stable, e.g. `unknown-key`.
        what, next: for people.
    """

    def __init__(self, column: int, code: str, what: str, next_: str) -> None:
        super().__init__(what)
        self.column = column
        self.code = code
        self.what = what
        self.next = next_


class Again:
    """Reads lines that `read` has taken before; times that neighbours share are read once."""

    def __init__(self) -> None:
        self._t: object = None
        self._t_ms = 0

    def read(self, raw: bytes) -> Line:
        """Read a line."""
        fields = orjson.loads(raw)
        t = fields["t"]
        if t != self._t:
            self._t = t
            self._t_ms = (
                (datetime.fromisoformat(t) - EPOCH) // MS if isinstance(t, str) else round(t)
            )
        bad = fields.get("q") == "bad"
        mono = fields.get("mono")
        return Line(
            self._t_ms,
            fields["asset"],
            fields["signal"],
            None if bad else fields["value"],
            None if mono is None else mono * 1000,
        )


def read(raw: bytes) -> Line:
    """Read a line.

    Raises:
        BadLine: it is none.
    """
    return _plain(raw) or _any(raw)


def _plain(raw: bytes) -> Line | None:
    """Read a line of the usual form, quickly; None where it is of another."""
    try:
        fields = orjson.loads(raw)
        t, asset, signal, value = fields["t"], fields["asset"], fields["signal"], fields["value"]
        t_ms = (datetime.fromisoformat(t) - EPOCH) // MS
    except (ValueError, TypeError, LookupError):
        return None
    is_plain = len(fields) == PLAIN and type(asset) is str is type(signal) and asset and signal
    if not is_plain or type(value) not in SCALARS or not EARLIEST_MS <= t_ms < LATEST_MS:
        return None
    return Line(t_ms, asset, signal, value, None)


def _any(raw: bytes) -> Line:
    """Read a line of any form.

    Raises:
        BadLine: it is none.
    """
    fields = _object(raw)
    for name in NEEDED:
        if name not in fields:
            what = _("{key} is missing").format(key=name)
            next_ = _("a line needs t, asset, signal and value")
            raise BadLine(1, "missing-key", what, next_)
    t_ms = _moment(fields["t"], raw)
    for name in ("asset", "signal"):
        if not isinstance(fields[name], str) or not fields[name]:
            what = _("{key} must be a name").format(key=name)
            next_ = _("write it in quotes, as the site file spells it")
            raise BadLine(column(raw, name), "wrong-type", what, next_)
    mono = fields.get("mono")
    if mono is not None and (not _is_number(mono) or mono < 0):
        what = _("mono must be seconds, a number of 0 or more")
        next_ = _("write e.g. 12.5, or leave it out")
        raise BadLine(column(raw, "mono"), "wrong-type", what, next_)
    mono_ms = None if mono is None else mono * 1000
    return Line(t_ms, fields["asset"], fields["signal"], _value(fields, raw), mono_ms)


def column(raw: bytes, key: str) -> int:
    """Where a key stands in a line, from 1; 1 where it doesn't."""
    place = raw.find(f'"{key}"'.encode())
    return 1 if place < 0 else len(raw[:place].decode("utf-8", "replace")) + 1


def _object(raw: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        what = _("this is no JSON: {reason}").format(reason=error.msg)
        next_ = _("each line is one object, complete in itself, in UTF-8")
        raise BadLine(min(error.colno, len(raw)), "not-json", what, next_) from error
    if not isinstance(fields, dict):
        what = _("a line must be an object")
        raise BadLine(1, "wrong-type", what, _('write {{"t": …, "asset": …}}').format())
    if not fields.keys() <= ALL:
        for name in fields.keys() - ALL:
            what = _("{key} is no key of a trace").format(key=name)
            next_ = _("there are: {known}").format(known=", ".join(FIELDS))
            raise BadLine(column(raw, name), "unknown-key", what, next_)
    return fields


def _moment(t: object, raw: bytes) -> int:
    """UTC ms of what `t` says."""
    if isinstance(t, str):
        try:
            when = datetime.fromisoformat(t)
        except ValueError as error:
            what = _("{text} is no time").format(text=t)
            raise BadLine(column(raw, "t"), "bad-time", what, _hint()) from error
        if when.tzinfo is None:
            what = _("the time has no offset from UTC")
            next_ = _("write it with the offset, e.g. {example}").format(example=f"{t}+08:00")
            raise BadLine(column(raw, "t"), "no-offset", what, next_)
        t_ms = (when - EPOCH) // MS
    elif _is_number(t):
        t_ms = round(t)  # type: ignore[call-overload]
    else:
        raise BadLine(column(raw, "t"), "bad-time", _("t must be a time"), _hint())
    if not EARLIEST_MS <= t_ms < LATEST_MS:
        what = _("the time lies outside of the years 2000 to 2099")
        raise BadLine(column(raw, "t"), "bad-time", what, _("a number is UTC ms, 13 digits"))
    return int(t_ms)


def _hint() -> str:
    return _("write e.g. 2026-03-02T08:00:00+08:00, or UTC ms as a number")


def _value(fields: dict[str, Any], raw: bytes) -> Value:
    quality = fields.get("q", "good")
    has_value = QUALITIES.get(quality) if isinstance(quality, str) else None
    if has_value is None:
        what = _("q must be bad, where the value could not be read")
        next_ = _('write "q": "bad", or leave it out')
        raise BadLine(column(raw, "q"), "wrong-value", what, next_)
    if not has_value:
        return None
    next_ = _('a value that could not be read is marked with "q": "bad"')
    if "value" not in fields:
        what = _("{key} is missing").format(key="value")
        raise BadLine(1, "missing-key", what, next_)
    value: Value | list[object] | dict[str, object] = fields["value"]
    if value is None or isinstance(value, (list, dict)):
        what = _("the value must be a number, a text, true or false")
        raise BadLine(column(raw, "value"), "wrong-type", what, next_)
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
