"""node-opcua's server, read by our driver: every type, and the same nodes after a restart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from drivers.opcua import plugin
from gateway.clock import SystemClock
from gateway.model import Device, Kind, Quality
from tests.e2e.foreign_opcua import CELL, OTHER, needs_node_opcua, node_opcua
from tests.opcua_kit import make

if TYPE_CHECKING:
    from gateway.model import Batch, Tag

pytestmark = needs_node_opcua
NUMBERS = {
    "Boolean": (Kind.BIT, True),
    "SByte": (None, -128),
    "Byte": (None, 255),
    "Int16": (None, -32768),
    "UInt16": (None, 65535),
    "Int32": (None, -(2**31)),
    "UInt32": (None, 2**32 - 1),
    "Float": (None, 21.5),
    "Double": (None, 3.141592653589793),
    "Mode": (None, 2),
    "Int32Array -> [2]": (None, 2**31 - 1),
    "DoubleArray -> [1]": (None, -1e-300),
}


def read(url: str, tags: list[Tag]) -> Batch:
    async def run() -> Batch:
        clock = SystemClock()
        link = plugin.link(url, clock)
        driver = plugin.driver(link, Device("machine", url, 2.0, (), {}), clock)
        await link.open()
        try:
            return await driver.read(driver.prepare(tuple(tags)))
        finally:
            await link.close()

    return asyncio.run(run())


def test_its_types_and_its_namespaces_in_another_order() -> None:
    with node_opcua(namespaces=[CELL, OTHER]) as server:
        tags = [
            make(f"t{number}", f"nsu={CELL};s={name}", kind)
            for number, (name, (kind, _value)) in enumerate(NUMBERS.items())
        ]
        batch = read(server.url, tags)
        assert list(batch.values) == [value for _kind, value in NUMBERS.values()]
        assert batch.quality is None
        bad = [make(name, f"nsu={CELL};s={name}") for name in ("BadSensorFailure", "Pressure")]
        batch = read(server.url, bad)
        assert (batch.quality or ()) == (Quality.BAD, Quality.GOOD)
        server.put("Pressure", 71.0)
        server.restart([OTHER, CELL])
        server.put("Pressure", 5.0, uri=OTHER)
        assert list(read(server.url, bad).values) == [None, 63.5]
