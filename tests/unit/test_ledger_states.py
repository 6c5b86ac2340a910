"""The ledger: states told once, unknown where nothing was heard."""

from __future__ import annotations

import dataclasses
import json

import pytest

from gateway.model import Entry, Value
from tests.kpi_traces import (
    HOUR,
    T0,
    asset,
    spec,
)
from tests.ledger_rig import Rig, body, run


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
