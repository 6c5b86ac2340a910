"""The file that `nxgate scan --out` names: never one that is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gateway.errors import GatewayError
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path


def check(path: Path | None) -> None:
    """Look before the search, which takes minutes.

    Raises:
        GatewayError: the file is there already.
    """
    if path is not None and path.exists():
        text = _("{path} is there already: name another file, or take it away first")
        raise GatewayError(text.format(path=path))


def write(path: Path | None, made: str) -> None:
    """Write what was found, and say so; nothing where no file was named.

    Raises:
        GatewayError: the disk refuses.
    """
    if path is None:
        return
    try:
        path.write_text(made, "utf-8")
    except OSError as error:
        text = _("{path} can't be written: {reason}")
        raise GatewayError(text.format(path=path, reason=error.strerror or error)) from error
    click.echo(_("written to {path}").format(path=path), err=True)
