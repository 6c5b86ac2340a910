"""`nxgate check`: every fault and notice of a site file and of all that it refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import orjson

from gateway import config, planning, templates
from gateway.errors import ConfigError
from gateway.exits import FAULTS
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.errors import Fault


def examine(path: Path) -> tuple[list[Fault], list[Fault]]:
    """Return all faults and all notices, sorted by place; reads files, opens no connection."""
    try:
        site, faults = config.read(path)
    except ConfigError as error:
        return error.faults, []
    plant, more = templates.resolve(site, templates.Drivers())
    found = sorted({*faults, *more, *config.check_secrets(site)})
    return found, sorted({*plant.notices, *([] if found else planning.crowded(site, plant))})


def report(path: Path, *, as_json: bool) -> int:
    """Print what was found; 0 when the file can run, 2 when it has faults."""
    faults, notices = examine(path)
    if as_json:
        found = {"ok": not faults, "faults": faults, "notices": notices}
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        for fault in faults:
            click.echo(str(fault))
        for notice in notices:
            click.echo(_("notice: {notice}").format(notice=notice))
        if not faults:
            click.echo(_("{path}: no faults").format(path=path))
    return FAULTS if faults else 0
