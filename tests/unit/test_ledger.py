"""The ledger: states told once, windows closed in time, restated when late, taken up again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from gateway.figures.oee import fold_oee
from gateway.figures.windows import Window
from gateway.ledger import ENOUGH
from gateway.model import Entry, LogRow, Value
from tests.kpi_traces import (
    HOUR,
    MINUTE,
    T0,
    always,
    asset,
    at_clock,
    cases,
    clock_calendar,
    close,
    expected,
    spec,
)
from tests.ledger_rig import Rig

if TYPE_CHECKING:
    from gateway.model import Record

CONTRACT = Path(__file__).parents[2] / "docs" / "contract" / "asyncapi.yaml"
SECOND = 1000


def body(rig: Rig, cls: str) -> dict[str, Any]:
    """The last record's body."""
    return rig.told(cls)[-1]


Given = Value | Callable[[int], Value]


def run(rig: Rig, start: int, end: int, step: int = 10 * SECOND, **values: Given) -> None:
    """Poll from start to end, counters given as `lambda t: …`."""
    for t in range(start, end, step):
        rig.poll(t, **{name: v(t) if callable(v) else v for name, v in values.items()})
        rig.tick(t)


# States


def test_a_state_is_told_when_it_changes() -> None:
    rig = Rig.of(spec(states={"1": "running", "2": "setup"}))
    (first,) = rig.poll(T0, state=1)
    assert json.loads(first.body) == {"state": "running", "since": T0}
    assert rig.poll(T0 + 1000, state=1) == []
    (second,) = rig.poll(T0 + 2000, state=2.0)
    assert (second.cls, second.line, second.asset) == ("state", "main", "m1")
    assert json.loads(second.body) == {"state": "setup", "since": T0 + 2000, "prev": "running"}
    assert [entry for row in rig.rows for entry in row.entries] == [
        Entry(T0, "state", "running"),
        Entry(T0 + 2000, "state", "setup"),
    ]


def test_an_unmapped_or_unreadable_value_is_unknown() -> None:
    rig = Rig.of(spec(states={"1": "running"}))
    rig.poll(T0, state=1)
    rig.poll(T0 + 1000, state=7)
    told = body(rig, "state")
    assert (told["state"], told["prev"], told["reason"]) == ("unknown", "running", "unmapped 7")
    assert rig.ledger.unmapped() == {"m1": "7"}
    rig.poll(T0 + 2000, state=1)
    assert rig.ledger.unmapped() == {}
    rig.poll(T0 + 3000, state=None)
    assert body(rig, "state")["reason"] == "unread"
    assert rig.poll(T0 + 4000, state=None) == []


SIGNALS = ("count", "reject", "mounted", "energy", "power", "product")


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("first_bad_s", [0, 30])
def test_a_signal_that_can_never_be_read_stops_nothing(signal: str, first_bad_s: int) -> None:
    """A meter that is switched off when the gateway starts, and comes up a quarter later."""
    rig = Rig.of(spec(signals=("state", *SIGNALS), stations=24, windows=("quarter", "hour")))
    for second in range(first_bad_s, first_bad_s + 1200, 10):
        t_ms = T0 + 1000 * second
        rig.poll(t_ms, **{signal: None})  # another device's, a moment before the state
        values: dict[str, Value] = {"state": "running", "count": second, signal: None}
        rig.poll(t_ms + 5, **values)
        rig.tick(t_ms + 500)
    for second in range(first_bad_s + 1200, first_bad_s + 3600, 10):
        t_ms = T0 + 1000 * second
        values = {"state": "running", "count": second, signal: second}
        rig.poll(t_ms, **values)
        rig.tick(t_ms + 500)
    assert rig.finals()


def test_a_bit_and_a_text_are_words_too() -> None:
    rig = Rig.of(spec(states={"1": "running", "0": "idle", "运行": "running"}))
    rig.poll(T0, state=True)
    rig.poll(T0 + 1000, state=False)
    rig.poll(T0 + 2000, state="运行")
    assert [told["state"] for told in rig.told("state")] == ["running", "idle", "running"]


def test_silence_is_unknown_from_the_last_good_value_on() -> None:
    rig = Rig.of(spec())
    rig.poll(T0, state="running")
    rig.poll(T0 + 5000, state="running")
    assert rig.tick(T0 + 35_000) == []
    (draft,) = rig.tick(T0 + 35_001)
    assert json.loads(draft.body) == {
        "state": "offline",
        "since": T0 + 5000,
        "prev": "running",
        "reason": "silence",
    }
    assert rig.tick(T0 + 36_000) == []
    (draft,) = rig.poll(T0 + 60_000, state="running")
    assert json.loads(draft.body) == {"state": "running", "since": T0 + 60_000, "prev": "offline"}
    found = rig.ledger.live("m1", T0 + 60_000)
    assert found is not None
    assert (found.run_ms, found.unknown_ms) == (5000, 55_000)


def test_failed_reads_do_not_put_silence_off() -> None:
    rig = Rig.of(spec())
    rig.poll(T0, state="running")
    for t in range(T0 + 1000, T0 + 40_000, 1000):
        rig.poll(t, state=None)
        rig.tick(t)
    assert [told["state"] for told in rig.told("state")] == ["running", "unknown", "offline"]


def test_a_reading_that_was_only_late_takes_the_silence_back() -> None:
    rig = Rig.of(spec())
    rig.poll(T0, state="running")
    rig.tick(T0 + 31_000)
    rig.poll(T0 + 20_000, state="running")
    rig.poll(T0 + 45_000, state="running")
    found = rig.ledger.live("m1", T0 + 45_000)
    assert found is not None
    assert (found.run_ms, found.unknown_ms) == (45_000, 0)


def test_the_time_out_itself_is_no_silence() -> None:
    rig = Rig.of(spec())
    rig.poll(T0, state="running")
    rig.poll(T0 + 30_000, state="setup")
    rig.poll(T0 + 60_001, state="running")
    found = rig.ledger.live("m1", T0 + 60_001)
    assert found is not None
    assert (found.run_ms, found.unknown_ms) == (30_000, 30_001)


# Windows


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


def test_assets_without_figures_are_passed_over() -> None:
    bare = dataclasses.replace(asset(), kpi=None)
    rig = Rig([bare])
    assert rig.poll(T0, state="running") == []
    assert rig.tick(T0 + HOUR) == []
    assert rig.ledger.live("m1", T0) is None
    assert rig.ledger.observe("nobody", T0, {"state": 1}) == []


def test_values_that_are_no_numbers_are_passed_over() -> None:
    rig = Rig.of(spec())
    run(rig, T0, T0 + 60_000, state="running", count=lambda t: (t - T0) // 10_000)
    for value in (None, "7", float("nan"), float("inf")):
        rig.poll(T0 + 60_000, count=value)
    rig.poll(T0 + 70_000, state="running", count=6)
    found = rig.ledger.live("m1", T0 + 71_000)
    assert found is not None
    assert found.total == 6


def test_live_figures_of_the_hour() -> None:
    rig = Rig.of(spec(ideal_cycle_s=20.0))
    run(rig, T0 - 10_000, T0 + 20 * MINUTE, state="running", count=lambda t: t // 20_000, reject=0)
    found = rig.ledger.live("m1", T0 + 20 * MINUTE)
    assert found is not None
    assert (found.state, found.a, found.coverage) == ("running", 1.0, 1.0)
    assert found.total == 60
    assert found.oee == pytest.approx(1.0)


# Restart


def day_values(t: int) -> dict[str, Any]:
    minute = (t - T0) // MINUTE
    return {
        "state": "fault" if minute % 50 in {7, 8, 9} else "running",
        "count": (t - T0) // 12_000,
        "reject": (t - T0) // 300_000,
    }


@pytest.mark.parametrize("graceful", [False, True])
def test_a_restart_changes_nothing_but_the_silence(graceful: bool) -> None:  # noqa: FBT001
    def trace(rig: Rig, *, restarts: bool) -> Rig:
        for t in range(T0, T0 + 3 * HOUR + 30_000, 5000):
            if T0 + 80 * MINUTE <= t < T0 + 83 * MINUTE:
                continue
            if restarts and (t - T0) % (37 * MINUTE) == 0:
                rig.restart(t, graceful=graceful)
            rig.poll(t, **day_values(t))
            rig.tick(t)
        return rig

    judged = spec(windows=("hour", "shift"), micro_stop_s=200.0)
    calendar = clock_calendar("00:00", "03:00", ("01:30", "01:45"))
    never = trace(Rig.of(judged, calendar), restarts=False)
    often = trace(Rig.of(judged, calendar), restarts=True)
    assert never.finals() == often.finals()
    assert len(never.finals()) == 4
    assert all(json.loads(r.body).get("rev", 0) == 0 for r in often.records)


def test_windows_that_passed_while_stopped_are_closed_after_the_start() -> None:
    rig = Rig.of(spec())
    run(rig, T0, T0 + 30 * MINUTE, state="running", count=1, reject=0)
    rig.restart(T0 + 150 * MINUTE)
    rig.poll(T0 + 150 * MINUTE, state="running", count=301, reject=0)
    rig.tick(T0 + 150 * MINUTE)
    first, second = rig.told("oee")
    assert first["time_s"]["run"] == 1790
    assert (second["a"], second["coverage"], second["reason"]) == (None, 0.0, "unknown")
    run(rig, T0 + 150 * MINUTE, T0 + 3 * HOUR + 20_000, state="running", count=301, reject=0)
    third = body(rig, "oee")
    assert (third["count"]["total"], third["count"]["unplaced"]) == (300, 300)


def test_a_restatement_lost_in_a_crash_is_made_up_for() -> None:
    rig = Rig.of(spec())
    run(rig, T0, T0 + HOUR + 20_000, state="running", count=5, reject=0)
    rig.poll(T0 + HOUR + 20_000, state="running", count=5, reject=0)
    rig.tick(T0 + HOUR + 20_000)
    rig.poll(T0 - 1000, count=2)
    rig.restart(T0 + HOUR + 21_000)
    rig.poll(T0 + HOUR + 21_000, state="running", count=5, reject=0)
    rig.tick(T0 + HOUR + 27_000)
    told = body(rig, "oee")
    assert (told["rev"], told["count"]["total"]) == (1, 3)
    rig.restart(T0 + HOUR + 40_000)
    rig.poll(T0 + HOUR + 40_000, state="running", count=5, reject=0)
    rig.tick(T0 + HOUR + 50_000)
    assert len(rig.told("oee")) == 2


def test_a_window_that_was_final_is_told_open_no_more() -> None:
    """The clock was two hours ahead, so that the hour was over before it began."""
    rig = Rig.of(spec(interim_s=300.0))
    run(rig, T0 + 2 * HOUR, T0 + 3 * HOUR + 20_000, state="running", count=5, reject=0)
    final = [told["final"] for told in rig.told("oee") if told["win"]["start"] == T0 + 2 * HOUR]
    assert final == [False] * 11 + [True]
    rig.move(T0 + 2 * HOUR, -2 * HOUR, T0 + HOUR + 20_000)
    run(rig, T0 + HOUR + 20_000, T0 + 3 * HOUR + 20_000, state="idle", count=5, reject=0)
    told = [told for told in rig.told("oee") if told["win"]["start"] == T0 + 2 * HOUR]
    assert [(one["final"], one["rev"]) for one in told[11:]] == [(True, 0), (True, 1)]
    open_ = [t["final"] for t in rig.told("oee") if t["win"]["start"] == T0 + HOUR]
    assert open_.count(False) == 11


def test_what_waits_to_be_matched_outlives_the_log() -> None:
    """Ten left shoes of the first day meet their right ones on the third, over a restart."""
    pairs = spec(
        counting="pairs",
        signals=("state", "count_left", "count_right", "reject_left", "reject_right"),
        kpis=("unmatched",),
    )
    rig = Rig.of(pairs)
    still = {"count_right": 0, "reject_left": 0, "reject_right": 0}
    rig.poll(T0, state="running", count_left=0, **still)
    run(rig, T0 + MINUTE, T0 + 49 * HOUR, step=5 * MINUTE, state="idle", count_left=10, **still)
    rig.restart(T0 + 49 * HOUR)
    rig.poll(T0 + 49 * HOUR, state="running", count_left=10, **still)
    rig.tick(T0 + 49 * HOUR)
    still["count_right"] = 13
    end = T0 + 50 * HOUR + 20_000
    run(rig, T0 + 49 * HOUR + 1, end, step=MINUTE // 4, state="running", count_left=12, **still)
    told = body(rig, "oee")
    assert (told["count"]["good"], told["kpi"]["unmatched"]) == (12, 1)
    assert max(told["count"]["total"], 7.5) == 7.5


def test_an_asset_that_stood_still_for_days_is_known_after_a_restart() -> None:
    rig = Rig.of(spec())
    rig.poll(T0, state="idle", count=7, reject=0)
    run(rig, T0, T0 + 80 * HOUR, step=MINUTE // 4, state="idle", count=7, reject=0)
    now = T0 + 80 * HOUR
    rig.restart(now)
    rig.poll(now, state="idle", count=9, reject=0)
    run(rig, now, now + HOUR + 20_000, step=MINUTE // 4, state="idle", count=9, reject=0)
    told = body(rig, "oee")
    assert (told["time_s"]["idle"], told["count"]["total"], told["coverage"]) == (3600, 2, 1.0)
    assert [told["state"] for told in rig.told("state")] == ["idle"]


def test_memory_is_bounded() -> None:
    rig = Rig.of(spec(signals=("state", "count", "reject", "energy"), max_kw=100.0))
    sizes = []
    for day in range(4):
        start = T0 + day * 24 * HOUR
        run(
            rig,
            start,
            start + 24 * HOUR,
            step=15 * SECOND,
            state="running",
            count=lambda t: (t - T0) // 30_000,
            reject=0,
            energy=lambda t: (t - T0) / 500_000,
        )
        journal = rig.ledger._accounts["m1"]._journal
        sizes.append(sum(len(series) for series in journal.numbers.values()))
    assert sizes[3] <= sizes[1] * 1.05
    account = rig.ledger._accounts["m1"]
    assert all(len(book._told) <= 27 for book in account._books)


def test_the_log_is_written_by_asset() -> None:
    rig = Rig([asset(name="a"), asset(name="b")])
    rig.ledger.observe("a", T0, {"state": "running", "count": 1})
    rig.ledger.observe("b", T0, {"state": "idle"})
    assert rig.ledger.take_log() == [
        LogRow("a", (Entry(T0, "state", "running"), Entry(T0, "count", 1))),
        LogRow("b", (Entry(T0, "state", "idle"),)),
    ]
    assert rig.ledger.take_log() == []
    assert rig.ledger.heard() == {"a": T0, "b": T0}


def test_the_log_alone_gives_the_record() -> None:
    """Replay: the fold over what was made durable gives the figures that were told."""
    rig = Rig.of(spec(micro_stop_s=120.0, kpis=("nee", "micro_stops")))
    for t in range(T0 - 60_000, T0 + HOUR + 10_000, 5000):
        rig.poll(t, **day_values(t))
        rig.tick(t)
    told = rig.told("oee")[-1]
    entries = [entry for row in rig.rows for entry in row.entries]
    window = Window("hour", T0, T0 + HOUR)
    found = fold_oee(entries, Fraction(0), window, always(window), spec(micro_stop_s=120.0))
    assert (found.a, found.p, found.q, found.oee) == tuple(told[k] for k in ("a", "p", "q", "oee"))
    assert found.kpi["micro_stops"] == told["kpi"]["micro_stops"]


# A clock that is set


def test_a_clock_set_back_does_not_stop_the_figures() -> None:
    """Wrong by an hour until noon: the hour is lived twice, and the second time counts."""
    rig = Rig.of(spec(signals=("state", "count", "reject", "energy")))
    run(rig, T0, T0 + 3 * HOUR, state="running", count=lambda t: (t - T0) // 20_000, reject=0)
    again = T0 + 2 * HOUR
    known = len(rig.rows)
    run(
        rig,
        again,
        again + 2 * HOUR + 20_000,
        state=lambda t: "fault" if t < again + 10 * MINUTE else "running",
        count=lambda t: 540 + (t - again) // 10_000,
        reject=0,
        energy=100.0,
    )
    assert rig.told("state")[-1]["state"] == "running"
    hours = [told for told in rig.told("oee") if told["win"]["start"] == again]
    assert [told["rev"] for told in hours] == [0]
    # What was counted in the hour that was none is seen, and so counted, in this one.
    assert (hours[0]["time_s"]["delay"], hours[0]["count"]["total"]) == (590, 180 + 360)
    assert rig.ledger.refused() == {"m1": 1}, "the one poll before the step was noticed"
    entries = sum(len(row.entries) for row in rig.rows[known:])
    assert entries < 2 * 720 + 400, "nothing is logged more than it changes"


def test_windows_told_in_a_future_that_was_none_are_told_again() -> None:
    rig = Rig.of(spec())
    run(rig, T0, T0 + 5 * MINUTE, state="running", count=1, reject=0)
    future = T0 + 20 * 365 * 24 * HOUR
    rig.poll(future, state="running", count=1, reject=0)
    rig.tick(future)
    run(rig, future, future + HOUR + 20_000, state="idle", count=1, reject=0)
    run(rig, T0 + 5 * MINUTE, T0 + HOUR + 20_000, state="running", count=1, reject=0)
    hour = next(told for told in rig.told("oee") if told["win"]["start"] == T0)
    assert (hour["rev"], hour["time_s"]["run"]) == (0, 3600)
    assert rig.told("state")[-1]["state"] == "running"
    assert rig.ledger.refused() == {"m1": 1}, "the one poll before the step was noticed"
    back = T0 + HOUR - MINUTE
    run(rig, back, T0 + HOUR + 20_000, state="fault", count=1, reject=0)
    hours = [told for told in rig.told("oee") if told["win"]["start"] == T0]
    assert [told["rev"] for told in hours] == [0, 1]
    assert hours[1]["time_s"]["delay"] == 60


# The contract


def schemas() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(CONTRACT.read_text("utf-8"))
    return found


def judge(record: Record, contract: dict[str, Any]) -> None:
    name = record.cls.split("/")[0]
    schema = {"$ref": f"#/components/schemas/{name}", "components": contract["components"]}
    envelope = {"v": "1.0", "id": f"gw-1:1:{record.key}", "ts": record.ts_ms, "hist": False}
    jsonschema.Draft7Validator(schema).validate({**envelope, **json.loads(record.body)})


def test_every_record_keeps_the_contract() -> None:
    contract = schemas()
    kpis = ("nee", "teep", "mtbf_s", "kwh_per_good", "kgce", "kgco2", "station_loss_s", "unmatched")
    signals = ("state", "count", "reject", "energy")
    pairs = ("state", "count_left", "count_right", "reject_left", "reject_right", "power")
    kinds = ("quarter", "hour", "shift", "day")
    assets = [
        asset(spec(signals=signals, kpis=kpis, windows=kinds, interim_s=900.0), "a"),
        asset(spec(signals=pairs, counting="pairs", kpis=kpis, windows=kinds), "b"),
        asset(spec(signals=("state",), counting="none", windows=kinds, ideal_cycle_s=None), "c"),
        asset(spec(signals=("energy",), counting="none", windows=kinds), "d"),
    ]
    rig = Rig(assets, clock_calendar("02:00", "10:00", ("06:00", "06:30")))
    for t in range(T0, T0 + 26 * HOUR, 30_000):
        n = (t - T0) // 30_000
        state = None if n % 97 == 5 else ("fault" if n % 40 < 3 else "running")
        values = {
            "state": state,
            "count": n * 2 if n % 1001 else None,
            "reject": n // 9,
            "energy": 88120.5 + n * 0.11,
            "count_left": n,
            "count_right": n - n % 7,
            "reject_left": n // 30,
            "reject_right": n // 40,
            "power": -3.5 if n % 50 == 0 else 7.25,
        }
        if n % 400 > 380:
            values = {}
        for item in assets:
            assert item.kpi is not None
            mine = {name: v for name, v in values.items() if name in item.kpi.signals}
            rig._keep(rig.ledger.observe(item.name, t, mine))
        rig.tick(t)
    assert {record.cls for record in rig.records} == {"state", "oee", "energy/electricity"}
    assert len(rig.records) > 800
    for record in rig.records:
        judge(record, contract)


def test_the_judge_can_refuse() -> None:
    rig = Rig.of(spec())
    rig.poll(T0, state="running")
    wrong = dataclasses.replace(rig.records[0], body=b'{"state":"broken","since":1}')
    with pytest.raises(jsonschema.ValidationError):
        judge(wrong, schemas())


def test_a_restart_with_the_clock_behind_the_log_goes_on_at_once() -> None:
    """A box without a battery that starts two hours in its own past."""
    rig = Rig.of(spec(states={"1": "running", "4": "fault"}))
    for second in range(0, 600, 10):
        rig.poll(T0 + second * 1000, state=1, count=second)
        rig.tick(T0 + second * 1000)
    rig.commit()
    back = T0 - 2 * HOUR
    rig.restart(back)
    rig.poll(back + 1000, state=4, count=610)
    rig.tick(back + 2000)
    assert body(rig, "state")["state"] == "fault"
    for second in range(10, 60, 10):
        rig.poll(back + second * 1000, state=1, count=600 + second)
        rig.tick(back + second * 1000)
    live = rig.ledger.live("m1", back + 60_000)
    assert live is not None
    assert live.state == "running"
    assert live.total is not None
    assert live.total < 100
