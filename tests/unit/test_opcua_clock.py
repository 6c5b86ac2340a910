"""A server whose clock jumps: both times are kept, and a value's own is that of its arrival."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from asyncua import ua

from drivers.opcua import plugin
from gateway.clock import SystemClock
from gateway.model import Device, Kind
from tests.opcua_kit import foreign, make

if TYPE_CHECKING:
    from gateway.model import Batch

NODE = "nsu=urn:maker:cell;s=jumping"
YEAR = timedelta(days=365)


@pytest.mark.parametrize("ahead", [20 * YEAR, -20 * YEAR, timedelta(0)], ids=["on", "back", "no"])
def test_a_poll_keeps_the_time_of_arrival_and_both_of_the_server(ahead: timedelta) -> None:
    server = foreign()
    if not hasattr(server, "jumps"):
        server.add({"jumping": (0, ua.VariantType.UInt32)})
        server.jumps = True  # type: ignore[attr-defined]
    moment: Any = datetime.now(UTC) + ahead
    good: Any = 0
    variant = ua.Variant(42, ua.VariantType.UInt32)
    before = time.time_ns()
    server.put("jumping", ua.DataValue(variant, ua.StatusCode(good), moment, moment))

    async def read() -> Batch:
        clock = SystemClock()
        link = plugin.link(server.url, clock)
        driver = plugin.driver(link, Device("machine", server.url, 2.0, (), {}), clock)
        plan = driver.prepare((make("jumping", NODE, Kind.U32),))
        await link.open()
        try:
            return await driver.read(plan)
        finally:
            await link.close()

    batch = asyncio.run(read())
    assert batch.values == (42,)
    assert before <= batch.time_ns <= time.time_ns()
    assert batch.source_ns is not None
    assert batch.server_ns is not None
    told = round(moment.timestamp() * 1e6) * 1000
    assert abs(batch.source_ns[0] - told) < 1_000_000
    assert batch.server_ns[0] > 0
