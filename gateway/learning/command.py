"""`nxgate learn`: from a recording to the piece of a site file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gateway import config
from gateway.errors import ConfigError, Fault
from gateway.learning.proposal import NoProposal, propose
from gateway.learning.recording import record_of
from gateway.learning.report import report
from gateway.sitefile.document import instead
from gateway.templates import Drivers, resolve
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

REFUSED = 1


def learn(asset: str, path: Path, site: Path | None, *, labels: bool | None) -> int:
    """Print settings for an asset's levels; 0, or 1 where the recording gives none.

    Args:
        asset: its name, in the recording and in the site file.
        path: of the recording.
        site: a site file that must have the asset; None: none is asked.
        labels: take the levels that were noted, or don't; None: where there are any.

    Raises:
        ConfigError: with what is wrong in the recording or the site file.
    """
    states = {} if site is None else _look(asset, site)
    recording = record_of(path, asset, states, noted=labels is not False)
    if labels and not recording.has_labels:
        what = _("fewer than two levels are noted in it")
        next_ = _("note what the machine does as lines of signal state, or leave out --labels")
        raise ConfigError([Fault(str(path), 0, 0, "no-labels", what, next_)])
    try:
        found = propose(recording, by_labels=recording.has_labels if labels is None else labels)
    except NoProposal as reason:
        click.echo(f"{asset}: {reason}", err=True)
        return REFUSED
    for line in report(asset, recording, found):
        click.echo(line)
    return 0


def _look(asset: str, path: Path) -> Mapping[str, str]:
    """Say what the site file has of the asset already; what its own words for a state mean.

    Raises:
        ConfigError: it has no such asset, or faults.
    """
    site, faults = config.read(path)
    if faults:
        raise ConfigError(faults)
    if asset not in site.assets:
        what = _("there is no asset {asset}").format(asset=asset)
        next_ = instead(asset, site.assets)
        raise ConfigError([Fault(str(path), 0, 0, "unknown-asset", what, next_)])
    config_of = site.assets[asset]
    if config_of.levels is not None:
        where = site.document.at(("assets", asset, "levels"))
        text = _("the levels in {where} are to be replaced").format(where=where)
        click.echo(f"# {text}")
    if "power" not in config_of.bind:
        text = _("bind power to the meter's tag; without it there are no levels")
        click.echo(f"# {text}")
    plant, _faults = resolve(site, Drivers())
    spec = next((one.kpi for one in plant.assets if one.name == asset), None)
    return {} if spec is None else spec.states
