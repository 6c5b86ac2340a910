"""The ledger: windows closed in time, restated when late, told before they are over."""

from __future__ import annotations

import dataclasses

import pytest

from gateway.ledger import ENOUGH
from tests.kpi_traces import (
    HOUR,
    MINUTE,
    T0,
    asset,
    at_clock,
    cases,
    clock_calendar,
    close,
    expected,
    spec,
)
from tests.ledger_rig import SECOND, Rig, body, run


def test_p01_by_polling() -> None:
    inputs = cases()["P01"]["inputs"]
    calendar = clock_calendar("08:00", "16:00", ("12:00", "13:00"))
    start, end, down = at_clock("08:00"), at_clock("16:00"), at_clock("10:00")
    back = down + inputs["down"] * MINUTE
    rig = Rig.of(
        spec(windows=("hour", "shift", "day"), kpis=("teep", "nee"), max_rate=2.0), calendar
    )

    def at(pieces: int, t: int) -> int:
        return pieces * min(t - start, end - start - 10_000) // (end - start - 10_000)

    run(
        rig,
        start,
        end + 20_000,
        state=lambda t: "fault" if down <= t < back else "running",
        count=lambda t: at(inputs["pq"], t),
        reject=lambda t: at(inputs["reject"], t),
    )
    (shift,) = rig.told("oee", "shift")
    wanted = expected("P01")
    ratios = {"availability": "a", "effectiveness": "p", "quality_ratio": "q", "oee": "oee"}
    for name, key in ratios.items():
        assert close(shift[key], wanted[name])
    assert close(shift["kpi"]["teep"], wanted["teep"])
    assert shift["count"] == {
        "total": 19271,
        "good": 18848,
        "scrap": 423,
        "unplaced": 0,
        "u": "part",
    }
    assert shift["win"] == {"start": start, "end": end, "kind": "shift", "shift": "day"}
    assert (shift["rev"], shift["final"], shift["coverage"]) == (0, True, 1.0)
    hours = rig.told("oee", "hour")
    assert len(hours) == 8
    assert sum(hour["count"]["total"] for hour in hours) == 19271
    assert sum(hour["time_s"]["run"] for hour in hours) == shift["time_s"]["run"]
    assert [hour["reason"] for hour in hours if hour["a"] is None] == ["no_plan"]


def test_a_window_closes_after_its_grace() -> None:
    rig = Rig.of(spec())
    run(rig, T0, T0 + HOUR, state="running")
    rig.poll(T0 + HOUR, state="running")
    assert rig.tick(T0 + HOUR + 4_999) == []
    (draft,) = rig.tick(T0 + HOUR + 5_000)
    assert (draft.cls, draft.subject) == ("oee", f"hour/{T0}//")
    assert draft.ts_ms == T0 + HOUR + 5_000
    assert rig.tick(T0 + HOUR + 6_000) == []


def test_a_window_waits_until_its_end_was_seen() -> None:
    """Died ten seconds before the hour: the silence is in the record, which needs no second."""
    rig = Rig.of(spec())
    run(rig, T0, T0 + HOUR - 10_000, state="running")
    heard = T0 + HOUR - 20_000
    assert rig.tick(heard + 30_000) == []
    drafts = rig.tick(heard + 31_000)
    assert [draft.cls for draft in drafts] == ["state", "oee"]
    assert body(rig, "oee")["time_s"]["unknown"] == 20


def test_a_window_waits_for_the_stop_that_spans_its_end() -> None:
    rig = Rig.of(spec(micro_stop_s=120.0))
    run(rig, T0, T0 + HOUR - MINUTE, state="running")
    run(rig, T0 + HOUR - MINUTE, T0 + HOUR + MINUTE, state="fault")
    assert rig.told("oee") == []
    rig.poll(T0 + HOUR + MINUTE, state="fault")
    rig.tick(T0 + HOUR + MINUTE)
    told = body(rig, "oee")
    assert (told["time_s"]["delay"], told["rev"]) == (60, 0)
    other = Rig.of(spec(micro_stop_s=120.0))
    run(other, T0, T0 + HOUR - MINUTE, state="running")
    run(other, T0 + HOUR - MINUTE, T0 + HOUR + 30_000, state="fault")
    run(other, T0 + HOUR + 30_000, T0 + HOUR + 40_000, state="running")
    told = body(other, "oee")
    assert (told["time_s"]["delay"], told["time_s"]["run"], told["rev"]) == (0, 3600, 0)


def test_late_pieces_restate_the_window() -> None:
    rig = Rig.of(spec())
    run(rig, T0, T0 + HOUR + 20_000, state="running", count=5, reject=0)
    before = body(rig, "oee")
    assert before["count"]["total"] == 0
    rig.poll(T0 + 30 * MINUTE + 1, count=5)
    rig.tick(T0 + HOUR + 30_000)
    assert len(rig.told("oee")) == 1, "same figures, no new record"
    rig.poll(T0 - 1000, count=2)
    rig.tick(T0 + HOUR + 40_000)
    told = body(rig, "oee")
    assert (told["rev"], told["final"], told["count"]["total"]) == (1, True, 3)
    assert len(rig.told("oee")) == 2


def test_late_states_fill_a_silence() -> None:
    rig = Rig.of(spec())
    run(rig, T0, T0 + 10 * MINUTE, state="running", count=0, reject=0)
    run(rig, T0 + 20 * MINUTE, T0 + HOUR + 20_000, state="running", count=60, reject=0)
    told = body(rig, "oee")
    assert (told["time_s"]["unknown"], told["count"]["unplaced"]) == (610, 60)
    now = T0 + HOUR + 20_000
    for t in range(T0 + 10 * MINUTE, T0 + 20 * MINUTE, 10_000):
        rig.poll(t, state="fault", count=30, reject=0)
    rig.tick(now)
    rig.tick(now + 5000)
    told = body(rig, "oee")
    assert told["rev"] == 1
    assert (told["time_s"]["unknown"], told["time_s"]["delay"]) == (0, 600)
    assert told["count"] == {"total": 60, "good": 60, "scrap": 0, "unplaced": 0, "u": "part"}


def test_late_states_place_pieces_that_the_next_window_saw() -> None:
    """The counter is read seven seconds after the state, so its growth lies beyond the edge."""
    rig = Rig.of(spec())
    edge = T0 + HOUR

    def poll(start: int, end: int, word: str, count: int) -> None:
        for t in range(start, end, 10_000):
            rig.poll(t, state=word)
            rig.poll(t + 7000, count=count, reject=0)
            rig.tick(t + 8000)

    poll(T0, edge - 10 * MINUTE, "running", 0)
    poll(edge, edge + HOUR + 20_000, "setup", 60)
    assert [told["count"]["unplaced"] for told in rig.told("oee")] == [0, 60]
    for t in range(edge - 10 * MINUTE, edge, 10_000):
        rig.poll(t, state="running")
    rig.tick(edge + HOUR + 30_000)
    rig.tick(edge + HOUR + 40_000)
    assert [told["rev"] for told in rig.told("oee")] == [0, 0, 1, 1]
    assert [told["count"]["unplaced"] for told in rig.told("oee")] == [0, 60, 0, 0]


def test_what_is_too_late_is_refused_and_counted() -> None:
    rig = Rig.of(spec())
    run(rig, T0, T0 + 30 * HOUR, step=MINUTE // 4, state="running", count=1)
    assert rig.poll(T0 + HOUR, state="fault", count=0) == []
    assert rig.ledger.refused() == {"m1": 1}
    assert rig.told("oee")[-1]["rev"] == 0


def test_interim_figures_in_step_with_the_window() -> None:
    rig = Rig.of(spec(interim_s=600.0))
    run(rig, T0, T0 + 25 * MINUTE, step=1000, state="running", count=lambda t: (t - T0) // 2000)
    tens = rig.told("oee")
    assert [told["final"] for told in tens] == [False, False]
    assert [record.ts_ms for record in rig.records if record.cls == "oee"] == [
        T0 + 10 * MINUTE,
        T0 + 20 * MINUTE,
    ]
    assert tens[0]["win"] == {"start": T0, "end": T0 + HOUR, "kind": "hour"}
    assert (tens[0]["time_s"]["planned"], tens[0]["coverage"], tens[0]["rev"]) == (600, 1.0, 0)
    assert tens[1]["count"]["total"] == 599, "what was seen at the very end is beyond it"


def test_a_meter_waits_for_the_reading_beyond_the_edge() -> None:
    meter = spec(counting="none", signals=("energy",), windows=("quarter", "hour"), max_kw=100.0)
    rig = Rig.of(dataclasses.replace(meter, kpis=("kgce", "kgco2")))
    for second in range(-30, 3700, 20):
        t = T0 + second * SECOND
        rig.poll(t, energy=100.0 + (second + 30) / 100)
        rig.tick(t + 15_000)
    assert rig.told("oee") == []
    quarters = rig.told("energy/electricity", "quarter")
    assert [q["use"] for q in quarters] == [0.3, 9.0, 9.0, 9.0, 9.0]
    assert [q["max_kw"] for q in quarters[1:]] == [36.0] * 4
    (before, hour) = rig.told("energy/electricity", "hour")
    assert (before["use"], before["est"]) == (0.3, False)
    assert hour["reg"] == {"start": 100.3, "end": 136.3}
    assert hour["kpi"] == {"kgce": pytest.approx(4.4244), "kgco2": pytest.approx(19.1016)}
    assert set(hour["factors"]) == {"kgce", "co2"}
    logged = [e for row in rig.rows for e in row.entries if e.signal == "energy"]
    assert len(logged) <= 2 * 63, "two readings a minute"


def test_a_reading_that_ends_a_hole_restates_what_closed_in_it() -> None:
    meter = spec(counting="none", signals=("energy",), max_kw=100.0)
    rig = Rig.of(meter)
    for minute in range(30):
        rig.poll(T0 + minute * MINUTE, energy=100.0 + minute)
        rig.tick(T0 + minute * MINUTE)
    rig.tick(T0 + HOUR + MINUTE)
    told = body(rig, "energy/electricity")
    assert (told["use"], told["coverage"], told["est"]) == (29.0, 29 / 60, False)
    rig.poll(T0 + 90 * MINUTE, energy=190.0)
    rig.tick(T0 + 90 * MINUTE)
    rig.tick(T0 + 91 * MINUTE)
    told = body(rig, "energy/electricity")
    assert (told["rev"], told["use"], told["est"]) == (1, 60.0, True)


def test_power_is_summed_where_there_is_no_register() -> None:
    rig = Rig.of(spec(counting="none", signals=("power",)))
    for second in range(0, 3700, 5):
        rig.poll(T0 + second * SECOND, power=12.0)
        rig.tick(T0 + second * SECOND)
    told = body(rig, "energy/electricity")
    assert told["use"] == pytest.approx(12.0, abs=1e-9)
    assert told["est"] is True
    assert "reg" not in told


def test_energy_by_the_pieces_of_the_same_window() -> None:
    rig = Rig.of(spec(signals=("state", "count", "reject", "energy"), kpis=("kwh_per_good",)))
    run(
        rig,
        T0,
        T0 + HOUR + 20_000,
        state="running",
        count=lambda t: min((t - T0) // 10_000, 300),
        reject=lambda t: min((t - T0) // 60_000, 50),
        energy=lambda t: 500.0 + (t - T0) / 100_000,
    )
    told = body(rig, "energy/electricity")
    assert told["kpi"] == {"kwh_per_good": pytest.approx(36 / 250, abs=1e-9)}


def test_at_midnight_not_all_at_once() -> None:
    kinds = spec(windows=("hour", "shift", "day"))
    rig = Rig([asset(kinds, f"m{n}") for n in range(40)], clock_calendar("00:00", "24:00"))
    midnight = T0 + 24 * HOUR
    for item in rig.assets:
        rig.ledger.observe(item.name, T0, {"state": "running"})
        rig.ledger.observe(item.name, midnight, {"state": "running"})
    most = 0
    for n in range(400):
        told = [d for d in rig.tick(midnight + 5000 + n * 1000) if d.cls == "oee"]
        most = max(most, len(told))
    assert most < ENOUGH + 12
    assert len(rig.told("oee")) == 40 * 26


def test_live_figures_of_the_hour() -> None:
    rig = Rig.of(spec(ideal_cycle_s=20.0))
    run(rig, T0 - 10_000, T0 + 20 * MINUTE, state="running", count=lambda t: t // 20_000, reject=0)
    found = rig.ledger.live("m1", T0 + 20 * MINUTE)
    assert found is not None
    assert (found.state, found.a, found.coverage) == ("running", 1.0, 1.0)
    assert found.total == 60
    assert found.oee == pytest.approx(1.0)
