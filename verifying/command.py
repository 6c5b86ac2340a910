"""`nxgate verify`, which the command line finds by its entry point."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import click

from gateway.errors import ConfigError, GatewayError
from gateway.secret import read_secret
from gateway.sitefile.explain import Wrong
from gateway.sitefile.units import seconds
from gateway.words import _
from verifying import junit, report
from verifying.contract import Contract
from verifying.judge import Judge
from verifying.listener import Listener
from verifying.session import Access

EXIT_FAULTS = 1
EXIT_NOT_RUN = 2
PORTS = {"mqtt": 1883, "mqtts": 8883}
ROOT = "cii/v1"

_FILE = click.Path(path_type=Path)


def _duration(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """Read a number and its unit, as in a site file."""
    try:
        return seconds(value)
    except Wrong as wrong:
        raise click.BadParameter(str(wrong), ctx, param) from wrong


@click.command(help=_("Judge what a gateway sends, listening at a broker."))
@click.argument("url")
@click.option(
    "--for",
    "for_s",
    callback=_duration,
    metavar="DURATION",
    default="10min",
    show_default=True,
    help=_("How long to listen, e.g. 30s, 10min, 8h."),
)
@click.option("--site", help=_("Only this: CLUSTER[/ENTERPRISE[/SITE]]."))
@click.option("--topic", "topics", help=_("Another topic filter instead of cii/v1/#."))
@click.option("--username")
@click.option("--password-file", type=_FILE, help=_("A file that only you can read (mode 600)."))
@click.option("--ca", type=_FILE, help=_("Whom to trust, PEM; else the system's authorities."))
@click.option("--cert", type=_FILE, help=_("Client certificate, PEM."))
@click.option("--key", type=_FILE, help=_("Its key, PEM."))
@click.option("--mqtt", "version", type=click.Choice(["auto", "5", "3.1.1"]), default="auto")
@click.option("--junit", "junit_file", type=_FILE, help=_("Write a test case per rule."))
@click.option("--json", "as_json", is_flag=True, help=_("Print the report as JSON."))
def verify(
    url: str,
    for_s: float,
    site: str | None,
    topics: str | None,
    username: str | None,
    password_file: Path | None,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    version: str,
    junit_file: Path | None,
    *,
    as_json: bool,
) -> None:
    """Exit 0 when nothing was wrong, 1 when something was, 2 when it could not be judged."""
    topics = topics or _topics(site)
    try:
        access = _access(url, username, password_file, (ca, cert, key), version)
        judge = Judge(Contract())
        listener = Listener(access, topics, judge)
        heard_s = _listen(listener, judge, for_s, f"{url} {topics}")
        if junit_file is not None:
            junit.write(junit_file, judge, heard_s)
    except ConfigError as error:
        for fault in error.faults:
            click.echo(str(fault), err=True)
        sys.exit(EXIT_NOT_RUN)
    except GatewayError as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_NOT_RUN)
    if as_json:
        made = report.as_json(judge, listener, heard_s)
        click.echo(json.dumps(made, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(report.lines(judge, listener, heard_s)))
    sys.exit(EXIT_FAULTS if judge.findings.faults else 0)


def _listen(listener: Listener, judge: Judge, for_s: float, where: str) -> float:
    """Listen and judge; return for how long, in seconds.

    Raises:
        GatewayError: the broker refuses, or nothing came.
    """
    began_s = time.monotonic()
    try:
        listener.run(for_s)
    except KeyboardInterrupt:
        click.echo(_("stopped; this is what came until now"), err=True)
    now_s = time.monotonic()
    if not judge.messages:
        raise GatewayError(
            _(
                "{where}: no message came in {seconds:.0f} s: is a gateway running, and may this"
                " user read its topics?"
            ).format(where=where, seconds=now_s - began_s)
        )
    judge.finish(now_s)
    return now_s - began_s


def _access(
    url: str,
    username: str | None,
    password_file: Path | None,
    tls: tuple[Path | None, Path | None, Path | None],
    version: str,
) -> Access:
    """Read where the broker is and how to get in.

    Raises:
        GatewayError: the address is none, or options contradict each other.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
        raise GatewayError(
            _("{url} is no broker's address: write mqtt://host:1883 or mqtts://host:8883").format(
                url=url
            )
        )
    if parts.username is not None or parts.password is not None:
        raise GatewayError(_("no credentials in the address: use --username and --password-file"))
    ca, cert, key = tls
    if (cert is None) is not (key is None):
        raise GatewayError(_("--cert and --key go together"))
    if parts.scheme == "mqtt" and (ca or cert):
        raise GatewayError(_("--ca, --cert and --key need mqtts://"))
    password = read_secret(password_file) if password_file is not None else None
    return Access(
        host=parts.hostname,
        port=port,
        tls=parts.scheme == "mqtts",
        username=username,
        password=password,
        ca=ca,
        cert=cert,
        key=key,
        version=version,
    )


def _topics(site: str | None) -> str:
    if site is None:
        return f"{ROOT}/#"
    return f"{ROOT}/{site.strip('/')}/#"
