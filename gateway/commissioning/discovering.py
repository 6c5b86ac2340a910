"""Devices that tell their addresses themselves: `nxgate scan` on a line of meters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import click

from gateway.clock import SystemClock
from gateway.commissioning import out_file
from gateway.commissioning.site_piece import around, quoted
from gateway.errors import GatewayError
from gateway.exits import FAILED, INTERRUPTED
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
    out_file.check(out)
    met: dict[str, Met] = {}
    code = 0
    try:
        asyncio.run(meet(about, urls, met))
    except KeyboardInterrupt:
        code = INTERRUPTED
        click.echo(_("\nstopped; this was found until then"), err=True)
    except GatewayError as error:
        if not met:
            raise
        code = FAILED
        click.echo(f"\n{error}", err=True)
    if not met and not code:
        text = _(
            "no meter tells its address on {urls}: check power and wiring (A and B exchanged?), "
            "and speeds with --bauds 2400,9600,1200,4800"
        )
        click.echo(text.format(urls=", ".join(urls)), err=True)
        return FAILED
    if met:
        made = around(piece(met.values()))
        click.echo(made, nl=False)
        out_file.write(out, made)
    return code


async def meet(about: Named, urls: Sequence[str], met: dict[str, Met]) -> None:
    """Ask for all devices on a link, at each speed; `met` gets them by address, as they come."""
    plugin, clock = cast("Discovers", about.plugin), SystemClock()
    for url in urls:
        click.echo(_("{url}: asking who is there").format(url=url), err=True)

        def note(one: Mapping[str, str], url: str = url) -> None:
            if one["address"] not in met:
                met[one["address"]] = url, one
                click.echo(one["address"], err=True)

        await plugin.discover(url, clock, lambda what: click.echo(what, err=True), note)


def piece(met: Iterable[Met]) -> str:
    """The part `devices:` of a site file."""
    lines = ["devices:"]
    for url, one in met:
        lines += [f"  meter-{one['address']}:", f"    link: {quoted(url)}"]
        lines += [f"    {key}: {value}" for key, value in one.items()]
        lines.append("    poll: 30s")
    return "\n".join(lines) + "\n"
