"""`nxgate wipe`: the box forgets its factory."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import click

from gateway.backup.packing import secrets_of
from gateway.errors import GatewayError
from gateway.storage.epoch import acquire
from gateway.templates import load
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.plant import Plant


def wipe(site: Path, *, yes: bool) -> int:
    """Remove a site's store, its files and what holds its secrets; 0 when nothing is left.

    A file on a flash medium may be read again by whoever has the means: keys that were on a box
    that is given away are to be revoked all the same.

    Args:
        site: the site file.
        yes: without asking.

    Raises:
        ConfigError: the site file has faults.
        StoreError: the gateway runs.
        GatewayError: something could not be removed.
    """
    plant = load(site)
    gone = list(_of_site(site, plant))
    for path in (plant.store.path, *gone):
        click.echo(str(path))
    if not yes:
        text = _("remove all of it, so that nobody can undo it?")
        if not click.confirm(text, default=False):
            click.echo(_("nothing was removed"))
            return 1
    try:
        if plant.store.path.is_dir():
            acquire(plant.store.path).release()  # refuses while a gateway runs
            shutil.rmtree(plant.store.path)
        for path in gone:
            path.unlink(missing_ok=True)
    except OSError as error:
        text = _("{path}: can't be removed: {reason}")
        said = text.format(path=error.filename, reason=error.strerror)
        raise GatewayError(said) from error
    click.echo(_("nothing of it is left here; revoke the certificates and passwords it had"))
    return 0


def _of_site(site: Path, plant: Plant) -> Iterator[Path]:
    """The site's own files, and those with its secrets; the site file last."""
    root = site.resolve().parent
    own = [path for path in plant.files if path.resolve().is_relative_to(root)]
    yield from (path for path in own if path.resolve() != site.resolve())
    yield from secrets_of(plant)
    yield site
