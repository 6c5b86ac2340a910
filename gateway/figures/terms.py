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
from gateway.metering import UNMETERED
from gateway.model import KpiSpec  # noqa: TC001 - plain.py reads these hints
from gateway.plain import dump, loader
from gateway.settings import Roster, Rosters

if TYPE_CHECKING:
    from collections.abc import Callable


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
    """

    spec: KpiSpec
    line: str
    timezone: str
    roster: Roster | None

    def calendar(self) -> Calendar:
        """The calendar of them."""
        return Calendar(ZoneInfo(self.timezone), Rosters(self.roster, {}))


def written(spec: KpiSpec, line: str, calendar: Calendar) -> str:
    """Spell settings as the log has them; equal ones alike, and without what is dated."""
    plain = replace(spec, metering=spec.metering.with_dated(UNMETERED))
    return dump(Terms(plain, line, str(calendar.tz), calendar.roster(line))).decode()


def with_dated(spec: KpiSpec, of: KpiSpec) -> KpiSpec:
    """Settings of another time with the dated facts of these: a tariff, conversion factors."""
    return replace(spec, metering=spec.metering.with_dated(of.metering))


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
