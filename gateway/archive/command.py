"""`nxgate store …`, which the command line finds by its entry point."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from gateway.words import _

if TYPE_CHECKING:
    from gateway.archive.place import Place

EXIT_DAMAGED = 1
WHERE = click.argument("where", metavar="SITE|FOLDER", type=click.Path(path_type=Path))
CLASSES = ("telemetry", "state", "oee", "energy", "event", "alarm", "meta")


@click.group(help=_("Look into a store: status, verify, export."))
def store() -> None:
    """Hold the commands; each reads only, beside a running gateway too."""


@store.command(help=_("Size, age, classes, what each publisher still has to deliver."))
@WHERE
@click.option("--json", "as_json", is_flag=True, help=_("Print it as JSON."))
def status(where: Path, *, as_json: bool) -> None:
    """Exit 0 where there is a store."""
    from gateway.archive import standing  # noqa: PLC0415 - a store is nothing of Windows'
    from gateway.archive.place import find  # noqa: PLC0415

    found = standing.take(find(where))
    if as_json:
        click.echo(json.dumps(standing.as_json(found), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(standing.lines(found)))


@store.command(help=_("Check every page, row and checksum; say which records are damaged."))
@WHERE
def verify(where: Path) -> None:
    """Exit 0 when all is whole, 1 when something is not."""
    from gateway.archive import inspection  # noqa: PLC0415
    from gateway.archive.place import find  # noqa: PLC0415

    began_s = time.monotonic()
    found = inspection.inspect(find(where))
    for line in found.damaged:
        click.echo(line)
    if found.count > len(found.damaged):
        click.echo(_("and {count} more").format(count=found.count - len(found.damaged)))
    for line in found.lost:
        click.echo(_("lost earlier, and declared: {ids}").format(ids=line))
    for line in found.absent:
        click.echo(_("in no segment: {ids}").format(ids=line))
    click.echo(
        _(
            "{segments} segments, {records} records, {rows} log rows in {seconds:.1f} s:"
            " {count} damaged"
        ).format(
            segments=found.segments,
            records=found.records,
            rows=found.log_rows,
            seconds=time.monotonic() - began_s,
            count=found.count,
        )
    )
    sys.exit(EXIT_DAMAGED if found.count else 0)


@store.command(
    "export", help=_("Write records to a folder, e.g. a stick where there is no network.")
)
@WHERE
@click.option("--to", "folder", type=click.Path(path_type=Path), required=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl"]),
    default="csv",
    help=_("Tables for people, or payloads with their ids for a platform."),
)
@click.option("--from", "since", help=_("Not before: 2026-11-01 or 2026-11-01T08:00, local."))
@click.option("--until", help=_("Before: the same way."))
@click.option("--asset", "assets", multiple=True, help=_("Only this asset; may be repeated."))
@click.option(
    "--class",
    "classes",
    multiple=True,
    type=click.Choice(CLASSES),
    help=_("Only this class; may be repeated."),
)
@click.option("--wide", is_flag=True, help=_("Telemetry with a column per tag, a file per asset."))
@click.option("--bom", is_flag=True, help=_("Mark files as UTF-8, so that Excel reads Chinese."))
@click.option("--zone", help=_("Time zone of local times, where the site file isn't given."))
def export_command(
    where: Path,
    folder: Path,
    form: str,
    since: str | None,
    until: str | None,
    assets: tuple[str, ...],
    classes: tuple[str, ...],
    zone: str | None,
    *,
    wide: bool,
    bom: bool,
) -> None:
    """Exit 0 when everything chosen was written, 1 when some of it can't be read any more."""
    from gateway.archive import export  # noqa: PLC0415
    from gateway.archive.place import find  # noqa: PLC0415
    from gateway.storage.rows import MAX_KEY  # noqa: PLC0415

    place = find(where)
    named, clock = _zone(place, zone)
    choice = export.Choice(
        since_ms=_moment(since, clock, "--from") if since else 0,
        until_ms=_moment(until, clock, "--until") if until else MAX_KEY,
        assets=frozenset(assets),
        classes=frozenset(classes),
    )
    if form == "jsonl":
        made = export.export_lines(place, folder, choice)
    else:
        made = export.export_tables(place, folder, choice, named, wide=wide, bom=bom)
    for name, rows in made.files.items():
        click.echo(_("{file}: {rows} rows").format(file=folder / name, rows=rows))
    click.echo(_("{count} records exported").format(count=made.records))
    for line in made.lost:
        click.echo(_("can't be read: {what}").format(what=line), err=True)
    sys.exit(EXIT_DAMAGED if made.lost else 0)


def _zone(place: Place, zone: str | None) -> tuple[str, ZoneInfo]:
    named = zone or place.zone or "UTC"
    try:
        return named, ZoneInfo(named)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise click.BadParameter(
            _("{zone} is no time zone: write one like Asia/Shanghai").format(zone=named),
            param_hint="--zone",
        ) from error


def _moment(text: str, zone: ZoneInfo, option: str) -> int:
    """Read a local time; return UTC ms."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            _("{text} is no time: write 2026-11-01 or 2026-11-01T08:00").format(text=text),
            param_hint=option,
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return round(moment.timestamp() * 1000)
