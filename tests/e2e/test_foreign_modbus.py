"""Our driver against libmodbus, a server that nobody here wrote.

It needs libmodbus.so.5 (Debian: libmodbus5), which `make test` installs; without it this fails.
"""

from __future__ import annotations

import asyncio
import json
import struct
import subprocess
import sys
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drivers.modbus import plugin
from gateway.clock import SystemClock
from gateway.errors import ConnectionLost
from gateway.model import Batch, Device, Kind, Order, Quality, Tag, Value
from tests.modbus_tags import make
from tests.modbus_wire import encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.driver import Inspects, Reading

SERVER = Path(__file__).with_name("libmodbus_server.py")

NUMBERS: list[tuple[Kind, float]] = [
    (Kind.U16, 54321),
    (Kind.I16, -12345),
    (Kind.U32, 4_023_456_789),
    (Kind.I32, -1_987_654_321),
    (Kind.U64, 2**64 - 12345678901),
    (Kind.I64, -(2**62) - 987654321),
    (Kind.F32, -1234.5625),
    (Kind.F64, 3.141592653589793),
]


@contextmanager
def libmodbus(
    registers: bytes = b"",
    inputs: bytes = b"",
    coils: Mapping[int, int] | None = None,
    discretes: Mapping[int, int] | None = None,
    floats: Mapping[int, tuple[str, float]] | None = None,
    port: str = "",
    size: int = 2000,
) -> Iterator[str]:
    """Serve these tables, over TCP or on a serial port; registers begin at address 0."""

    def words(data: bytes) -> dict[int, int]:
        return dict(enumerate(struct.unpack(f">{len(data) // 2}H", data)))

    wanted = {
        "registers": words(registers),
        "input_registers": words(inputs),
        "bits": coils or {},
        "input_bits": discretes or {},
        "floats": floats or {},
        "port": port,
        "size": size,
    }
    with subprocess.Popen(
        [sys.executable, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(wanted) + "\n")
            process.stdin.flush()
            place = process.stdout.readline().strip()
            assert place, (
                "libmodbus did not start: is libmodbus5 installed? `make test` installs it"
            )
            yield port or f"modbus+tcp://127.0.0.1:{place}"
        finally:
            process.kill()


def read(
    url: str, tags: list[Tag], options: Mapping[str, object] | None = None
) -> tuple[Batch, tuple[Reading, ...]]:
    async def run() -> tuple[Batch, tuple[Reading, ...]]:
        clock = SystemClock()
        link = plugin.link(url, clock)
        device = Device("machine", url, 2.0, (), {"unit": 1, **(options or {})})
        driver = plugin.driver(link, device, clock)
        inspector: Inspects = driver  # type: ignore[assignment]
        await link.open()
        try:
            plan = driver.prepare(tuple(tags))
            inspected, readings = await inspector.inspect(plan)
            batch = await driver.read(plan)
            assert batch.values == inspected.values
            return batch, readings
        finally:
            await link.close()

    return asyncio.run(run())


def everything(word: str) -> tuple[list[Tag], list[Value], bytes]:
    """Each kind in each order, one behind the other with a register between some of them."""
    tags: list[Tag] = []
    values: list[Value] = []
    data = b""

    def put(kind: Kind, order: Order, value: Value, length: int = 1) -> None:
        nonlocal data
        at = f"{word}:{len(data) // 2}"
        tags.append(make(f"t{len(tags)}", at, kind, order, length=length))
        values.append(value)
        data += encode(kind, order, value, length) + b"\xee\xee" * (len(tags) % 2)

    for order in Order:
        for kind, value in NUMBERS:
            put(kind, order, value)
        put(Kind.BCD, order, 9876)
        put(Kind.BCD, order, 12345678, 2)
        put(Kind.BCD, order, 9012345678901234, 4)
        put(Kind.STRING, order, "圆盘机 A17", 8)
    base = len(data) // 2
    data += struct.pack(">H", 0b1010_0000_0000_0101)
    for bit in (0, 1, 13, 15):
        tags.append(make(f"bit{bit}", f"{word}:{base}.{bit}"))
        values.append(bit != 1)
    tags.append(make("field", f"{word}:{base}", Kind.BITFIELD, bits=(2, 13)))
    values.append(0b10_0000_0000_01)
    tags.append(make("scaled", f"{word}:{base}", Kind.U16, scale=0.1, offset=-4096))
    values.append(0.5)
    return tags, values, data


@pytest.mark.parametrize("options", [{}, {"gap": 0, "max_read": 8}], ids=["merged", "in pieces"])
def test_every_kind_in_every_order_from_both_register_tables(options: dict[str, object]) -> None:
    tags, values, data = everything("holding")
    more_tags, more_values, _same = everything("input")
    with libmodbus(registers=data, inputs=data) as url:
        batch, _readings = read(url, tags + more_tags, options)
    assert list(batch.values) == values + more_values
    assert batch.quality is None


def test_both_bit_tables() -> None:
    pattern = {address: int(address % 3 == 0 or address % 7 == 0) for address in range(1990)}
    inverse = {address: 1 - bit for address, bit in pattern.items()}
    places = [0, 1, 7, 8, 9, 15, 16, 63, 500, 1000, 1989]
    coils = [make(f"c{at}", f"coil:{at}") for at in places]
    discretes = [make(f"d{at}", f"discrete:{at}") for at in places]
    with libmodbus(coils=pattern, discretes=inverse) as url:
        batch, _readings = read(url, coils + discretes)
    assert list(batch.values) == [pattern[at] == 1 for at in places] + [
        inverse[at] == 1 for at in places
    ]


def test_the_longest_answers() -> None:
    data = struct.pack(">250H", *range(1000, 1250))
    registers = [make(f"r{at}", f"holding:{at}") for at in range(250)]
    coils = [make(f"c{at}", f"coil:{at}") for at in range(2000)]
    pattern = {address: address % 5 // 4 for address in range(2000)}
    with libmodbus(registers=data, coils=pattern) as url:
        batch, _readings = read(url, registers + coils)
    assert list(batch.values[:250]) == list(range(1000, 1250))
    assert list(batch.values[250:]) == [pattern[address] == 1 for address in range(2000)]


def test_floats_that_libmodbus_put_there_itself() -> None:
    """Its own four functions, each read in the order in which its registers really came.

    On a little-endian machine libmodbus 3.1.6 names the orders by memory, not by the wire, so
    the order is taken from the registers: the four bytes differ, so only one order fits.
    """
    value = -1234.5625
    names = ["abcd", "cdab", "badc", "dcba"]
    letters = dict(zip("ABCD", struct.pack(">f", value), strict=True))
    assert len(set(letters.values())) == 4
    wire = {
        bytes(letters[letter] for letter in order): "".join(order) for order in permutations("ABCD")
    }
    probes = [make(name, f"holding:{2 * at}", Kind.U32) for at, name in enumerate(names)]
    with libmodbus(floats={2 * at: (name, value) for at, name in enumerate(names)}) as url:
        _batch, readings = read(url, probes)
        orders = [wire[struct.pack(">2H", *reading.raw)] for reading in readings]
        assert sorted(orders) == sorted(Order)
        tags = [
            make(name, f"holding:{2 * at}", Kind.F32, Order(order))
            for at, (name, order) in enumerate(zip(names, orders, strict=True))
        ]
        batch, _readings = read(url, tags)
    assert batch.values == (value,) * 4


def test_an_address_that_libmodbus_refuses() -> None:
    tags = [make("last", "holding:1999"), make("beyond", "holding:2000"), make("a", "4x00001")]
    with libmodbus(registers=b"\x00\x07") as url:
        batch, readings = read(url, tags)
    assert batch.values == (0, None, 7)
    assert batch.quality == (Quality.GOOD, Quality.BAD, Quality.GOOD)
    assert "device refused holding 2000" in readings[1].error
    assert "illegal data address" in readings[1].error


def test_libmodbus_killed_under_an_open_link() -> None:
    tag = (make("a", "holding:0"),)

    async def run() -> None:
        clock = SystemClock()
        with libmodbus(registers=b"\x00\x07") as url:
            link = plugin.link(url, clock)
            driver = plugin.driver(link, Device("machine", url, 2.0, (), {}), clock)
            plan = driver.prepare(tag)
            await link.open()
            assert (await driver.read(plan)).values == (7,)
        with pytest.raises(ConnectionLost):
            await driver.read(plan)
        with pytest.raises(ConnectionLost):
            await link.open()
        await link.close()

    asyncio.run(run())
