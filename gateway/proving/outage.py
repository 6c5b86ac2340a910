"""The broker cut for a while: what is stored meanwhile must all be delivered, counted by id.

The running gateway breaks its own connection and makes none for so long: to it that is a cable
torn out, and it needs neither root nor a hand at the switch. What it stored since is read from its
store; what was delivered is told by two witnesses: the broker's acknowledgements, as the store
keeps them, and a listener at the broker, where the broker lets one listen.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import click

from gateway.archive.segments import reading, records, segments_of
from gateway.ids import record_id
from gateway.proving.proof import FAILED, PASSED, Outage, now
from gateway.proving.sources import ask, snapshot
from gateway.storage.parked import Parked
from gateway.storage.position_file import read_positions
from gateway.storage.segment import SQL_ERRORS
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from gateway.model import Place
    from gateway.plant import Plant
    from gateway.proving.ears import Ears

CONNECT_S = 60.0
"""For the gateway to be connected before it is cut."""
LEAST_S = 120.0
"""For what was stored to be delivered, on top of what pauses and pace ask for."""
TOLD_S = 10.0
SETTLE_S = 0.5
POLL_S = 0.5
MOST_NAMED = 100
SKEW_MS = 60_000


class Failed(Exception):  # noqa: N818 - control flow within this file
    """Why it can't be tried."""


async def prove_outages(plant: Plant, seconds: float, patience_s: float | None) -> list[Outage]:
    """Cut every publisher of a running gateway at once, and count.

    Args:
        plant: the site, as the gateway runs it.
        seconds: how long.
        patience_s: how long to wait for what was stored meanwhile; None: as its number asks.
    """
    cuts = (_prove(plant, name, seconds, patience_s) for name in sorted(plant.publish))
    return list(await asyncio.gather(*cuts))


async def _prove(plant: Plant, name: str, seconds: float, patience_s: float | None) -> Outage:
    outage = Outage(name, "", seconds, now())
    try:
        await _cut(plant, name, outage, patience_s)
    except Failed as error:
        outage.why = str(error)
    outage.ended = now()
    return outage


async def _cut(plant: Plant, name: str, outage: Outage, patience_s: float | None) -> None:
    """Cut one, and fill in what came of it.

    Raises:
        Failed: it couldn't be tried.
    """
    from gateway.proving.ears import Ears  # noqa: PLC0415 - paho, where a broker is cut

    folder, config = plant.store.path, plant.publish[name]
    told = await _connected(folder, name)
    outage.url = told["url"]
    ears = Ears(plant.identity, config, outage.url)
    await ears.open()
    try:
        # What was sent before the broker listened for us may not be on the disk as yet.
        await asyncio.sleep(2 * plant.store.commit + SETTLE_S)
        first, since_ms = _last_key(folder), round(time.time() * 1000) - SKEW_MS
        answer = await ask(folder, {"cut": name, "seconds": outage.seconds})
        if answer is None or "error" in answer:
            raise Failed(str((answer or {}).get("error", _("the gateway was stopped"))))
        click.echo(_("{name}: cut for {seconds:g} s").format(name=name, seconds=outage.seconds))
        await _silent(folder, name, outage.seconds)
        made = _stored(folder, first, since_ms)
        behind = len(made) + told["outbox"]  # older ones may go first
        wait_s = LEAST_S + 2 * config.spread + 2 * behind / max(config.backlog, 1e-3)
        lacking = await _delivered(outage, folder, made, ears, patience_s or wait_s)
        _count(outage, plant, name, made, lacking, ears)
    finally:
        await ears.close()


async def _delivered(
    outage: Outage, folder: Path, made: Mapping[int, Place], ears: Ears, wait_s: float
) -> set[int]:
    """Wait until all is delivered, but not for ever; return what isn't."""
    began_s = told_s = time.monotonic()
    while True:
        lacking = _lacking(folder, outage.publisher, made, ears)
        now_s = time.monotonic()
        if not lacking or now_s > began_s + wait_s:
            return lacking
        if now_s > told_s + TOLD_S:
            told_s = now_s
            text = _("{name}: {n} of {all} records are still to come")
            click.echo(text.format(name=outage.publisher, n=len(lacking), all=len(made)))
        await asyncio.sleep(POLL_S)


def _count(
    outage: Outage,
    plant: Plant,
    name: str,
    made: Mapping[int, Place],
    lacking: set[int],
    ears: Ears,
) -> None:
    """Fill in what came of a cut."""
    acknowledged = _acknowledged(plant.store.path, name, made)
    outage.stored, outage.delivered = len(made), len(acknowledged)
    gateway = plant.identity.gateway
    if made:
        outage.first, outage.last = record_id(gateway, min(made)), record_id(gateway, max(made))
    if ears.why:
        outage.why = _("the broker lets no listener hear it ({why}): its acknowledgements count")
        outage.why = outage.why.format(why=ears.why)
    else:
        outage.heard = len(made.keys() & ears.heard.keys())
    outage.missing = [record_id(gateway, key) for key in sorted(lacking)[:MOST_NAMED]]
    if not made:
        outage.why = _("nothing was stored meanwhile, so nothing is proved")
    outage.result = PASSED if made and not lacking else FAILED


async def _connected(folder: Path, name: str) -> dict[str, Any]:
    """Wait until the publisher is connected.

    Raises:
        Failed: no gateway runs, it runs another site file, or the broker isn't there.
    """
    until_s = time.monotonic() + CONNECT_S
    error = ""
    while time.monotonic() < until_s:
        told = await snapshot(folder)
        if told is None:
            raise Failed(_("no gateway runs on the store {folder}").format(folder=folder))
        if name not in told["publishers"]:
            raise Failed(_("the gateway that runs has no publisher {name}").format(name=name))
        publisher: dict[str, Any] = told["publishers"][name]
        if publisher["connected"]:
            return publisher
        error = publisher["error"]
        await asyncio.sleep(1)
    raise Failed(_("the broker is not connected: {error}").format(error=error))


async def _silent(folder: Path, name: str, seconds: float) -> None:
    """Let the cut pass, and see that it is one.

    Raises:
        Failed: the gateway was stopped, or delivered something all the same.
    """
    began_s = time.monotonic()
    told_s = 0.0
    acked: int | None = None
    while (passed_s := time.monotonic() - began_s) < seconds:
        told = await snapshot(folder)
        if told is None:
            raise Failed(_("the gateway was stopped meanwhile"))
        publisher = told["publishers"][name]
        went_on = acked is not None and publisher["acked"] != acked
        if passed_s < seconds - 1 and (publisher["connected"] or went_on):
            raise Failed(_("it was not cut: the broker went on to answer"))
        acked = publisher["acked"]
        if passed_s - told_s >= TOLD_S:
            told_s = passed_s
            text = _("{name}: {seconds:.0f} s more, {outbox} records wait")
            left_s = seconds - passed_s
            click.echo(text.format(name=name, seconds=left_s, outbox=publisher["outbox"]))
        await asyncio.sleep(min(0.5, max(0.0, seconds - passed_s)))


def _lacking(folder: Path, name: str, made: Mapping[int, Place], ears: Ears) -> set[int]:
    """What of the records isn't delivered yet: not acknowledged, or not heard."""
    lacking = made.keys() - _acknowledged(folder, name, made)
    return lacking if ears.why else lacking | (made.keys() - ears.heard.keys())


def _last_key(folder: Path) -> int:
    """The newest record on the disk."""
    found = [0]
    for segment in segments_of(folder):
        with contextlib.suppress(*SQL_ERRORS, OSError), reading(segment.path) as db:
            found.append(db.execute("SELECT max(key) FROM record").fetchone()[0] or 0)
    return max(found)


def _stored(folder: Path, after: int, since_ms: int) -> dict[int, Place]:
    """The records behind a key, each with its place."""
    lost: list[str] = []
    made = {
        record.key: record.place
        for segment in segments_of(folder)
        if segment.next_first is None or segment.next_first > after
        for record in records(segment, lost, since_ms)
        if record.key > after
    }
    if lost:
        raise Failed(_("can't be read: {what}").format(what="; ".join(lost)))
    return made


def _acknowledged(folder: Path, name: str, made: Mapping[int, Place]) -> set[int]:
    """Those of the records that the broker has acknowledged, as the store knows."""
    try:
        with reading(folder / "position.db") as db:
            standing = read_positions(db)[name]
    except (*SQL_ERRORS, OSError, KeyError):
        return set()
    parked = Parked(standing.parked)
    return {
        key
        for key, place in made.items()
        if (key <= standing.low or any(lo <= key <= hi for lo, hi in standing.ranges))
        and not parked.covers(place, key)
    }
