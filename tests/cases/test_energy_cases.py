"""The energy cases, each through the engine: a site file and a trace, replayed."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.figures.media import CURRENTS, VOLTAGES
from tests.kpi_traces import SHANGHAI, TOLERANCE, energy_cases
from tests.traces import line, replayed, windows, write

if TYPE_CHECKING:
    from gateway.model import Value

SITE = (Path(__file__).parent / "kpi/energy/site.yaml").read_text("utf-8")
EIGHT = 8 * 3600
"""Seconds after midnight at which the shift of the cases begins."""
CASES = energy_cases()


def near(value: float) -> Any:  # noqa: ANN401 - what pytest compares with
    return pytest.approx(value, abs=TOLERANCE, rel=0)


def told(folder: Path, lines: list[str]) -> dict[str, Any]:
    """Electricity of the first shift."""
    return windows(replayed(folder, lines, SITE), "energy/electricity", "shift")[0]


def rising(asset: str, signal: str, *legs: tuple[float, float], base: float = 5000.0) -> list[str]:
    """A register read each minute that rises evenly; legs of (minutes, growth) from 08:00."""
    lines: list[str] = []
    minute, value = Fraction(0), Fraction(str(base))
    for minutes, growth in legs:
        for passed in range(int(minutes)):
            risen = value + Fraction(str(growth)) * passed / int(minutes)
            lines.append(line(EIGHT + float(minute + passed) * 60, signal, float(risen), asset))
        minute, value = minute + int(minutes), value + Fraction(str(growth))
    seconds = EIGHT + float(minute) * 60
    lines.append(line(seconds, signal, float(value), asset))
    lines.append(line(seconds + 30, signal, float(value), asset))
    return lines


def at(second: float, asset: str, **values: Value) -> list[str]:
    return [line(EIGHT + second, name, value, asset) for name, value in values.items()]


def merged(*parts: list[str]) -> list[str]:
    """Lines in order of their time."""
    return sorted((one for part in parts for one in part), key=lambda text: text[:34])


def test_e1_fixed_and_sliding_demand(tmp_path: Path) -> None:
    case = CASES["E1_demand"]
    legs = [(1.0, kw / 60) for kw in case["minute_kw"]]
    rest = 480 - len(legs)
    body = told(tmp_path, rising("e1", "energy", *legs, (rest, 0.0)))
    assert body["kpi"]["demand_fixed_max_kw"] == near(case["fixed_max_kw"])
    assert body["kpi"]["demand_sliding_max_kw"] == near(case["sliding_1min_step_max_kw"])
    assert body["max_kw"] == near(case["fixed_max_kw"])
    assert body["kpi"]["demand_share"] == near(100 / 160)
    records = replayed(tmp_path, rising("e1", "energy", *legs, (rest, 0.0)), SITE)
    quarters = windows(records, "energy/electricity", "quarter")[:2]
    assert [one["max_kw"] for one in quarters] == [near(kw) for kw in case["fixed_15min_kw"]]


def test_e2_imbalance_of_phases(tmp_path: Path) -> None:
    case = CASES["E2_imbalance"]
    currents = dict(zip(CURRENTS, case["currents_a"], strict=True))
    voltages = dict(zip(VOLTAGES, case["voltages_ll_v"], strict=True))
    balanced = dict.fromkeys(currents, 44)
    # Half of the shift the currents are balanced; the voltages never are.
    parts = [
        at(second, "e2", **(currents if second < 4 * 3600 else balanced), **voltages)
        for second in range(0, 8 * 3600 + 60, 20)
    ]
    parts.append(rising("e2", "energy", (480, 60.0)))
    kpi = told(tmp_path, merged(*parts))["kpi"]
    assert kpi["current_imbalance_max"] == near(case["nema_current_imbalance"])
    assert kpi["current_imbalance_mean"] == near(case["nema_current_imbalance"] / 2)
    assert kpi["voltage_imbalance_max"] == near(case["nema_voltage_unbalance"])
    assert kpi["voltage_imbalance_mean"] == near(case["nema_voltage_unbalance"])


def test_e3_power_factor_of_the_period(tmp_path: Path) -> None:
    case = CASES["E3_pf"]
    # A different factor in each half: the period's is no mean of the two.
    kwh = rising("e3", "energy", (240, case["kwh"] * 0.75), (240, case["kwh"] * 0.25))
    kvarh = rising("e3", "reactive_energy", (240, 100), (240, case["kvarh"] - 100))
    kpi = told(tmp_path, merged(kwh, kvarh))["kpi"]
    assert kpi["power_factor"] == near(case["pf_period"])
    assert kpi["kvarh"] == near(case["kvarh"])


def test_e4_slots_of_a_tariff(tmp_path: Path) -> None:
    case = CASES["E4_tou"]
    kwh = {name: amount for name, (amount, _price) in case["slices_kwh_price"].items()}
    legs = [(80, kwh["valley"]), (70, kwh["sharp"]), (150, kwh["peak"]), (180, kwh["flat"])]
    body = told(tmp_path, rising("e4", "energy", *legs))
    assert body["use"] == near(case["kwh"])
    assert body["by_tariff"] == {name: near(amount) for name, amount in kwh.items()}
    assert body["kpi"]["cost"] == near(case["cost"])
    assert body["kpi"]["average_price"] == near(case["average_price"])
    assert body["kpi"]["tariff_apportioned_kwh"] == 0


def test_e4_a_hole_over_an_edge_is_apportioned_and_says_so(tmp_path: Path) -> None:
    lines = rising("e4", "energy", (480, 480.0))
    edge = datetime.fromisoformat("2026-09-22T09:20:00+08:00").astimezone(SHANGHAI)
    hole = [
        text
        for text in lines
        if not abs((datetime.fromisoformat(text[7:32]) - edge).total_seconds()) < 600
    ]
    assert len(hole) == len(lines) - 19
    body = told(tmp_path, hole)
    assert body["by_tariff"]["valley"] == near(80)
    assert (body["est"], body["kpi"]["tariff_apportioned_kwh"]) == (True, near(20))


def test_e5_per_good_piece_with_factors_named(tmp_path: Path) -> None:
    case = CASES["E5_specific"]
    pieces = case["good_pairs"]
    parts = [rising("e5", "energy", (480, float(case["kwh"])))]
    for minute in range(481):
        made = min(pieces, round(pieces * (minute + 1) / 480))
        second = 60 * minute - (minute == 480)
        parts.append(at(second, "e5", state="running", count=made if minute else 0, reject=0))
    body = told(tmp_path, merged(*parts))
    kpi, factors = body["kpi"], body["factors"]
    assert kpi["kwh_per_good"] == near(case["kwh_per_pair"])
    assert kpi["kgce"] == near(case["kgce"])
    assert kpi["kgce_per_1000_good"] == near(case["kgce_per_1000_pairs"])
    assert kpi["kgco2"] == near(case["kgco2_national_2023"])
    assert kpi["kgco2_per_good"] == near(case["kgco2_national_2023"] / pieces)
    assert factors["kgce"] == {"value": 0.1229, "year": 2020, "scope": "equivalent value"}
    assert factors["co2"] == {"value": 0.5306, "year": 2023, "scope": "national"}


def test_e6_idle_and_standby(tmp_path: Path) -> None:
    case = CASES["E6_idle"]
    legs: list[tuple[float, float]] = []
    parts: list[list[str]] = []
    minute = 0
    for level, minutes, kw in case["segments_state_min_kw"]:
        legs.append((minutes, kw * minutes / 60))
        state = "running" if level == "run" else "idle"
        parts += [
            at(60 * passed, "e6", state=state, level=level)
            for passed in range(minute, minute + minutes)
        ]
        minute += minutes
    parts.append(at(60 * minute, "e6", state="idle", level="off"))
    body = told(tmp_path, merged(rising("e6", "energy", *legs), *parts))
    kpi = body["kpi"]
    assert body["use"] == near(case["kwh"])
    assert (kpi["idle_kwh"], kpi["standby_kwh"]) == (near(10.0), near(0.8))
    assert kpi["nonproductive_kwh"] == near(case["non_productive_kwh"])
    assert kpi["nonproductive_ratio"] == near(case["non_productive_share"])


def test_e6_without_levels_the_state_tells(tmp_path: Path) -> None:
    case = CASES["E6_idle"]
    legs = [(minutes, kw * minutes / 60) for _level, minutes, kw in case["segments_state_min_kw"]]
    states = [
        at(60 * minute, "e6", state="running" if minute < 300 else "idle") for minute in range(481)
    ]
    kpi = told(tmp_path, merged(rising("e6", "energy", *legs), *states))["kpi"]
    assert kpi["nonproductive_kwh"] == near(case["non_productive_kwh"])
    assert (kpi["idle_kwh"], kpi["standby_kwh"]) == (near(10.8), None)


@pytest.mark.parametrize("signal", ["compressed_air", "air_flow"])
def test_e7_specific_power_and_its_grade(tmp_path: Path, signal: str) -> None:
    case = CASES["E7_compressor"]
    hours = 8
    energy = rising("e7", "energy", (480, case["input_kw"] * hours))
    if signal == "compressed_air":
        air = rising("e7", signal, (480, case["flow_m3_min"] * 60 * hours), base=0.0)
    else:
        air = [t for s in range(0, 8 * 3600 + 60, 60) for t in at(s, "e7", air_flow=6.0)]
    kpi = told(tmp_path, merged(energy, air))["kpi"]
    assert kpi["specific_power"] == near(case["specific_power"])
    assert kpi["efficiency_grade"] == case["grade"]
    assert kpi["load_factor"] == near(case["input_kw"] / 37)


def test_e7_no_published_level_is_no_grade(tmp_path: Path) -> None:
    energy = rising("e7-45", "energy", (480, 39.6 * 8))
    air = rising("e7-45", "compressed_air", (480, 6.0 * 480), base=0.0)
    kpi = told(tmp_path, merged(energy, air))["kpi"]
    assert (kpi["specific_power"], kpi["efficiency_grade"]) == (near(6.6), None)


def test_a_compressor_between_the_shifts_and_its_hours(tmp_path: Path) -> None:
    energy = rising("e7", "energy", (480, 300.0), (960, 96.0))
    air = rising("e7", "compressed_air", (480, 2880.0), (960, 480.0), base=0.0)
    run = rising("e7", "run_hours", (480, 8.0), (960, 4.0), base=100.0)
    load = rising("e7", "load_hours", (480, 6.0), (960, 1.0), base=50.0)
    records = replayed(tmp_path, merged(energy, air, run, load), SITE)
    (power,) = [
        one["kpi"]
        for one in windows(records, "energy/electricity", "day")
        if one["kpi"]["base_load_kw"] is not None
    ][:1]
    (shift,) = windows(records, "energy/electricity", "shift")[:1]
    assert power["base_load_kw"] == near(6.0)
    assert shift["kpi"]["load_ratio"] == near(0.75)
    assert "base_load_kw" not in shift["kpi"]
    (volume,) = windows(records, "energy/compressed_air", "day")[:1]
    assert volume["kpi"]["leakage_m3_min"] == near(0.5)


def test_a_replay_gives_the_same_bytes_whatever_hashes_are(tmp_path: Path) -> None:
    energy = rising("e7", "energy", (480, 300.0))
    air = rising("e7", "compressed_air", (480, 2880.0), base=0.0)
    paths = write(tmp_path, merged(energy, air), SITE)
    command = [sys.executable, "-m", "gateway", "replay", *map(str, paths)]
    told = {
        subprocess.run(
            command, env=os.environ | {"PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("1", "3")
    }
    assert len(told) == 1
    assert b"specific_power" in next(iter(told))
