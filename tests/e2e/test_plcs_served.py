"""Every PLC's template served by libmodbus and read back: first, last and some of each area.

The registers are filled from the table in tests/cases/devices, not from the templates.
"""

from __future__ import annotations

import asyncio
import random
import zlib
from typing import TYPE_CHECKING

import pytest

from gateway.model import Kind, Order
from tests.e2e.test_foreign_modbus import libmodbus
from tests.e2e.test_templates_served import polled
from tests.modbus_wire import encode
from tests.unit.test_device_templates import PLCS, rows
from tests.unit.test_plc_addresses import spelt

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.model import Value

HEAD = """\
site: {{cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: Asia/Shanghai}}
devices:
  one:
    link: "{link}"
    template: {template}
    timeout: 2s
    tags:
"""


class Plc:
    """What a PLC holds at some elements of each area, and how its programmer names them."""

    def __init__(self, plc: str) -> None:
        self.words = {"holding": bytearray(131_072), "input": bytearray(131_072)}
        self.bits: dict[str, dict[int, int]] = {"coil": {}, "discrete": {}}
        self.told: dict[str, Value] = {}
        self.tags: list[str] = []
        self._order = Order.ABCD if plc.startswith("siemens") else Order.CDAB
        chance = random.Random(zlib.crc32(plc.encode()))
        for row in rows("plc_areas.csv"):
            if row["plc"] == plc:
                self._fill(plc, row, chance)

    def _fill(self, plc: str, row: dict[str, str], chance: random.Random) -> None:
        first, last = int(row["first"]), int(row["last"])
        wide = 2 if row["type"] == "u32" else 1
        # A step of `wide`, since 32-bit counters at stride 1 overlap each other.
        for element in sorted({first, last, *(chance.randrange(first, last, wide) for _ in "ab")}):
            if last - element < wide <= last - first and element != last:
                continue
            at = int(row["modbus_base"]) + (element - first) * int(row["stride"])
            (spelling, *_others) = spelt(plc, row, element)
            if row["type"] == "bit":
                self.bits[row["function"]][at] = raw = chance.randrange(2)
                self._tell(spelling, "", bool(raw))
            elif at + wide <= 65_536:
                self._put(
                    row["function"], at, Kind(row["type"]), spelling, chance.randrange(30_000)
                )
            if row["type"] == "u16" and element == first:
                self._put(row["function"], at + 4, Kind.F32, spelt(plc, row, element + 4)[0], 2.5)

    def _put(self, function: str, at: int, kind: Kind, spelling: str, raw: float) -> None:
        data = encode(kind, self._order, raw)
        self.words[function][2 * at : 2 * at + len(data)] = data
        self._tell(spelling, f", kind: {kind}", raw)

    def _tell(self, spelling: str, kind: str, value: Value) -> None:
        name = f"t{len(self.tags)}"
        self.tags.append(f'      {name}: {{at: "{spelling}"{kind}}}\n')
        self.told[name] = value


@pytest.mark.parametrize(("plc", "template"), PLCS.items())
def test_what_a_plc_holds_is_what_its_own_addresses_read(
    plc: str, template: str, tmp_path: Path
) -> None:
    held = Plc(plc)
    words, bits = held.words, held.bits
    with libmodbus(
        bytes(words["holding"]), bytes(words["input"]), bits["coil"], bits["discrete"], size=65536
    ) as link:
        site = tmp_path / "site.yaml"
        text = HEAD.format(link=link, template=template) + "".join(held.tags)
        site.write_text(text, "utf-8")
        assert asyncio.run(polled(site)) == held.told
