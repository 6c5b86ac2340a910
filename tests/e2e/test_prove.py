"""A site proved against a foreign device and a real broker, as its user does it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import openpyxl

from gateway.ids import parse_id
from tests.e2e.mosquitto import Mosquitto, Subscriber, wait_for
from tests.e2e.workshop import NXGATE, Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SITE = """\
site: {{cluster: c, enterprise: e, site: s, gateway: g, timezone: Asia/Shanghai, industry: common}}
devices:
  plc-1:
    link: modbus+tcp://127.0.0.1:{device}
    tags:
      state: {{at: "holding:40", kind: u16}}
      shots: {{at: "holding:42", kind: u32}}
      rejects: {{at: "holding:44", kind: u16}}
      oil_temp: {{at: "holding:46", kind: i16, scale: 0.1, unit: °C}}
  meter-1:
    link: modbus+tcp://127.0.0.1:{device}
    tags: {{energy: {{at: "holding:100", kind: f32, unit: kWh}}}}
assets:
  press-1:
    type: machine
    ideal_cycle: 2s
    states: {{1: running, 0: idle}}
    bind:
      state: plc-1.state
      count: plc-1.shots
      reject: plc-1.rejects
      energy: meter-1.energy
publish:
  cluster:
    {{kind: mqtt, url: "mqtt://127.0.0.1:{broker}", version: {version}, spread: 1s, heartbeat: 1s}}
store: {{path: store}}
"""
SERVED = {
    "bits": {},
    "input_bits": {},
    "registers": {"40": 1, "42": 2, "43": 5, "44": 12, "46": 525, "100": 0x4582, "101": 0xB400},
    "input_registers": {},
    "floats": {},
    "size": 200,
    "port": "",
}
SHOWN = """\
设备,点位,显示值
plc-1,state,1
plc-1,shots,131077
plc-1,rejects,{rejects}
meter-1,energy,4182.5
"""
SCHEMA = json.loads((ROOT / "gateway/proving/proof.schema.json").read_text("utf-8"))


@contextlib.contextmanager
def device() -> Iterator[int]:
    """A libmodbus server; its port."""
    server = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/e2e/libmodbus_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        server.stdin.write(json.dumps(SERVED) + "\n")
        server.stdin.flush()
        yield int(server.stdout.readline())
    finally:
        server.kill()
        server.communicate()


def prove(site: Path, *options: str, rejects: int = 12, shown: bool = True) -> tuple[int, Any, str]:
    """Prove it; the exit code, the document, and what was said."""
    sheet = site.with_name("shown.csv")
    sheet.write_text(SHOWN.format(rejects=rejects), "utf-8")
    from_sheet = ["--shown", str(sheet)] if shown else []
    done = subprocess.run(
        [*NXGATE, "prove", str(site), *from_sheet, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    made = json.loads(site.with_name("site.proof.json").read_bytes())
    jsonschema.validate(made, SCHEMA, cls=jsonschema.Draft202012Validator)
    return done.returncode, made, done.stdout + done.stderr


def test_a_sound_site_is_proved(tmp_path: Path) -> None:
    """No gateway runs: the devices are read directly, and one is started for the outage."""
    site = tmp_path / "site.yaml"
    with device() as port, Mosquitto(tmp_path) as broker, Subscriber(broker.port) as judge:
        text = SITE.format(device=port, broker=broker.port, version="auto")
        site.write_text(text, "utf-8")
        code, made, said = prove(site, "--cut", "2")
        ids = {
            parse_id(json.loads(one.payload).get("id"))
            for one in list(judge.heard)
            if one.payload.startswith(b"{")
        }
    assert code == 0, said
    assert made["result"] == "passed"
    assert [(one["tag"], one["result"]) for one in made["tags"]] == [
        ("state", "ok"), ("shots", "ok"), ("rejects", "ok"), ("energy", "ok")
    ]  # fmt: skip
    assert made["tags"][1]["after"]["raw"] == [2, 5]
    (outage,) = made["outages"]
    assert outage["stored"] == outage["delivered"] == outage["heard"] > 0
    first, last = parse_id(outage["first"]), parse_id(outage["last"])
    assert first is not None
    assert last is not None
    span = [("g", key) for key in range(first[1], last[1] + 1)]
    assert len(span) == outage["stored"]
    assert set(span) <= ids, "the judge heard each of them too"
    book = openpyxl.load_workbook(site.with_name("site.proof.xlsx"))
    words = [str(cell.value) for row in book.worksheets[0].iter_rows() for cell in row]
    assert "通过 passed" in words
    assert "131077" in words
    assert prove(site)[0] == 2, "it is complete"


def test_what_is_wrong_fails_and_is_gone_on_with(tmp_path: Path) -> None:
    """A broker that acknowledges and passes nothing on is found out by the listener."""
    acl = tmp_path / "acl"
    acl.write_text("topic read #\ntopic write cii/v1/c/e/s/+/+/status\n")
    site = tmp_path / "site.yaml"
    with device() as port, Mosquitto(tmp_path, f"acl_file {acl}") as broker:
        site.write_text(SITE.format(device=port, broker=broker.port, version="3.1.1"), "utf-8")
        made = Workshop(tmp_path, site, tmp_path / "none")
        made.start()
        try:
            wait_for((tmp_path / "store/nxgate.sock").exists, "the gateway runs", 20)
            code, proof, said = prove(site, "--cut", "0", rejects=13)
            assert "between its polls" in said
            assert code == 1
            assert [one["result"] for one in proof["tags"]] == ["ok", "ok", "differs", "ok"]
            assert proof["tags"][2]["difference"] == 1
            code, proof, said = prove(site, "--cut", "2", "--patience", "4")
        finally:
            made.end()
    assert "1 tags are open" in said
    assert code == 1
    assert [one["result"] for one in proof["tags"]] == ["ok"] * 4
    (outage,) = proof["outages"]
    assert outage["result"] == proof["result"] == "failed"
    assert outage["delivered"] == outage["stored"] > 0 == outage["heard"]
    assert outage["missing"][0] == outage["first"]


def test_a_terminal_that_hangs_up_is_gone_on_with(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    with device() as port:
        site.write_text(SITE.format(device=port, broker=9, version="auto"), "utf-8")
        done = subprocess.run(
            [*NXGATE, "prove", str(site)],
            cwd=ROOT,
            input="Li Wei\n1\n/skip\n/n worn\n",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "goes on from here" in done.stdout
        assert "Traceback" not in done.stderr
        code, made, _said = prove(site, "--cut", "0")
    assert code == 0
    assert made["by"] == "Li Wei"
    assert len(list(tmp_path.glob("site.proof.*.json"))) == 0
    with device() as port:
        site.write_text(SITE.format(device=port, broker=9, version="auto"), "utf-8")
        prove(site, "--cut", "0", "--fresh")
    (kept,) = tmp_path.glob("site.proof.*.json")
    assert json.loads(kept.read_bytes()) == made, "somebody may have signed it"
