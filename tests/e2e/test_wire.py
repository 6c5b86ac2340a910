"""What goes over a site's wires: recorded, and played back to the same gateway."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gateway.errors import ConfigError
from gateway.templates import load
from simulators import playback
from simulators.framing import Request
from simulators.place import Place
from tests.e2e.test_rehearsal import lines, polled, simulated

if TYPE_CHECKING:
    from pathlib import Path

SITE = """\
site: {cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: UTC}
devices:
  plc:
    link: modbus+tcp://10.0.0.5:502
    poll: 100ms
    tags:
      shots: {at: "holding:40", kind: u32, unit: kWh}
      lamp: {at: "coil:5"}
  one: {link: "modbus+rtu:///dev/ttyS1?baud=115200", unit: 3, poll: 200ms, tags: &some {
    volts: {at: "input:2", kind: f32, low: 200, high: 240, unit: V}}}
  two: {link: "modbus+rtu:///dev/ttyS1?baud=57600", unit: 4, poll: 200ms, tags: *some}
  dead: {link: "modbus+rtu:///dev/ttyS1?baud=115200", unit: 9, poll: 200ms, timeout: 50ms,
    tags: *some}
  hut: {link: "dlt645:///dev/ttyS1?baud=115200", address: "000012345678", poll: 300ms, tags: {
    kwh: {at: "00010000", unit: kWh}, mains: {at: "02010100", unit: V, low: 0, high: 400}}}
"""
FAULTS = "timeline:\n  - {at: 0s, on: dead, fault: dropped}\n"


def record(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", "--lang", "en", "record", *options]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=20, check=False
    )


def test_a_site_is_recorded_and_played_back(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    (tmp_path / "faults.yaml").write_text(FAULTS, "utf-8")
    options = ("faults.yaml", "--site", "site.yaml", "--out", "here.yaml")
    with simulated(tmp_path, *options) as process:
        lines(process, 7)
        done = record(tmp_path, "here.yaml", "--wire", "-o", "wire.jsonl", "--for", "1500ms")
        assert done.returncode == 0, done.stderr
        assert " questions in 2 s" in done.stderr
    told = [json.loads(line) for line in (tmp_path / "wire.jsonl").read_text().splitlines()]
    assert {one["ask"][:2] for one in told} == {"01", "03", "04", "09", "78"}
    silent = [one for one in told if one["answer"] is None]
    assert {one["ask"][:2] for one in silent} == {"09"}
    assert all(one["ms"] >= 50 for one in silent)
    play = ("--wire", "wire.jsonl", "--site", "here.yaml", "--out", "again.yaml")
    with simulated(tmp_path, *play) as process:
        said = lines(process, 6)
        assert said[-2] == f"{len(told)} questions of 2 s, over and over"
        plant = load(tmp_path / "again.yaml")
        answering = tuple(one for one in plant.devices if one.name != "dead")
        found = polled(answering, plant.drivers)
        shots = {one["answer"] for one in told if one["ask"] == "010300280002"}
        value = found["plc"]["shots"][1]
        assert isinstance(value, int)
        assert f"0304{value:08x}" in shots
        assert 200 < float(str(found["two"]["volts"][1])) < 240
        kwh = f"{round(float(str(found['hut']['kwh'][1])) * 100):08d}"
        little = bytes.fromhex(kwh)[::-1].hex()
        assert f"9100000100{little}" in {one["answer"] for one in told}
        assert 220 < float(str(found["hut"]["mains"][1])) < 240
        text = (tmp_path / "again.yaml").read_text("utf-8")
        (tmp_path / "other.yaml").write_text(text.replace("holding:40", "holding:41"), "utf-8")
        other = load(tmp_path / "other.yaml")
        asked = polled(other.devices[:1], other.drivers, all_good=False)
        assert asked["plc"]["shots"][1] is None
        assert lines(process, 1)[0].endswith(": 03 00 29 00 02 is not in the recording")


def test_a_recording_stays_within_its_size(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    with simulated(tmp_path, "--site", "site.yaml", "--out", "here.yaml") as process:
        lines(process, 6)
        wire = ("--wire", "-o", "wire.jsonl", "--for", "1min", "--size", "2KiB")
        done = record(tmp_path, "here.yaml", *wire)
    assert done.returncode == 0
    assert "the file is full, --size allows no more" in done.stderr
    size = (tmp_path / "wire.jsonl").stat().st_size
    assert 1700 < size <= 2048
    assert record(tmp_path, "here.yaml", "--wire").returncode == 2, "it needs a file"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("", ["empty-file"]),
        ("{}\n", ["bad-exchange"]),
        ('{"t": "2026-11-01T08:00:00Z", "link": "x", "ask": "0103", "answer": null}\n[]\n', ["2"]),
        ('{"t": "never", "link": "x", "ask": "0103", "answer": null}\n', ["bad-exchange"]),
        ('{"t": "2026-11-01T08:00:00Z", "link": "x", "ask": "0x", "answer": null}\n', ["1"]),
        ('{"t": "2026-11-01T08:00:00Z", "link": "x", "ask": "0103", "answer": ""}\n', ["1"]),
    ],
)
def test_what_is_no_recording_is_told_by_line(text: str, codes: list[str], tmp_path: Path) -> None:
    path = tmp_path / "wire.jsonl"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        playback.read(path)
    (fault,) = caught.value.faults
    assert codes[0] in {fault.code, str(fault.line)}
    with pytest.raises(ConfigError):
        playback.read(tmp_path / "nothing.jsonl")


def test_a_part_of_what_was_read_is_answered_too(tmp_path: Path) -> None:
    asked = {"0103000a0004": "030800010002000300ff", "010100100009": "0102b501"}
    lines_ = [
        json.dumps({"t": "2026-11-01T08:00:00Z", "link": "x", "ask": ask, "answer": answer})
        for ask, answer in asked.items()
    ]
    path = tmp_path / "wire.jsonl"
    path.write_text("\n".join(lines_) + "\n", "utf-8")
    said: list[str] = []
    place = Place.of("modbus+tcp://127.0.0.1:0")
    played = playback.Playback(playback.read(path), {"x": place}, said.append)
    link = played.links["x"]

    def ask(body: str) -> str:
        request = bytes.fromhex("0001 0000 0006") + bytes.fromhex(body)
        answer = link.answer(Request(request, request[6], request[7:]))
        assert answer is not None
        return answer.frame[7:].hex()

    assert ask("0103000b0002") == "030400020003"
    assert ask("010100120004") == "01010d"  # of 1010 1101 1 the third to the sixth
    assert not said
    assert ask("0103000b0004") == "8302"
    assert ask("0103000b0004") == "8302"
    assert said == ["unit 1, x: 03 00 0b 00 04 is not in the recording"]
