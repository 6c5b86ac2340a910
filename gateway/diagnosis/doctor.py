"""`nxgate doctor`: all that is wrong with a site's gateway, since when, and what to do next."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import click
import orjson

from gateway.archive.standing import ask
from gateway.diagnosis import running, standing
from gateway.diagnosis.catalogue import catalogue
from gateway.diagnosis.finding import Finding
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

WRONG = 1


def doctor(site: Path, *, as_json: bool) -> int:
    """Print what is wrong; 0 where nothing is, else 1."""
    snapshot, found = look(site)
    if as_json:
        told = {"ok": not found, "findings": [finding.as_json() for finding in found]}
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    else:
        click.echo("\n".join(lines(snapshot, found)))
    return WRONG if found else 0


def look(site: Path) -> tuple[dict[str, Any] | None, list[Finding]]:
    """What the running gateway tells of itself, if one runs, and all that is wrong.

    Args:
        site: the site file, or the store's folder where the file has faults.
    """
    plant = None if site.is_dir() else standing.plant_of(site)
    folder: Path | None = site if site.is_dir() else None
    if plant is not None:
        folder = plant.store.path
    snapshot = asyncio.run(ask(folder)) if folder is not None else None
    found: list[Finding] = []
    if snapshot is not None:
        found += running.findings(snapshot)
    elif folder is not None:
        found.append(_absent(folder))
    if not site.is_dir():
        said = {(finding.code, finding.subject) for finding in found}
        more = standing.findings(site, plant)
        found += (finding for finding in more if (finding.code, finding.subject) not in said)
    return snapshot, found


def lines(snapshot: dict[str, Any] | None, found: list[Finding]) -> list[str]:
    """Each finding with what to do, then what is well."""
    now_ms = time.time_ns() // 1_000_000
    made: list[str] = []
    for finding in found:
        since = _(", for {span}").format(span=span(now_ms - finding.since_ms))
        when = since if finding.since_ms else ""
        made.append(f"✗ {finding.subject} [{finding.code}{when}]")
        made.append(f"  {finding.what}")
        made.append("  → " + finding.next)
    if snapshot is not None:
        made.append(_well(snapshot))
    elif not found:
        made.append(_("the site file has no faults"))
    return made


def codes() -> str:
    """All codes as a table in Markdown, in the language of the messages."""
    head = f"| {_('code')} | {_('what it means')} | {_('what to do')} |\n|---|---|---|\n"
    rows = (f"| `{code}` | {said.means} | {said.remedy} |\n" for code, said in catalogue().items())
    return head + "".join(rows)


def span(ms: int) -> str:
    """How long, in the largest unit of which it is one at least."""
    seconds = max(0, ms) // 1000
    for size, text in ((86_400, _("{n} d")), (3600, _("{n} h")), (60, _("{n} min"))):
        if seconds >= size:
            return text.format(n=seconds // size)
    return _("{n} s").format(n=seconds)


def _absent(folder: Path) -> Finding:
    text = _("no gateway runs on the store {folder}").format(folder=folder)
    return Finding("not-running", "gateway", text)


def _well(snapshot: dict[str, Any]) -> str:
    """How much of it is well."""
    devices = snapshot["devices"].values()
    publishers = snapshot["publishers"].values()
    text = _(
        "{gateway}: {devices} of {all_devices} devices answer, {publishers} of {all_publishers} "
        "publishers connected, {count} records to deliver"
    )
    return text.format(
        gateway=snapshot["gateway"],
        devices=sum(not device["error"] for device in devices),
        all_devices=len(devices),
        publishers=sum(status["connected"] for status in publishers),
        all_publishers=len(publishers),
        count=sum(status["outbox"] for status in publishers),
    )
