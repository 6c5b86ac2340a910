"""`nxgate expose`, which the command line finds by its entry point."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from gateway.words import _

FILE = click.Path(path_type=Path)


@click.command(help=_("Serve /metrics (Prometheus) and /healthz of a running gateway."))
@click.argument("site", metavar="SITE|FOLDER", type=FILE)
@click.option(
    "--listen",
    default="127.0.0.1:9464",
    show_default=True,
    metavar="HOST:PORT",
    help=_("Where; beyond this machine only with token and certificate."),
)
@click.option("--token", type=FILE, help=_("A file with the token that a request must bear."))
@click.option("--cert", type=FILE, help=_("Certificate of HTTPS, PEM."))
@click.option("--key", type=FILE, help=_("Its key, PEM."))
def expose(
    site: Path, listen: str, token: Path | None, cert: Path | None, key: Path | None
) -> None:
    """Serve until it is ended."""
    from gateway.archive.place import find  # noqa: PLC0415
    from gateway.exposing.server import Access, serve  # noqa: PLC0415
    from gateway.secret import Secret  # noqa: PLC0415

    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 0xFFFF:  # noqa: PLR2004 - of a port
        raise click.UsageError(_("--listen wants HOST:PORT, e.g. 127.0.0.1:9464"))
    access = Access(None if token is None else Secret(token), cert, key)
    server = serve(find(site).folder, host.strip("[]"), int(port), access)
    where = f"{'https' if cert else 'http'}://{host}:{server.server_port}"
    click.echo(_("{where}/metrics and {where}/healthz").format(where=where))
    with contextlib.suppress(KeyboardInterrupt), server:
        server.serve_forever()
