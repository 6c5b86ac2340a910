"""`nxgate scan` on a line of devices that nobody here wrote, as an integrator calls it."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from click.testing import CliRunner

from gateway.cli import cli
from tests.e2e.cable import Cable
from tests.e2e.foreign_line import devices_on
from tests.register_images import of_device

if TYPE_CHECKING:
    from tests.register_images import Image

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
        found = nxgate("scan", url, "--units", "1-32", "--timeout", "0.05", "--out", site)
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
