"""Electricity from registers: cases E1 (fixed demand) and E5, edges, holes, resets, power."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gateway.figures.windows import Window
from gateway.model import Entry
from tests.folds import fold_energy
from tests.kpi_traces import HOUR, MINUTE, T0, energy_cases, spec

METER = spec(counting="none", signals=("energy",), max_kw=200.0, counts={"energy": 0.01})


def register(*readings: tuple[float, float], start: int = T0) -> list[Entry]:
    """Readings as (minutes, kWh)."""
    return [Entry(start + round(m * MINUTE), "energy", kwh) for m, kwh in readings]


def hour(start: int = T0) -> Window:
    return Window("hour", start, start + HOUR)


def test_e1_fixed_demand() -> None:
    case = energy_cases()["E1_demand"]
    kwh = Fraction(5000)
    readings = [(0.0, float(kwh))]
    for minute, kw in enumerate(case["minute_kw"]):
        kwh += Fraction(kw, 60)
        readings.append((minute + 1.0, float(kwh)))
    entries = register(*readings)
    for block, wanted in enumerate(case["fixed_15min_kw"]):
        start = T0 + block * 15 * MINUTE
        found = fold_energy(entries, Window("quarter", start, start + 15 * MINUTE), METER)
        assert found.max_kw == pytest.approx(wanted, abs=1e-9)
        assert found.use == pytest.approx(wanted / 4, abs=1e-9)
    whole = fold_energy(entries, Window("shift", T0, T0 + 30 * MINUTE), METER)
    assert whole.max_kw == pytest.approx(case["fixed_max_kw"], abs=1e-9)


def test_e5_per_piece_coal_and_co2() -> None:
    case = energy_cases()["E5_specific"]
    kwh = float(case["kwh"])
    entries = register((0, 88120.5), (20, 88120.5 + kwh / 3), (60, 88120.5 + kwh))
    unlimited = spec(counting="none", signals=("energy",))
    found = fold_energy(entries, hour(), unlimited, good=case["good_pairs"])
    assert found.use == kwh
    assert found.kpi["kwh_per_good"] == pytest.approx(case["kwh_per_pair"], abs=1e-9)
    assert found.kpi["kgce"] == pytest.approx(case["kgce"], abs=1e-9)
    assert found.kpi["kgce_per_1000_good"] == pytest.approx(case["kgce_per_1000_pairs"], abs=1e-9)
    assert found.kpi["kgco2"] == pytest.approx(case["kgco2_national_2023"], abs=1e-9)
    assert (found.factors["kgce"].value, found.factors["co2"].year) == (0.1229, 2023)


def test_no_good_pieces_no_specific_energy() -> None:
    entries = register((0, 10.0), (60, 20.0))
    for good in (None, 0):
        found = fold_energy(entries, hour(), METER, good)
        assert (found.use, found.kpi["kwh_per_good"]) == (10.0, None)


def test_spread_evenly_and_cut_at_the_edges() -> None:
    entries = register((-1, 100.0), (1, 101.0), (59, 130.0), (61, 132.0))
    found = fold_energy(entries, hour(), spec(signals=("energy",), silence_s=7200.0))
    assert (found.start, found.end, found.use) == (100.5, 131.0, 30.5)
    assert (found.coverage, found.estimated) == (1.0, False)


def test_decimals_stay_decimals() -> None:
    entries = register((0, 88120.51), (60, 88131.76))
    found = fold_energy(entries, hour(), METER)
    assert found.use == 11.25


def test_a_rollover_is_exact() -> None:
    wraps = spec(signals=("energy",), max_kw=200.0, moduli={"energy": 1000.0}, silence_s=3600.0)
    entries = register((0, 990.0), (30, 998.0), (60, 8.0))
    found = fold_energy(entries, hour(), wraps)
    assert (found.use, found.estimated) == (18.0, False)


def test_a_reset_counts_from_zero_and_is_flagged() -> None:
    entries = register((0, 990.0), (30, 998.0), (60, 8.0))
    found = fold_energy(entries, hour(), spec(signals=("energy",), max_kw=200.0, silence_s=3600.0))
    assert (found.use, found.estimated) == (16.0, True)


def test_an_exchanged_meter_adds_nothing_of_its_own() -> None:
    entries = register((0, 990.0), (30, 998.0), (30.5, 51234.0), (60, 51240.0))
    for limited in (METER, spec(signals=("energy",))):
        found = fold_energy(entries[:2] + register((31, 412.0), (60, 418.0)), hour(), limited)
        assert (found.use, found.estimated) == (14.0, True)
    found = fold_energy(entries, hour(), METER)
    assert (found.use, found.estimated) == (14.0, True)


def test_a_hole_is_spread_and_told() -> None:
    entries = register(
        *((m, 100.0 + m) for m in range(11)), *((m, 100.0 + m) for m in range(40, 61))
    )
    found = fold_energy(entries, hour(), METER)
    assert (found.use, found.estimated, found.coverage) == (60.0, True, 0.5)


def test_readings_that_do_not_reach_the_edges() -> None:
    found = fold_energy(register(*((m, 100.0 + m) for m in range(30, 46))), hour(), METER)
    assert (found.use, found.coverage) == (15.0, 0.25)
    assert (found.start, found.end) == (130.0, 145.0)


@pytest.mark.parametrize("entries", [[], register((30, 5.0)), register((90, 5.0), (95, 6.0))])
def test_nothing_known(entries: list[Entry]) -> None:
    found = fold_energy(entries, hour(), METER)
    assert (found.use, found.coverage, found.max_kw, found.estimated) == (
        None,
        0.0,
        None,
        False,
    )
    assert found.start is None
    assert found.kpi["kgce"] is None


def test_power_stands_in_and_says_so() -> None:
    entries = [Entry(T0 + m * MINUTE, "energy_of_power", m / 2) for m in range(61)]
    found = fold_energy(entries, hour(), spec(signals=("power",)))
    assert (found.use, found.estimated, found.start) == (30.0, True, None)
    assert found.max_kw == pytest.approx(30.0)


def test_windows_add_up_to_the_day() -> None:
    entries = register(*((m * 0.7, 100.0 + m * m * 0.001) for m in range(2200)))
    loose = spec(signals=("energy",))
    day = fold_energy(entries, Window("day", T0, T0 + 24 * HOUR), loose)
    parts = [fold_energy(entries, hour(T0 + h * HOUR), loose).use or 0.0 for h in range(24)]
    assert sum(parts) == pytest.approx(day.use, abs=1e-9)
    peaks = [fold_energy(entries, hour(T0 + h * HOUR), loose).max_kw or 0.0 for h in range(24)]
    assert max(peaks) == day.max_kw
