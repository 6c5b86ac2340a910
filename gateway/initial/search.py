"""Devices found on a link, as a site file has them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.commissioning import discovering, scan
from gateway.commissioning.links import Named, plugin_of
from gateway.commissioning.site_piece import piece
from gateway.commissioning.sweep import Manner, Sweep

if TYPE_CHECKING:
    from collections.abc import Collection

HEAD = "devices:\n"


def can_search(url: str) -> bool:
    """Whether devices on this link can be found.

    Raises:
        GatewayError: no driver serves the link, or its URL is wrong.
    """
    plugin = plugin_of(url)
    return hasattr(plugin, "explorer") or hasattr(plugin, "discover")


def search(url: str, units: str | None, taken: Collection[str]) -> str:
    """Search a link; what goes on is told on the standard error.

    Args:
        url: of the link.
        units: e.g. `1-20`; None: all that it may have.
        taken: names that are given already.

    Returns:
        The devices below `devices:`, with remarks; "" where nobody answers.

    Raises:
        GatewayError: the link can't be opened or searched, or is in use.
    """
    plugin = plugin_of(url)
    about = Named(url, plugin)
    if hasattr(plugin, "discover"):
        met: dict[str, discovering.Met] = {}
        asyncio.run(discovering.meet(about, (url,), met))
        fresh = [one for one in met.values() if f"meter-{one[1]['address']}" not in taken]
        return discovering.piece(fresh).removeprefix(HEAD) if fresh else ""
    sweep = Sweep(Manner())
    wanted = scan.Wanted((url,), units, None, None, None, sweep.manner)
    asyncio.run(scan.search(about, (url,), wanted, sweep))
    return piece(sweep.found, taken).removeprefix(HEAD) if sweep.found else ""


def names(found: str) -> list[str]:
    """The names of the devices in what `search` gave."""
    return [
        line.strip().removesuffix(":")
        for line in found.splitlines()
        if line.startswith("  ") and not line.startswith("   ") and not line.startswith("  #")
    ]
