"""Our driver on serial lines, against libmodbus and pymodbus' server at the other end."""

from __future__ import annotations

import asyncio
import socket
import statistics
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import serial
from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer

from drivers.modbus import plugin
from drivers.modbus.queries import query
from drivers.modbus.register import Function
from gateway.clock import SystemClock
from gateway.errors import ConnectionLost
from tests.e2e.cable import Cable
from tests.e2e.test_foreign_modbus import everything, libmodbus, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drivers.lines.link import LineLink
    from drivers.modbus.queries import Query

ROOT = Path(__file__).parents[2]
FAST = "baud=115200"
SITE = """\
site: {{cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: Asia/Shanghai}}
devices:
  press: {{link: "modbus+rtu://{port}?baud=115200", tags: {{shots: {{at: holding:1, kind: u16}}}}}}
"""


@pytest.mark.parametrize("options", [{}, {"gap": 0, "max_read": 8}], ids=["merged", "in pieces"])
def test_every_kind_in_every_order_over_rtu(options: dict[str, object], tmp_path: Path) -> None:
    tags, values, data = everything("holding")
    more_tags, more_values, _same = everything("input")
    with (
        Cable(tmp_path) as cable,
        libmodbus(registers=data, inputs=data, port=str(cable.far)),
    ):
        url = f"modbus+rtu://{cable.near}?{FAST}"
        batch, _readings = read(url, tags + more_tags, options)
    assert batch.quality is None
    assert list(batch.values) == values + more_values


@contextmanager
def serial_server(port: Path) -> Iterator[int]:
    """A box that carries bytes between one TCP connection and a port; gives its TCP port."""
    is_over = threading.Event()

    def serve(listening: socket.socket) -> None:
        connection, _address = listening.accept()
        with connection, serial.Serial(str(port), timeout=0.01) as line:
            connection.settimeout(0.01)
            while not is_over.is_set():
                with suppress(TimeoutError):
                    line.write(connection.recv(256))
                if data := line.read(256):
                    connection.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            is_over.set()
            thread.join()


def test_rtu_over_tcp_behind_a_serial_server(tmp_path: Path) -> None:
    tags, values, data = everything("holding")
    with (
        Cable(tmp_path) as cable,
        libmodbus(registers=data, port=str(cable.far)),
        serial_server(cable.near) as port,
    ):
        batch, _readings = read(f"modbus+rtuovertcp://127.0.0.1:{port}", tags)
    assert list(batch.values) == values


def test_ascii_against_pymodbus(tmp_path: Path) -> None:
    async def run(cable: Cable) -> None:
        block = ModbusSequentialDataBlock(1, [*range(100, 150)])  # type: ignore[no-untyped-call]
        context = ModbusServerContext(devices={1: ModbusDeviceContext(hr=block)}, single=False)
        server = ModbusSerialServer(
            context, framer=FramerType.ASCII, port=str(cable.far), baudrate=115200
        )
        serving = asyncio.get_running_loop().create_task(server.serve_forever())
        await asyncio.sleep(0.3)
        link: LineLink[Query] = plugin.link(f"modbus+ascii://{cable.near}?{FAST}", SystemClock())  # type: ignore[assignment]
        await link.open()
        data, *_times = await link.ask(query(Function.HOLDING, 3, 4, 1), 2.0)
        assert data == b"".join((103 + n).to_bytes(2) for n in range(4))
        await link.close()
        await server.shutdown()  # type: ignore[no-untyped-call]
        await asyncio.gather(serving, return_exceptions=True)

    with Cable(tmp_path) as cable:
        asyncio.run(run(cable))


def test_an_adapter_that_is_unplugged_and_comes_back(tmp_path: Path) -> None:
    """Under the same name by-id; as another device of the kernel's."""

    async def run(cable: Cable) -> None:
        link: LineLink[Query] = plugin.link(f"modbus+rtu://{cable.near}?{FAST}", SystemClock())  # type: ignore[assignment]
        asked = query(Function.HOLDING, 1, 1, 1)
        await link.open()
        assert (await link.ask(asked, 2.0))[0] == b"\x00\x07"
        cable.unplug()
        with pytest.raises(ConnectionLost, match=r"connection lost|not connected"):
            await link.ask(asked, 2.0)
        assert not link.is_open
        with pytest.raises(ConnectionLost, match="No such file"):
            await link.open()
        cable.plug()
        await link.open()
        assert (await link.ask(asked, 2.0))[0] == b"\x00\x07"
        await link.close()

    with Cable(tmp_path) as cable, libmodbus(b"\0\0\0\7", port=str(cable.far)):
        asyncio.run(run(cable))


def test_a_port_that_another_program_holds(tmp_path: Path) -> None:
    async def run(cable: Cable) -> None:
        link = plugin.link(f"modbus+rtu://{cable.near}?{FAST}", SystemClock())
        with (
            serial.Serial(str(cable.near), exclusive=True),
            pytest.raises(ConnectionLost, match="another program holds the port"),
        ):
            await link.open()
        await link.open()
        await link.close()

    with Cable(tmp_path) as cable:
        asyncio.run(run(cable))


def test_as_an_integrator_reads_it(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    with Cable(tmp_path) as cable, libmodbus(b"\0\0\0\7", port=str(cable.far)):
        site.write_text(SITE.format(port=cable.near), "utf-8")
        said = subprocess.run(
            [sys.executable, "-m", "gateway", "read", str(site), "press"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert said.returncode == 0, said.stderr
    assert "shots" in said.stdout
    assert " 7 " in said.stdout


def test_a_plan_is_what_a_paced_line_takes(tmp_path: Path) -> None:
    """At 9600 baud, by a bit clock of the cable's own; a real bus stays to be tried."""

    async def run(cable: Cable) -> tuple[float, float]:
        url = f"modbus+rtu://{cable.near}?baud=9600&turnaround=2ms"
        link: LineLink[Query] = plugin.link(url, SystemClock())  # type: ignore[assignment]
        asked = [query(Function.HOLDING, start, count, 1) for start, count in [(0, 40), (60, 9)]]
        await link.open()
        await link.ask(asked[0], 2.0)
        took: list[list[float]] = [[], []]
        now = asyncio.get_running_loop().time
        for _turn in range(9):
            for one, times in zip(asked, took, strict=True):
                began = now()
                await link.ask(one, 2.0)
                times.append(now() - began)
        await link.close()
        # Others that keep the cores busy make some of them longer.
        return sum(map(statistics.median, took)), sum(link.cost(one)[2] for one in asked)

    cable = Cable(tmp_path, byte_s=10 / 9600)
    with cable, libmodbus(bytes(200), port=str(cable.far)):
        took, planned = asyncio.run(run(cable))
    assert took == pytest.approx(planned, rel=0.1), (took, planned)
