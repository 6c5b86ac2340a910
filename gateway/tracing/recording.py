"""`nxgate record`: a trace of what a site's machines tell, for as long as it is wanted.

Where a gateway runs on the site's store it is listened to, since many a controller serves one
client only, and the trace is of the very readings that its figures are made of. Where none runs,
the devices are polled as it would.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO
from zoneinfo import ZoneInfo

import click
import orjson

from gateway import api, config
from gateway.clock import SystemClock
from gateway.errors import ConfigError, GatewayError
from gateway.figures.calendar import Calendar
from gateway.health import Health
from gateway.ledger import Ledger
from gateway.links import connect
from gateway.pipeline import Pipeline
from gateway.poller import Poller
from gateway.tap import Tap
from gateway.templates import Drivers, resolve
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable
    from pathlib import Path

    from gateway.model import Batch
    from gateway.plant import Plant


def record(site_file: Path, out: Path | None, seconds: float | None) -> int:
    """Write a trace until it is long enough, or Ctrl-C; 0.

    Args:
        site_file: the site file.
        out: the trace; None: standard output.
        seconds: how long; None: until it is ended.

    Raises:
        ConfigError: the site file has faults.
        GatewayError: the gateway was stopped, or gave up on a reader that is too slow.
    """
    site, faults = config.read(site_file)
    plant, more = resolve(site, Drivers(), dict.fromkeys(site.assets, ()))
    if faults or more:
        raise ConfigError(sorted({*faults, *more}))
    with contextlib.ExitStack() as stack:
        stream: BinaryIO = sys.stdout.buffer if out is None else stack.enter_context(out.open("wb"))
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_record(plant, stream, seconds))
    return 0


async def _record(plant: Plant, stream: BinaryIO, seconds: float | None) -> None:
    zone = ZoneInfo(plant.timezone)
    began_s = time.monotonic()
    lines = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for told in _told(plant):
                for line in told.splitlines():
                    stream.write(_local(line, zone))
                    lines += 1
                stream.flush()
    text = _("{lines} lines in {seconds:.0f} s")
    click.echo(text.format(lines=lines, seconds=time.monotonic() - began_s), err=True)


async def _told(plant: Plant) -> AsyncIterator[bytes]:
    """Lines from the gateway that runs, else from the devices themselves."""
    try:
        async for line in api.record(plant.store.path):
            yield line
    except OSError:
        click.echo(_("no gateway runs on this site's store: the devices are polled"), err=True)
    else:
        text = _("the gateway was stopped, or this reader is too slow for it: the trace ends here")
        raise GatewayError(text)
    waiting: asyncio.Queue[bytes] = asyncio.Queue()
    poller = _poller(plant, waiting)
    task = asyncio.create_task(poller.run())
    try:
        while True:
            yield await waiting.get()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _poller(plant: Plant, waiting: asyncio.Queue[bytes]) -> Poller:
    """A poller of the site's devices whose readings become lines."""
    clock, tap = SystemClock(), Tap()
    tap.listeners.append(waiting.put_nowait)
    ledger = Ledger((), Calendar(ZoneInfo(plant.timezone)))
    pipeline = Pipeline(ledger, plant.heartbeat_s, tap=tap)
    pipeline.prepare(plant.assets, plant.devices, {asset.name: "" for asset in plant.assets})
    units = connect(plant.devices, plant.drivers, clock)
    return Poller(units, _Sink(pipeline), clock, Health())


class _Sink:
    """Takes batches for their readings alone."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def take(self, batch: Batch) -> None:
        """Take one batch."""
        self._pipeline.take(batch)

    def room(self) -> Awaitable[None] | None:
        """There is always room: a line is written as soon as it is made."""
        return None


def _local(line: bytes, zone: ZoneInfo) -> bytes:
    """A line with its time as people of the site read it, to the millisecond."""
    fields = orjson.loads(line)
    when = datetime.fromtimestamp(fields["t"] // 1000, zone).replace(
        microsecond=fields["t"] % 1000 * 1000
    )
    return orjson.dumps({**fields, "t": when.isoformat(timespec="milliseconds")}) + b"\n"
