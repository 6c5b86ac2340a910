"""modbus-serial of Node.js at either end: our driver on its servers, its clients on our simulators.

It needs node and the package, which `make foreign` puts into .foreign; without it this is skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from drivers.modbus import plugin
from gateway.clock import SystemClock
from gateway.model import Device, Kind
from simulators.encode import f32
from simulators.place import Place
from tests.e2e.cable import Cable
from tests.e2e.mosquitto import free_ports
from tests.e2e.served_line import simulated
from tests.e2e.test_foreign_modbus import everything, read
from tests.modbus_tags import make

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.driver import Writes, Written

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("modbus_serial.js")
MODULES = ROOT / ".foreign/modbus-serial/node_modules"
pytestmark = pytest.mark.skipif(
    not (MODULES / "modbus-serial").exists(), reason="no modbus-serial: make foreign (needs npm)"
)


def node(what: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["node", str(SCRIPT), what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"NODE_PATH": str(MODULES)},
    )


@contextmanager
def server(wanted: dict[str, object]) -> Iterator[subprocess.Popen[str]]:
    empty: dict[str, object] = {"registers": {}, "inputs": {}, "coils": {}, "discretes": {}}
    with node("server") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(empty | wanted) + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == "serving\n"
            yield process
        finally:
            process.kill()


def asked(connect: list[object], asks: list[list[object]]) -> list[Any]:
    with node("client") as process:
        said, _error = process.communicate(
            json.dumps({"connect": connect, "asks": asks}) + "\n", timeout=20
        )
    return cast("list[Any]", json.loads(said))


def words(data: bytes) -> dict[int, int]:
    return dict(enumerate(struct.unpack(f">{len(data) // 2}H", data)))


def write(url: str, value: float) -> Written:
    async def run() -> Written:
        clock = SystemClock()
        link = plugin.link(url, clock)
        driver = plugin.driver(link, Device("machine", url, 2.0, (), {"unit": 1}), clock)
        await link.open()
        try:
            tag = make("set", "holding:500", Kind.F32)
            return await cast("Writes", driver).write(tag, value, 1 << 62)
        finally:
            await link.close()

    return asyncio.run(run())


OPTIONS: dict[str, list[dict[str, object]]] = {
    "tcp": [{}, {"gap": 0, "max_read": 8}],
    "rtu": [{}],  # its server answers a request in 50 ms
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_its_server_read_and_written_by_us(kind: str, tmp_path: Path) -> None:
    """All kinds, orders and tables, merged and in pieces; a write."""
    tags, values, data = everything("holding")
    more_tags, more_values, _same = everything("input")
    bits = [make(f"c{n}", f"coil:{n}") for n in range(9)]
    bits += [make(f"d{n}", f"discrete:{n}") for n in range(9)]
    told = {n: int(n % 3 == 0) for n in range(9)}
    tables: dict[str, object] = {
        "registers": words(data),
        "inputs": words(data),
        "coils": told,
        "discretes": told,
    }
    with contextlib.ExitStack() as stack:
        if kind == "tcp":
            port = free_ports(1)
            url, where = f"modbus+tcp://127.0.0.1:{port}", dict[str, object](tcp=port)
        else:
            cable = stack.enter_context(Cable(tmp_path))
            url, where = (
                f"modbus+rtu://{cable.near}?baud=115200",
                dict[str, object](port=str(cable.far)),
            )
        process = stack.enter_context(server({**tables, **where}))
        for options in OPTIONS[kind]:
            batch, _readings = read(url, tags + more_tags + bits, options)
            assert list(batch.values) == values + more_values + [n % 3 == 0 for n in range(9)] * 2
            assert batch.quality is None
        written = write(url, 21.5)
        assert (written.after, written.doubt) == (21.5, "")
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == ["registers", 500, 0x41AC]


def connection(place: Place) -> list[object]:
    line: dict[str, object] = {"baudRate": 115200}
    match place.scheme:
        case "modbus+tcp":
            return ["connectTCP", place.host, {"port": place.port}]
        case "modbus+rtuovertcp":
            return ["connectTelnet", place.host, {"port": place.port}]
        case "modbus+rtu":
            return ["connectRTUBuffered", place.path, line]
    return ["connectAsciiSerial", place.path, line]


@pytest.mark.parametrize(
    "scheme", ["modbus+tcp", "modbus+rtuovertcp", "modbus+rtu", "modbus+ascii"]
)
def test_its_client_on_our_simulator(scheme: str, tmp_path: Path) -> None:
    """All functions that read and write, on two units of one link; what isn't there."""
    asks: list[list[object]] = [
        ["readHoldingRegisters", 1, 0, 3],
        ["readHoldingRegisters", 2, 0, 1],
        ["readInputRegisters", 2, 5, 2],
        ["readDiscreteInputs", 1, 20, 9],
        ["writeCoil", 1, 3, True],
        ["writeCoils", 1, 10, [True, False, True]],
        ["readCoils", 1, 3, 1],
        ["readCoils", 1, 10, 3],
        ["writeRegister", 2, 100, 4242],
        ["writeRegisters", 2, 101, [1, 2]],
        ["readHoldingRegisters", 2, 100, 3],
        ["readHoldingRegisters", 1, 199, 2],
        ["writeRegister", 1, 7, 1],
    ]
    is_line = scheme in {"modbus+rtu", "modbus+ascii"}
    place = (
        Place(scheme, path=str(tmp_path / "line"), query="baud=115200")
        if is_line
        else Place(scheme, "127.0.0.1", 0)
    )
    with simulated(place) as where:
        found = asked(connection(where), asks)
    assert found[0] == [1000, *struct.unpack(">2H", f32(-12.5))]
    assert found[1] == [2000]
    assert found[2] == [65535, 2]
    assert found[3][:9] == [True, False, True, True, False, False, True, True, True]
    assert found[6][0] is True
    assert found[7][:3] == [True, False, True]
    assert found[10] == [4242, 1, 2]
    assert [found[11], found[12]] == [{"error": 2}, {"error": 2}]
