"""Windows of orders, and of products in a shift: from the log alone, however long or late."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.kpi_traces import HOUR, MINUTE, T0, clock_calendar
from tests.kpi_traces import spec as spec_of
from tests.ledger_rig import Rig, run

SPEC = spec_of(
    signals=("state", "count", "reject", "energy"),
    windows=("order", "product"),
    kpis=("production_process_ratio", "throughput_per_min"),
    products={},
    max_kw=1000.0,
)
SHIFT = clock_calendar("00:00", "06:00")


def say(rig: Rig, t_ms: int, now_ms: int | None = None, **said: str) -> None:
    drafts, _unused = rig.ledger.enter("m1", t_ms, said, now_ms or t_ms)
    rig._keep(drafts)


def work(rig: Rig, start: int, end: int, step: int = 10_000) -> None:
    """A piece and 10 Wh each ten seconds."""
    run(
        rig,
        start,
        end,
        step,
        state="running",
        count=lambda t: (t - T0) // 10_000,
        reject=0,
        energy=lambda t: (t - T0) / 1_000_000,
    )


def orders(rig: Rig, cls: str = "oee") -> dict[str, dict[str, Any]]:
    return {body["win"]["order"]: body for body in rig.told(cls, "order")}


def test_an_order_lasts_from_its_start_to_the_next_or_to_none() -> None:
    rig = Rig.of(SPEC)
    work(rig, T0, T0 + 10 * MINUTE)
    say(rig, T0 + 10 * MINUTE, order="o1", product="a")
    work(rig, T0 + 10 * MINUTE, T0 + 30 * MINUTE)
    say(rig, T0 + 30 * MINUTE, order="o2")
    work(rig, T0 + 30 * MINUTE, T0 + 35 * MINUTE)
    say(rig, T0 + 35 * MINUTE, order="")
    work(rig, T0 + 35 * MINUTE, T0 + 36 * MINUTE)
    first, second = rig.told("oee", "order")
    assert first["win"] == {
        "start": T0 + 10 * MINUTE,
        "end": T0 + 30 * MINUTE,
        "kind": "order",
        "product": "a",
        "order": "o1",
    }
    assert (first["count"]["total"], first["time_s"]["run"]) == (120, 1200)
    assert first["kpi"] == {"production_process_ratio": 1, "throughput_per_min": 6}
    assert (second["win"]["order"], second["time_s"]["run"]) == ("o2", 300)
    assert orders(rig, "energy/electricity")["o1"]["use"] == pytest.approx(1.2)


def test_an_order_said_late_shortens_the_one_before() -> None:
    rig = Rig.of(SPEC)
    say(rig, T0, order="o1")
    work(rig, T0, T0 + 30 * MINUTE)
    say(rig, T0 + 30 * MINUTE, order="")
    work(rig, T0 + 30 * MINUTE, T0 + 31 * MINUTE)
    say(rig, T0 + 20 * MINUTE, T0 + 31 * MINUTE, order="o2")
    work(rig, T0 + 31 * MINUTE, T0 + 32 * MINUTE)
    told = [(b["win"]["order"], b["rev"], b["time_s"]["run"]) for b in rig.told("oee", "order")]
    assert told == [("o1", 0, 1800), ("o1", 1, 1200), ("o2", 0, 600)]


def test_an_order_that_was_none_is_told_as_nothing() -> None:
    rig = Rig.of(SPEC)
    say(rig, T0, order="o1")
    work(rig, T0, T0 + 10 * MINUTE)
    say(rig, T0 + 10 * MINUTE, order="")
    work(rig, T0 + 10 * MINUTE, T0 + 11 * MINUTE)
    say(rig, T0, T0 + 11 * MINUTE, order="o2")
    work(rig, T0 + 11 * MINUTE, T0 + 12 * MINUTE)
    last = orders(rig)
    assert (last["o1"]["rev"], last["o1"]["win"]["end"], last["o1"]["reason"]) == (1, T0, "no_plan")
    assert (last["o2"]["rev"], last["o2"]["time_s"]["run"]) == (0, 600)


@pytest.mark.parametrize("restarts", [0, 1, 4])
def test_an_order_of_days_outlives_its_log_and_restarts(restarts: int) -> None:
    days = 5
    rig = Rig.of(dataclasses.replace(SPEC, silence_s=700.0))
    say(rig, T0 + HOUR, order="long", product="a")
    end = T0 + days * 24 * HOUR
    stops = {
        T0 + (number + 1) * (end - T0) // (restarts + 1) // HOUR * HOUR
        for number in range(restarts)
    }
    for t_ms in range(T0, end, HOUR):
        if t_ms in stops:
            rig.restart(t_ms, graceful=True)
        work(rig, t_ms, t_ms + HOUR, 10 * MINUTE)
    say(rig, end, order="")
    work(rig, end, end + 30 * MINUTE, MINUTE)
    (body,) = rig.told("oee", "order")
    assert body["win"]["start"] == T0 + HOUR
    assert body["win"]["end"] == end
    assert body["win"]["product"] == "a"
    assert body["time_s"]["planned"] == (days * 24 - 1) * 3600
    assert body["time_s"]["run"] + body["time_s"]["unknown"] == (days * 24 - 1) * 3600
    assert body["count"]["total"] == pytest.approx((days * 24 - 1) * 360, abs=60)
    energy = orders(rig, "energy/electricity")["long"]
    assert energy["use"] == pytest.approx((days * 24 - 1) * 3.6, rel=1e-3)


def test_a_shift_is_told_by_product_too_and_again_when_one_comes_late() -> None:
    rig = Rig.of(dataclasses.replace(SPEC, windows=("shift", "product")), SHIFT)
    say(rig, T0, product="a")
    work(rig, T0, T0 + 2 * HOUR, MINUTE // 2)
    say(rig, T0 + 2 * HOUR, product="b")
    work(rig, T0 + 2 * HOUR, T0 + 6 * HOUR + MINUTE, MINUTE // 2)
    told = {b["win"].get("product", ""): b for b in rig.told("oee", "shift")}
    assert {name: body["time_s"]["run"] for name, body in told.items()} == {
        "": 6 * 3600,
        "a": 2 * 3600,
        "b": 4 * 3600,
    }
    assert told["a"]["count"]["total"] + told["b"]["count"]["total"] == told[""]["count"]["total"]
    now = T0 + 6 * HOUR + MINUTE
    say(rig, T0 + 5 * HOUR, now, product="c")
    work(rig, now, now + MINUTE)
    told = {b["win"].get("product", ""): b for b in rig.told("oee", "shift")}
    assert told["c"]["time_s"]["run"] == 3600
    assert (told["c"]["rev"], told["b"]["rev"], told["a"]["rev"]) == (0, 1, 0)
    used = {b["win"].get("product", ""): b["use"] for b in rig.told("energy/electricity", "shift")}
    assert used["a"] + used["b"] + used["c"] == pytest.approx(used[""])


def test_orders_told_are_not_told_again_after_a_restart() -> None:
    rig = Rig.of(SPEC)
    say(rig, T0, order="o1")
    work(rig, T0, T0 + 10 * MINUTE)
    say(rig, T0 + 10 * MINUTE, order="o2")
    work(rig, T0 + 10 * MINUTE, T0 + 11 * MINUTE)
    rig.restart(T0 + 11 * MINUTE, graceful=True)
    work(rig, T0 + 11 * MINUTE, T0 + 20 * MINUTE)
    say(rig, T0 + 20 * MINUTE, order="")
    work(rig, T0 + 20 * MINUTE, T0 + 21 * MINUTE)
    assert [body["win"]["order"] for body in rig.told("oee", "order")] == ["o1", "o2"]


def test_an_order_goes_on_after_a_weekend_without_power() -> None:
    rig = Rig.of(dataclasses.replace(SPEC, silence_s=700.0))
    say(rig, T0, order="long")
    work(rig, T0, T0 + 60 * HOUR, 10 * MINUTE)
    off = 60 * HOUR
    rig.reach_ms += off
    start = T0 + 60 * HOUR + off
    rig.restart(start, graceful=True)
    rig.reach_ms -= off
    work(rig, start, start + 30 * MINUTE, 10 * MINUTE)
    rig.restart(start + 30 * MINUTE)
    work(rig, start + 30 * MINUTE, start + HOUR, 10 * MINUTE)
    say(rig, start + HOUR, order="")
    work(rig, start + HOUR, start + HOUR + 30 * MINUTE, MINUTE)
    (body,) = rig.told("oee", "order")
    assert body["time_s"]["planned"] == 121 * 3600
    assert body["time_s"]["unknown"] == pytest.approx(off / 1000, abs=1300)
    assert body["time_s"]["run"] == pytest.approx(61 * 3600, abs=1300)
