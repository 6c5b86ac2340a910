"""The command line of the first hour; each command loads what it needs when it is called."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gateway.words import _


@click.command(help=_("Find the devices on a link, as a site file."))
@click.argument("words", metavar="LINK | SITE DEVICE", nargs=-1, required=True)
@click.option("--units", help=_("Which to ask, e.g. 1-20,33; else all."))
@click.option("--bauds", help=_("Speeds to try, e.g. 9600,19200, or all; else the link's own."))
@click.option("--parities", help=_("Parities to try, e.g. N,E; else the link's own."))
@click.option("--out", type=click.Path(path_type=Path), help=_("A file for the piece as well."))
@click.option(
    "--timeout",
    type=click.FloatRange(0.02, 10),
    default=0.3,
    show_default=True,
    help=_("Seconds a unit has."),
)
@click.option(
    "--pause",
    type=click.FloatRange(0, 10),
    default=0.02,
    show_default=True,
    help=_("Seconds between questions."),
)
@click.option("--thorough", is_flag=True, help=_("Ask silent units in other ways as well."))
@click.option("--anyway", is_flag=True, help=_("Also where somebody else talks on the line."))
def scan(
    words: tuple[str, ...],
    units: str | None,
    bauds: str | None,
    parities: str | None,
    out: Path | None,
    timeout: float,
    pause: float,
    *,
    thorough: bool,
    anyway: bool,
) -> None:
    """Exit 1 where nobody answers; what was found is on the standard output."""
    from gateway.commissioning.scan import Wanted  # noqa: PLC0415
    from gateway.commissioning.scan import scan as search  # noqa: PLC0415
    from gateway.commissioning.sweep import Manner  # noqa: PLC0415

    manner = Manner(timeout, pause, anyway, thorough)
    sys.exit(search(Wanted(words, units, bauds, parities, out, manner)))


@click.command(help=_("Show what an OPC UA server has, as a tree."))
@click.argument("words", metavar="LINK | SITE DEVICE", nargs=-1, required=True)
@click.option("--path", default="", help=_("Where to begin: Cell/Axes, a node id, a browse path."))
@click.option("--find", help=_("Only what has this in its name; * and ? stand for anything."))
@click.option("--depth", type=click.IntRange(1), help=_("Levels to go down; else all."))
@click.option(
    "--most",
    type=click.IntRange(1),
    default=2000,
    show_default=True,
    help=_("Nodes to look at, at most."),
)
@click.option(
    "--out", type=click.Path(path_type=Path), help=_("Write a site file that reads what is shown.")
)
@click.option("--device", help=_("What the server is called in it."))
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 60),
    default=5.0,
    show_default=True,
    help=_("Seconds an answer may take."),
)
@click.option(
    "--pause",
    type=click.FloatRange(0, 10),
    default=0.02,
    show_default=True,
    help=_("Seconds between questions."),
)
def browse(
    words: tuple[str, ...],
    path: str,
    find: str | None,
    depth: int | None,
    most: int,
    out: Path | None,
    device: str | None,
    timeout: float,
    pause: float,
) -> None:
    """Exit 1 where nothing was found; the tree is on the standard output."""
    from gateway.commissioning.browse import Wanted  # noqa: PLC0415
    from gateway.commissioning.browse import browse as show  # noqa: PLC0415
    from gateway.commissioning.walk import Bounds  # noqa: PLC0415

    bounds = Bounds(depth, most, pause)
    sys.exit(show(Wanted(words, path, find, out, device, timeout, bounds)))


@click.command(help=_("Find the register behind a number on a display."))
@click.argument("words", metavar="LINK | SITE DEVICE", nargs=-1)
@click.option("--unit", type=click.IntRange(0, 255), default=1, help=_("Of a device on LINK."))
@click.option(
    "--region",
    help=_("Registers to look through: holding:0-200, or as the PLC names them: D100-130."),
)
@click.option("--shown", help=_("What the display shows now: 231.4, with its unit if you like."))
@click.option(
    "--from",
    "earlier",
    multiple=True,
    type=click.Path(path_type=Path),
    help=_("A reading that was kept, as well or instead."),
)
@click.option(
    "--save", type=click.Path(path_type=Path), help=_("Keep this reading, for --from later.")
)
@click.option(
    "--at-once",
    type=click.IntRange(1, 125),
    help=_("Registers in one request, where a device on LINK takes few."),
)
@click.option("--top", type=click.IntRange(1), default=8, help=_("Rows to print."))
@click.option(
    "--timeout",
    type=click.FloatRange(0.02, 60),
    default=1.0,
    show_default=True,
    help=_("Seconds an answer may take."),
)
@click.option("--json", "as_json", is_flag=True, help=_("Print the rows as JSON."))
def infer(
    words: tuple[str, ...],
    unit: int,
    region: str | None,
    shown: str | None,
    earlier: tuple[Path, ...],
    save: Path | None,
    at_once: int | None,
    top: int,
    timeout: float,
    *,
    as_json: bool,
) -> None:
    """Exit 1 where nothing fits."""
    from gateway.commissioning.infer import Wanted  # noqa: PLC0415
    from gateway.commissioning.infer import infer as find  # noqa: PLC0415

    sys.exit(
        find(Wanted(words, unit, region, shown, earlier, save, top, as_json, timeout, at_once))
    )


@click.command(help=_("Write one tag that the site file permits, and read it back."))
@click.argument("site", type=click.Path(path_type=Path))
@click.argument("device")
@click.argument("tag")
@click.argument("value")
@click.option("--by", help=_("Who says it, beside the account."))
@click.option("--yes", is_flag=True, help=_("Don't ask before it is written."))
def write(site: Path, device: str, tag: str, value: str, by: str | None, *, yes: bool) -> None:
    """Exit 1 where it wasn't written, or reads back as something else."""
    from gateway.commissioning.write import write as write_tag  # noqa: PLC0415

    sys.exit(write_tag(site, device, tag, value, by, is_sure=yes))
