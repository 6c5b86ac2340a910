"""`nxgate init`: a site file out of a few answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.errors import ConfigError, Fault, GatewayError
from gateway.exits import INTERRUPTED
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.initial.answers import Answers
    from gateway.initial.draft import KeyPath, Line
    from gateway.sitefile.document import Document


@click.command(help=_("Ask a few questions, and write a site file that can run."))
@click.argument("site", type=click.Path(path_type=Path))
@click.option(
    "--non-interactive",
    "given",
    metavar="ANSWERS",
    type=click.Path(path_type=Path),
    help=_("Ask nothing: take the answers from this file."),
)
def init(site: Path, given: Path | None) -> None:
    """Exit 2 where the answers have faults or there is a site file already; it is never changed."""
    from gateway.initial.answers import read  # noqa: PLC0415
    from gateway.initial.draft import refuse_existing  # noqa: PLC0415

    refuse_existing(site)
    if given is not None:
        document, answers = read(given)
        found = _search(document, answers)
        _write(site, document, answers, found)
        return
    from gateway.initial.interview import Interview  # noqa: PLC0415

    kept = site.with_name(f"{site.name}.answers")
    try:
        Interview(site, kept).run()
    except (click.Abort, KeyboardInterrupt):
        text = _("\nstopped; {path} keeps the answers, and the same command goes on with them")
        click.echo(text.format(path=kept), err=True)
        sys.exit(INTERRUPTED)
    document, answers = read(kept)
    _write(site, document, answers, ())
    kept.unlink()


def _search(document: Document, answers: Answers) -> list[tuple[int, str]]:
    """Search the links that the answers name.

    Raises:
        ConfigError: one can't be searched, or nobody answers on it.
    """
    from gateway.initial.search import can_search, names, search  # noqa: PLC0415

    found: list[tuple[int, str]] = []
    taken = set(answers.devices)
    faults: list[Fault] = []
    for index, scan in enumerate(answers.scan):
        path = ("scan", index, "link")
        try:
            if not can_search(scan.link):
                what = _("this link can't be searched")
                next_ = _("write its devices under devices:")
                faults.append(document.fault(path, "not-searchable", what, next_))
                continue
            units = None if scan.units is None else str(scan.units)
            piece = search(scan.link, units, taken)
        except GatewayError as error:
            next_ = _("check the link, or write its devices under devices:")
            faults.append(document.fault(path, "not-searchable", str(error), next_))
            continue
        if not piece:
            next_ = _("check power, wiring, speed and units")
            faults.append(document.fault(path, "nobody-answers", _("nobody answers there"), next_))
        taken |= set(names(piece))
        found.append((index, piece))
    if faults:
        raise ConfigError(faults)
    return found


def _write(
    site: Path, document: Document, answers: Answers, found: Sequence[tuple[int, str]]
) -> None:
    """Write the site file if it can run, and say what comes next.

    Raises:
        ConfigError: it can't; its faults at the answers' lines.
    """
    from gateway.initial.draft import judge, lines, write  # noqa: PLC0415

    def where(path: KeyPath) -> tuple[str, int, int]:
        return (document.file, *document.where(path))

    made: list[Line] = lines(answers, found)
    notices, faults = judge(made, site, where)
    if faults:
        raise ConfigError(sorted(fault for _path, fault in faults))
    write(made, site)
    for notice in notices:
        click.echo(_("notice: {notice}").format(notice=notice))
    click.echo(_("{path} is written.").format(path=site))
    if site.absolute() == Path("/etc/nxgate/site.yaml"):
        click.echo(_("Start the service: systemctl start nxgate"))
    elif site.absolute().parent.parent == Path("/etc/nxgate"):
        name = site.absolute().parent.name
        text = _("Start the service: systemctl enable --now nxgate@{name}")
        click.echo(text.format(name=name))
    else:
        click.echo(_("Try it: nxgate read {path} DEVICE, nxgate run {path}").format(path=site))
