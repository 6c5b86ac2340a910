"""`nxgate tags import`: a sheet's tags into the text of a site file, which is checked before.

The changed text is written beside the site file and checked there as `nxgate check` does. Only if
it has no fault that the old one hasn't does it take its place, in one step; the old one is kept.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from gateway.errors import ConfigError, Fault
from gateway.exits import FAILED, FAULTS
from gateway.sheets.exporting import write
from gateway.sheets.intent import Reader
from gateway.sheets.judging import apply, judge
from gateway.sheets.sheet import REMARKS, sheet_of
from gateway.sheets.standin import StandIn
from gateway.sheets.tags import tags_of, unknown
from gateway.sitefile.patch import SiteText, Unforeseen
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gateway.sheets.intent import Change, Intent
    from gateway.sheets.sheet import Row, Sheet
    from gateway.sheets.table import Cell
    from gateway.sheets.tags import Tags

SHOWN = 40
"""Changes that are told one by one, unless nothing is written."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a sheet is to be taken.

    Attributes:
        only: names or patterns of the devices whose rows are taken; none: all.
        to: of the devices that get the tags, where these are others than the sheet names.
        dry_run: tell, and write nothing.
        partial: take the rows that are right.
        clear: an empty cell takes out what the site file says there.
        remove: tags that the sheet doesn't have are taken out.
    """

    only: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    dry_run: bool = False
    partial: bool = False
    clear: bool = False
    remove: bool = False


def take(site: Path, path: Path, wanted: Wanted) -> int:
    """Take a sheet; 0, FAILED where some rows weren't taken, FAULTS where none was.

    Raises:
        ConfigError: the site file or the sheet can't be read, or nothing of it can be taken.
    """
    tags = tags_of(site)
    sheet, notices = sheet_of(path)
    for notice in notices:
        click.echo(_("notice: {notice}").format(notice=notice), err=True)
    reader = Reader(tags, sheet, clear=wanted.clear)
    only = _rows_of(sheet, wanted.only) if wanted.only else []
    intent = reader.read(only, tags.choose(wanted.to))
    with StandIn(site) as standin:
        made = _made(standin, tags, sheet, intent, wanted)
        faults = made.faults
        for _row, fault in sorted(faults, key=lambda pair: pair[1]):
            click.echo(str(fault), err=True)
        if faults and not wanted.partial:
            n = len({row.number for row, _fault in faults})
            text = _("nothing was written: rows that are wrong: {n}; --partial takes the others")
            click.echo(text.format(n=n), err=True)
            return FAULTS
        _tell(made, wanted)
        if wanted.dry_run:
            click.echo(_("nothing was written, as --dry-run asks"))
        elif made.text != standin.text:
            backup = standin.replace(made.text)
            text = _("{path}: written; as it was before: {backup}")
            click.echo(text.format(path=site, backup=backup))
        else:
            click.echo(_("{path}: as it was").format(path=site))
    if faults and not wanted.dry_run:
        _set_aside(path, sheet, faults)
    return FAILED if faults else 0


@dataclass(frozen=True, slots=True)
class Made:
    """A site file with what could be taken of a sheet.

    Attributes:
        changes: taken.
        removed: device and tag.
        alike: tags that are so already.
        faults: what couldn't be taken, and why.
    """

    text: str
    changes: list[Change]
    removed: list[tuple[str, str]]
    alike: int
    faults: list[tuple[Row, Fault]]


def _made(standin: StandIn, tags: Tags, sheet: Sheet, intent: Intent, wanted: Wanted) -> Made:
    """Change the text row by row, and leave out what the check finds wrong.

    Raises:
        ConfigError: it has faults that belong to no row.
    """
    faults = list(intent.faults)
    bad = {row.number for row, _fault in faults}
    while True:
        changes = [change for change in intent.changes if change.row.number not in bad]
        site = SiteText(standin.text)
        more = apply(site, sheet, changes)
        removed = _removed(site, tags, intent) if wanted.remove and not more and not faults else []
        if not more:
            try:
                text = site.made()
            except Unforeseen as error:
                next_ = _("change it in an editor, or write the device's tags one in a line")
                raise ConfigError(
                    [Fault(str(standin.path), 0, 0, "unforeseen", str(error), next_)]
                ) from error
            more = judge(standin, text, sheet, changes) if text != standin.text else []
        if not more:
            return Made(text, changes, removed, intent.alike, faults)
        faults += more
        bad |= {row.number for row, _fault in more}


def _removed(site: SiteText, tags: Tags, intent: Intent) -> list[tuple[str, str]]:
    """Take out the tags of the sheet's devices that it doesn't have.

    Raises:
        ConfigError: one can't be taken out.
    """
    gone = [
        (device, tag)
        for device, named in intent.named.items()
        for tag in tags.own(device)
        if tag not in named
    ]
    for device, tag in gone:
        try:
            site.remove(device, tag)
        except Unforeseen as error:
            file, path = tags.document.file, ("devices", device, "tags", tag)
            next_ = _("then import the sheet again, or change this tag in an editor")
            fault = Fault(file, *tags.document.where(path), "unforeseen", str(error), next_)
            raise ConfigError([fault]) from error
    return gone


def _tell(made: Made, wanted: Wanted) -> None:
    """Say what is changed."""
    lines = []
    for change in made.changes:
        kind = _("added") if change.is_new else _("changed")
        parts = [
            f"{key} {_cell(was)} → {_cell(cell)}" if not change.is_new else f"{key} {_cell(cell)}"
            for key, was, cell in change.shown
        ]
        lines.append(f"{change.device}.{change.tag}: {kind}: {', '.join(parts)}")
    lines += [f"{device}.{tag}: " + _("taken out") for device, tag in made.removed]
    most = len(lines) if wanted.dry_run else SHOWN
    for line in lines[:most]:
        click.echo(line)
    if len(lines) > most:
        click.echo(_("and {count} more").format(count=len(lines) - most))
    added = sum(change.is_new for change in made.changes)
    text = _("{added} added, {changed} changed, {removed} taken out, {alike} as they were")
    click.echo(
        text.format(
            added=added,
            changed=len(made.changes) - added,
            removed=len(made.removed),
            alike=made.alike,
        )
    )


def _cell(value: object) -> str:
    return "–" if value is None or value == "" else str(value)


def _set_aside(path: Path, sheet: Sheet, faults: Iterable[tuple[Row, Fault]]) -> None:
    """List the rows that weren't taken beside the sheet, to be mended and imported by themselves.

    Raises:
        ConfigError: it can't be written.
    """
    said: dict[int, list[Fault]] = {}
    for row, fault in faults:
        said.setdefault(row.number, []).append(fault)
    heads = [*sheet.heads, *REMARKS]
    table: list[list[Cell]] = []
    for line in sheet.lines:
        if line.number in said:
            of = said[line.number]
            cells = [*line.cells, *[""] * len(sheet.heads)][: len(sheet.heads)]
            what, next_ = "; ".join(f.what for f in of), "; ".join(f.next for f in of)
            table.append([*cells, line.number, what, next_])
    form = path.suffix.lower() if path.suffix.lower() == ".xlsx" else ".csv"
    aside = path.with_name(f"{path.stem}.rejected{form}")
    write(aside, heads, table, _("tags"), force=True)
    click.echo(_("{path}: {n} rows that were not taken").format(path=aside, n=len(table)), err=True)


def _rows_of(sheet: Sheet, patterns: Iterable[str]) -> list[str]:
    """Find the devices of the sheet that are wanted.

    Raises:
        ConfigError: none of its rows is of such a device.
    """
    names = list(dict.fromkeys(row.device for row in sheet.rows))
    found: list[str] = []
    for word in patterns:
        hits = fnmatch.filter(names, word)
        if not hits:
            raise ConfigError([unknown(sheet.file, word, names)])
        found += hits
    return found
