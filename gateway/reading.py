"""`nxgate read`: one device read once, for the person who checks the wiring."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import orjson

from gateway import api
from gateway.clock import SystemClock
from gateway.difference import mark
from gateway.errors import ConfigError, DriverError, Fault
from gateway.inspecting import inspect, judge
from gateway.links import connect, tell
from gateway.templates import instead, load
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.model import Device, Tag
    from gateway.plant import Plant


async def show(site: Path, what: str, *, as_json: bool) -> int:
    """Read `DEVICE` or `DEVICE.TAG` and print what came; 0 when every value is good."""
    plant = load(site)
    name, _dot, tag_name = what.partition(".")
    tags = _wanted(plant, site, name, tag_name)
    device = next(one for one in plant.devices if one.name == name)
    answer = await _asked(plant, name, tag_name)
    if answer is None:
        answer = await _directly(plant, device, tags)
    if "error" in answer:
        click.echo(str(answer["error"]), err=True)
        return 1
    time_ms, rows = answer["time"], answer["rows"]
    judge(rows, plant, name)
    if as_json:
        about = {"device": device.name, "link": device.link, "time": time_ms}
        click.echo(orjson.dumps({**about, "readings": rows}, option=orjson.OPT_INDENT_2))
    else:
        _print(device.name, device.link, time_ms, rows)
    return 0 if all(row["quality"] == "good" for row in rows) else 1


async def _asked(plant: Plant, device: str, tag: str) -> dict[str, Any] | None:
    """What the running gateway reads, since it holds the line; None where none runs."""
    if not hasattr(asyncio, "open_unix_connection"):  # Windows, where no gateway runs
        return None
    try:
        asked = {"read": device, "tag": tag, "digest": mark(plant).devices[device]}
        answer = await api.request(plant.store.path, api.PROVE, orjson.dumps(asked))
    except OSError:
        return None
    if answer is not None:
        click.echo(_("a gateway runs on this site: it reads, between its polls"), err=True)
    return answer


async def _directly(plant: Plant, device: Device, tags: tuple[Tag, ...]) -> dict[str, Any]:
    units = connect(plant.devices, plant.drivers, SystemClock())
    _device, link, driver = next(unit for unit in units if unit[0].name == device.name)
    try:
        await link.open()
        batch, rows = await inspect(driver, tags)
    except DriverError as error:
        return {"error": tell(error, device)}
    finally:
        await link.close()
    return {"time": batch.time_ns // 1_000_000, "rows": rows}


def _wanted(plant: Plant, site: Path, name: str, tag_name: str) -> tuple[Tag, ...]:
    """The tags asked for, or a fault that names the nearest ones there are."""
    devices = {device.name: device for device in plant.devices}
    if name not in devices:
        raise ConfigError([_unknown(site, _("device"), name, list(devices))])
    tags = tuple(tag for group in devices[name].groups for tag in group.tags)
    if not tags:
        what = _("no tag of {device} is read").format(device=name)
        hint = _("add what to read under tags:; nxgate infer finds registers by what is displayed")
        raise ConfigError([Fault(str(site), 0, 0, "no-tags", what, hint)])
    if not tag_name:
        return tags
    chosen = tuple(tag for tag in tags if tag.name == tag_name)
    if not chosen:
        raise ConfigError([_unknown(site, _("tag"), tag_name, [tag.name for tag in tags])])
    return chosen


def _unknown(site: Path, kind: str, name: str, known: list[str]) -> Fault:
    hint = instead(name, known)
    what = _("no {kind} {name}").format(kind=kind, name=name)
    return Fault(str(site), 0, 0, "unknown-name", what, hint)


def _print(name: str, link: str, time_ms: int, rows: list[dict[str, object]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - a display's library, loaded by displays
    from rich.table import Table  # noqa: PLC0415

    when = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone()
    table = Table(box=None)
    heads = (_("tag"), _("address"), _("raw data"), _("value"), _("unit"), _("quality"), "ms")
    for head in heads:
        table.add_column(head, justify="right" if head in (_("value"), "ms") else "left")
    qualities = {"good": _("good"), "uncertain": _("uncertain"), "bad": _("bad")}
    for row in rows:
        value = "–" if row["value"] is None else str(row["value"])
        cells = (row["tag"], row["at"], row["raw_hex"], value, row["unit"] or "")
        quality = qualities[str(row["quality"])]
        table.add_row(*map(str, cells), quality, str(row["round_trip_ms"]))
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = 200
    console.print(f"{name}  {link}  {when:%Y-%m-%d %H:%M:%S.%f}"[:-3])
    console.print(table)
    for row in rows:
        if row["error"]:
            console.print(str(row["error"]))
