"""Which slot of a tariff it is: the days of a time zone cut at the edges of slots, in UTC ms.

A day's slots are those of its own type from midnight to midnight, also where a slot is written
over midnight: 22:00 to 08:00 is the first eight and the last two hours of the same day. Where no
version of the tariff holds yet, there is no slot.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from gateway.figures.windows import DAY_MINUTES, local_day, local_ms
from gateway.metering import HOLIDAY, WEEKEND, WORKDAY

if TYPE_CHECKING:
    from datetime import date
    from zoneinfo import ZoneInfo

    from gateway.metering import Tariff, TariffRule, TariffVersion

SATURDAY = 5
KEPT_DAYS = 64


class Slot(NamedTuple):
    """A stretch of one slot, [start, end) in UTC ms, and what a kWh costs in it, if known."""

    start: int
    end: int
    name: str
    price: float | None


class TariffClock:
    """The slots of a tariff in a time zone."""

    def __init__(self, tariff: Tariff, tz: ZoneInfo) -> None:
        self._tariff = tariff
        self._tz = tz
        self._days: dict[date, tuple[Slot, ...]] = {}

    def slots(self, start: int, end: int) -> list[Slot]:
        """The slots that [start, end) is cut into, in order."""
        found: list[Slot] = []
        day, last = local_day(start, self._tz), local_day(end - 1, self._tz)
        while day <= last:
            for slot in self._on(day):
                if slot.start < end and slot.end > start:
                    begin, over = max(slot.start, start), min(slot.end, end)
                    found.append(slot._replace(start=begin, end=over))
            day += timedelta(days=1)
        return found

    def is_cut(self, start: int, end: int) -> bool:
        """Whether [start, end) lies in more than one slot."""
        return len({slot.name for slot in self.slots(start, end)}) > 1

    def _on(self, day: date) -> tuple[Slot, ...]:
        slots = self._days.get(day)
        if slots is None:
            if len(self._days) >= KEPT_DAYS:
                self._days.clear()
            slots = self._days[day] = tuple(self._of(day))
        return slots

    def _of(self, day: date) -> list[Slot]:
        version = self._version(day)
        rule = None if version is None else self._rule(version, day)
        if version is None or rule is None:
            return []
        edges = [local_ms(day, start, self._tz) for start, _end, _name in rule.slots]
        edges.append(local_ms(day, DAY_MINUTES, self._tz))
        # Where the clock is set forward, a slot may have no time at all.
        for place in range(len(edges) - 2, -1, -1):
            edges[place] = min(edges[place], edges[place + 1])
        return [
            Slot(start, end, name, version.prices.get(name))
            for (start, end), (_from, _to, name) in zip(pairwise(edges), rule.slots, strict=True)
            if start < end
        ]

    def _version(self, day: date) -> TariffVersion | None:
        held = [version for version in self._tariff.versions if version.since <= day]
        return held[-1] if held else None

    def _rule(self, version: TariffVersion, day: date) -> TariffRule | None:
        for rule in version.rules:
            if day in rule.dates:
                return rule
        kind = self._kind(day)
        for rule in version.rules:
            if day.month in rule.months and kind in rule.days:
                return rule
        return None

    def _kind(self, day: date) -> str:
        if day in self._tariff.workdays:
            return WORKDAY
        if day in self._tariff.holidays:
            return HOLIDAY
        return WEEKEND if day.weekday() >= SATURDAY else WORKDAY
