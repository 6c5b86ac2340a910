"""`nxgate reload`: have the running gateway read its site file, and show what came of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from gateway import api
from gateway.errors import ConfigError, GatewayError
from gateway.exits import FAULTS
from gateway.templates import load
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path


def reload_site(site: Path) -> int:
    """Print what was applied and return 0, or why nothing was and return 2.

    Raises:
        GatewayError: no gateway runs on its store.
    """
    try:
        folder = load(site).store.path
    except ConfigError as error:
        for fault in error.faults:
            click.echo(str(fault), err=True)
        click.echo(_("nothing was reloaded: mend the file, then it runs"), err=True)
        return FAULTS
    try:
        outcome: dict[str, Any] | None = asyncio.run(api.reload(folder))
    except OSError as error:
        text = _("no gateway runs on the store {folder} ({error}): start it with `nxgate run SITE`")
        raise GatewayError(text.format(folder=folder, error=error.strerror or error)) from error
    if outcome is None:
        raise GatewayError(_("the gateway was stopped before it had read the file"))
    for fault in outcome["faults"]:
        click.echo(fault, err=True)
    if outcome["faults"]:
        click.echo(_("nothing was changed: the site file as it was goes on running"), err=True)
        return FAULTS
    click.echo(outcome["summary"])
    return 0
