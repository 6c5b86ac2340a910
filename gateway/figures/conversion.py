"""What a medium is converted with on a day: the profile's factors, or the site's own, by date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.figures.media import ELECTRICITY
from gateway.kpi import Factor

if TYPE_CHECKING:
    from datetime import date

    from gateway.figures.media import Medium
    from gateway.kpi import KpiSpec


def factors_of(spec: KpiSpec, medium: Medium, day: date) -> dict[str, Factor]:
    """The factors of a medium, by name; none where nobody stated any with its source.

    Args:
        spec: of the asset; the profile's are of electricity.
        medium: what is converted.
        day: on which the window begins.
    """
    found = dict(spec.factors) if medium is ELECTRICITY else {}
    held: dict[str, date | None] = {}
    for one in spec.metering.factors:
        is_due = one.since is None or one.since <= day
        if one.medium != medium.name or not is_due:
            continue
        before = held.get(one.name)
        if one.name in held and before is not None and (one.since is None or one.since < before):
            continue
        held[one.name] = one.since
        found[one.name] = Factor(one.value, one.unit, one.year, one.scope)
    return found
