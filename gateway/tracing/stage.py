"""A site as a trace speaks of it: whatever the trace tells counts as bound.

A tag that is bound stays bound, so counters wrap where their registers do and an asset falls
silent as it does live. Where lines lie further apart than its polls would, an asset falls silent
after three of its usual pauses, so that a trace of one line a minute is not silence throughout.
An asset whose state is told only where it changes is heard by any of its lines.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway import config
from gateway.errors import ConfigError, Fault
from gateway.resolution import references
from gateway.resolution.kpi_spec import SILENT_POLLS
from gateway.templates import Drivers, resolve
from gateway.tracing.survey import STATE, look
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.model import Asset
    from gateway.plant import Plant
    from gateway.sitefile.sections import Site
    from gateway.tracing.survey import Survey, Told

LONGEST_SILENCE_S = 86_400
"""Where lines lie further apart than that, nothing is known of the time between them."""
WORDS = (
    "running",
    "setup",
    "waiting",
    "fault",
    "idle",
    "planned_stop",
    "offline",
    "unknown",
)
"""States of the contract, which a trace may give whatever a machine's own words are."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A plant, and the trace that is played on it.

    Attributes:
        held: assets whose state holds until another is told.
    """

    plant: Plant
    trace: Path
    survey: Survey
    held: frozenset[str]


def set_up(site_file: Path, trace: Path, profile: Path | None = None) -> Stage:
    """Read a site file and a trace, the trace once.

    Args:
        site_file: the site file.
        trace: JSON lines, plain or gzipped.
        profile: stands in for the industry, where the site file names none.

    Raises:
        ConfigError: with all faults of the one or, where that has none, of the other.
    """
    site, faults = config.read(site_file)
    if profile is not None and site.site.industry is None:
        industry_name = f"./{os.path.relpath(profile, site.document.folder)}"
        info = site.site.model_copy(update={"industry": industry_name})
        site = site.model_copy(update={"site": info})
    industry, wrong = references.industry(site, always=True)
    types, more = references.types(site, industry, always=True)
    if faults or wrong or more:
        raise ConfigError(sorted({*faults, *wrong, *more}))
    survey = look(trace, types)
    if survey.wrong:
        raise ConfigError(_bounded(survey, trace))
    return _staged(site, trace, survey)


def _staged(site: Site, trace: Path, survey: Survey) -> Stage:
    signals = {name: tuple(told.signals) for name, told in survey.assets.items()}
    plant, faults = resolve(site, Drivers(), signals)
    if faults:
        raise ConfigError(faults)
    assets = tuple(
        _heard(asset, survey.assets[asset.name]) if asset.name in survey.assets else asset
        for asset in plant.assets
    )
    held = {
        name for name, told in survey.assets.items() if STATE in told.signals and not told.repeats
    }
    plant = dataclasses.replace(plant, assets=assets)
    return Stage(plant, trace, survey, frozenset(held))


def _heard(asset: Asset, told: Told) -> Asset:
    """An asset with the words and the time-out that its part of the trace asks for."""
    kpi = asset.kpi
    if kpi is None:
        return asset
    paused_s = min(SILENT_POLLS * told.usual_ms / 1000, LONGEST_SILENCE_S)
    silence_s = max(kpi.silence_s, paused_s)
    states = {**dict(zip(WORDS, WORDS, strict=True)), **kpi.states}
    kpi = dataclasses.replace(kpi, silence_s=silence_s, states=states)
    derived = asset.derived
    if derived is not None:
        silence_ms = round(silence_s * 1000)
        derived = dataclasses.replace(derived, silence_ms=silence_ms, fresh_ms={})
    return dataclasses.replace(asset, kpi=kpi, derived=derived)


def _bounded(survey: Survey, trace: Path) -> list[Fault]:
    left = survey.wrong - len(survey.faults)
    if not left:
        return survey.faults
    what = _("{count} more lines are wrong").format(count=left)
    return [*survey.faults, Fault(str(trace), 0, 0, "more-faults", what, _("mend these first"))]
