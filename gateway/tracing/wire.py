"""`nxgate record --wire`: each question that goes over a site's wires, and its answer.

One JSON object a line: `t` (UTC, of the question), `link`, `ask` (in hex: of Modbus unit id and
PDU, of DL/T 645 address, control code and data), `answer` (the same without who gives it; null
where none came in time), `ms`. `nxgate simulate --wire` plays them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, cast

import click
import orjson

from gateway import api
from gateway.clock import SystemClock
from gateway.errors import ConfigError, Fault, GatewayError
from gateway.health import Health
from gateway.links import connect, fetch
from gateway.poller import Poller
from gateway.templates import load
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from gateway.clock import Clock
    from gateway.driver import Exchange, Link, Plugin, Taps
    from gateway.model import Batch
    from gateway.plant import Plant


def record_wire(site_file: Path, out: Path, seconds: float | None, most: int) -> int:
    """Poll a site's devices and write what goes over the wire until it is long enough; 0.

    Args:
        site_file: the site file.
        out: the file; one that is there is replaced.
        seconds: how long; None: until Ctrl-C.
        most: bytes of the file, at which recording ends.

    Raises:
        ConfigError: the site file has faults, or the file can't be written.
        GatewayError: a gateway runs on the site's store.
    """
    plant = load(site_file)
    try:
        with out.open("wb") as stream, contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_record(plant, Wire(stream, most), seconds))
    except OSError as error:
        what = _("can't be written ({error})").format(error=error.strerror or error)
        next_ = _("name a file in a folder that you may write to")
        raise ConfigError([Fault(str(out), 0, 0, "unwritable", what, next_)]) from error
    return 0


class Wire:
    """A bounded file of exchanges.

    Attributes:
        lines: written so far.
        is_full: set once the next line would make the file too large.
    """

    def __init__(self, stream: BinaryIO, most: int) -> None:
        self.lines = 0
        self.is_full = asyncio.Event()
        self._stream = stream
        self._room = most

    def take(self, exchange: Exchange) -> None:
        """Write one exchange, unless the file is full."""
        when = datetime.fromtimestamp(exchange.time_ns / 1e9, UTC)
        fields = {
            "t": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "link": exchange.link,
            "ask": exchange.asked.hex(),
            "answer": None if exchange.answered is None else exchange.answered.hex(),
            "ms": round(exchange.seconds * 1000, 1),
        }
        line = orjson.dumps(fields) + b"\n"
        self._room -= len(line)
        if self._room < 0:
            self.is_full.set()
            return
        self._stream.write(line)
        self.lines += 1


class _Nobody:
    """Takes batches, for the sake of their being read."""

    def take(self, batch: Batch) -> None:
        """Nothing is made of it."""

    def room(self) -> Awaitable[None] | None:
        """There is always room."""
        return None


async def _record(plant: Plant, wire: Wire, seconds: float | None) -> None:
    await _refuse_beside_a_gateway(plant)
    clock, began_s = SystemClock(), time.monotonic()
    links = _tapped(plant, wire, clock)
    poller = Poller(connect(plant.devices, plant.drivers, clock, links), _Nobody(), clock, Health())
    task = asyncio.create_task(poller.run())
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await wire.is_full.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        text = _("{lines} questions in {seconds:.0f} s")
        text = text.format(lines=wire.lines, seconds=time.monotonic() - began_s)
        if wire.is_full.is_set():
            text = _("{text}: the file is full, --size allows no more").format(text=text)
        click.echo(text, err=True)


def _tapped(plant: Plant, wire: Wire, clock: Clock) -> dict[str, Link]:
    """Each link with an ear at it; one whose driver has none is left as it is, and said."""
    found: dict[str, Link] = {}
    for url in dict.fromkeys(device.link for device in plant.devices):
        scheme = url.partition("://")[0]
        plugin = cast("Plugin", fetch(plant.drivers[scheme]))
        if not hasattr(plugin, "tap"):
            click.echo(
                _("{url}: {scheme} is not recorded").format(url=url, scheme=scheme), err=True
            )
            continue
        found[url] = cast("Taps", plugin).tap(plugin.link(url, clock), wire.take, clock)
    return found


async def _refuse_beside_a_gateway(plant: Plant) -> None:
    """Two masters on one line would spoil each other's answers."""
    try:
        async for _state in api.follow(plant.store.path):
            text = _(
                "a gateway runs on this site's store and asks the devices itself: stop it while "
                "the wire is recorded"
            )
            raise GatewayError(text)
    except OSError:
        return
