"""`nxgate scan` on a line of devices that nobody here wrote, as an integrator calls it."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import serial
import yaml
from click.testing import CliRunner
from pymodbus.framer import FramerType

from drivers.lines.serial_port import available
from gateway.cli import cli
from gateway.commissioning.site_piece import HEAD
from tests.e2e.cable import Cable
from tests.e2e.foreign_line import devices_on
from tests.e2e.mosquitto import free_ports
from tests.e2e.test_foreign_modbus import libmodbus
from tests.register_images import of_device

if TYPE_CHECKING:
    from tests.register_images import Image

QUICK = ("--timeout", "0.1", "--pause", "0")
ROOT = Path(__file__).parents[2]
EIGHT = {
    1: ("chint_dtsu666", "chint/dtsu666"),
    2: ("chint_ddsu666", "chint/ddsu666"),
    3: ("eastron_sdm630", "eastron/sdm630"),
    4: ("eastron_sdm120", "eastron/sdm120"),
    11: ("pzem_016", "peacefair/pzem-016"),
    17: ("waveshare_relay_8ch", "waveshare/relay-8ch"),
    18: ("acrel_adl400", "acrel/adl400"),
    30: ("carlogavazzi_em24_din", "carlogavazzi/em24-din"),
}


def nxgate(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_eight_mixed_devices_on_one_line(tmp_path: Path) -> None:
    chance = random.Random(8)
    images: dict[int, Image] = {
        unit: of_device(table, chance, unit) for unit, (table, _name) in EIGHT.items()
    }
    site = tmp_path / "found.yaml"
    with Cable(tmp_path) as cable, devices_on(cable.far, images):
        url = f"modbus+rtu://{cable.near}?baud=115200"
        found = nxgate("scan", url, "--units", "1-32", *QUICK, "--out", site)
        assert found.returncode == 0, found.stderr
        assert found.stdout == site.read_text("utf-8")
        checked = nxgate("check", site)
        assert checked.returncode == 0, checked.stdout
        devices = yaml.safe_load(found.stdout)["devices"]
        by_unit = {device["unit"]: device.get("template") for device in devices.values()}
        wanted = {unit: name for unit, (_table, name) in EIGHT.items()}
        assert by_unit == wanted, found.stdout
        for name in devices:
            read = CliRunner().invoke(cli, ["read", str(site), name])
            assert read.exit_code == 0, read.output


def test_names_that_a_device_gives_itself(tmp_path: Path) -> None:
    """Function 43, over TCP and on a line."""
    image = of_device("schneider_pm5xxx", random.Random(1))
    names = {"VendorName": "Schneider Electric", "ProductCode": "METSEPM5110"}
    port = free_ports(1)
    with devices_on(port, {1: image}, names):
        found = nxgate("scan", f"modbus+tcp://127.0.0.1:{port}", "--units", "1", *QUICK)
    assert "it says: vendor Schneider Electric, product METSEPM5110" in found.stdout
    assert "template: schneider/pm5xxx" in found.stdout
    with Cable(tmp_path) as cable, devices_on(cable.far, {9: image}, names):
        url = f"modbus+rtu://{cable.near}?baud=115200"
        found = nxgate("scan", url, "--units", "8-9", *QUICK)
    assert "product METSEPM5110" in found.stdout


def test_a_plc_that_looks_at_no_unit_id(tmp_path: Path) -> None:
    """Asked for 247 units, it is found once."""
    with libmodbus(bytes(20)) as link:
        found = nxgate("scan", link, *QUICK)
    assert found.returncode == 0
    assert list(yaml.safe_load(found.stdout)["devices"]) == ["unit-1"]
    assert "it answers to every unit id" in found.stdout
    site = tmp_path / "site.yaml"
    site.write_text(found.stdout, "utf-8")
    assert nxgate("check", site).returncode == 0


def test_what_a_site_file_has_already_is_not_written_again(tmp_path: Path) -> None:
    chance = random.Random(3)
    images = {unit: of_device("eastron_sdm120", chance, unit) for unit in (2, 5)}
    site = tmp_path / "site.yaml"
    with Cable(tmp_path) as cable, devices_on(cable.far, images):
        url = f"modbus+rtu://{cable.near}?baud=115200"
        device = f'sdm120-5: {{link: "{url}", unit: 2, template: eastron/sdm120}}'
        site.write_text(f"{HEAD}\ndevices:\n  {device}\n", "utf-8")
        found = nxgate("scan", site, "sdm120-5", "--units", "1-6", *QUICK)
    assert found.returncode == 0, found.stderr
    devices = yaml.safe_load(found.stdout)["devices"]
    assert {name: device["unit"] for name, device in devices.items()} == {"sdm120-5-2": 5}


def test_a_line_of_ascii(tmp_path: Path) -> None:
    image = of_device("eastron_sdm120", random.Random(3), 2)
    site = tmp_path / "site.yaml"
    with Cable(tmp_path) as cable, devices_on(cable.far, {2: image}, framer=FramerType.ASCII):
        url = f"modbus+ascii://{cable.near}?baud=115200"
        found = CliRunner().invoke(cli, ["scan", url, "--units", "2", "--timeout", "0.3"])
        assert found.exit_code == 0, found.output
        site.write_text(found.stdout, "utf-8")
        assert CliRunner().invoke(cli, ["check", str(site)]).exit_code == 0
        read = CliRunner().invoke(cli, ["read", str(site), "sdm120-2"])
        assert read.exit_code == 0, read.output


@pytest.mark.soak
def test_the_other_speed(tmp_path: Path) -> None:
    """Pseudo-terminals have no speed: at each that is asked for the line is opened and searched."""
    image = of_device("eastron_sdm120", random.Random(3), 2)
    with Cable(tmp_path) as cable, devices_on(cable.far, {2: image}):
        url = f"modbus+rtu://{cable.near}?baud=9600"
        words = ("--units", "2-3", "--bauds", "9600,19200", "--parities", "E", *QUICK)
        found = nxgate("scan", url, *words)
    device = yaml.safe_load(found.stdout)["devices"]["sdm120-2"]
    assert device["link"].endswith("?baud=9600&parity=E")
    assert found.stderr.count(" units") == 2  # the second without the unit that was found


def test_noise_is_told_from_silence(tmp_path: Path) -> None:
    """What comes back is no frame: another speed, most likely."""
    image = of_device("eastron_sdm120", random.Random(3), 2)
    cable = Cable(tmp_path, change=lambda data: bytes(byte ^ 0x5A for byte in data))
    with cable, devices_on(cable.far, {2: image}):
        url = f"modbus+rtu://{cable.near}?baud=115200"
        found = nxgate("scan", url, "--units", "1-3", *QUICK)
    assert found.returncode == 1
    assert "something was heard that is no answer" in found.stderr


def test_silence_is_silence(tmp_path: Path) -> None:
    with Cable(tmp_path) as cable:
        url = f"modbus+rtu://{cable.near}?baud=115200"
        found = CliRunner().invoke(cli, ["scan", url, "--units", "1-3", *QUICK])
    assert found.exit_code == 1
    assert "nobody answers" in found.output
    assert "something was heard" not in found.output


@pytest.mark.soak
def test_another_master_on_the_line(tmp_path: Path) -> None:
    over = threading.Event()

    def poll(port: Path) -> None:
        with serial.Serial(str(port)) as line:
            while not over.wait(0.05):
                line.write(bytes.fromhex("0203000000 01 84 39"))

    with Cable(tmp_path) as cable:
        other = threading.Thread(target=poll, args=(cable.far,))
        other.start()
        try:
            url = f"modbus+rtu://{cable.near}?baud=115200"
            found = nxgate("scan", url, "--units", "7-8", *QUICK)
        finally:
            over.set()
            other.join()
    assert found.returncode == 1
    assert "something is talking on this line already" in found.stderr


@pytest.mark.parametrize("how", ["Ctrl-C", "unplugged"])
def test_what_stops_it_leaves_what_was_found(how: str, tmp_path: Path) -> None:
    images = {2: of_device("eastron_sdm120", random.Random(3), 2)}
    site = tmp_path / "found.yaml"
    with Cable(tmp_path) as cable, devices_on(cable.far, images):
        url = f"modbus+rtu://{cable.near}?baud=115200"
        command = [sys.executable, "-m", "gateway", "scan", url, *QUICK, "--out", str(site)]
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as scanning:
            assert scanning.stderr is not None
            for line in scanning.stderr:
                if line.startswith("unit 2"):
                    break
            if how == "Ctrl-C":
                scanning.send_signal(signal.SIGINT)
            else:
                cable.unplug()
            said, told = scanning.communicate(timeout=20)
        if how == "unplugged":
            cable.plug()
    assert scanning.returncode == (130 if how == "Ctrl-C" else 1), told
    assert ("this was found until then" if how == "Ctrl-C" else "can't open the port") in told
    assert "Traceback" not in told
    assert yaml.safe_load(said)["devices"]["sdm120-2"]["unit"] == 2
    assert site.read_text("utf-8") == said


def test_ports_that_can_not_be_opened(tmp_path: Path) -> None:
    missing = nxgate("scan", "modbus+rtu:///dev/ttyNONE0", "--units", "1")
    assert missing.returncode == 1
    assert "/dev/ttyNONE0: can't open the port: No such file or directory" in missing.stderr
    assert ("This machine has /dev/" in missing.stderr) is bool(available())
    with Cable(tmp_path) as cable, serial.Serial(str(cable.near), exclusive=True):
        busy = nxgate("scan", f"modbus+rtu://{cable.near}", "--units", "1")
    assert busy.returncode == 1
    assert f"{cable.near}: another program holds the port" in busy.stderr


def test_what_is_typed_wrong_is_said_before_anything_is_opened(tmp_path: Path) -> None:
    def wrong(*words: str) -> str:
        said = CliRunner().invoke(cli, ["scan", *words])
        assert said.exit_code in {1, 2}, said.output
        assert "Traceback" not in said.output
        return said.output

    port = "modbus+rtu:///dev/ttyNONE0"
    assert "write e.g. nxgate scan modbus+rtu" in wrong("ttyUSB0")
    assert "no driver serves modbus+udp" in wrong("modbus+udp:///x")
    assert "baud is 9601" in wrong(f"{port}?baud=9601")
    assert "names no units" in wrong(port, "--units", "0-300")
    assert "baud is 9601" in wrong(port, "--bauds", "9600,9601")
    assert "--bauds 9600,19200" in wrong(port, "--bauds", "fast")
    assert "a host and a port" in wrong("modbus+tcp://10.0.0.5", "--bauds", "all")
    there = tmp_path / "there.yaml"
    there.write_text("")
    assert "is there already" in wrong(port, "--out", str(there))
