"""`nxgate write`: a value into a tag that the site file permits to be written, and read back.

A gateway that runs on the site's store does it, between two polls: it holds the line. Where none
runs, this process does, with the store's audit log and lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import math
import sys
from typing import TYPE_CHECKING, TypeVar

import click
import orjson

from gateway import api
from gateway.clock import SystemClock
from gateway.commands.audit import files_of
from gateway.commands.by_hand import ByHand
from gateway.commands.entering import LOCAL
from gateway.commands.notary import Notary
from gateway.commands.trail import FOLDER, lines
from gateway.commands.writing import Writing
from gateway.commissioning.links import device_of, plugin_of
from gateway.errors import ConfigError, ConnectionLost, Fault, GatewayError
from gateway.exits import FAILED
from gateway.model import Kind
from gateway.sitefile.document import instead
from gateway.templates import load
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from gateway.driver import Driver
    from gateway.model import Tag, Value
    from gateway.plant import Plant

T = TypeVar("T")
_TRUTHS = {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}


def write(site: Path, device: str, name: str, text: str, by: str | None, *, is_sure: bool) -> int:
    """Write one value; 0 where it reads back as it was written.

    Args:
        site: the site file.
        device: of the site.
        name: of the tag.
        text: the value, in the tag's unit.
        by: who says it, beside the account; None: nobody else.
        is_sure: nobody is asked whether it is meant.

    Raises:
        ConfigError: the site file has faults, or no such device or tag.
        GatewayError: it may not be written, or nobody can be asked.
    """
    plant = load(site)
    tag = _tag(plant, site, device, name)
    line, asset, signal = _place(plant, tag)
    value = _value(tag, text)
    if not is_sure:
        _ask(tag, value)
    asked = {"line": line, "asset": asset, "tag": signal, "value": value, "by": by}
    request = orjson.dumps(asked)
    outcome = asyncio.run(_carry_out(plant, tag, request))
    return _tell(tag, outcome)


def _tag(plant: Plant, site: Path, device: str, name: str) -> Tag:
    tags = {
        tag.name: tag for group in device_of(plant, str(site), device).groups for tag in group.tags
    }
    if name in tags:
        return tags[name]
    what = _("no {kind} {name}").format(kind=_("tag"), name=name)
    raise ConfigError([Fault(str(site), 0, 0, "unknown-name", what, instead(name, tags))])


def _place(plant: Plant, tag: Tag) -> tuple[str, str, str]:
    """Line, asset and signal under which commands know a tag that may be written.

    Raises:
        GatewayError: it may not.
    """
    if tag.write is None:
        text = _(
            "{tag} may not be written. The site file permits it, with a range: "
            "write: {{min: 0, max: 100}} in {where}"
        )
        raise GatewayError(text.format(tag=_named(tag), where=tag.where))
    for asset in plant.assets:
        for binding in asset.feeds():
            if (binding.tag.device, binding.tag.name) == (tag.device, tag.name):
                return asset.line, asset.name, binding.signal
    raise GatewayError(_("{tag} belongs to nothing").format(tag=_named(tag)))


def _value(tag: Tag, text: str) -> Value:
    """What was typed, as the tag's kind has it.

    Raises:
        GatewayError: it is none of that kind.
    """
    if tag.kind is Kind.STRING:
        return text
    if tag.kind is Kind.BIT:
        truth = _TRUTHS.get(text.lower())
        if truth is None:
            raise GatewayError(_("{tag} takes true or false").format(tag=_named(tag)))
        return truth
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise GatewayError(_("{tag} takes a number").format(tag=_named(tag)))
    return int(text) if text.lstrip("+-").isdecimal() else number


def _ask(tag: Tag, value: Value) -> None:
    """Have the person confirm it.

    Raises:
        GatewayError: nobody is there, or it isn't meant.
    """
    if not sys.stdin.isatty():
        raise GatewayError(_("nobody can be asked whether it is meant: say so with --yes"))
    text = _("write {value}{unit} to {tag} ({at})? The machine may move.")
    unit = f" {tag.unit}" if tag.unit else ""
    if not click.confirm(text.format(value=value, unit=unit, tag=_named(tag), at=tag.at), err=True):
        raise GatewayError(_("nothing was written"))


async def _carry_out(plant: Plant, tag: Tag, request: bytes) -> dict[str, object]:
    """Have the running gateway write, or write here where none runs.

    Raises:
        GatewayError: it was stopped meanwhile, or the store can't be used.
    """
    folder = plant.store.path
    if hasattr(asyncio, "open_unix_connection"):
        with contextlib.suppress(OSError):
            outcome = await api.request(folder, api.WRITE, request)
            if outcome is None:
                raise GatewayError(
                    _("the gateway was stopped meanwhile: whether it was written isn't known")
                )
            return outcome
    clock = SystemClock()
    with _held(folder):
        _pace(folder, tag, request, clock.wall_ns() // 1_000_000)
        notary = Notary(folder, clock)
        writing = Writing(_Direct(plant), clock)
        writing.know(plant.assets, None)
        try:
            return await ByHand(writing, notary, clock).take(request, getpass.getuser())
        finally:
            await notary.close()


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the store's lock, so that no gateway starts on it meanwhile."""
    try:
        from gateway.storage.epoch import acquire  # noqa: PLC0415 - Windows has no such locks
    except ImportError:  # and no gateway runs there
        yield
        return
    lease = acquire(folder)
    try:
        yield
    finally:
        lease.release()


def _pace(folder: Path, tag: Tag, request: bytes, now_ms: int) -> None:
    """Hold writes of one register apart, as the running gateway does, by the audit log.

    Raises:
        GatewayError: the last one was too short a time ago.
    """
    every_s = tag.write.every_s if tag.write else 0.0
    log = folder / FOLDER
    newest = files_of(log)[-1:]
    if not newest or now_ms / 1000 - newest[0].stat().st_mtime > every_s:
        return
    wanted = orjson.loads(request)
    topic = f"{LOCAL}/{wanted['line']}/{wanted['asset']}/cmd/write"
    for line in lines(log):
        args, told_ms = line.fields.get("args"), line.fields.get("t")
        is_same = isinstance(args, dict) and args.get("tag") == wanted["tag"]
        if not is_same or line.fields.get("topic") != topic or not isinstance(told_ms, int):
            continue
        ago_s = (now_ms - told_ms) / 1000
        if 0 <= ago_s < every_s:
            text = _("{tag} takes one write in {every:g} s; the last was {ago:.1f} s ago")
            raise GatewayError(text.format(tag=_named(tag), every=every_s, ago=ago_s))


class _Direct:
    """Devices on links that are opened for one write."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant

    async def errand(
        self, device: str, act: Callable[[Driver], Awaitable[T]], deadline_ns: int
    ) -> T:
        """Do something on a device's link; see `gateway.commands.writing.Devices`."""
        del deadline_ns  # nobody else waits for the link
        found = next((one for one in self._plant.devices if one.name == device), None)
        if found is None:
            raise ConnectionLost(_("there is no device {name}").format(name=device))
        plugin, clock = plugin_of(found.link), SystemClock()
        link = plugin.link(found.link, clock)
        try:
            await link.open()
            return await act(plugin.driver(link, found, clock))
        finally:
            await link.close()


def _tell(tag: Tag, outcome: dict[str, object]) -> int:
    """Say what became of it; FAILED where it isn't as it was meant."""
    data = outcome.get("data")
    told = data if isinstance(data, dict) else {}
    if "before" in told:
        unit = f" {tag.unit}" if tag.unit else ""
        text = _("{tag}: before {before}{unit}, now {after}{unit}; {request}")
        shown = {key: told.get(key) for key in ("before", "after", "request")}
        click.echo(text.format(tag=_named(tag), unit=unit, **shown))
    if outcome.get("msg"):
        click.echo(f"{outcome['code']}: {outcome['msg']}", err=True)
    if outcome.get("note"):
        click.echo(str(outcome["note"]), err=True)
    if outcome.get("n"):
        text = _("line {n} of the audit log has it")
        click.echo(text.format(n=outcome["n"]), err=True)
    return 0 if outcome["code"] == "ok" else FAILED


def _named(tag: Tag) -> str:
    return f"{tag.device}.{tag.name}"
