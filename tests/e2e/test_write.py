"""`nxgate write`: through libmodbus, with no gateway running and beside one that runs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import cli
from gateway.commands.trail import FOLDER, lines, verify
from tests.e2e.test_foreign_modbus import libmodbus
from tests.e2e.test_scan import nxgate

ROOT = Path(__file__).parents[2]
SITE = """\
site: {{cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: Asia/Shanghai}}
store: {{path: ./store}}
devices:
  oven:
    link: "{link}"
    tags:
      setpoint:
        {{at: holding:3, kind: u16, scale: 0.1, unit: °C, write: {{min: 20, max: 180, every: 4s}}}}
      door: {{at: coil:2, write: {{}}}}
      temperature: {{at: holding:4, kind: u16, scale: 0.1}}
      speed: {{at: holding:5, kind: u16, write: {{min: 0, max: 50, every: 10ms}}}}
assets:
  press-1: {{line: l1, bind: {{target: oven.speed}}}}
"""
REGISTERS = b"".join(number.to_bytes(2) for number in (0, 0, 0, 1500, 1487, 0))


def site_of(folder: Path, link: str) -> Path:
    site = folder / "site.yaml"
    site.write_text(SITE.format(link=link), "utf-8")
    return site


def test_a_value_is_written_read_back_and_in_the_audit_log(tmp_path: Path) -> None:
    with libmodbus(REGISTERS, coils={2: 0}) as link:
        site = site_of(tmp_path, link)
        done = nxgate("write", site, "oven", "setpoint", "165.5", "--yes", "--by", "Li Wei")
        assert done.returncode == 0, done.stderr
        assert "before 150.0 °C, now 165.5 °C; holding 3 (FC06, unit 1)" in done.stdout
        read = nxgate("read", site, "oven.setpoint")
        assert "165.5" in read.stdout
        again = nxgate("write", site, "oven", "setpoint", "170", "--yes")
        assert "oven.setpoint takes one write in 4 s; the last was" in again.stderr
        assert nxgate("write", site, "oven", "speed", "12", "--yes").returncode == 0
        between = nxgate("write", site, "oven", "speed", "20.05", "--yes")
        assert "has steps of 1" in between.stderr
        assert nxgate("write", site, "oven", "door", "on", "--yes").returncode == 0
        assert " True " in nxgate("read", site, "oven.door").stdout
    folder = tmp_path / "store" / FOLDER
    assert not verify(folder).faults
    received, done_line, *_rest = [line.fields for line in lines(folder)]
    assert received["what"] == "received"
    assert str(received["by"]).startswith("Li Wei (")
    assert received["args"] == {"tag": "setpoint", "value": 165.5}
    assert done_line["code"] == "ok"
    shown = nxgate("audit", site)
    assert "command=write asset=_dev/oven" in shown.stdout
    assert "command=write asset=l1/press-1" in shown.stdout
    assert "tag=target value=12" in shown.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("setpoint", "181"), "may be written from 20 to 180"),
        (("setpoint", "hot"), "takes a number"),
        (("setpoint", "nan"), "takes a number"),
        (("door", "ajar"), "takes true or false"),
        (("temperature", "5"), "may not be written. The site file permits it"),
        (("setpont", "5"), "did you mean setpoint?"),
    ],
)
def test_what_may_not_be_written_is_not(words: tuple[str, str], said: str, tmp_path: Path) -> None:
    """Nothing listens there, so whatever were sent would be told."""
    site = site_of(tmp_path, "modbus+tcp://127.0.0.1:1")
    refused = CliRunner().invoke(cli, ["write", str(site), "oven", *words, "--yes"])
    assert refused.exit_code != 0
    assert said in refused.output
    assert "can't connect" not in refused.output


def test_nobody_there_to_be_asked(tmp_path: Path) -> None:
    site = site_of(tmp_path, "modbus+tcp://127.0.0.1:1")
    refused = nxgate("write", site, "oven", "setpoint", "100")
    assert refused.returncode == 1
    assert "--yes" in refused.stderr


def test_a_device_that_is_not_there(tmp_path: Path) -> None:
    site = site_of(tmp_path, "modbus+tcp://127.0.0.1:1")
    failed = nxgate("write", site, "oven", "setpoint", "100", "--yes")
    assert failed.returncode == 1
    assert "nothing was written" in failed.stderr
    assert [line.fields["what"] for line in lines(tmp_path / "store" / FOLDER)] == [
        "received",
        "done",
    ]


def test_a_gateway_that_runs_does_it(tmp_path: Path) -> None:
    """It holds the line and the audit log; nobody else may write to either."""
    with libmodbus(REGISTERS, coils={2: 0}) as link:
        site = site_of(tmp_path, link)
        command = [sys.executable, "-m", "gateway", "run", str(site)]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as gateway:
            try:
                until = time.monotonic() + 20
                while not (tmp_path / "store/nxgate.sock").exists():
                    assert time.monotonic() < until
                    time.sleep(0.05)
                done = nxgate("write", site, "oven", "setpoint", "99.5", "--yes")
                assert done.returncode == 0, done.stderr
                assert "before 150.0 °C, now 99.5 °C" in done.stdout
                again = nxgate("write", site, "oven", "setpoint", "99.5", "--yes")
                assert "takes one write in 4 s" in again.stderr
                beyond = nxgate("write", site, "oven", "setpoint", "500", "--yes")
                assert "not_permitted" in beyond.stderr or "rejected" in beyond.stderr
                assert beyond.returncode == 1
            finally:
                gateway.terminate()
                gateway.communicate()
    assert not verify(tmp_path / "store" / FOLDER).faults
