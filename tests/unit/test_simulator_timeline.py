"""Timelines of faults for the devices of a site file, and what a fault can't be on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.errors import ConfigError
from gateway.sitefile.document import load
from simulators import scenario
from simulators.faults import Fault, FaultKind
from simulators.memory import Area, Table
from simulators.tags import Rehearsed

if TYPE_CHECKING:
    from pathlib import Path


def device(link: str) -> Rehearsed:
    return Rehearsed("", link, 1, (), {}, (Area(Table.HOLDING, 0, 1),))


DEVICES = {
    "plc": device("modbus+tcp://127.0.0.1:15100"),
    "meter": device("modbus+rtu:///tmp/line-1"),
    "far": device("modbus+rtuovertcp://127.0.0.1:15101"),
}


def read(folder: Path, text: str) -> scenario.Scenario:
    (folder / "site.yaml").write_text("devices: {}\n", "utf-8")
    (folder / "faults.yaml").write_text(text, "utf-8")
    return scenario.over(folder / "faults.yaml", load(folder / "site.yaml"), DEVICES)


def test_a_timeline_is_read_with_its_times_and_shares(tmp_path: Path) -> None:
    plan = read(
        tmp_path,
        "seed: 3\ntimeline:\n"
        "  - {at: 10min, on: meter, fault: late, by: 800ms, for: 90s}\n"
        "  - {at: 1h, on: plc, fault: noise, share: 0.05}\n"
        "  - {at: 2h, on: plc, fault: none}\n",
    )
    late, noise, none = plan.timeline
    assert (late.at, late.lasts, late.cause) == (600, 90, Fault(FaultKind.LATE, by_s=0.8))
    assert (noise.at, noise.lasts) == (3600, None)
    assert noise.cause == Fault(FaultKind.NOISE, share=0.05)
    assert none.cause is None
    assert plan.seed == scenario.seed_of(tmp_path / "faults.yaml") == 3
    assert scenario.seed_of(None) == 1
    assert scenario.over(None, plan.document, DEVICES).timeline == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("timeline:\n  - {at: 1s, on: plx, fault: cut}\n", "2:18 unknown-device"),
        ("timeline:\n  - {at: 1s, on: plc, fault: echo}\n", "2:30 wrong-link"),
        ("timeline:\n  - {at: 1s, on: plc, fault: unplugged}\n", "2:30 wrong-link"),
        ("timeline:\n  - {at: 1s, on: meter, fault: refused}\n", "2:32 wrong-link"),
        ("timeline:\n  - {at: 1s, on: far, fault: transaction}\n", "2:30 wrong-link"),
        ("timeline:\n  - {at: 1s, on: plc, fault: late}\n", "2:5 late-by"),
        ("timeline:\n  - {at: 1, on: plc, fault: cut}\n", "2:10 bare-number"),
        ("timeline:\n  - {at: 1s, on: plc, fault: cut, share: 0}\n", "2:42 out-of-range"),
        ("timeline:\n  - {at: 1s, on: plc, fault: cutt}\n", "2:30 unknown-word"),
        ("devices: {}\n", "1:1 devices-twice"),
        ("timelin: []\n", "1:1 unknown-key"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert [f"{one.line}:{one.column} {one.code}" for one in caught.value.faults] == [told]


def test_a_typed_fault_is_held_against_its_link_too(tmp_path: Path) -> None:
    plan = read(tmp_path, "timeline: []\n")
    assert scenario.command("{on: far, fault: echo}", plan).fault is FaultKind.ECHO
    assert scenario.command("{on: far, fault: reset}", plan).fault is FaultKind.RESET
    with pytest.raises(ConfigError, match="has no such fault"):
        scenario.command("{on: plc, fault: echo}", plan)
