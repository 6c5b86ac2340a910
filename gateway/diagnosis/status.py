"""`nxgate status`: how a running gateway stands, in one look."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click
import orjson

from gateway.archive.place import find
from gateway.archive.standing import ask
from gateway.diagnosis.doctor import WRONG, span
from gateway.diagnosis.running import findings
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def status(where: Path, *, as_json: bool) -> int:
    """Print it; 0 where a gateway runs, else 1.

    Args:
        where: the site file, or the store's folder.
        as_json: all that it tells of itself, as JSON.

    Raises:
        ConfigError: the site file has faults.
        StoreError: there is no store.
    """
    folder = find(where).folder
    snapshot = asyncio.run(ask(folder))
    if snapshot is None:
        text = _("no gateway runs on the store {folder}: nxgate store status shows what it holds")
        click.echo(text.format(folder=folder), err=True)
        return WRONG
    if as_json:
        click.echo(orjson.dumps(snapshot, option=orjson.OPT_INDENT_2).decode())
    else:
        click.echo("\n".join(lines(snapshot)))
    return 0


def lines(snapshot: dict[str, Any]) -> Iterator[str]:
    """The gateway, each device, each publisher, the store, and how much is wrong."""
    now_ms = snapshot["time"]
    clock = snapshot["clock"]["doubt"] or _("clock trusted")
    yield f"{snapshot['gateway']}  nxgate {snapshot['version']}  · {clock}"
    for name, device in snapshot["devices"].items():
        since = span(now_ms - device["since_ms"])
        how = _("fails for {span}: {fault}") if device["error"] else _("answers for {span}")
        how = how.format(span=since, fault=device["fault"])
        if not device["polls"]:
            how = _("not asked yet")
        polls = _("{ok} polls, {failed} failed, {missed} missed, {ms:.0f} ms").format(
            ok=device["ok"],
            failed=device["failed"],
            missed=device["missed"],
            ms=device["round_trip_ms"],
        )
        yield f"  {name}: {how} · {polls}"
    for url, link in snapshot["links"].items():
        if link.get("open_to_all"):
            text = _("  {link}: not secured (policy None), as the site file wants it")
            yield text.format(link=url.partition("?")[0])
    for name, publisher in snapshot["publishers"].items():
        since = span(now_ms - publisher["since_ms"])
        how = _("connected for {span}") if publisher["connected"] else _("away for {span}: {cause}")
        how = how.format(span=since, cause=publisher["cause"])
        sent = _("{acked} delivered, {outbox} to deliver").format(
            acked=publisher["acked"], outbox=publisher["outbox"]
        )
        yield f"  {name}: {how} · {sent}"
    store = snapshot["store"]
    held = span(now_ms - store["oldest_ms"]) if store["oldest_ms"] else "–"
    text = _("{size} MiB, back {span}, {free} MiB free on its disk")
    size, free = store["bytes"] >> 20, store["free"] >> 20
    yield f"  {_('store')}: " + text.format(size=size, span=held, free=free)
    found = findings(snapshot)
    if found:
        codes = ", ".join(sorted({finding.code for finding in found}))
        text = _("{count} things are wrong ({codes}): nxgate doctor says more")
        yield text.format(count=len(found), codes=codes)
    else:
        yield _("all is well")
