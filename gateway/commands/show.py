"""`nxgate audit`: the audit log for people, and its verification."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
import orjson

from gateway.commands.trail import FOLDER, Line, lines, verify
from gateway.errors import StoreError
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

EXIT_WRONG = 1
_HEAD = ("n", "t", "what", "cid", "h")


def show(store: Path, *, check: bool, as_json: bool, last: int | None) -> int:
    """Print the log of a store, or what is wrong with it; return the exit code."""
    folder = store / FOLDER
    if not folder.is_dir():
        click.echo(_("there is no audit log in {folder}").format(folder=folder))
        return 0
    try:
        if check:
            return _check(folder, as_json=as_json)
        for line in deque(lines(folder), maxlen=last):
            click.echo(_as_json(line) if as_json else _as_text(line))
    except OSError as error:
        text = _("{folder} can't be read: {reason}")
        reason = error.strerror or error
        raise StoreError(text.format(folder=folder, reason=reason)) from error
    return 0


def _check(folder: Path, *, as_json: bool) -> int:
    found = verify(folder)
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return EXIT_WRONG if found.faults else 0
    text = _("{count} lines, {first} to {last}; the last hash is {h}")
    click.echo(text.format(count=found.count, first=found.first, last=found.last, h=found.h))
    for loss in found.losses:
        click.echo(_("declared as gone: {loss}").format(loss=loss))
    for fault in found.faults:
        click.echo(_("wrong: {fault}").format(fault=fault))
    if not found.faults:
        click.echo(_("the audit log is whole"))
    return EXIT_WRONG if found.faults else 0


def _as_json(line: Line) -> str:
    return orjson.dumps({**line.fields, "h": line.h}).decode()


def _as_text(line: Line) -> str:
    """A line as people read it: when, what, and the rest as JSON."""
    if not line.n:
        return f"{line.where}: {line.wrong}"
    ms = line.fields.get("t")
    when = datetime.fromtimestamp(ms / 1000, UTC) if isinstance(ms, int) else None
    stamp = when.isoformat(timespec="milliseconds") if when else "?"
    rest = {name: value for name, value in line.fields.items() if name not in _HEAD}
    about = orjson.dumps(rest).decode()
    mark = f"  ! {line.wrong}" if line.wrong else ""
    return (
        f"{line.n:>8} {stamp} {line.fields.get('what')} {line.fields.get('cid', '')} {about}{mark}"
    )
