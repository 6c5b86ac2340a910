"""Every device template of a meter, drive or module, served by libmodbus and read back.

The registers are filled from the tables in tests/cases/devices, not from the templates.
"""

from __future__ import annotations

import asyncio
import random
import zlib
from typing import TYPE_CHECKING, cast

import pytest

from gateway.clock import SystemClock
from gateway.links import connect
from gateway.model import Kind, Order
from gateway.templates import load
from tests.e2e.test_foreign_modbus import libmodbus
from tests.modbus_wire import encode
from tests.unit.test_device_templates import METERS, ORDERS, rows

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.model import Value

SITE = """\
site: {{cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: Asia/Shanghai}}
devices:
  one: {{link: "{link}", template: {template}, timeout: 2s}}
"""


class Memory:
    """The four tables of a device, filled from its register table."""

    def __init__(self, table: str) -> None:
        self.words = {"holding": bytearray(), "input": bytearray()}
        self.bits: dict[str, dict[int, int]] = {"coil": {}, "discrete": {}}
        self.told: dict[str, tuple[Value, float]] = {}
        chance = random.Random(zlib.crc32(table.encode()))
        for row in rows(f"{table}.csv"):
            kind, at = Kind(row["type"]), int(row["address"])
            if kind is Kind.BIT:
                raw: float = chance.random() < 0.5
                self.bits[row["function"]][at] = int(raw)
            else:
                raw = chance.randrange(1, 30_000)
                raw = raw + 0.5 if kind in {Kind.F32, Kind.F64} else raw
                order = ORDERS.get(row["word_order"], Order.ABCD)
                self._put(row["function"], at, encode(kind, order, raw))
            self.told[row["name"]] = raw, float(row["scale"])

    def _put(self, function: str, at: int, data: bytes) -> None:
        words = self.words[function]
        words.extend(bytes(max(0, 2 * at + len(data) - len(words))))
        words[2 * at : 2 * at + len(data)] = data


@pytest.mark.parametrize(("table", "template"), METERS.items())
def test_what_a_device_holds_is_what_its_template_reads(
    table: str, template: str, tmp_path: Path
) -> None:
    memory = Memory(table)
    words, bits = memory.words, memory.bits
    with libmodbus(
        bytes(words["holding"]), bytes(words["input"]), bits["coil"], bits["discrete"], size=65536
    ) as link:
        site = tmp_path / "site.yaml"
        site.write_text(SITE.format(link=link, template=template), "utf-8")
        read = asyncio.run(polled(site))
    assert read
    for name, value in read.items():
        raw, scale = memory.told[name]
        if isinstance(raw, bool):
            assert value is raw, name
        else:
            assert value == pytest.approx(cast("float", raw) * scale, rel=1e-6), name


async def polled(site: Path) -> dict[str, Value]:
    """Every tag that is polled, as the running gateway reads it."""
    plant = load(site)
    clock = SystemClock()
    ((device, link, driver),) = connect(plant.devices, plant.drivers, clock)
    await link.open()
    try:
        found: dict[str, Value] = {}
        for group in device.groups:
            batch = await driver.read(driver.prepare(group.tags))
            assert batch.quality is None, batch.quality
            found |= {tag.name: value for tag, value in zip(batch.tags, batch.values, strict=True)}
        return found
    finally:
        await link.close()
