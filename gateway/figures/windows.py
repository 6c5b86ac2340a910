"""Windows of the local clock: quarters, hours and days of a time zone, in UTC ms.

An hour is an hour of the clock on the wall. Where the clock is changed, the window is cut at the
change, so each window has one offset from UTC and none overlaps another; in zones that change by
a whole hour that makes 23 or 25 plain hours. A day runs from local midnight to local midnight.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

MINUTE_MS = 60_000
QUARTER_MS = 15 * MINUTE_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MINUTES = 24 * 60
STEPS = {"quarter": QUARTER_MS, "hour": HOUR_MS}
FIRST_DAY, LAST_DAY = date(2, 1, 1), date(9998, 12, 31)
"""Days that a date and a zone can be reckoned with from; a site file may name any."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time that figures are given for, [start, end) in UTC ms.

    Attributes:
        kind: quarter | hour | shift | day.
        shift: name of the shift, for kind `shift`.
    """

    kind: str
    start: int
    end: int
    shift: str = ""
    product: str = ""
    order: str = ""

    @property
    def subject(self) -> str:
        """The key by which a later statement replaces an earlier one."""
        return f"{self.kind}/{self.start}/{self.product}/{self.order}"


def local_day(t_ms: int, tz: ZoneInfo) -> date:
    """The date that a clock in the zone shows."""
    return datetime.fromtimestamp(t_ms // 1000, tz).date()


def local_ms(day: date, minutes: int, tz: ZoneInfo) -> int:
    """When the clock shows so many minutes after midnight of a day; 1440 and more is later days.

    Of a time that comes twice the first is meant; a time that is left out counts as if the clock
    had not yet been changed.
    """
    days, minute = divmod(minutes, DAY_MINUTES)
    clock = time(minute // 60, minute % 60)
    day = min(max(day, FIRST_DAY), LAST_DAY)
    moment = datetime.combine(day + timedelta(days=days), clock, tz)
    return int(moment.timestamp()) * 1000


def clock_windows(kind: str, start: int, end: int, tz: ZoneInfo) -> Iterator[Window]:
    """The quarters, hours or days that share time with [start, end), in order."""
    if kind == "day":
        day = local_day(start, tz)
        begin = local_ms(day, 0, tz)
        while begin < end:
            day += timedelta(days=1)
            begin, first = local_ms(day, 0, tz), begin
            yield Window(kind, first, begin)
        return
    step = STEPS[kind]
    begin = _edge_before(start, step, tz)
    while begin < end:
        begin, first = _edge_after(begin, step, tz), begin
        yield Window(kind, first, begin)


def quarters(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut [start, end) at full quarter hours, which are the same in every zone of today."""
    while start < end:
        edge = min((start // QUARTER_MS + 1) * QUARTER_MS, end)
        yield start, edge
        start = edge


def _edge_before(t_ms: int, step: int, tz: ZoneInfo) -> int:
    """The last edge at or before a time."""
    offset = _offset(t_ms, tz)
    edge = t_ms - (t_ms + offset) % step
    return edge if _offset(edge, tz) == offset else _change(edge, t_ms, tz)


def _edge_after(edge: int, step: int, tz: ZoneInfo) -> int:
    """The edge that follows one."""
    offset = _offset(edge, tz)
    following = edge - (edge + offset) % step + step
    return following if _offset(following - 1, tz) == offset else _change(edge, following - 1, tz)


def _change(before: int, after: int, tz: ZoneInfo) -> int:
    """When the clock is changed, between two times with different offsets."""
    old = _offset(before, tz)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(middle, tz) == old:
            before = middle
        else:
            after = middle
    return after


def _offset(t_ms: int, tz: ZoneInfo) -> int:
    """Local time minus UTC, in ms."""
    moment = datetime.fromtimestamp(t_ms // 1000, UTC)
    shift = moment.astimezone(tz).utcoffset() or timedelta()
    return shift // timedelta(milliseconds=1)
