"""`nxgate prove`, which the command line finds by its entry point."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gateway.words import _


@click.command(help=_("Prove values against displays, and that no outage loses any."))
@click.argument("site", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help=_("The JSON file; else beside the site file.")
)
@click.option(
    "--shown",
    type=click.Path(path_type=Path),
    help=_("A sheet of device, tag, shown, instead of asking."),
)
@click.option("--by", help=_("Who proves it; else it is asked."))
@click.option(
    "--cut",
    type=click.FloatRange(0, 3600),
    default=60.0,
    show_default=True,
    help=_("Cut the broker for so many seconds; 0: don't."),
)
@click.option(
    "--patience",
    type=click.FloatRange(1, 86_400),
    help=_("Wait so many seconds for what was stored meanwhile; else by its number."),
)
@click.option("--all", "whole", is_flag=True, help=_("Every tag that is read."))
@click.option(
    "--fresh",
    is_flag=True,
    help=_("Begin anew; what was proved before is kept under another name."),
)
def prove(
    site: Path,
    out: Path | None,
    shown: Path | None,
    by: str | None,
    cut: float,
    patience: float | None,
    *,
    whole: bool,
    fresh: bool,
) -> None:
    """Exit 0 where all is proved, 1 where something fails or is open, 2 where a file is wrong."""
    from gateway.proving.proving import Wanted  # noqa: PLC0415
    from gateway.proving.proving import prove as prove_site  # noqa: PLC0415

    sys.exit(prove_site(Wanted(site, out, shown, by, cut, patience, whole, fresh)))
