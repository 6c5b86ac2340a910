"""`nxgate watch`: a live view of a running gateway; plain lines where there is no terminal."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import click

from gateway import api
from gateway.diagnosis.running import Snapshot, concerns
from gateway.errors import ConfigError, GatewayError
from gateway.naming import said
from gateway.templates import load
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

MARKS = {0: "", 1: "?", 2: "✗"}
MOST_VALUES = 8
START_PATIENCE_S = 5.0


def follow_site(site: Path, seconds: float | None, *, plain: bool) -> int:
    """Show the gateway of a site file until stopped.

    Args:
        site: the site file; or its store's folder, for while the file has faults.
        seconds: stop by itself after so long.
        plain: lines instead of a table.

    Raises:
        ConfigError: the site file has faults.
        GatewayError: no gateway runs on its store.
    """
    try:
        folder = site if site.is_dir() else load(site).store.path
    except ConfigError:
        text = _("to watch a gateway whose site file has faults, give the store's folder instead")
        click.echo(text, err=True)
        raise
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_follow(folder, seconds, plain=plain))
    return 0


async def _follow(folder: Path, seconds: float | None, *, plain: bool) -> None:
    end = time.monotonic() + seconds if seconds else None
    patience = time.monotonic() + START_PATIENCE_S
    said = False
    while True:
        try:
            await _show(folder, end, plain=plain)
        except OSError as error:
            if time.monotonic() > patience:
                raise GatewayError(
                    _(
                        "no gateway runs on the store {folder} ({error}): "
                        "start it with `nxgate run SITE`"
                    ).format(folder=folder, error=error.strerror or error)
                ) from error
            if not said:
                click.echo(_("waiting for the gateway …"), err=True)
                said = True
            await asyncio.sleep(0.2)
        else:
            return


async def _show(folder: Path, end: float | None, *, plain: bool) -> None:
    snapshots = api.follow(folder)
    if plain:
        async for snapshot in snapshots:
            for line in lines(snapshot):
                click.echo(line)
            if end is not None and time.monotonic() >= end:
                return
        return
    from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

    with Live(auto_refresh=False, screen=False) as live:
        async for snapshot in snapshots:
            live.update(view(snapshot, live.console.width), refresh=True)
            if end is not None and time.monotonic() >= end:
                return


def lines(snapshot: Snapshot) -> list[str]:
    """One line an asset, then one for what is still to be delivered."""
    made = [
        f"{_clock(snapshot['time'])} {asset['line']}/{asset['name']}"
        f" {said(_state(asset))} {_oee(asset)} {_values(asset)}"
        for asset in snapshot["assets"]
    ]
    return [*made, f"{_clock(snapshot['time'])} {' | '.join(_standing(snapshot))}"]


def view(snapshot: Snapshot, width: int) -> Table:
    """A table of assets with state, figures of the current hour, and newest values.

    Args:
        snapshot: of the gateway.
        width: of the terminal, in characters; a narrow one leaves A, P, Q and coverage out and
            shows fewer values, never half of one.
    """
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(
        title=f"nxgate {snapshot['version']}  {snapshot['gateway']}  {_clock(snapshot['time'])}",
        caption="\n".join(_standing(snapshot)),
        title_justify="left",
        caption_justify="left",
    )
    ratios = {"a": "A", "p": "P", "q": "Q", "oee": "OEE", "coverage": _("coverage")}
    most = (width - 104) // 7
    if most < 1:
        ratios, most = {"oee": "OEE"}, max(0, (width - 66) // 7)
    numeric = (*ratios.values(), _("pieces"))
    for head in (_("asset"), _("state"), *numeric):
        table.add_column(head, justify="right" if head in numeric else "left", no_wrap=True)
    table.add_column(_("values"))
    for asset in snapshot["assets"]:
        figures = asset.get("figures") or {}
        pieces = figures.get("total")
        table.add_row(
            Text(f"{asset['line']}/{asset['name']}"),
            Text(said(_state(asset)), style=STYLES.get(_state(asset), "")),
            *(_percent(figures.get(key)) for key in ratios),
            "" if pieces is None else f"{pieces:.4g}",
            Text(_values(asset, most if asset["line"] != "_dev" else min(most, 2))),
        )
    return table


STYLES = {
    "running": "green",
    "fault": "bold red",
    "setup": "yellow",
    "waiting": "yellow",
    "unknown": "bold magenta",
    "offline": "bold magenta",
}


def _state(asset: Snapshot) -> str:
    return str((asset.get("figures") or {}).get("state") or "")


def _oee(asset: Snapshot) -> str:
    figures = asset.get("figures")
    if not figures:
        return ""
    parts = [f"{name}={_percent(figures.get(name))}" for name in ("a", "p", "q", "oee")]
    return " ".join([*parts, f"coverage={_percent(figures.get('coverage'))}"])


def _values(asset: Snapshot, most: int = MOST_VALUES) -> str:
    values = asset["values"]
    shown = [
        f"{v['n']}={'–' if v['v'] is None else _number(v['v'])}{MARKS[v['q']]}"
        + (f"\N{NO-BREAK SPACE}{v['u']}" if v["u"] else "")
        for v in values[:most]
    ]
    if not most:
        return _("{count} values").format(count=len(values))
    if len(values) > most:
        shown.append(_("and {count} more").format(count=len(values) - most))
    return "  ".join(shown)


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _standing(snapshot: Snapshot) -> list[str]:
    """Each publisher, then whatever is not well."""
    parts = [
        (
            f"{name}: {_('connected')}"
            if status["connected"]
            else status["error"] or f"{name}: {_('not connected')}"
        )
        + " · "
        + _("outbox {count}").format(count=status["outbox"])
        for name, status in snapshot["publishers"].items()
    ]
    return [*parts, *concerns(snapshot)]


def _percent(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio * 100:.1f}%"


def _clock(time_ms: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(time_ms / 1000))
