"""Figures of one window from a log alone, with nothing kept: what an account must come to."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway.figures.calendar import Calendar
from gateway.figures.conversion import factors_of
from gateway.figures.energy import EnergyFigures, energy_figures
from gateway.figures.journal import ORDER, Journal
from gateway.figures.media import ELECTRICITY
from gateway.figures.oee import OeeFigures, figures, state_at, sum_up
from gateway.figures.usage import Usage, Used
from gateway.figures.windows import local_day, quarters

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from gateway.figures.calendar import PlannedTime
    from gateway.figures.media import Medium
    from gateway.figures.windows import Window
    from gateway.kpi import KpiSpec
    from gateway.model import Entry

EVER = Calendar(ZoneInfo("UTC"))


def fold_oee(
    entries: Journal | Iterable[Entry],
    ahead: Fraction,
    window: Window,
    plan: PlannedTime,
    spec: KpiSpec,
    until: int | None = None,
) -> OeeFigures:
    """Compute the figures of a window from the log alone.

    Args:
        entries: the asset's log, from the last reading of each signal before the window to the
            end of whatever stop spans its end.
        ahead: left minus right good halves when the window began; 0 but for pairs.
        window: what the figures are for.
        plan: the line's planned time within the window.
        spec: of the asset.
        until: the log is complete up to here; None: well beyond the window.
    """
    journal = entries if isinstance(entries, Journal) else Journal(entries)
    sums = sum_up(journal, window.start, window.end, plan, spec, until)
    end = window.end if until is None else min(window.end, until)
    return figures(sums, spec, state_at(journal, end), ahead, is_order=window.kind == ORDER)


def fold_energy(
    entries: Journal | Iterable[Entry],
    window: Window,
    spec: KpiSpec,
    good: float | None = None,
    until: int | None = None,
    medium: Medium = ELECTRICITY,
    calendar: Calendar = EVER,
) -> EnergyFigures:
    """Compute the energy of a window from the log alone.

    Args:
        entries: meter readings from the last before the window to the first after it.
        window: what the figures are for.
        spec: of the asset.
        good: good pieces of the same window, from its OEE fold.
        until: the log is complete up to here; None: beyond the window.
        medium: whose register.
        calendar: the site's zone and plan; its line is the first.
    """
    journal = entries if isinstance(entries, Journal) else Journal(entries)
    end = window.end if until is None else min(window.end, until)
    usage = Usage(spec, calendar, "main")
    used = sum((usage.of(journal, medium, *part) for part in quarters(window.start, end)), Used())
    factors = factors_of(spec, medium, local_day(window.start, calendar.tz))
    return energy_figures(used, spec, medium, end - window.start, good, factors)
