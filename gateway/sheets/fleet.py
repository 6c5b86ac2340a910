"""`nxgate sites`: fifty site files from one template and a sheet, each checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gateway.checking import examine
from gateway.durable import write_whole
from gateway.errors import ConfigError, Fault, GatewayError
from gateway.exits import FAULTS
from gateway.sheets.filling import boxes
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.sheets.filling import Box


def sites(template: Path, sheet: Path, folder: Path, *, force: bool) -> int:
    """Write a site file for each row; 0 when every one of them can run, else 2.

    A file with faults is not written, and keeps nobody's else from being written. What a template
    refers to by relative paths is looked for beside the files that are made.

    Args:
        template: a site file with `${column}` in it.
        sheet: CSV or XLSX; each row is a box.
        folder: for the site files; made where it is missing.
        force: over files that are there.

    Raises:
        ConfigError: template or sheet can't be used.
        GatewayError: a file is there already, or can't be written.
    """
    made = boxes(template, sheet)
    there = [box.name for box in made if (folder / f"{box.name}.yaml").exists()]
    if there and not force:
        text = _("{folder} has {files} already: give another folder, or --force")
        raise GatewayError(text.format(folder=folder, files=", ".join(there[:5])))
    wrong = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for box in made:
            faults, notices = _tried(box, folder)
            for fault in faults:
                click.echo(_("row {row}: {fault}").format(row=box.row, fault=fault))
            wrong += bool(faults)
            if not faults:
                said = _("{file}: no faults, {count} notices")
                click.echo(said.format(file=folder / f"{box.name}.yaml", count=len(notices)))
    except OSError as error:
        text = _("{path}: can't be written: {reason}")
        reason = error.strerror or str(error)
        raise GatewayError(text.format(path=folder, reason=reason)) from error
    text = _("{good} of {all} site files are written and can run")
    click.echo(text.format(good=len(made) - wrong, all=len(made)))
    return FAULTS if wrong else 0


def _tried(box: Box, folder: Path) -> tuple[list[Fault], list[Fault]]:
    """Check a site file where it is to stand, and leave it there if it has no faults."""
    path = folder / f"{box.name}.yaml"
    part = folder / f".{box.name}.part.yaml"
    part.write_text(box.text, "utf-8")
    try:
        faults, notices = examine(part)
        if not faults:
            write_whole(path, box.text.encode())
    except ConfigError as error:
        return error.faults, []
    finally:
        part.unlink(missing_ok=True)
    named = [Fault(str(path), f.line, f.column, f.code, f.what, f.next) for f in faults]
    return named, notices
