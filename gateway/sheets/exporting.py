"""`nxgate tags export`: the tags of a site file as a sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gateway.errors import ConfigError, Fault
from gateway.sheets.columns import COLUMNS
from gateway.sheets.table import WORKBOOK, as_csv, as_workbook
from gateway.sheets.tags import rows, tags_of
from gateway.words import _, chosen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from gateway.sheets.table import Cell

SUFFIXES = (".csv", WORKBOOK)


def export(
    site: Path, devices: Iterable[str], out: Path, encoding: str, *, whole: bool, force: bool
) -> int:
    """Write the sheet; 0.

    Args:
        site: the site file.
        devices: names or patterns; none: all.
        out: `.csv` or `.xlsx`.
        encoding: of a CSV.
        whole: with the tags that only a template has, too.
        force: over a file that is there.

    Raises:
        ConfigError: the site file can't be read, or the sheet not be written.
    """
    tags = tags_of(site)
    chosen_devices = tags.choose(devices) or tags.devices
    table = list(rows(tags, chosen_devices, whole=whole))
    chinese = chosen() == "zh" or encoding != "utf-8"
    heads = [column.chinese if chinese else column.key for column in COLUMNS]
    write(out, heads, table, _("tags"), encoding=encoding, force=force)
    click.echo(_("{path}: {n} tags").format(path=out, n=len(table)))
    return 0


def write(
    out: Path,
    heads: Sequence[str],
    table: Iterable[Sequence[Cell]],
    title: str,
    *,
    encoding: str = "utf-8",
    force: bool,
) -> None:
    """Write a sheet in the form that its name asks for.

    Raises:
        ConfigError: of another form, in the way of another file, or not to be written.
    """
    suffix = out.suffix.lower()
    if suffix not in SUFFIXES:
        what = _("{suffix} is no form of a sheet").format(suffix=suffix or '""')
        raise ConfigError([Fault(str(out), 0, 0, "bad-form", what, _("name it .csv or .xlsx"))])
    if out.exists() and not force:
        what, next_ = _("the file is already there"), _("choose another name, or add --force")
        raise ConfigError([Fault(str(out), 0, 0, "file-exists", what, next_)])
    made = (
        as_workbook(heads, table, title) if suffix == WORKBOOK else as_csv(heads, table, encoding)
    )
    try:
        out.write_bytes(made)
    except OSError as error:
        what = _("the file can't be written: {error}").format(error=error.strerror or error)
        next_ = _("choose a folder that is yours, and close the file where a program has it open")
        raise ConfigError([Fault(str(out), 0, 0, "unwritable", what, next_)]) from error
