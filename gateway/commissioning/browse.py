"""`nxgate browse`: the tree that a server shows, and the site file that reads what was chosen."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import click

from gateway.clock import SystemClock
from gateway.commissioning.companions import proposals
from gateway.commissioning.links import named
from gateway.commissioning.tree_site import site
from gateway.commissioning.walk import VARIABLE, look, prune, walk
from gateway.errors import GatewayError
from gateway.exits import FAILED
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.commissioning.companions import Proposed
    from gateway.commissioning.links import Named
    from gateway.commissioning.walk import Bounds, Grown, Walked
    from gateway.tree import Browses

_LINE = 60


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be looked at.

    Attributes:
        words: LINK, or SITE and DEVICE.
        path: where to begin; "" is the root.
        find: names to look for; None: all.
        out: the file to be written as well.
        device: its name there.
        timeout_s: of a request.
    """

    words: tuple[str, ...]
    path: str
    find: str | None
    out: Path | None
    device: str | None
    timeout_s: float
    bounds: Bounds


def browse(wanted: Wanted) -> int:
    """Show a server's tree; 0 where there was something to show.

    Raises:
        ConfigError: the site file has faults.
        GatewayError: the server can't be reached, or has no such path.
    """
    text = _("write e.g. nxgate browse opc.tcp://10.0.0.9:4840, or SITE DEVICE")
    about = named(wanted.words, text)
    if not hasattr(about.plugin, "browser"):
        scheme = about.url.partition("://")[0]
        raise GatewayError(_("{scheme} has no tree to browse").format(scheme=scheme))
    if wanted.out is not None and wanted.out.exists():
        text = _("{path} is there already: name another file, or take it away first")
        raise GatewayError(text.format(path=wanted.out))
    walked, found = asyncio.run(_look(about, wanted))
    if wanted.find is not None and not found:
        text = _("nothing among {count} nodes is called {find}")
        click.echo(text.format(count=walked.count, find=wanted.find), err=True)
    else:
        for line in _lines(walked.top, 0):
            click.echo(line)
    proposed = proposals(walked.top)
    for one in proposed:
        click.echo(_told(one), err=True)
    if not walked.is_whole:
        text = _("stopped at {count} nodes: narrow it with --path, or allow --most {more}")
        click.echo(text.format(count=walked.count, more=10 * walked.count), err=True)
    if wanted.out is not None and (found or wanted.find is None):
        _write(wanted.out, about, wanted, walked.top, proposed)
    return 0 if found or wanted.find is None else FAILED


async def _look(about: Named, wanted: Wanted) -> tuple[Walked, int]:
    link = about.plugin.link(about.url, SystemClock())
    await link.open()
    try:
        browser = cast("Browses", about.plugin).browser(link, wanted.timeout_s)
        progress = _Progress()
        walked = await walk(browser, wanted.path, wanted.bounds, progress.known)
        found = walked.count if wanted.find is None else prune(walked.top, wanted.find)
        if found:
            await look(browser, walked.top, wanted.bounds.pause_s)
        progress.end()
        return walked, found
    finally:
        await link.close()


def _lines(here: Grown, depth: int) -> list[str]:
    """A node and all below it, a line each."""
    branch, detail = here.branch, here.detail
    parts = ["  " * depth + branch.title]
    if branch.title != branch.name and branch.name:
        parts.append(f"[{branch.name}]")
    if detail is not None:
        parts.append(f"{detail.type} = {detail.value}" + (f" {detail.unit}" if detail.unit else ""))
        if detail.is_writable:
            parts.append(_("(writable)"))
    elif branch.made_of:
        parts.append(f"<{branch.made_of[0].rpartition(';')[2]}>")
    elif branch.sort != VARIABLE and not here.below:
        parts.append(f"({branch.sort})")
    parts.append(branch.at)
    if detail is not None and detail.description:
        parts.append("— " + " ".join(detail.description.split()))
    lines = ["  ".join(parts)]
    for one in here.below:
        lines += _lines(one, depth + 1)
    return lines


def _told(one: Proposed) -> str:
    """A machine that was recognised, in a line."""
    bound = ", ".join(
        f"{signal} ← {'/'.join(node.way()[len(one.top.way()) :])}"
        for signal, (node, _part) in one.bind.items()
    )
    text = _("{name} shows itself as {standard}: {bound}")
    return text.format(name=one.top.branch.title, standard=one.standard, bound=bound)


def _write(out: Path, about: Named, wanted: Wanted, top: Grown, proposed: list[Proposed]) -> None:
    """Write the site file.

    Raises:
        GatewayError: it can't be written.
    """
    name = wanted.device or (about.device.name if about.device else "server-1")
    made = site(about.url, name, top, proposed)
    try:
        out.write_text(made, "utf-8")
    except OSError as error:
        text = _("{path} can't be written: {reason}")
        reason = error.strerror or error
        raise GatewayError(text.format(path=out, reason=reason)) from error
    click.echo(_("{path} is written; nxgate check {path} holds it").format(path=out), err=True)


class _Progress:
    """How many nodes are known, on the terminal."""

    def __init__(self) -> None:
        self._is_live = sys.stderr.isatty()

    def known(self, count: int) -> None:
        """So many by now."""
        if self._is_live:
            text = _("{count} nodes").format(count=count)
            click.echo(f"\r{text:<{_LINE}}", nl=False, err=True)

    def end(self) -> None:
        """Take the line away."""
        if self._is_live:
            click.echo(f"\r{'':<{_LINE}}\r", nl=False, err=True)
