"""What the registers of a device hold at some moment, by its register table, with values of life.

Made from the tables in tests/cases/devices, not from the templates; nothing of the gateway's
decoder is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from gateway.model import Kind, Order
from tests.modbus_wire import encode
from tests.unit.test_device_templates import ORDERS, rows

if TYPE_CHECKING:
    import random

SPANS = {
    "V": (218.0, 242.0),
    "A": (0.4, 180.0),
    "W": (300.0, 90_000.0),
    "kW": (0.3, 90.0),
    "var": (100.0, 30_000.0),
    "kvar": (0.1, 30.0),
    "VA": (300.0, 95_000.0),
    "kVA": (0.3, 95.0),
    "Hz": (49.9, 50.1),
    "kWh": (90.0, 90_000.0),
    "Wh": (90_000.0, 90_000_000.0),
    "kvarh": (20.0, 9_000.0),
    "varh": (20_000.0, 9_000_000.0),
    "kVAh": (90.0, 99_000.0),
    "%": (1.0, 40.0),
    "h": (20.0, 30_000.0),
    "MPa": (0.5, 0.85),
    "degC": (18.0, 95.0),
    "rpm": (700.0, 2_900.0),
    "deg": (1.0, 359.0),
}
"""Unit → what is met of it in a factory."""
NAMED = {
    "voltage_l12": (380.0, 412.0),
    "voltage_l23": (380.0, 412.0),
    "voltage_l31": (380.0, 412.0),
    "voltage_ll_avg": (380.0, 412.0),
    "dc_bus_voltage": (520.0, 580.0),
    "output_frequency": (5.0, 50.0),
    "freq_command": (5.0, 50.0),
    "sw_version": (1.0, 4.0),
    "ct_ratio": (1.0, 1.0),
    "pt_ratio": (1.0, 1.0),
    "status": (1.0, 3.0),
    "fault_code": (0.0, 0.0),
    "alarm": (0.0, 0.0),
    "status_word": (1000.0, 2000.0),
    "baud": (2.0, 3.0),
    "load_pressure": (0.6, 0.65),
    "unload_pressure": (0.75, 0.8),
    "target_pressure": (0.68, 0.72),
}


@dataclass(frozen=True, slots=True)
class Held:
    """One quantity in the registers: where, how, and its value in its unit."""

    name: str
    function: str
    address: int
    kind: Kind
    order: Order
    scale: float
    unit: str
    value: float


@dataclass
class Image:
    """Registers and bits that exist, by table and address; all others are refused."""

    tables: dict[str, dict[int, int]] = field(
        default_factory=lambda: {name: {} for name in ("coil", "discrete", "holding", "input")}
    )
    held: list[Held] = field(default_factory=list)

    def put(self, function: str, address: int, data: bytes) -> None:
        for place in range(0, len(data), 2):
            self.tables[function][address + place // 2] = int.from_bytes(data[place : place + 2])

    def hold(self, held: Held) -> None:
        raw = held.value / held.scale
        data = encode(held.kind, held.order, raw if held.kind in FLOATS else round(raw))
        value = raw * held.scale if held.kind in FLOATS else round(raw) * held.scale
        self.put(held.function, held.address, data)
        self.held.append(
            Held(
                held.name,
                held.function,
                held.address,
                held.kind,
                held.order,
                held.scale,
                held.unit,
                value,
            )
        )

    def fill(self, function: str, first: int, count: int) -> None:
        """Registers that exist and hold nothing."""
        for address in range(first, first + count):
            self.tables[function].setdefault(address, 0)

    def close_gaps(self, most: int = 20) -> None:
        """Between registers that lie close, devices have others that no table names."""
        for table in ("holding", "input"):
            there = sorted(self.tables[table])
            for one, following in pairwise(there):
                if following - one <= most:
                    self.fill(table, one + 1, following - one - 1)


FLOATS = {Kind.F32, Kind.F64}


def of_device(table: str, chance: random.Random, unit: int = 1) -> Image:
    """A device by its register table, with values as they are met."""
    image = Image()
    for row in rows(f"{table}.csv"):
        kind, address, name = Kind(row["type"]), int(row["address"]), row["name"]
        if kind is Kind.BIT:
            image.tables[row["function"]][address] = chance.randrange(2)
            continue
        low, high = NAMED.get(name) or SPANS.get(row["unit"]) or (0.0, 3.0)
        if name.startswith("power_factor"):
            low, high = 0.6, 0.99
        value = float(unit) if name == "modbus_address" else chance.uniform(low, high)
        order = ORDERS.get(row["word_order"], Order.ABCD)
        scale = float(row["scale"])
        image.hold(Held(name, row["function"], address, kind, order, scale, row["unit"], value))
    image.close_gaps()
    return image


def of_plc(plc: str) -> Image:
    """A PLC's areas, all zeros."""
    image = Image()
    for row in rows("plc_areas.csv"):
        if row["plc"] == plc:
            count = (int(row["last"]) - int(row["first"]) + 1) * int(row["stride"])
            image.fill(row["function"], int(row["modbus_base"]), count)
    return image
