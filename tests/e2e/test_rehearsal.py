"""A site file rehearsed: `nxgate simulate --site`, and the gateway on the copy that it writes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.clock import SystemClock
from gateway.links import connect
from gateway.model import Kind
from gateway.resolution.library import TEMPLATES
from gateway.templates import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.model import Device, Tag, Value
    from gateway.plant import Plant

ROOT = Path(__file__).parents[2]
HEAD = "site: {cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: Asia/Shanghai}\n"
PLANT = """\
site: {cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: UTC, industry: shoes}
devices:
  plc:
    link: modbus+tcp://10.0.0.5:502
    template: inovance/h5u
    poll: 500ms
    tags:
      run_state: {at: D100, kind: u16}
      indexes: {at: D102, kind: u32}
      setpoint: {at: D120, kind: u16, scale: 0.1, unit: °C, low: 0, high: 300,
        write: {min: 0, max: 250}}
  meter: {link: "modbus+rtu:///dev/ttyUSB0?baud=115200", unit: 3, template: chint/dtsu666}
  press:
    link: modbus+rtu:///dev/ttyUSB0?baud=115200
    unit: 4
    tags:
      shots: {at: "holding:40", kind: u32, order: CDAB}
      names: {at: "holding:60", kind: string, length: 4, order: BADC}
      total: {at: "input:3", kind: bcd, length: 2, scale: 0.01, unit: kWh}
      level: {at: "input:10", kind: bitfield, bits: 4-7}
      door: {at: "holding:90.3"}
      lamp: {at: "coil:5"}
      depth: {at: "holding:100", kind: f64, order: DCBA, low: 3, high: 4}
  safe: {link: "modbus+tls://10.0.0.8", tls: {ca: ca.pem}, tags: {x: {at: "coil:1"}}}
  heat: {link: "opc.tcp://10.0.0.7:4840"}
assets:
  injection-1:
    line: sole-line
    type: rotary-injection
    bind: {state: plc.run_state, count: plc.indexes, energy: meter.energy_import}
    states: {0: idle, 1: running, 4: fault}
    ideal_cycle: 100ms
    parameters: {stations: 24}
publish:
  cluster: {kind: mqtt, url: "mqtt://10.0.0.1:1883"}
"""


@contextlib.contextmanager
def simulated(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = (sys.executable, "-m", "gateway", "--lang", "en", "simulate", *options)
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "."}
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(10) == 0


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().rstrip() for _line in range(count)]


def polled(
    devices: tuple[Device, ...], drivers: Mapping[str, str], *, all_good: bool = True
) -> dict[str, dict[str, tuple[Tag, Value]]]:
    """Every tag of every device, read as the running gateway reads it."""

    async def go() -> dict[str, dict[str, tuple[Tag, Value]]]:
        found: dict[str, dict[str, tuple[Tag, Value]]] = {}
        for device, link, driver in connect(devices, drivers, SystemClock()):
            await link.open()
            each = found.setdefault(device.name, {})
            for group in device.groups:
                batch = await driver.read(driver.prepare(group.tags))
                assert batch.quality is None or not all_good, (device.name, batch)
                pairs = zip(batch.tags, batch.values, strict=True)
                each |= {tag.name: (tag, value) for tag, value in pairs}
            await link.close()
        return found

    return asyncio.run(go())


def test_every_template_is_served_and_read_back_within_its_ranges(tmp_path: Path) -> None:
    text = [HEAD, "devices:\n"]
    schemes = {
        "modbus+rtu": "///dev/ttyS1?baud=115200",
        "modbus+tcp": "//10.0.0.{}:502",
        "dlt645": "///dev/ttyS1?baud=115200",  # on the same line
    }
    meters = {name for name in TEMPLATES.names() if "dlt645" in name} - {"dlt645/three-phase"}
    names = [name for name in TEMPLATES.names() if not is_plc(name) and name not in meters]
    for number, name in enumerate(names, 1):
        template = TEMPLATES.open(name, tmp_path)[0]
        assert template is not None
        spoken = template.data["protocols"]
        assert isinstance(spoken, list)
        scheme = next((one for one in schemes if one in spoken), None)
        if scheme is None:
            continue
        link = f"{scheme}:{schemes[scheme].format(number)}"
        named = f"unit: {number}" if scheme != "dlt645" else f'address: "{number:012}"'
        text.append(f'  d{number}: {{link: "{link}", {named}, template: {name}}}\n')
    (tmp_path / "site.yaml").write_text("".join(text), "utf-8")
    with simulated(tmp_path, "--site", "site.yaml", "--out", "here.yaml") as process:
        said = lines(process, len(text) - 1)
        assert said[-1] == "here.yaml: the site file that leads to them"
        plant = load(tmp_path / "here.yaml")
        found = polled(plant.devices, plant.drivers)
    assert len(found) == len(text) - 2
    for device, values in found.items():
        assert values, device
        for name, (tag, value) in values.items():
            low = -1e12 if tag.low is None else tag.low
            high = 1e12 if tag.high is None else tag.high
            if tag.kind in {Kind.BIT, Kind.STRING}:
                assert value is not None
            else:
                assert isinstance(value, (int, float)), (device, name, value)
                assert low <= value <= high, (device, name, value)


def test_what_is_served_is_found_by_scan(tmp_path: Path) -> None:
    link = "modbus+rtu:///dev/ttyS1?baud=115200"
    own = TEMPLATES.open("chint/ddsu666", tmp_path)[1].read_text("utf-8")
    (tmp_path / "own").mkdir()
    (tmp_path / "own/meter.yaml").write_text(own, "utf-8")
    (tmp_path / "site.yaml").write_text(
        f"{HEAD}devices:\n"
        f'  a: {{link: "{link}", unit: 2, template: ./own/meter.yaml}}\n'
        f'  twin: {{link: "{link}", unit: 2, tags: {{y: {{at: "holding:9000", kind: u16}}}}}}\n'
        f'  b: {{link: "{link}", unit: 3, template: xinje/xd-xl, tags: {{x: {{at: D100}}}}}}\n',
        "utf-8",
    )
    with simulated(tmp_path, "--site", "site.yaml") as process:
        told = lines(process, 3)[0]
        found = subprocess.run(
            [
                sys.executable,
                "-m",
                "gateway",
                "scan",
                told.split()[3],
                "--units",
                "2,3",
                "--pause",
                "0",
            ],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    assert re.findall("template: (.*)", found.stdout) == ["chint/ddsu666", "xinje/xd-xl"]


def is_plc(name: str) -> bool:
    template = TEMPLATES.open(name, ROOT)[0]
    return template is not None and not template.data.get("tags")


def test_a_site_lives_and_what_is_not_served_is_said(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(PLANT, "utf-8")
    (tmp_path / "faults.yaml").write_text(
        "timeline:\n  - {at: 1s, on: plc, fault: reset}\n"
        "  - {at: 2s, on: meter, fault: unplugged, for: 1s}\n",
        "utf-8",
    )
    options = ("faults.yaml", "--site", "site.yaml", "--out", "here.yaml")
    with simulated(tmp_path, *options) as process:
        said = lines(process, 6)
        assert said[0] == "heat: not served, no simulator speaks opc.tcp"
        told = r"plc +unit 1 +modbus\+tcp://127\.0\.0\.1:\d+ +inovance/h5u .*"
        assert re.fullmatch(told, said[1])
        site = tmp_path / "here.yaml"
        assert 'link: "opc.tcp://127.0.0.1:9"' in site.read_text("utf-8"), "nobody's"
        plant = load(site)
        assert not plant.publish
        link = next(device.link for device in plant.devices if device.name == "meter")
        first = read(plant)
        assert first["run_state"] == 1
        assert first["names"] == "names"
        assert isinstance(first["depth"], float)
        assert 3 <= first["depth"] <= 4
        assert first["indexes"] > 1000  # type: ignore[operator]
        assert lines(process, 1) == ["plc: counters reset begins"]
        again = read(plant)
        assert 0 <= again["indexes"] < 20, "it begins anew"  # type: ignore[operator]
        port = Path(link.partition("://")[2].partition("?")[0])
        before = port.readlink()
        assert lines(process, 1) == ["meter: port unplugged begins"]
        assert lines(process, 1) == ["meter: port unplugged is over"]
        assert port.readlink() != before, "another device of the kernel's"
        last = read(plant)
        assert last["indexes"] > again["indexes"]  # type: ignore[operator]
        assert last["energy_import"] >= first["energy_import"]  # type: ignore[operator]


def read(plant: Plant) -> dict[str, Value]:
    found = polled(tuple(one for one in plant.devices if one.groups), plant.drivers)
    return {name: value for values in found.values() for name, (_tag, value) in values.items()}
