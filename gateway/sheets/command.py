"""`nxgate tags …` and `nxgate sites`, which the command line finds by their entry points."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gateway.words import _

SITE = click.argument("site", type=click.Path(path_type=Path))


@click.group(help=_("Tags in a spreadsheet: export, import."))
def tags() -> None:
    """Hold the commands."""


@tags.command(help=_("Write the tags of a site file, or of some devices, as CSV or XLSX."))
@SITE
@click.argument("devices", nargs=-1, metavar="[DEVICE|PATTERN]…")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help=_("A name in .csv or .xlsx.")
)
@click.option(
    "--encoding",
    type=click.Choice(["utf-8", "gb18030"]),
    default="utf-8",
    help=_("Of a CSV; utf-8 is marked, so that Excel reads Chinese."),
)
@click.option("--all", "whole", is_flag=True, help=_("Also the tags that only a template has."))
@click.option("--force", is_flag=True, help=_("Over a file that is already there."))
def export(
    site: Path, devices: tuple[str, ...], out: Path, encoding: str, *, whole: bool, force: bool
) -> None:
    """Exit 2 where the site file can't be read or the sheet not be written."""
    from gateway.sheets.exporting import export as write  # noqa: PLC0415

    sys.exit(write(site, devices, out, encoding, whole=whole, force=force))


@tags.command("import", help=_("Take tags from a sheet into a site file, which is checked before."))
@SITE
@click.argument("sheet", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--device", "only", multiple=True, help=_("Only this device's rows; or a pattern."))
@click.option(
    "--to", multiple=True, help=_("Give the tags to these devices: names or patterns, by commas.")
)
@click.option("--dry-run", is_flag=True, help=_("Say what would change, and write nothing."))
@click.option(
    "--partial", is_flag=True, help=_("Take the rows that are right; list the others in a file.")
)
@click.option(
    "--clear", is_flag=True, help=_("An empty cell takes out what the site file says there.")
)
@click.option("--remove", is_flag=True, help=_("Take out tags that the sheet doesn't have."))
def import_(
    site: Path,
    sheet: Path,
    only: tuple[str, ...],
    to: tuple[str, ...],
    *,
    dry_run: bool,
    partial: bool,
    clear: bool,
    remove: bool,
) -> None:
    """Exit 1 where some rows were not taken, 2 where none was."""
    from gateway.sheets.importing import Wanted, take  # noqa: PLC0415

    wanted = Wanted(only, to, dry_run, partial, clear, remove)
    sys.exit(take(site, sheet, wanted))


@click.command(help=_("Make a site file for each row of a sheet."))
@click.argument("template", type=click.Path(path_type=Path))
@click.argument("sheet", type=click.Path(path_type=Path))
@click.option(
    "--out", "folder", required=True, type=click.Path(path_type=Path), help=_("Their folder.")
)
@click.option("--force", is_flag=True, help=_("Over files that are already there."))
def sites(template: Path, sheet: Path, folder: Path, *, force: bool) -> None:
    """Exit 2 where one of them has faults; the others are written."""
    from gateway.sheets.fleet import sites as fill  # noqa: PLC0415

    sys.exit(fill(template, sheet, folder, force=force))
