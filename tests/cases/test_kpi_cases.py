"""P01 to P10, each through the engine: a site file and a trace of readings, replayed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.publishers.canonical import Canonical
from gateway.tracing.playing import Player, polls
from gateway.tracing.stage import set_up
from tests.kpi_traces import TOLERANCE, cases, expected

if TYPE_CHECKING:
    from fractions import Fraction

FOLDER = Path(__file__).parent / "kpi" / "oee"
RATIOS = {
    "availability": "a",
    "effectiveness": "p",
    "quality_ratio": "q",
    "quality_ratio_time_weighted": "q",
    "oee": "oee",
}
MINUTES = {
    "pbt": ("planned",),
    "apt": ("run",),
    "aust": ("setup",),
    "adet": ("delay",),
    "aupt": ("run", "setup"),
    "aubt": ("run", "setup", "delay"),
}
NOTES = {"wrong_simple_mean", "kwh_per_pair_if_halves_div_2"}
"""What the cases give beside, to show what is wrong."""

Record = dict[str, Any]


@cache
def told(case: str) -> list[Record]:
    """The records of a case's trace, each with its asset and class."""
    stage = set_up(FOLDER / "site.yaml", FOLDER / f"{case}.jsonl")
    canonical = Canonical(stage.plant.identity)
    return [
        {
            "asset": record.asset,
            "class": record.cls,
            **json.loads(canonical.payload(record, hist=False)),
        }
        for record in Player(stage).play(polls(stage))
    ]


def only(case: str, asset: str, kind: str = "shift", cls: str = "oee", **key: str) -> Record:
    """The one record of an asset and a kind of window."""
    wanted = {"product": "", "order": "", **key}
    (found,) = [
        record
        for record in told(case)
        if (record["asset"], record["class"]) == (asset, cls)
        and record["win"]["kind"] == kind
        and all(record["win"].get(name, "") == value for name, value in wanted.items())
    ]
    assert found["final"]
    return found


def value_of(record: Record, name: str) -> float | None:
    """What a record says of a name of the cases."""
    value: float | None
    if name in RATIOS:
        value = record[RATIOS[name]]
    elif name in MINUTES:
        value = sum(record["time_s"][element] for element in MINUTES[name]) / 60
    else:
        value = record["kpi"][name]
    return value


def hold(record: Record, wanted: dict[str, Fraction | None]) -> None:
    for name, value in wanted.items():
        found = value_of(record, name)
        if value is None:
            assert found is None, name
        else:
            assert found == pytest.approx(float(value), abs=TOLERANCE, rel=0), name


def rest(case: str, *others: str) -> dict[str, Fraction | None]:
    """What a case expects, but for notes and for names that are looked at by themselves."""
    wanted = {n: value for n, value in expected(case).items() if n not in {*NOTES, *others}}
    assert wanted or others
    return wanted


@pytest.mark.parametrize("case", ["P01", "P02", "P08"])
def test_a_shift(case: str) -> None:
    hold(only(case, case.lower()), rest(case))


def test_p03_two_machines_of_a_line() -> None:
    line = only("P03", "_line")
    wanted = rest("P03")
    hold(line, wanted)
    each = [only("P03", name)["oee"] for name in ("p03-m1", "p03-m2")]
    assert sum(each) / 2 == pytest.approx(float(expected("P03")["wrong_simple_mean"] or 0))


ORDER = ("allocation_ratio", "production_process_ratio", "throughput_per_min")


def test_p04_a_day_and_an_order() -> None:
    day = only("P04", "p04", "day")
    hold(day, rest("P04", *ORDER))
    assert {day["kpi"][name] for name in ORDER} == {None}
    wanted = expected("P04")
    hold(only("P04", "p04", "order", order="W1"), {name: wanted[name] for name in ORDER})


def test_p05_two_products_in_a_shift() -> None:
    wanted = expected("P05")
    parts = {f"effectiveness_{name}": name for name in ("A", "B")}
    shift = only("P05", "p05")
    hold(shift, rest("P05", *parts))
    assert shift["basis"]["ideal"] == "nameplate"
    for name, product in parts.items():
        hold(only("P05", "p05", product=product), {"effectiveness": wanted[name]})


def test_p06_a_counter_that_wraps_and_one_that_is_reset() -> None:
    wanted = cases()["P06"]["expected"]
    changes: dict[str, list[str]] = {}
    for record in told("P06"):
        if record["class"] == "event/counter":
            changes.setdefault(record["asset"], []).append(record["data"]["change"])
    for name in ("rollover", "reset", "still"):
        hour = only("P06", f"p06-{name}", "hour")
        assert hour["count"]["total"] == wanted[f"{name}_total"]["value"]
        log = wanted.get(f"{name}_log", [])
        assert changes.get(f"p06-{name}", []) == [change for change in log if change != "up"]


def test_p07_short_stops() -> None:
    wanted = rest("P07", "oee_if_all_stops_were_downtime")
    hold(only("P07", "p07"), wanted)
    strict = only("P07", "p07-strict")
    hold(strict, {"oee": expected("P07")["oee_if_all_stops_were_downtime"]})
    assert strict["kpi"]["microstop_count"] == 0


@pytest.mark.parametrize("which", ["no_plan", "no_run", "run_no_piece", "all_scrap"])
def test_p09_without_a_basis(which: str) -> None:
    record = only("P09", f"p09-{which.replace('_', '-')}")
    wanted = {
        name.removeprefix(f"{which}."): value
        for name, value in expected("P09").items()
        if name.startswith(f"{which}.")
    }
    assert len(wanted) == 4
    hold(record, wanted)
    reasons = {"no_plan": "no_plan", "no_run": "no_run", "run_no_piece": "no_pieces"}
    assert record.get("reason", "") == reasons.get(which, "")


def test_p10_pairs_and_their_energy() -> None:
    wanted = expected("P10")
    shift = only("P10", "p10")
    assert shift["count"]["good"] == wanted["good_pairs"]
    hold(shift, {"unmatched_halves": wanted["unmatched_halves"]})
    hold(
        shift,
        dict.fromkeys(("quality_ratio", "quality_ratio_piece"), wanted["quality_ratio_halves"]),
    )
    energy = only("P10", "p10", cls="energy/electricity")
    hold(energy, {"kwh_per_good": wanted["kwh_per_good_pair"]})


def test_every_value_of_every_case_is_looked_at() -> None:
    looked = {"P03": 4, "P04": 16, "P05": 7, "P06": 5, "P07": 10, "P08": 10, "P09": 16, "P10": 4}
    for case, count in looked.items():
        assert len(cases()[case]["expected"].keys() - NOTES) == count
