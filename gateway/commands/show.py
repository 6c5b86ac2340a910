"""`nxgate audit`: the audit log for people, and its verification."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
import orjson

from gateway.commands.trail import FOLDER, Line, lines, verify
from gateway.errors import StoreError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

EXIT_WRONG = 1
_HEAD = ("n", "t", "what", "ts", "exp", "h")


def show(store: Path, zone: str, *, check: bool, as_json: bool, last: int | None) -> int:
    """Print the log of a store, or what is wrong with it; return the exit code."""
    folder = store / FOLDER
    if not folder.is_dir():
        text = _("there is no audit log in {folder}: nothing was commanded yet")
        click.echo(text.format(folder=folder))
        return 0
    try:
        if check:
            return _check(folder, as_json=as_json)
        for line in deque(lines(folder), maxlen=last):
            click.echo(_as_json(line) if as_json else _as_text(line, ZoneInfo(zone)))
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


def _as_text(line: Line, zone: ZoneInfo) -> str:
    """A line as people read it: number, when by the site's clock, what, and what is said of it."""
    if not line.n:
        return f"{line.where}: {line.wrong}"
    ms = line.fields.get("t")
    when = datetime.fromtimestamp(ms / 1000, zone) if isinstance(ms, int) else None
    stamp = when.isoformat(" ", timespec="milliseconds") if when else "?"
    told = " ".join(_told(line.fields))
    mark = f"  ! {line.wrong}" if line.wrong else ""
    return f"{line.n:>8}  {stamp}  {line.fields.get('what')}  {told}{mark}"


def _told(fields: Mapping[str, object]) -> Iterator[str]:
    """What a line says, as name=value; of its topic the command and its place."""
    for name, value in fields.items():
        if name == "topic" and isinstance(value, str):
            *_site, line, asset, _cmd, command = ["", "", "", *value.split("/")]
            yield f"command={_spelled(command)}"
            yield f"asset={_spelled(f'{line}/{asset}')}"
        elif name in {"args", "data"} and isinstance(value, dict):
            yield from (f"{key}={_spelled(part)}" for key, part in value.items())
        elif name not in _HEAD:
            yield f"{name}={_spelled(value)}"


def _spelled(value: object) -> str:
    """A value; quoted where it would run into the next, or into the terminal."""
    if isinstance(value, str) and value.isprintable() and not {" ", "=", '"'} & set(value):
        return value
    return orjson.dumps(value).decode()
