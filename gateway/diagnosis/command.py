"""`nxgate status`, `doctor` and `diag`, which the command line finds by their entry points."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from gateway.words import _

WHERE = click.argument("site", metavar="SITE|FOLDER", type=click.Path(path_type=Path))
AS_JSON = click.option("--json", "as_json", is_flag=True, help=_("Print it as JSON."))


@click.command(help=_("How a running gateway stands: devices, publishers, store."))
@WHERE
@AS_JSON
def status(site: Path, *, as_json: bool) -> None:
    """Exit 1 where no gateway runs."""
    from gateway.diagnosis.status import status as tell  # noqa: PLC0415

    sys.exit(tell(site, as_json=as_json))


@click.command(help=_("What is wrong, since when, and what to do about it."))
@click.argument(
    "site", metavar="SITE|FOLDER", required=False, type=click.Path(path_type=Path, exists=True)
)
@AS_JSON
@click.option("--codes", is_flag=True, help=_("Print every code with its meaning instead."))
def doctor(site: Path | None, *, as_json: bool, codes: bool) -> None:
    """Exit 1 where something is wrong."""
    from gateway.diagnosis import doctor as room  # noqa: PLC0415

    if codes:
        click.echo(room.codes(), nl=False)
    elif site is None:
        raise click.UsageError(_("which site file?"))
    else:
        sys.exit(room.doctor(site, as_json=as_json))


@click.command(help=_("Pack what somebody far away needs to help, without secrets."))
@click.argument("site", metavar="SITE|FOLDER", type=click.Path(path_type=Path, exists=True))
@click.option("--out", type=click.Path(path_type=Path), help=_("A name in .tar.gz."))
def diag(site: Path, out: Path | None) -> None:
    """Exit 0 when it is written."""
    from gateway.diagnosis.bundle import bundle  # noqa: PLC0415

    sys.exit(bundle(site, out or Path(time.strftime("nxgate-diag-%Y%m%d-%H%M%S.tar.gz"))))
