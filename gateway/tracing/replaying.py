"""`nxgate replay`: a trace through the engine of a site, record by record."""

from __future__ import annotations

import gc
import sys
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
import orjson

from gateway.publishers.canonical import Canonical
from gateway.tracing.playing import Player, polls
from gateway.tracing.stage import set_up
from gateway.tracing.window import NoWindow, moment
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.model import Record
    from gateway.plant import Plant
    from gateway.tracing.stage import Stage

PLACED, MQTT = "json", "mqtt"
SELDOM = (200_000, 20, 100)
"""Garbage is looked for: a year of readings leaves none, and looking took a tenth of the time."""
CLASSES = ("state", "oee", "energy")


def replay(site: Path, trace: Path, until: str | None, form: str) -> int:
    """Print the records that a trace leads to; 0.

    Args:
        site: the site file.
        trace: JSON lines, plain or gzipped.
        until: local time up to which time passes; None: to the trace's end.
        form: `json`, the payload with its place in front; `mqtt`, topic and payload.

    Raises:
        ConfigError: with all faults of the site file or the trace.
    """
    gc.set_threshold(*SELDOM)
    stage = set_up(site, trace)
    zone = ZoneInfo(stage.plant.timezone)
    try:
        until_ms = None if until is None else moment(until, zone)
    except NoWindow as error:
        raise click.BadParameter(str(error), param_hint="--until") from error
    spell = _speller(stage.plant, form)
    player = Player(stage)
    out = sys.stdout.buffer
    for record in player.play(polls(stage), until_ms):
        if record.cls.partition("/")[0] in CLASSES:
            out.write(spell(record))
    out.flush()
    for line in _remarks(stage, player, zone):
        click.echo(line, err=True)
    return 0


def _speller(plant: Plant, form: str) -> Callable[[Record], bytes]:
    canonical = Canonical(plant.identity)

    def placed(record: Record) -> bytes:
        place = {"line": record.line, "asset": record.asset, "class": record.cls}
        payload = canonical.payload(record, hist=False)
        return orjson.dumps(place)[:-1] + b"," + payload[1:] + b"\n"

    def sent(record: Record) -> bytes:
        topic = canonical.topic(record, hist=False).encode()
        return topic + b" " + canonical.payload(record, hist=False) + b"\n"

    return placed if form == PLACED else sent


def _remarks(stage: Stage, player: Player, zone: ZoneInfo) -> list[str]:
    """What is to be known of a replay beside its records."""
    if not stage.survey.count:
        return [_("the trace has no reading, so nothing follows from it")]
    end = datetime.fromtimestamp(player.now_ms / 1000, zone).isoformat(timespec="seconds")
    text = _(
        "lines: {count}, up to {end}; windows that are not over by then are not told"
        " (--until lets time pass)"
    )
    remarks = [text.format(count=stage.survey.count, end=end)]
    for name, count in player.ledger.refused().items():
        text = _("{asset}: {count} readings came too late to be taken")
        remarks.append(text.format(asset=name, count=count))
    for name, value in player.ledger.unmapped().items():
        text = _("{asset}: no state is known for {value}")
        remarks.append(text.format(asset=name, value=value))
    return remarks
