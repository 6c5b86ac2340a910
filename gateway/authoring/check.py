"""`nxgate profile check`: every fault of one profile, or of one extension, without a site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import orjson

from gateway.exits import FAULTS
from gateway.resolution.industry import load_profile
from gateway.resolution.library import PROFILES
from gateway.sitefile import document
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.errors import Fault
    from gateway.resolution.industry import Industry


def examine(path: Path) -> tuple[Industry | None, list[Fault]]:
    """Read a profile with those that it extends, or an extension with its profile.

    What names no profile of its own and extends one is an extension. Its profile is a shipped
    one, or the file of that name beside it.

    Returns:
        The industry and no faults, or None and all of them, sorted.
    """
    found, faults = document.examine(path)
    if found is None or faults:
        return None, sorted(faults)
    extends = found.data.get("extends")
    if "profile" in found.data or not isinstance(extends, str):
        industry, faults = load_profile(f"./{path.name}", path.parent)
        return industry, sorted(faults)
    name = extends if extends in PROFILES.names() else f"./{extends}.yaml"
    industry, faults = load_profile(name, path.parent, [path])
    if industry is None and not faults:
        what = _("there is no profile {name}").format(name=extends)
        next_ = PROFILES.suggest(extends)
        faults = [found.fault(("extends",), "unknown-profile", what, next_)]
    return industry, sorted(faults)


def report(path: Path, *, as_json: bool) -> int:
    """Print what was found; 0 when there are no faults, else 2."""
    industry, faults = examine(path)
    if as_json:
        shown = {"ok": not faults, "profile": industry and industry.version, "faults": faults}
        click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
        return FAULTS if faults else 0
    for fault in faults:
        click.echo(str(fault))
    if industry is not None:
        found = _("{path}: no faults, {version}")
        click.echo(found.format(path=path, version=industry.version))
    return FAULTS if faults else 0
