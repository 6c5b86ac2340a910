"""Energy of a shared machine among those that it works for: exact, by quarters, restated."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.metering import MeterSpec, Shared
from gateway.model import Asset
from tests.kpi_traces import HOUR, MINUTE, T0, spec
from tests.ledger_rig import Rig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.kpi import KpiSpec

STEP = 30_000
USER = spec(
    signals=("state", "count", "reject", "energy"),
    windows=("hour", "day"),
    kpis=("shared_kwh", "kwh_per_good_with_shared", "kwh_per_good"),
    silence_s=90.0,
)
AIR = ("compressor", "press-1", "press-2")


def site(by: str, among: Mapping[str, float] | None = None) -> Rig:
    """A compressor and two presses."""
    shared = Shared(among or {"press-1": 1.0, "press-2": 1.0}, by)
    compressor = spec(
        counting="none",
        signals=("energy",),
        windows=("hour", "day"),
        kpis=("unallocated_kwh",),
        silence_s=90.0,
        metering=MeterSpec(shared=shared),
    )
    made = zip(AIR, (compressor, USER, USER), strict=True)
    return Rig([Asset(name, "main", "machine", {}, (), kpi) for name, kpi in made])


def read(rig: Rig, asset: str, t: int, **values: Any) -> None:  # noqa: ANN401
    rig._keep(rig.ledger.observe(asset, t, values))


def work(rig: Rig, start: int, end: int, skip: Mapping[str, tuple[int, int]] | None = None) -> None:
    """The compressor takes 36 kW; press-1 runs always, press-2 in the second half of each hour.

    Each makes a piece in each 30 s that it runs, and takes 3.6 kW.
    """
    for t in range(start, end, STEP):
        runs = {"press-1": True, "press-2": (t - T0) % HOUR >= HOUR // 2}
        given = skip or {}
        for name in AIR:
            since, until = given.get(name, (0, 0))
            if since <= t < until:
                continue
            reading(rig, name, t, runs=runs.get(name, False))
        rig.tick(t)


def reading(rig: Rig, name: str, t: int, *, runs: bool) -> None:
    hours = (t - T0) / HOUR
    if name == "compressor":
        read(rig, name, t, energy=1000 + 36 * hours)
        return
    made = (t - T0) // STEP if name == "press-1" else _half(t)
    state = "running" if runs else "idle"
    read(rig, name, t, state=state, count=made, reject=0, energy=3.6 * hours)


def _half(t: int) -> int:
    whole, rest = divmod(t - T0, HOUR)
    return (whole * HOUR // 2 + max(0, rest - HOUR // 2)) // STEP


def hours(rig: Rig, asset: str, kind: str = "hour") -> list[dict[str, Any]]:
    """The newest statement of each window of an asset, in order, without its revision."""
    found: dict[int, dict[str, Any]] = {}
    for record in rig.records:
        if record.asset == asset and record.cls == "energy/electricity":
            body = json.loads(record.body)
            if body["win"]["kind"] == kind and body["final"]:
                del body["rev"]
                found[body["win"]["start"]] = body
    return [found[start] for start in sorted(found)]


@pytest.mark.parametrize(
    ("by", "among", "first", "second"),
    [
        ("run_time", None, 18 + 9, 9),
        ("pieces", None, 18 + 9, 9),
        ("share", {"press-1": 3.0, "press-2": 1.0}, 27, 9),
    ],
)
def test_it_is_shared_out_and_adds_up(
    by: str, among: Mapping[str, float] | None, first: float, second: float
) -> None:
    rig = site(by, among)
    work(rig, T0, T0 + HOUR + 3 * MINUTE)
    one, other = (hours(rig, name)[0] for name in AIR[1:])
    assert one["kpi"]["shared_kwh"] == pytest.approx(first, rel=0.02)
    assert other["kpi"]["shared_kwh"] == pytest.approx(second, rel=0.04)
    (own,) = hours(rig, "compressor")
    total = one["kpi"]["shared_kwh"] + other["kpi"]["shared_kwh"] + own["kpi"]["unallocated_kwh"]
    assert total == pytest.approx(own["use"], abs=1e-9)
    assert one["use"] == pytest.approx(3.6), "what its own meter tells is its own"
    good = 120
    with_shared = (one["use"] + one["kpi"]["shared_kwh"]) / good
    assert one["kpi"]["kwh_per_good_with_shared"] == pytest.approx(with_shared, rel=0.01)


def test_what_nobody_ran_for_is_left() -> None:
    rig = site("run_time", {"press-2": 1.0})
    work(rig, T0, T0 + HOUR + 3 * MINUTE)
    (own,) = hours(rig, "compressor")
    assert own["kpi"]["unallocated_kwh"] == pytest.approx(18, abs=1e-9)
    assert hours(rig, "press-2")[0]["kpi"]["shared_kwh"] == pytest.approx(18, abs=1e-9)
    assert "shared_kwh" not in hours(rig, "press-1")[0]["kpi"]


def test_hours_add_up_to_the_day() -> None:
    rig = site("run_time")
    work(rig, T0, T0 + 24 * HOUR + 3 * MINUTE)
    for name in AIR[1:]:
        (day,) = hours(rig, name, "day")
        parts = sum(one["kpi"]["shared_kwh"] for one in hours(rig, name))
        assert parts == pytest.approx(day["kpi"]["shared_kwh"], abs=1e-9)


@pytest.mark.parametrize("late", AIR)
def test_what_comes_late_from_one_restates_all(late: str) -> None:
    whole, rig = site("run_time"), site("run_time")
    end = T0 + HOUR + 3 * MINUTE
    gap = (T0 + 10 * MINUTE, T0 + 50 * MINUTE)
    work(whole, T0, end)
    work(rig, T0, end, {late: gap})
    if late != "compressor":
        shares = [hours(one, "press-1")[0]["kpi"]["shared_kwh"] for one in (whole, rig)]
        assert shares[0] != shares[1]
    for t in range(*gap, STEP):
        reading(rig, late, t, runs=late == "press-1" or (t - T0) % HOUR >= HOUR // 2)
    for passed in range(0, 60_000, 1000):
        rig.tick(end + passed)
    for name in AIR:
        assert hours(rig, name) == hours(whole, name)


def test_a_restart_changes_nothing() -> None:
    whole, rig = site("run_time"), site("run_time")
    work(whole, T0, T0 + 2 * HOUR + 3 * MINUTE)
    work(rig, T0, T0 + 40 * MINUTE)
    rig.restart(T0 + 40 * MINUTE, graceful=True)
    work(rig, T0 + 40 * MINUTE, T0 + 2 * HOUR + 3 * MINUTE)
    for name in AIR:
        assert hours(rig, name) == hours(whole, name)


def test_the_settings_of_a_user_need_no_meter_of_its_own() -> None:
    """Without one there is no record to tell it in, and the others' are as they were."""
    rig = site("run_time")
    bare: KpiSpec = dataclasses.replace(USER, signals=("state", "count", "reject"))
    rig = Rig([rig.assets[0], rig.assets[1], dataclasses.replace(rig.assets[2], kpi=bare)])
    work(rig, T0, T0 + HOUR + 3 * MINUTE)
    assert hours(rig, "press-2") == []
    assert hours(rig, "press-1")[0]["kpi"]["shared_kwh"] == pytest.approx(27, rel=0.02)
