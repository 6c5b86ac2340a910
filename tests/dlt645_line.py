"""Meters on a line of virtual time at 2400 baud, with links and drivers to them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from drivers.dlt645.driver import Dlt645Driver
from drivers.dlt645.frames import Dlt645, Query
from drivers.lines.link import LineLink
from drivers.lines.ports import Pace
from gateway.model import Device
from simulators.dlt645 import Meter, Party
from tests.dlt645_kit import ADDRESS
from tests.modbus_line import Transport
from tests.unit.virtual_loop import VirtualLoop, run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from drivers.lines.wire import Wire

PACE = Pace(byte_s=11 / 2400, silence_s=0.02, max_delay_s=1.0, turn_s=0.05)
_number = count()


@dataclass
class MeterLine:
    """A line at 2400 baud with simulated meters."""

    party: Party
    url: str = "dlt645:///dev/virtual"
    endpoint: str = "/dev/virtual"
    pace: Pace = PACE
    key: str = field(default_factory=lambda: f"meters {next(_number)}")
    sent: list[bytes] = field(default_factory=list)
    end: Transport | None = None
    free_s: float = 0.0

    async def connect(self, make_: Callable[[], Wire]) -> Wire:
        wire = make_()
        self.end = Transport(self, wire)  # type: ignore[arg-type]
        wire.connection_made(self.end)
        return wire

    def tune(self, transport: asyncio.WriteTransport) -> None:
        """One speed for all."""

    def take(self, frame: bytes) -> None:
        loop = asyncio.get_running_loop()
        self.sent.append(frame)
        begin_s = loop.time() + self.pace.seconds(len(frame))
        for delay_s, answer in self.party.take(frame):
            # A meter works through its questions in order.
            begin_s = max(begin_s, self.free_s)
            self.free_s = begin_s + delay_s + self.pace.seconds(len(answer))
            loop.call_at(self.free_s, self._give, answer)

    def _give(self, answer: bytes) -> None:
        if self.end is not None and not self.end.is_over:
            self.end.wire.data_received(answer)


class Bench:
    """Meters, a link to them, and drivers."""

    def __init__(self, loop: VirtualLoop, *meters: Meter, pace: Pace = PACE) -> None:
        self.loop = loop
        self.line = MeterLine(Party(list(meters)), pace=pace)
        self.link: LineLink[Query] = LineLink(self.line, Dlt645(), loop)

    def driver(self, **options: object) -> Dlt645Driver:
        options = {"address": ADDRESS} | options
        device = Device("meter", self.line.url, 0.5, (), options, "site.yaml:3")
        return Dlt645Driver(self.link, device, self.loop)


def on(
    check: Callable[[Bench], Awaitable[None]],
    *meters: Meter,
    pace: Pace = PACE,
) -> Bench:
    """Check something with meters on a line, from its opening to its closing."""
    loop = VirtualLoop()
    bench = Bench(loop, *meters, pace=pace)

    async def run() -> None:
        await bench.link.open()
        await check(bench)
        await bench.link.close()

    run_virtual(loop, run())
    return bench
