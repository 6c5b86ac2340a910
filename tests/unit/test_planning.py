"""`nxgate plan`: what polls take of their links, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from click.testing import CliRunner

from gateway.cli import cli
from gateway.planning import FULL, advice, planned
from gateway.templates import load

if TYPE_CHECKING:
    from pathlib import Path

SITE = """\
site: {{cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: Asia/Shanghai}}
devices:
  meter-1: {{link: "modbus+rtu:///dev/ttyUSB0?baud={baud}", unit: 1, template: eastron/sdm630}}
  meter-2: {{link: "modbus+rtu:///dev/ttyUSB0?baud={baud}", unit: 2, template: acrel/adl400}}
  plc: {{link: "modbus+tcp://10.0.0.5", poll: 2s, tags: {{a: {{at: "holding:1", kind: u16}}}}}}
"""


def site(folder: Path, baud: int) -> Path:
    path = folder / "site.yaml"
    path.write_text(SITE.format(baud=baud), "utf-8")
    return path


def test_bytes_and_time_of_a_request(tmp_path: Path) -> None:
    links = planned(load(site(tmp_path, 9600)))
    first = links["modbus+rtu:///dev/ttyUSB0?baud=9600"][0].costs[0]
    assert (first.request, first.sent, first.received) == ("input 0–79", 8, 165)
    # 173 characters of ten bits, two pauses of 3.5 characters, 10 ms for the device.
    assert first.seconds == pytest.approx((173 + 7) * 10 / 9600 + 0.01)
    (plc,) = links["modbus+tcp://10.0.0.5"]
    assert (plc.costs[0].sent, plc.costs[0].received) == (12, 11)
    assert plc.share == pytest.approx(0.01 / 2)


def test_every_tag_is_in_one_request(tmp_path: Path) -> None:
    plant = load(site(tmp_path, 9600))
    asked = {
        (polled.device, tag)
        for groups in planned(plant).values()
        for polled in groups
        for cost in polled.costs
        for tag in cost.tags
    }
    assert asked == {
        (device.name, tag.name) for device in plant.devices for g in device.groups for tag in g.tags
    }


def test_what_fits_and_what_does_not(tmp_path: Path) -> None:
    said = CliRunner().invoke(cli, ["plan", str(site(tmp_path, 9600))])
    assert said.exit_code == 0, said.output
    assert "it fits" in said.output
    assert "8+165" in said.output
    said = CliRunner().invoke(cli, ["plan", str(site(tmp_path, 4800))])
    assert said.exit_code == 1
    assert "it does not fit" in said.output
    assert "times slower, or meter-1 (" in said.output


def test_slower_by_what_it_says_is_slow_enough(tmp_path: Path) -> None:
    path = site(tmp_path, 2400)
    link = "modbus+rtu:///dev/ttyUSB0?baud=2400"
    said = CliRunner().invoke(cli, ["plan", str(path), "--json"])
    found = orjson.loads(said.output)[link]
    assert not found["fits"]
    times = float(found["advice"].split()[1])
    assert found["share"] / times <= FULL
    groups = planned(load(path))[link]
    assert found["share"] == pytest.approx(sum(polled.share for polled in groups))
    assert advice(groups) == found["advice"]


def test_check_tells_of_a_link_that_is_asked_too_much(tmp_path: Path) -> None:
    path = site(tmp_path, 2400)
    said = CliRunner().invoke(cli, ["check", str(path)])
    assert said.exit_code == 0
    share = orjson.loads(CliRunner().invoke(cli, ["plan", str(path), "--json"]).output)
    percent = f"{share['modbus+rtu:///dev/ttyUSB0?baud=2400']['share']:.0%}"
    assert f"notice: {path}:3:19: devices.meter-1.link: the polls of modbus+rtu" in said.output
    assert f"need {percent} of its time" in said.output
    assert "times slower, or meter-1 (" in said.output
    assert "need" not in CliRunner().invoke(cli, ["check", str(site(tmp_path, 9600))]).output


def test_check_tells_of_a_copied_line_whose_unit_was_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    link = "modbus+rtu:///dev/ttyUSB0?baud=9600"
    path.write_text(
        "site: {cluster: c, enterprise: e, site: s, gateway: g, timezone: Asia/Shanghai}\n"
        "devices:\n"
        f'  m-1: {{link: "{link}", unit: 1, template: eastron/sdm120}}\n'
        f'  m-2: {{link: "{link}", unit: 2, template: eastron/sdm120}}\n'
        f'  m-3: {{link: "{link}", unit: 1, template: eastron/sdm120}}\n',
        "utf-8",
    )
    said = CliRunner().invoke(cli, ["check", str(path)])
    assert said.exit_code == 0
    assert f"notice: {path}:5:3: devices.m-3: it is the same device as m-1" in said.output
    assert said.output.count("the same device") == 1
