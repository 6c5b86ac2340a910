"""Modbus and DL/T 645 devices on one pseudo-terminal: shared fairly, lost and found again."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import termios
import tty
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import serial

from gateway.clock import SystemClock
from gateway.errors import ConnectionLost, DriverError
from gateway.links import connect
from gateway.templates import load
from simulators.dlt645 import Meter, Party
from simulators.framing import Rtu
from tests.dlt645_kit import ADDRESS, OTHER, three_phase

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.driver import Driver, Link
    from gateway.model import Batch, Device

ROOT = Path(__file__).parents[2]
SITE = """\
site: {{cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: Asia/Shanghai}}
devices:
  press:
    link: modbus+rtu://{port}?baud=9600
    unit: 3
    timeout: {timeout}
    tags: {{shots: {{at: "holding:1", kind: u16}}}}
  meter-1:
    link: dlt645://{port}?baud=2400
    address: {first}
    timeout: {timeout}
    tags: {{kwh: {{at: 00010000, unit: kWh}}, volts: {{at: 02010100}}}}
  meter-2:
    link: dlt645://{port}?baud=4800&parity=N
    address: {second}
    timeout: {timeout}
    tags: {{kwh: {{at: 00010000, unit: kWh}}}}
"""


class Adapter:
    """A USB adapter with its line: a press that speaks Modbus, and two meters.

    Attributes:
        path: its name by-id, which stays.
        heard: who was asked, in order, and at what speed the port stood.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.meters = [Meter(ADDRESS, three_phase()), Meter(OTHER, three_phase(1))]
        self.heard: list[tuple[str, int]] = []
        self._party = Party(self.meters)
        self._rtu = Rtu()
        self._pending = bytearray()
        self._ends: list[int] = []

    def plug(self) -> str:
        """Be there, as another device of the kernel's; gives its name."""
        near, far = os.openpty()
        tty.setraw(far, termios.TCSANOW)
        self._ends = [near, far]
        self.path.symlink_to(os.ttyname(far))
        asyncio.get_running_loop().add_reader(near, self._read)
        return os.ttyname(far)

    def unplug(self) -> None:
        """Be gone."""
        if self._ends:
            asyncio.get_running_loop().remove_reader(self._ends[0])
            self.path.unlink()
            for end in self._ends:
                os.close(end)
            self._ends = []

    def _read(self) -> None:
        data = os.read(self._ends[0], 1024)
        baud = termios.tcgetattr(self._ends[1])[5]
        asked = [len(meter.asked) for meter in self.meters]
        answers = [frame for _delay, frame in self._party.take(data)]
        for meter, before in zip(self.meters, asked, strict=True):
            self.heard += [(meter.address, baud)] * (len(meter.asked) - before)
        self._pending += data
        for request in self._rtu.cut(self._pending):
            if request.unit == 3:
                self.heard.append(("press", baud))
                answers.append(self._rtu.wrap(b"\3\3\2\0\7", request))
        for answer in answers:
            os.write(self._ends[0], answer)


Unit = tuple["Device", "Link", "Driver"]


def on(
    folder: Path, check: Callable[[Adapter, list[Unit]], Awaitable[None]], timeout: str = "500ms"
) -> None:
    async def run() -> None:
        adapter = Adapter(folder / "by-id")
        adapter.plug()
        site = folder / "site.yaml"
        site.write_text(
            SITE.format(port=adapter.path, first=ADDRESS, second=OTHER, timeout=timeout), "utf-8"
        )
        plant = load(site)
        units = connect(plant.devices, plant.drivers, SystemClock())
        try:
            await check(adapter, units)
        finally:
            for _device, link, _driver in units:
                await link.close()
            adapter.unplug()

    asyncio.run(run())


async def poll(unit: Unit) -> Batch:
    device, link, driver = unit
    await link.open()
    return await driver.read(driver.prepare(device.groups[0].tags))


RIGHT = [(7,), (123456.78, 230.1), (123457.78,)]


def test_each_is_asked_at_its_own_speed_and_none_waits_for_long(tmp_path: Path) -> None:
    async def check(adapter: Adapter, units: list[Unit]) -> None:
        found = await asyncio.gather(*(poll(unit) for unit in units * 4))
        assert [batch.values for batch in found] == RIGHT * 4

        assert {baud for name, baud in adapter.heard if name == "press"} == {termios.B9600}
        assert {baud for name, baud in adapter.heard if name == ADDRESS} == {termios.B2400}
        assert {baud for name, baud in adapter.heard if name == OTHER} == {termios.B4800}
        first = [name for name, _baud in adapter.heard[:6]]
        assert {first.count(name) for name in ("press", ADDRESS, OTHER)} == {2}

    on(tmp_path, check)


def test_a_silent_meter_takes_nothing_from_the_others_but_its_time_out(tmp_path: Path) -> None:
    async def check(adapter: Adapter, units: list[Unit]) -> None:
        adapter.meters[0].is_silent = True
        for _turn in range(2):
            found = await asyncio.gather(*map(poll, units), return_exceptions=True)
            assert isinstance(found[1], DriverError)
            assert [found[0].values, found[2].values] == [RIGHT[0], RIGHT[2]]  # type: ignore[union-attr]
        adapter.meters[0].is_silent = False
        assert (await poll(units[1])).values == RIGHT[1]

    on(tmp_path, check, timeout="100ms")


def test_an_adapter_that_comes_back_as_another_port_serves_all_again(tmp_path: Path) -> None:
    async def check(adapter: Adapter, units: list[Unit]) -> None:
        for unit, right in zip(units, RIGHT, strict=True):
            assert (await poll(unit)).values == right
        first = str(adapter.path.readlink())
        adapter.unplug()
        for unit in units:
            with pytest.raises(ConnectionLost):
                await poll(unit)
        held = os.openpty()  # takes the number that is free now
        second = adapter.plug()
        assert second != first
        found = await asyncio.gather(*map(poll, units))
        assert [batch.values for batch in found] == RIGHT
        for end in held:
            os.close(end)

    on(tmp_path, check)


def test_two_adapters_that_changed_their_numbers(tmp_path: Path) -> None:
    """What was ttyUSB0 is ttyUSB1 now, and the other way round; each is found by its own name."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    async def run() -> None:
        here, there = Adapter(tmp_path / "a" / "by-id"), Adapter(tmp_path / "b" / "by-id")
        there.meters[0].holds = three_phase(9)
        ports = [here.plug(), there.plug()]
        units: list[list[Unit]] = []
        for adapter in (here, there):
            site = adapter.path.parent / "site.yaml"
            text = SITE.format(port=adapter.path, first=ADDRESS, second=OTHER, timeout="500ms")
            site.write_text(text, "utf-8")
            plant = load(site)
            units.append(connect(plant.devices, plant.drivers, SystemClock()))
        assert (await poll(units[0][1])).values == (123456.78, 230.1)
        assert (await poll(units[1][1])).values == (123465.78, 231.0)
        here.unplug()
        there.unplug()
        await asyncio.sleep(0.01)
        assert [there.plug(), here.plug()] == ports
        for _turn in range(2):
            assert (await poll(units[0][1])).values == (123456.78, 230.1)
            assert (await poll(units[1][1])).values == (123465.78, 231.0)
            assert (await poll(units[0][0])).values == (7,)
        for _device, link, _driver in (*units[0], *units[1]):
            await link.close()
        here.unplug()
        there.unplug()

    asyncio.run(run())


def test_a_plan_counts_the_whole_line(tmp_path: Path) -> None:
    async def check(adapter: Adapter, _units: list[Unit]) -> None:
        site = adapter.path.parent / "site.yaml"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "plan", str(site), "--json"),
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        said, _nothing = await process.communicate()
        ((name, line),) = json.loads(said).items()
        assert name.count(" + ") == 2
        assert [polled["device"] for polled in line["polls"]] == ["press", "meter-1", "meter-2"]
        assert line["share"] == pytest.approx(sum(polled["share"] for polled in line["polls"]))
        assert line["share"] > max(polled["share"] for polled in line["polls"])

    on(tmp_path, check)


def test_what_another_program_holds_is_opened_when_it_lets_go(tmp_path: Path) -> None:
    async def check(adapter: Adapter, units: list[Unit]) -> None:
        with (
            serial.Serial(str(adapter.path), exclusive=True),
            pytest.raises(ConnectionLost, match="another program holds the port"),
        ):
            await poll(units[0])
        assert (await poll(units[1])).values == RIGHT[1]

    on(tmp_path, check)


def test_a_scan_finds_the_meter_of_a_line_and_writes_how_it_is_read(tmp_path: Path) -> None:
    async def nxgate(*arguments: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "--lang", "en", *arguments),
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _nothing = await process.communicate()
        return process.returncode, said.decode()

    async def check(adapter: Adapter, _units: list[Unit]) -> None:
        del adapter.meters[1]
        adapter.meters[0].holds = three_phase()
        link = f"dlt645://{adapter.path}?baud=9600"
        code, said = await nxgate("scan", link, "--bauds", "2400,9600", "--out", "found.yaml")
        assert code == 0, said
        assert f"meter-{ADDRESS}:" in said
        assert "template: dlt645/three-phase" in said
        code, said = await nxgate("check", "found.yaml")
        assert code == 0, said
        _code, said = await nxgate("read", "found.yaml", f"meter-{ADDRESS}.voltage_l1")
        assert " 230.1 " in said
        assert (await nxgate("scan", link, "--out", "found.yaml"))[0] != 0

    on(tmp_path, check)
