"""Scenario files: strict, all faults at once, at their places; and the room's own borders."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from simulators import scenario
from simulators.faults import Fault, FaultKind

SCENARIOS = Path(scenario.__file__).parent / "scenarios"

GOOD = """\
name: one
devices:
  plc-inj: {serves: rotary-injection, link: "modbus+tcp://127.0.0.1:15021", cycle: 2s}
  meter: {serves: dtsu666, link: "modbus+tcp://127.0.0.1:15022", measures: [plc-inj]}
timeline:
  - {at: 10s, on: plc-inj, fault: late, by: 800ms, for: 5s}
"""


def faults(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "scenario.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as raised:
        scenario.read(path)
    return [f"{fault.line}:{fault.column} {fault.code}" for fault in raised.value.faults]


def test_a_good_one(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(GOOD, "utf-8")
    plan = scenario.read(path)
    assert list(plan.devices) == ["plc-inj", "meter"]
    assert plan.devices["plc-inj"].place.port == 15021
    (late,) = plan.timeline
    assert (late.at, late.lasts, late.cause) == (10, 5, Fault(FaultKind.LATE, by_s=0.8))


@pytest.mark.parametrize("name", ["workshop", "troubles"])
def test_the_shipped_ones_are_good(name: str) -> None:
    assert scenario.read(SCENARIOS / f"{name}.yaml").devices


def test_every_fault_is_told_at_its_place(tmp_path: Path) -> None:
    text = (
        GOOD.replace("cycle: 2s", "cycle: 2")
        .replace("15022", "port")
        .replace("by: 800ms, ", "")
        .replace("serves: rotary", "serves: linear")
    )
    assert faults(tmp_path, text) == ["3:21 unknown-kind", "4:34 bad-link", "6:5 late-by"]
    text = GOOD.replace("cycle: 2s", "cycle: 2").replace("on: plc-inj", "on: plc-in")
    assert faults(tmp_path, text) == ["3:84 bare-number", "6:19 unknown-device"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("measures: [plc-inj]", "measures: [meter]", "unknown-device"),
        ("serves: dtsu666", "serves: dtsu", "unknown-kind"),
        ("15022", "15021", "unit-taken"),
        ("cycle: 2s", "cycle: 2s, speed: 3", "unknown-key"),
        ("timeline:\n", "timelin:\n", "unknown-key"),
        ("cycle: 2s", "cycle: 2s, mounted: [20, 25]", "bad-mounted"),
        ("cycle: 2s", "cycle: 2s, mounted: [5, 4]", "bad-mounted"),
        ("cycle: 2s", "cycle: 2s, oven: {ready_c: 180.0}", "never-ready"),
        ("cycle: 2s", "cycle: 2s, indexes: -1", "out-of-range"),
        ("cycle: 2s", "cycle: 2s, indexes: many", "wrong-type"),
    ],
)
def test_what_is_refused(tmp_path: Path, old: str, new: str, code: str) -> None:
    assert code in {line.split()[1] for line in faults(tmp_path, GOOD.replace(old, new))}


def test_an_empty_workshop_is_a_mistake(tmp_path: Path) -> None:
    assert faults(tmp_path, "name: nothing\ndevices: {}\n") == ["2:10 no-devices"]


def test_a_command_is_spelled_as_in_the_timeline(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(GOOD, "utf-8")
    plan = scenario.read(path)
    trouble = scenario.command("{at: 1h, on: meter, fault: exception, code: 6, for: 2s}", plan)
    assert trouble.at == 0, "a command is for now"
    assert trouble.cause == Fault(FaultKind.EXCEPTION, code=6)
    assert scenario.command("{on: meter, fault: none}", plan).cause is None
    for wrong in ("{on: mete, fault: dropped}", "{on: meter}", "late!", "{", "- 1", ""):
        with pytest.raises(ConfigError):
            scenario.command(wrong, plan)


def test_the_simulators_know_nothing_of_the_driver() -> None:
    """Neither its codec nor its library: a mistake there must not cancel out."""
    program = "import sys, simulators.run; print(*sys.modules)"
    loaded = subprocess.run(
        (sys.executable, "-c", program), capture_output=True, text=True, check=True
    ).stdout.split()
    assert "simulators.server" in loaded
    assert not [name for name in loaded if name.split(".")[0] in {"drivers", "pymodbus", "paho"}]
