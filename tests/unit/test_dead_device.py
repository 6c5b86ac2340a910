"""One device of a line is dead: what that costs the others, on virtual time at 9600 baud."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, cast

import pytest

from drivers.lines.link import LineLink
from drivers.lines.ports import Pace
from drivers.modbus import plugin
from drivers.modbus.frames import Rtu
from gateway.health import Health
from gateway.model import Device as Polled
from gateway.model import Group, Kind, Tag
from gateway.poller import Poller
from tests.modbus_line import Bus, Device
from tests.unit.virtual_loop import VirtualLoop, run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from drivers.modbus.client import Answer
    from drivers.modbus.queries import Query
    from gateway.driver import Link
    from gateway.model import Batch

BYTE_S = 10 / 9600
PACE = Pace(byte_s=BYTE_S, silence_s=3.5 * BYTE_S, max_delay_s=1.0)
MINUTES = 5
DEAD = 9


class Sink:
    """Keeps when each device's good values came."""

    def __init__(self) -> None:
        self.good: dict[str, list[float]] = {}

    def take(self, batch: Batch) -> None:
        if batch.quality is None:
            self.good.setdefault(batch.device, []).append(batch.mono_ns / 1e9)

    def room(self) -> Awaitable[None] | None:
        return None


class Timed(LineLink["Query"]):
    """Adds up how long the line was taken for each unit."""

    taken_s: dict[int, float]

    async def ask(self, query: Query, timeout_s: float) -> Answer:
        loop = asyncio.get_running_loop()
        async with self._bus.turn:
            began_s = loop.time()
        try:
            return await super().ask(query, timeout_s)
        finally:
            self.taken_s[query.unit] = self.taken_s.get(query.unit, 0) + loop.time() - began_s


def polled(unit: int, timeout_s: float, words: int) -> Polled:
    tags = tuple(
        Tag(f"d{unit}", f"t{n}", Kind.U16, f"holding:{n}", (3, n, None)) for n in range(words)
    )
    group = Group(f"d{unit}", "default", 1.0, tags)
    return Polled(f"d{unit}", "modbus+rtu:///dev/x", timeout_s, (group,), {"unit": unit})


@pytest.mark.parametrize("probes", [True, False, None])
@pytest.mark.parametrize("timeout_s", [0.2, 0.5, 1.0])
def test_a_dead_device_costs_its_line_a_twentieth_at_most(
    probes: bool | None,  # noqa: FBT001 - what devices know of function 8
    timeout_s: float,
) -> None:
    """FAULTS 1: with what asking it takes, and with the doubt that a time-out leaves."""
    loop = VirtualLoop()
    devices = {unit: Device(unit, lambda: 0.005, probes) for unit in range(1, 9)}
    sink, link = Sink(), Timed(Bus(devices, pace=PACE), Rtu(), loop)
    link.taken_s = {}
    units = [polled(unit, timeout_s, 40 if unit == DEAD else 4) for unit in range(1, DEAD + 1)]

    async def run() -> None:
        given = [
            (one, cast("Link", link), plugin.driver(cast("Link", link), one, loop)) for one in units
        ]
        task = asyncio.create_task(Poller(given, sink, loop, Health()).run())
        await asyncio.sleep(60)
        link.taken_s.clear()
        await asyncio.sleep(60 * MINUTES)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    run_virtual(loop, run())
    share = link.taken_s[DEAD] / (60 * MINUTES)
    print(f"probes {probes}, time-out {timeout_s} s: {100 * share:.2f} % of the line")
    assert 0.005 < share <= 0.05
    for name, times in sink.good.items():
        assert len(times) > 60 * MINUTES * 0.95, name
