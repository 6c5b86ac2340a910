"""The simulated workshop without sockets: repeatable, plausible, and true to its registers."""

from __future__ import annotations

import struct
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from simulators import scenario
from simulators.memory import Memory, Table
from simulators.pdu import answer
from simulators.workshop import Workshop

if TYPE_CHECKING:
    from simulators.truth import Event

SCENARIOS = Path(scenario.__file__).parent / "scenarios"
WORKSHOP = scenario.read(SCENARIOS / "workshop.yaml")
START_MS = 1_790_000_000_000
HOUR_S = 3600.0


def story(seed: int = 3, seconds: float = HOUR_S, steps: int = 1) -> tuple[list[Event], Workshop]:
    """Let a workshop live, looked at so many times at odd moments."""
    workshop = Workshop(WORKSHOP, seed, START_MS)
    random = Random(steps)
    events = []
    for moment in sorted(random.uniform(0, seconds) for _ in range(steps - 1)):
        events += workshop.advance(moment)
    return events + workshop.close(seconds), workshop


def word(memory: Memory, at: int) -> int:
    data = memory.get(Table.HOLDING, at, 1)
    assert data is not None
    return int.from_bytes(data, "big")


def double_word(memory: Memory, at: int) -> int:
    return word(memory, at) + (word(memory, at + 1) << 16)


def number(memory: Memory, at: int) -> float:
    data = memory.get(Table.HOLDING, at, 2)
    assert data is not None
    value: float = struct.unpack(">f", data)[0]
    return value


def test_the_same_seed_gives_the_same_truth_however_often_one_looks() -> None:
    once, _ = story(steps=1)
    often, _ = story(steps=5000)
    assert once == often
    assert once != story(seed=4)[0]


def test_a_machine_lives_for_itself() -> None:
    """Taking the lasting machine away changes nothing about the others."""
    devices = {name: d for name, d in WORKSHOP.devices.items() if name != "plc-last"}
    alone = scenario.Scenario(WORKSHOP.document, "less", 3, False, devices, ())  # noqa: FBT003
    workshop = Workshop(alone, 3, START_MS)
    fewer = workshop.advance(HOUR_S)
    workshop = Workshop(WORKSHOP, 3, START_MS)
    assert fewer == [e for e in workshop.advance(HOUR_S) if e["on"] != "plc-last"]


def test_events_are_in_order_of_time() -> None:
    events, _ = story(steps=100)
    assert all(one["t"] <= next_["t"] for one, next_ in pairwise(events))
    assert events[-1]["t"] == START_MS + HOUR_S * 1000


@pytest.mark.parametrize("seed", range(5))
def test_the_sums_of_the_truth_are_what_the_registers_say(seed: int) -> None:
    events, workshop = story(seed)
    begin = {e["on"]: e for e in events if e["type"] == "begin"}
    end = {e["on"]: e for e in events if e["type"] == "end"}
    seen = Counter((e["on"], e["type"], e.get("side", "")) for e in events)

    plc = workshop.memories["plc-inj"]
    counts = begin["plc-inj"]["counts"]
    assert double_word(plc, 102) == counts["indexes"] + seen["plc-inj", "index", ""]
    assert double_word(plc, 106) == counts["rejects"] + seen["plc-inj", "reject", ""]
    assert end["plc-inj"]["counts"]["indexes"] == double_word(plc, 102)

    plc = workshop.memories["plc-last"]
    counts = begin["plc-last"]["counts"]
    for side, shoes_at, rejects_at in (("left", 102, 106), ("right", 104, 107)):
        assert double_word(plc, shoes_at) == counts[side] + seen["plc-last", "shoe", side]
        rejects = counts[f"reject_{side}"] + seen["plc-last", "reject", side]
        assert word(plc, rejects_at) == rejects == end["plc-last"]["counts"][f"reject_{side}"]

    for name in ("plc-inj", "plc-last"):
        assert sum(end[name]["time_s"].values()) == pytest.approx(HOUR_S, abs=0.01)
        states = [e for e in events if e["on"] == name and e["type"] in {"state", "end"}]
        for state, spent in end[name]["time_s"].items():
            added = sum(after["t"] - e["t"] for e, after in pairwise(states) if e["state"] == state)
            assert added / 1000 == pytest.approx(spent, abs=0.2)

    used = end["meter-1"]["kwh"] - begin["meter-1"]["kwh"]
    assert used == pytest.approx(end["plc-inj"]["kwh"])
    assert number(workshop.memories["meter-1"], 4126) == pytest.approx(
        end["meter-1"]["kwh"], rel=1e-7
    )


def test_a_day_in_the_workshop_is_plausible() -> None:
    events, _ = story(seconds=8 * HOUR_S)
    end = {e["on"]: e for e in events if e["type"] == "end"}
    injection, lasting = end["plc-inj"], end["plc-last"]
    running_s = injection["time_s"]["running"]
    assert 0.6 < running_s / (8 * HOUR_S) < 0.95
    assert all(spent > 0 for spent in injection["time_s"].values()), "every state occurs"
    assert injection["made"]["indexes"] == pytest.approx(running_s / 2, rel=0.02)
    assert 0.01 < injection["made"]["rejects"] / injection["made"]["indexes"] < 0.05
    assert abs(lasting["made"]["left"] - lasting["made"]["right"]) <= 4
    assert 5 < injection["kwh"] / 8 < 25

    stops = [e for e in events if e["on"] == "plc-inj" and e["type"] == "state"]
    stuck = [after["t"] - e["t"] for e, after in pairwise(stops) if e.get("reason") == "sole-stuck"]
    assert len(stuck) > 100
    assert all(2000 <= length <= 8000 for length in stuck)


def test_shoes_of_one_side_are_ahead_at_times() -> None:
    events, _ = story()
    ahead = 0
    most = 0
    for event in events:
        if event["type"] == "shoe":
            ahead += 1 if event["side"] == "left" else -1
            most = max(most, abs(ahead))
    assert most == 4


def test_more_goes_wrong_at_the_start() -> None:
    early = late = 0
    for seed in range(60):
        events, _ = story(seed, 600)
        indexes = 0
        for event in events:
            if event["on"] == "plc-inj" and event["type"] == "index":
                indexes += 1
            elif event["on"] == "plc-inj" and event["type"] == "reject":
                early += indexes <= 8
                late += indexes > 8
    assert early / (60 * 8) > 0.08
    assert late / (60 * 200) < 0.05


def test_it_heats_up_before_it_runs_and_holds_the_temperature() -> None:
    workshop = Workshop(WORKSHOP, 3, START_MS)
    plc, meter = workshop.memories["plc-inj"], workshop.memories["meter-1"]
    assert word(plc, 100) == 2, "set-up while warming up"
    assert word(plc, 110) == 1580
    workshop.advance(1.0)
    assert number(meter, 8210) == pytest.approx(280_000), "heaters and controls, 0.1 W"
    assert plc.get(Table.COIL, 20, 1) == b"\x00"
    workshop.advance(4.0)
    assert word(plc, 100) == 1
    assert plc.get(Table.COIL, 20, 1) == b"\x01"
    temperatures = []
    for second in range(10, 600):
        workshop.advance(float(second))
        temperatures.append(word(plc, 110) / 10)
    assert 176 < min(temperatures) < max(temperatures) < 184


def test_the_meter_shows_a_three_phase_supply() -> None:
    workshop = Workshop(WORKSHOP, 3, START_MS)
    meter = workshop.memories["meter-1"]
    for second in range(1, 200):
        workshop.advance(float(second))
        power = number(meter, 8210) * 0.1
        phases = [number(meter, at) * 0.1 for at in (8212, 8214, 8216)]
        assert sum(phases) == pytest.approx(power, rel=1e-5)
        volts = [number(meter, at) * 0.1 for at in (8198, 8200, 8202)]
        assert all(220 < v < 236 for v in volts)
        line = [number(meter, at) * 0.1 for at in (8192, 8194, 8196)]
        assert all(380 < v < 410 for v in line)
        amperes = [number(meter, at) * 0.001 for at in (8204, 8206, 8208)]
        factor = number(meter, 8234) * 0.001
        assert 0.8 < factor <= 1
        apparent = sum(v * a for v, a in zip(volts, amperes, strict=True))
        assert power == pytest.approx(apparent * factor, rel=0.01)
        assert 49.9 < number(meter, 8260) * 0.01 < 50.1
        assert number(meter, 8218) * 0.1 == pytest.approx(
            (apparent**2 - power**2) ** 0.5, rel=0.01, abs=1
        )
    assert answer(meter, bytes.fromhex("03 401E 0002")) == b"\x83\x02", "not the 2016 firmware"
    assert len(answer(meter, bytes.fromhex("03 101E 0012"))) == 2 + 36
    assert len(answer(meter, bytes.fromhex("03 2000 0052"))) == 2 + 164


def test_a_transformer_ratio_divides_what_the_meter_sees() -> None:
    plan = scenario.read(SCENARIOS / "troubles.yaml")
    workshop = Workshop(plan, 1, START_MS)
    workshop.advance(1.0)
    meter = workshop.memories["meter-1"]
    assert word(meter, 6) == 40
    assert number(meter, 4126) * 40 == pytest.approx(81200.0 + 25.0 / 3600, rel=1e-6)
    assert number(meter, 8210) * 40 == pytest.approx(250_000)
    assert 2200 < number(meter, 8198) < 2360, "voltage is not transformed"


def test_energy_is_noted_at_each_full_minute_of_the_clock() -> None:
    workshop = Workshop(WORKSHOP, 3, START_MS + 20_500)
    energy = [e for e in workshop.advance(300.0) if e["type"] == "energy"]
    minute = -(-(START_MS + 20_500) // 60_000) * 60_000
    assert [e["t"] for e in energy] == [minute + n * 60_000 for n in range(5)]
    assert all(one["kwh"] < next_["kwh"] for one, next_ in pairwise(energy))


def test_a_setpoint_written_by_a_client_is_obeyed() -> None:
    workshop = Workshop(WORKSHOP, 3, START_MS)
    plc = workshop.memories["plc-inj"]
    workshop.advance(60.0)
    assert answer(plc, bytes.fromhex("06 0078 05DC")) == bytes.fromhex("06 0078 05DC")  # 150.0
    assert answer(plc, bytes.fromhex("06 0064 0001")) == b"\x86\x02"
    workshop.advance(120.0)
    assert word(plc, 120) == 1500
    assert 1480 < word(plc, 110) < 1520


def test_mounted_moulds_change_only_in_the_middle_of_a_set_up() -> None:
    plan = scenario.read(SCENARIOS / "troubles.yaml")
    workshop = Workshop(plan, 2, START_MS)
    plc = workshop.memories["plc-inj"]
    seen = set()
    before = word(plc, 104)
    for tenth in range(1, 36_000):
        workshop.advance(tenth / 10)
        now = word(plc, 104)
        if now != before:
            assert word(plc, 100) == 2
        before = now
        seen.add(now)
    assert seen == set(range(20, 25))
