"""A device that is exchanged while it is polled; pymodbus' server is both of them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusTcpServer

from gateway.clock import SystemClock
from gateway.errors import Stranger
from gateway.health import Health
from gateway.links import connect
from gateway.model import Quality
from gateway.poller import Poller
from gateway.templates import load
from tests.e2e.mosquitto import free_port

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from gateway.driver import Writes
    from gateway.model import Batch

SITE = """\
site: {{cluster: c, enterprise: e, site: s, gateway: gw-01, timezone: Asia/Shanghai}}
devices:
  meter:
    link: {url}
    poll: 50ms
    groups: {{once: 1h, also: 60ms}}
    tags:
      serial: {{at: "holding:0", kind: u16, group: once, expect: [1234, 5678]}}
      level: {{at: "holding:1", kind: u16}}
      limit: {{at: "holding:2", kind: u16, group: also, write: {{min: 0, max: 99}}}}
"""


class Newest:
    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def take(self, batch: Batch) -> None:
        self.batches.append(batch)

    def room(self) -> Awaitable[None] | None:
        return None

    async def when(self, *, good: bool) -> None:
        """Until the newest polls of both groups went so."""
        async with asyncio.timeout(20):
            while True:
                newest = {b.tags[0].name: b for b in self.batches[-8:]}
                both = [newest[name] for name in ("level", "limit") if name in newest]
                if len(both) == 2 and all((b.quality is None) is good for b in both):
                    return
                await asyncio.sleep(0.02)


def test_another_device_at_its_place_is_found_out(tmp_path: Path) -> None:
    async def run() -> None:
        held = ModbusSequentialDataBlock(1, [1234, 30, 0])  # type: ignore[no-untyped-call]
        context = ModbusServerContext(devices={1: ModbusDeviceContext(hr=held)}, single=False)
        port = free_port()
        server = ModbusTcpServer(context, address=("127.0.0.1", port))
        serving = asyncio.create_task(server.serve_forever())
        site = tmp_path / "site.yaml"
        url = f"modbus+tcp://127.0.0.1:{port}"
        site.write_text(SITE.format(url=url), "utf-8")
        plant, clock, health, newest = load(site), SystemClock(), Health(), Newest()
        poller = Poller(connect(plant.devices, plant.drivers, clock), newest, clock, health)
        polling = asyncio.create_task(poller.run())
        limit = next(t for g in plant.devices[0].groups for t in g.tags if t.name == "limit")

        async def write(value: int) -> None:
            late_ns = clock.mono_ns() + 5_000_000_000
            await poller.errand(
                "meter", lambda driver: cast("Writes", driver).write(limit, value, late_ns), late_ns
            )

        hand = AsyncModbusTcpClient("127.0.0.1", port=port)
        await asyncio.sleep(0.3)
        assert await hand.connect()
        try:
            await newest.when(good=True)
            await write(7)
            await hand.write_register(0, 4321)
            # Else its serial number is read again in an hour.
            for link in poller.links.values():
                await link.close()
            await newest.when(good=False)
            assert newest.batches[-1].values == (None,)
            assert newest.batches[-1].quality == (Quality.BAD,)
            error = health.device("meter").error
            assert error.startswith("meter.serial reads 4321, and 1234 or 5678 is expected")
            assert error.endswith(f"Set in {site}:8.")
            with pytest.raises(Stranger):
                await write(8)
            assert (await hand.read_holding_registers(2, count=1)).registers == [7]
            await hand.write_register(0, 5678)
            await newest.when(good=True)
            await write(9)
            assert (await hand.read_holding_registers(2, count=1)).registers == [9]
        finally:
            hand.close()
            polling.cancel()
            with suppress(asyncio.CancelledError):
                await polling
            await server.shutdown()  # type: ignore[no-untyped-call]
            with suppress(asyncio.CancelledError):
                await serving

    asyncio.run(run())
