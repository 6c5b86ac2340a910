"""`nxgate backup`, `restore` and `wipe`, which the command line finds by their entry points."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from gateway.words import _

PATH = click.Path(path_type=Path)


@click.command(help=_("Pack a site's files and its store, without keys, while it runs."))
@click.argument("site", type=PATH)
@click.option("--out", type=PATH, help=_("A name in .tar.gz."))
@click.option("--records/--no-records", default=True, help=_("With what is stored, or without."))
def backup(site: Path, out: Path | None, *, records: bool) -> None:
    """Exit 0 when the archive is whole."""
    from gateway.backup.packing import backup as pack  # noqa: PLC0415

    name = Path(time.strftime("nxgate-backup-%Y%m%d-%H%M%S.tar.gz"))
    sys.exit(pack(site, out or name, records=records))


@click.command(help=_("Put a backup in place on a box that has nothing yet."))
@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("folder", type=PATH)
def restore(archive: Path, folder: Path) -> None:
    """Exit 0 when all of it is in place."""
    from gateway.backup.unpacking import restore as unpack  # noqa: PLC0415

    sys.exit(unpack(archive, folder))


@click.command(help=_("Remove a site's store, files and secrets from this box."))
@click.argument("site", type=PATH)
@click.option("--yes", is_flag=True, help=_("Without asking."))
def wipe(site: Path, *, yes: bool) -> None:
    """Exit 0 when nothing is left."""
    from gateway.backup.wiping import wipe as clear  # noqa: PLC0415

    sys.exit(clear(site, yes=yes))
