"""Lines and the site: sums of their assets, closed and restated as those are."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from gateway.figures.calendar import Calendar
from gateway.kpi import ProductTerms
from gateway.ledger import Ledger
from gateway.rollup.about import describe
from gateway.settings import Roster, Rosters, Shift
from tests.kpi_traces import EVERY_DAY, HOUR, MINUTE, SHANGHAI, T0, asset, cases, close, expected
from tests.kpi_traces import spec as spec_of
from tests.ledger_rig import Rig

if TYPE_CHECKING:
    from gateway.model import Asset, Value

SPEC = spec_of(windows=("hour", "shift", "day"), kpis=("teep", "failures", "kwh_per_good"))
METERED = dataclasses.replace(SPEC, signals=(*SPEC.signals, "energy"))
METER = spec_of(signals=("energy",), counting="none", windows=("hour",), kpis=())


def site(*assets: Asset, **lines: Roster) -> Rig:
    return Rig(assets, Calendar(SHANGHAI, Rosters(None, lines)))


def read(rig: Rig, name: str, t_ms: int, **values: Value) -> None:
    rig._keep(rig.ledger.observe(name, t_ms, values))


def play(rig: Rig, start: int, end: int, *names: str, step: int = 10_000, **values: Value) -> None:
    """Read some assets alike, each `step`; a tuple of values is one for each of them."""
    for t_ms in range(start, end, step):
        for place, name in enumerate(names):
            given = {s: v[place] if isinstance(v, tuple) else v for s, v in values.items()}
            read(rig, name, t_ms, **given)
        rig.tick(t_ms + 200)


def test_p03_is_weighted_and_no_mean() -> None:
    given = cases()["P03"]["inputs"]["machines"]
    spec = dataclasses.replace(SPEC, ideal_cycle_s=60.0, windows=("day",))
    rosters = {
        f"l{place}": Roster((Shift("s", 0, machine["pbt"], EVERY_DAY),))
        for place, machine in enumerate(given)
    }
    rig = site(*(asset(spec, m["name"], f"l{n}") for n, m in enumerate(given)), **rosters)
    for minute in range(24 * 60 + 2):
        for machine in given:
            made = min(minute, machine["pq"])
            bad = min(machine["pq"] - machine["gq"], made)
            word = "running" if minute < machine["apt"] else "fault"
            at = T0 + minute * MINUTE
            for second in (0, 30):
                read(rig, machine["name"], at + second * 1000, state=word, count=made, reject=bad)
        rig.tick(T0 + minute * MINUTE + 30_000)
    body = rig.told("oee", "day", "_site")[-1]
    wanted = expected("P03")
    assert body["win"]["start"] == T0
    assert close(body["a"], wanted["availability"])
    assert close(body["p"], wanted["effectiveness"])
    assert close(body["q"], wanted["quality_ratio"])
    assert close(body["oee"], wanted["oee"])
    assert not close(body["oee"], wanted["wrong_simple_mean"])


def hour(rig: Rig, of: str = "_line", cls: str = "oee") -> dict[str, Any]:
    return rig.told(cls, "hour", of)[-1]


def test_an_asset_without_plan_adds_nothing_but_its_energy() -> None:
    rest = Roster(())
    rig = site(asset(METERED, "m1", "a"), asset(METERED, "m2", "b"), b=rest)
    for t_ms in range(T0, T0 + HOUR + 30_000, 10_000):
        spent = (t_ms - T0) / HOUR
        for name in ("m1", "m2"):
            made = round(spent * 360)
            read(rig, name, t_ms, state="running", count=made, reject=0, energy=spent)
        rig.tick(t_ms + 200)
    body = hour(rig, "_site")
    assert (body["time_s"]["planned"], body["count"]["total"]) == (3600, 359)
    assert hour(rig, "_site", "energy/electricity")["use"] == pytest.approx(2.0, abs=1e-3)


def test_a_line_with_an_asset_of_quality_none_has_none() -> None:
    blind = dataclasses.replace(SPEC, signals=("state", "count"), quality="none")
    rig = site(asset(SPEC, "m1"), asset(blind, "m2"))
    play(rig, T0, T0 + HOUR + 30_000, "m1", "m2", state="running", count=5, reject=0)
    body = hour(rig)
    assert body["basis"]["quality"] == "none"
    assert body["count"]["good"] is body["q"] is body["oee"] is None
    assert body["reason"] == "no_quality"
    assert body["count"]["total"] == 0


def test_pieces_of_several_units_have_ratios_and_no_count() -> None:
    other = dataclasses.replace(SPEC, piece="pair")
    rig = site(asset(SPEC, "m1"), asset(other, "m2"))
    for t_ms in range(T0, T0 + HOUR + 30_000, 10_000):
        for name in ("m1", "m2"):
            read(rig, name, t_ms, state="running", count=(t_ms - T0) // 10_000, reject=0)
        rig.tick(t_ms + 200)
    body = hour(rig)
    assert body["count"] == {"total": None, "good": None, "scrap": None, "unplaced": 0, "u": ""}
    assert body["reason"] == "mixed_units"
    assert body["p"] == pytest.approx(0.0997, abs=1e-3)


def test_operations_of_a_garment_do_not_add_up_but_balance() -> None:
    """A cycle of 30 s and one of 60 s: (30 + 60) / (2 × 60)."""
    station = dataclasses.replace(
        SPEC, piece="operation", adds_up=False, kpis=("line_balance",), ideal_cycle_s=20.0
    )
    rig = site(asset(station, "m1"), asset(station, "m2"))
    for t_ms in range(T0, T0 + HOUR + 30_000, 10_000):
        for name, cycle in (("m1", 30_000), ("m2", 60_000)):
            read(rig, name, t_ms, state="running", count=(t_ms - T0) // cycle, reject=0)
        rig.tick(t_ms + 200)
    body = hour(rig)
    assert body["count"]["total"] is None
    assert body["reason"] == "mixed_units"
    cycles = 3600 / 119, 3600 / 59  # the last of each is read at the hour's end
    assert body["kpi"]["line_balance"] == pytest.approx(sum(cycles) / 2 / max(cycles), abs=1e-9)
    assert "line_balance" not in rig.told("oee", "hour", "_site")[-1]["kpi"]


def test_what_a_main_meter_measures_is_not_counted_twice() -> None:
    behind = dataclasses.replace(METERED, within="main-meter")
    rig = site(
        asset(behind, "m1", "a"), asset(METERED, "m2", "a"), asset(METER, "main-meter", "power")
    )
    for t_ms in range(T0, T0 + HOUR + 30_000, 10_000):
        spent = (t_ms - T0) / HOUR
        for name, kwh in (("m1", 10), ("m2", 4), ("main-meter", 30)):
            values: dict[str, Value] = {"energy": kwh * spent}
            if name != "main-meter":
                values |= {"state": "running", "count": 5, "reject": 0}
            read(rig, name, t_ms, **values)
        rig.tick(t_ms + 200)
    use = {
        record.line: body["use"]
        for record, body in rig.bodies("energy/electricity")
        if record.asset.startswith("_") and body["win"]["kind"] == "hour"
    }
    assert use["a"] == pytest.approx(14.0, abs=1e-3)
    assert use["power"] == pytest.approx(30.0, abs=1e-3)
    assert use["_site"] == pytest.approx(34.0, abs=1e-3)


def test_late_data_of_a_part_restates_its_line_and_its_site_after_a_restart_too() -> None:
    rig = site(asset(SPEC, "m1"), asset(SPEC, "m2"))
    play(rig, T0, T0 + HOUR + 30_000, "m1", "m2", state="running", count=5, reject=0)
    assert [body["rev"] for body in rig.told("oee", "hour", "_line")] == [0]
    read(rig, "m1", T0 - 1000, count=2)
    rig.restart(T0 + HOUR + 40_000)
    play(rig, T0 + HOUR + 40_000, T0 + HOUR + MINUTE, "m1", "m2", state="running", count=5)
    for of in ("_line", "_site"):
        first, again = rig.told("oee", "hour", of)
        assert (first["rev"], again["rev"]) == (0, 1)
        assert (first["count"]["total"], again["count"]["total"]) == (0, 3)


def test_an_asset_that_fell_silent_holds_up_nobody() -> None:
    rig = site(asset(SPEC, "m1"), asset(SPEC, "m2"))
    play(rig, T0, T0 + 30 * MINUTE, "m1", "m2", state="running", count=5, reject=0)
    play(rig, T0 + 30 * MINUTE, T0 + HOUR + 30_000, "m1", state="running", count=5, reject=0)
    body = hour(rig)
    assert body["time_s"]["unknown"] == 1810
    assert body["coverage"] == pytest.approx(0.7486, abs=1e-4)


def test_a_shift_of_the_site_is_one_that_all_lines_have() -> None:
    early = Shift("early", 0, 60, EVERY_DAY)
    late = Shift("late", 60, 120, EVERY_DAY)
    longer = Shift("late", 60, 180, EVERY_DAY)
    rig = site(
        asset(SPEC, "m1", "a"),
        asset(SPEC, "m2", "b"),
        a=Roster((early, late)),
        b=Roster((early, longer)),
    )
    play(rig, T0, T0 + 3 * HOUR + 30_000, "m1", "m2", state="running", count=5, reject=0)
    assert [body["win"]["shift"] for body in rig.told("oee", "shift", "_site")] == ["early"]
    lines = [body["win"]["shift"] for body in rig.told("oee", "shift", "_line")]
    assert sorted(lines) == ["early", "early", "late", "late"]


def test_many_assets_close_an_hour_a_few_at_a_time() -> None:
    names = [f"m{number}" for number in range(120)]
    spec = dataclasses.replace(SPEC, windows=("hour",))
    rig = site(*(asset(spec, name) for name in names))
    play(rig, T0 + 50 * MINUTE, T0 + HOUR + 10_000, *names, state="running", count=5, reject=0)
    now = T0 + HOUR + 10_000
    while not rig.told("oee", "hour", "_site"):
        before = len(rig.told("oee"))
        if now % 10_000 == 0:
            for name in names:
                read(rig, name, now, state="running", count=5, reject=0)
        rig.tick(now)
        now += 1000
        assert len(rig.told("oee")) - before <= 20
    assert hour(rig, "_site")["time_s"]["planned"] == 120 * 3600


def test_the_sums_are_described_as_assets() -> None:
    ledger = Ledger([asset(SPEC, "m1", "a"), asset(METER, "e1", "b")], Calendar(SHANGHAI))
    told = list(describe(ledger.rollups(), [asset(SPEC, "m1", "a")], "south"))
    assert [(one.line, one.name, one.kind) for one, _names in told] == [
        ("a", "_line", "line"),
        ("b", "_line", "line"),
        ("_site", "_site", "site"),
    ]
    assert told[0][1] == ["failures", "kwh_per_good", "line_balance", "teep"]
    assert told[2][1] == ["failures", "kwh_per_good", "teep"]


def test_balance_of_a_line_is_its_cycles_over_the_slowest() -> None:
    rig = site(asset(SPEC, "m1"), asset(SPEC, "m2"))
    for t_ms in range(T0, T0 + HOUR + 30_000, 10_000):
        for name, each_s in (("m1", 30), ("m2", 60)):
            made = (t_ms - T0) // 1000 // each_s
            read(rig, name, t_ms, state="running", count=made, reject=0)
        rig.tick(t_ms + 200)
    cycles = [3600 / 119, 3600 / 59]
    assert hour(rig)["kpi"]["line_balance"] == pytest.approx(sum(cycles) / (2 * max(cycles)))
    assert "line_balance" not in hour(rig, "_site")["kpi"]


def test_operators_of_two_stations_add_up() -> None:
    terms = (ProductTerms(0, None, 40.0),)
    signals = (*SPEC.signals, "operators", "product")
    sewing = dataclasses.replace(
        SPEC, signals=signals, products={"a": terms}, kpis=("line_efficiency", "attended_time")
    )
    rig = site(asset(sewing, "m1"), asset(sewing, "m2"))
    for t_ms in range(T0, T0 + HOUR + 30_000, 10_000):
        for name, people in (("m1", 1), ("m2", 2)):
            made = (t_ms - T0) // 60_000
            given: dict[str, Value] = {"count": made, "reject": 0, "product": "a"}
            read(rig, name, t_ms, state="running", operators=people, **given)
        rig.tick(t_ms + 200)
    kpi = hour(rig)["kpi"]
    assert kpi["attended_time"] == 3 * 3600
    assert kpi["line_efficiency"] == pytest.approx(2 * 59 * 40 / (3 * 3600))


def test_windows_of_a_machine_that_is_gone_stay_as_told() -> None:
    rig = site(asset(SPEC, "m1"), asset(SPEC, "m2"))
    play(rig, T0, T0 + HOUR + 30_000, "m1", "m2", state="running", count=5, reject=0)
    rig._keep(rig.ledger.replace({}, ["m1"]))
    read(rig, "m1", T0 - 1000, count=2)
    play(rig, T0 + HOUR + 30_000, T0 + 2 * HOUR + 30_000, "m1", state="running", count=5, reject=0)
    told = [(b["rev"], b["time_s"]["planned"]) for b in rig.told("oee", "hour", "_line")]
    assert told == [(0, 7200), (0, 3600)]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_line_that_comes_back_goes_on_with_its_revisions(restarted: bool) -> None:  # noqa: FBT001
    there = dataclasses.replace(asset(SPEC, "m2"), line="l2")
    rig = site(asset(SPEC, "m1"), there)
    play(rig, T0, T0 + HOUR + 30_000, "m1", "m2", state="running", count=5, reject=0)
    rig.commit()
    before, rig.assets = rig.assets, (rig.assets[0],)
    if restarted:
        rig.restart(T0 + HOUR + 31_000)
    else:
        rig._keep(rig.ledger.replace({}, ["m1"]))
    play(rig, T0 + HOUR + 31_000, T0 + 2 * HOUR + 30_000, "m1", state="running", count=5, reject=0)
    rig.assets = before
    rig.withdraw()
    rig.begin_anew(T0 + 2 * HOUR + 31_000)
    play(rig, T0 + 2 * HOUR + 31_000, T0 + 3 * HOUR + 30_000, "m1", "m2", state="running", count=5)
    told = [
        (record.subject, body["rev"])
        for record, body in rig.bodies("oee")
        if (record.line, record.asset) == ("l2", "_line") and body["final"]
    ]
    assert told
    assert len(told) == len(set(told)), "no revision twice"
