"""Devices that tell their addresses themselves: `nxgate scan` on a line of meters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import click

from gateway.clock import SystemClock
from gateway.commissioning.site_piece import around, quoted
from gateway.errors import GatewayError
from gateway.exits import FAILED
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from gateway.commissioning.links import Named
    from gateway.driver import Discovers

Met = tuple[str, "Mapping[str, str]"]
"""The link, and what a site file writes beside it."""


def discover(about: Named, urls: Sequence[str], out: Path | None) -> int:
    """Ask for all devices on a link, at each speed; 0 where something was found.

    Raises:
        GatewayError: the link can't be opened, or the file is there already or can't be written.
    """
    if out is not None and out.exists():
        text = _("{path} is there already: name another file, or take it away first")
        raise GatewayError(text.format(path=out))
    met = asyncio.run(meet(about, urls))
    if not met:
        text = _(
            "no meter tells its address on {urls}: check power and wiring (A and B exchanged?), "
            "and speeds with --bauds 2400,9600,1200,4800"
        )
        click.echo(text.format(urls=", ".join(urls)), err=True)
        return FAILED
    made = around(piece(met))
    click.echo(made, nl=False)
    if out is not None:
        try:
            out.write_text(made, "utf-8")
        except OSError as error:
            text = _("{path} can't be written: {reason}")
            raise GatewayError(text.format(path=out, reason=error.strerror or error)) from error
    return 0


async def meet(about: Named, urls: Sequence[str]) -> list[Met]:
    """Ask for all devices on a link, at each speed."""
    plugin, clock = cast("Discovers", about.plugin), SystemClock()
    met: dict[str, Met] = {}
    for url in urls:
        click.echo(_("{url}: asking who is there").format(url=url), err=True)
        for one in await plugin.discover(url, clock, lambda what: click.echo(what, err=True)):
            met.setdefault(one["address"], (url, one))
    return list(met.values())


def piece(met: Iterable[Met]) -> str:
    """The part `devices:` of a site file."""
    lines = ["devices:"]
    for url, one in met:
        lines += [f"  meter-{one['address']}:", f"    link: {quoted(url)}"]
        lines += [f"    {key}: {value}" for key, value in one.items()]
        lines.append("    poll: 30s")
    return "\n".join(lines) + "\n"
