"""What figures are computed from beside the log: settings, as the log keeps them.

An account writes them into its asset's log when they change, and again each half day, because of
the log only the last days are read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway.figures.calendar import Calendar
from gateway.figures.windows import DAY_MINUTES, local_ms
from gateway.kpi import KpiSpec  # noqa: TC001 - plain.py reads these hints
from gateway.metering import UNMETERED
from gateway.plain import dump, loader
from gateway.settings import Roster, Rosters, Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

    from gateway.figures.intervals import Interval
    from gateway.kpi import ProductTerms

FOREVER = 1 << 62


MARK_BYTES = 6
"""A whole number of so many bytes is exact as a float."""
DATED = "dated"
"""Series of the log that tells which dated facts figures were told by."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The settings that the figures of one asset depend on.

    Attributes:
        timezone: of the site, by which windows are cut.
        roster: the shifts of its line; None: all time is planned.
        stops: planned down time, of it and its line.
    """

    spec: KpiSpec
    line: str
    timezone: str
    roster: Roster | None
    stops: tuple[Stop, ...] = ()

    def calendar(self) -> Calendar:
        """The calendar of them."""
        return Calendar(ZoneInfo(self.timezone), Rosters(self.roster, {}, self.stops))

    def with_facts(self, newest: Terms) -> Terms:
        """These settings with what has a date in the newest ones.

        That a day was a holiday, or worked longer, is a fact about the day, whenever it was
        written down; so is a product's cycle from a date on. What has no date stays.
        """
        return replace(
            self,
            spec=replace(
                self.spec,
                products=_dated(self.spec.products, newest.spec.products),
                metering=self.spec.metering.with_dated(newest.spec.metering),
            ),
            roster=_with_dates(self.roster, newest.roster),
            stops=newest.stops,
        )

    def differs(self, newer: Terms) -> Iterator[Interval]:
        """When figures are others by dated facts of newer settings; of energy: `dated_mark`."""
        mine, other = self.calendar(), newer.calendar()
        for day in _days(self.roster) ^ _days(newer.roster):
            start = local_ms(day[0], 0, mine.tz)
            yield start, local_ms(day[0], 2 * DAY_MINUTES, mine.tz)
        yield from set(mine.standstills()) ^ set(other.standstills())
        were, are = self.spec.products, newer.spec.products
        for code in were.keys() | are.keys():
            since = {t for t in were.get(code, ()) if t.since_ms} ^ {
                t for t in are.get(code, ()) if t.since_ms
            }
            if since:
                yield min(terms.since_ms for terms in since), FOREVER


def _with_dates(roster: Roster | None, newest: Roster | None) -> Roster | None:
    if roster is None or newest is None:
        return roster
    dates = {name: getattr(newest, name) for name in ("holidays", "workdays", "overtime")}
    return replace(roster, **dates)


def _dated(
    old: Mapping[str, tuple[ProductTerms, ...]], new: Mapping[str, tuple[ProductTerms, ...]]
) -> dict[str, tuple[ProductTerms, ...]]:
    """The old terms that have no date, and the new ones that have one."""
    found = {
        code: (
            *(terms for terms in old.get(code, ()) if not terms.since_ms),
            *(terms for terms in new.get(code, ()) if terms.since_ms),
        )
        for code in (*old, *new)
    }
    return {code: terms for code, terms in found.items() if terms}


def _days(roster: Roster | None) -> set[tuple[date, object]]:
    """Everything that is said of a single day."""
    if roster is None:
        return set()
    return {
        *((day, "holiday") for day in roster.holidays),
        *((day, "workday") for day in roster.workdays),
        *((one.day, one.shift) for one in roster.overtime),
    }


def terms_of(spec: KpiSpec, line: str, calendar: Calendar) -> Terms:
    """The settings that an asset has now."""
    return Terms(spec, line, str(calendar.tz), calendar.roster(line), calendar.stops)


def written(spec: KpiSpec, line: str, calendar: Calendar) -> str:
    """Spell settings as the log has them; equal ones alike, and without what is dated of energy."""
    plain = replace(spec, metering=spec.metering.with_dated(UNMETERED))
    return dump(terms_of(plain, line, calendar)).decode()


def dated_mark(spec: KpiSpec) -> int:
    """A number that tells dated facts from others; 0 where nothing is dated."""
    dated = UNMETERED.with_dated(spec.metering)
    if dated == UNMETERED:
        return 0
    return int.from_bytes(blake2b(dump(dated), digest_size=MARK_BYTES).digest())


def read(text: str) -> Terms | None:
    """Take settings out of the log; None where another version of this program wrote others."""
    try:
        return _loader()(text.encode())
    except (ValueError, TypeError, KeyError):
        return None


@cache
def _loader() -> Callable[[bytes], Terms]:
    return loader(Terms)
