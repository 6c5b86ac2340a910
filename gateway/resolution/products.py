"""Products of an asset as figures take them: dates of the site's time zone become moments."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway.kpi import ProductTerms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.sitefile.products import ProductConfig


def dated(
    products: Mapping[str, Sequence[ProductConfig]], timezone: str
) -> dict[str, tuple[ProductTerms, ...]]:
    """What holds for each product, in order of time; what an entry doesn't say stays as it was.

    Args:
        products: of the site file.
        timezone: of the site: a day begins at its midnight.
    """
    return {code: tuple(_terms(entries, timezone)) for code, entries in products.items()}


def _terms(entries: Sequence[ProductConfig], timezone: str) -> list[ProductTerms]:
    found: list[ProductTerms] = []
    for entry in entries:
        since_ms = 0
        if entry.since is not None:
            midnight = datetime.combine(entry.since, time(), ZoneInfo(timezone))
            since_ms = int(midnight.timestamp()) * 1000
        before = found[-1] if found else ProductTerms(0, None, None)
        cycle_s = before.ideal_cycle_s if entry.ideal_cycle is None else entry.ideal_cycle
        sam_s = before.sam_s if entry.sam is None else entry.sam
        found.append(ProductTerms(since_ms, cycle_s, sam_s))
    return found
