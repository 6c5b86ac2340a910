"""The truth's own figures, worked by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from simulators.figures import Rule, as_read, energy_kwh, truth_figures

if TYPE_CHECKING:
    from simulators.truth import Event

RULE = Rule(ideal_cycle_s=10)
TABLE = Rule(ideal_cycle_s=10, stations=24, pieces_per_index=2)


def begin(t: int = 0) -> Event:
    return {"t": t * 1000, "on": "m", "type": "begin"}


def state(t: int, name: str) -> Event:
    return {"t": t * 1000, "on": "m", "type": "state", "state": name}


def end(t: int) -> Event:
    return {"t": t * 1000, "on": "m", "type": "end"}


def index(t: int, mounted: int = 12) -> Event:
    return {"t": t * 1000, "on": "m", "type": "index", "mounted": mounted}


def reject(t: int, side: str = "") -> Event:
    event: Event = {"t": t * 1000, "on": "m", "type": "reject"}
    if side:
        event["side"] = side
    return event


def shoe(t: int, side: str) -> Event:
    return {"t": t * 1000, "on": "m", "type": "shoe", "side": side}


def test_availability_performance_quality_of_a_rotary_table() -> None:
    # 100 s: 60 run, 20 set-up, 15 fault, 5 idle. 5 steps with 12 of 24 stations, 2 pairs a full
    # step: 1 pair each. One of them is bad.
    events = [
        begin(),
        state(0, "setup"),
        state(20, "running"),
        *(index(t) for t in (30, 40, 50)),
        state(50, "fault"),
        state(65, "running"),
        index(75),
        reject(75),
        index(90),
        state(95, "idle"),
        end(100),
    ]
    got = truth_figures(events, "m", (0, 100_000), TABLE)
    assert got["time_s"] == {
        "run": 60,
        "setup": 20,
        "delay": 15,
        "idle": 5,
        "unknown": 0,
        "planned": 100,
    }
    assert (got["total"], got["good"], got["scrap"], got["unplaced"]) == (5, 4, 1, 0)
    assert got["a"] == pytest.approx(0.6)
    assert got["p"] == pytest.approx(50 / 60)
    assert got["q"] == pytest.approx(4 / 5)
    assert got["oee"] == pytest.approx(0.6 * 50 / 60 * 4 / 5)
    assert got["coverage"] == 1


def test_ideal_time_follows_the_stations_mounted() -> None:
    events = [
        begin(),
        state(0, "running"),
        index(10, mounted=24),
        reject(10),  # half of a step's two pairs: 5 s
        index(20, mounted=12),
        reject(20),  # all of a step's one pair: 10 s
        end(100),
    ]
    got = truth_figures(events, "m", (0, 100_000), TABLE)
    assert (got["total"], got["good"]) == (3, 1)
    assert got["q"] == pytest.approx(5 / 20)
    assert got["oee"] == pytest.approx(5 / 100)


def test_shoes_make_pairs() -> None:
    # 4 left, 3 right; one right is bad: two good pairs, seven halves of which six are good.
    events = [
        begin(),
        state(0, "running"),
        *(shoe(t, "left") for t in (1, 2, 3, 4)),
        *(shoe(t, "right") for t in (11, 12, 13)),
        reject(13, "right"),
        end(100),
    ]
    got = truth_figures(events, "m", (0, 100_000), RULE)
    assert (got["total"], got["good"], got["scrap"]) == (3.5, 2, 0.5)
    assert got["p"] == pytest.approx(35 / 100)
    assert got["q"] == pytest.approx(6 / 7)
    assert got["oee"] == pytest.approx(30 / 100)
    # The halves wait for each other over the edge of a window, so that windows add up.
    early = truth_figures(events, "m", (0, 10_000), RULE)
    later = truth_figures(events, "m", (10_000, 100_000), RULE)
    assert (early["good"], later["good"]) == (0, 2)


def test_a_short_stop_counts_as_running_judged_on_its_whole_length() -> None:
    events = [
        begin(),
        state(0, "running"),
        state(40, "fault"),
        state(60, "waiting"),  # one unbroken stretch of 40 s
        state(80, "running"),
        state(120, "setup"),  # never a micro-stop
        state(125, "running"),
        end(200),
    ]
    run = {
        threshold: truth_figures(
            events, "m", (0, 200_000), Rule(ideal_cycle_s=10, micro_stop_s=threshold)
        )["time_s"]["run"]
        for threshold in (None, 39, 40, 41)
    }
    assert run == {None: 155, 39: 155, 40: 155, 41: 195}
    # The window cuts the stop; its whole 40 s decide.
    cut = truth_figures(events, "m", (0, 50_000), Rule(ideal_cycle_s=10, micro_stop_s=30))
    assert cut["time_s"]["delay"] == 10


def test_unknown_time_is_out_of_everything() -> None:
    events = [
        begin(),
        state(0, "running"),
        *(index(t) for t in (10, 30, 60, 70)),
        end(100),
    ]
    known = [(0, 20_000), (50_000, 100_000)]
    got = truth_figures(events, "m", (0, 100_000), TABLE, known)
    assert got["time_s"]["unknown"] == 30
    assert got["coverage"] == pytest.approx(0.7)
    assert (got["total"], got["unplaced"]) == (4, 1)
    assert got["a"] == 1
    assert got["oee"] == pytest.approx(30 / 70)


def test_a_stop_beside_unknown_time_is_judged_on_its_known_length() -> None:
    events = [begin(), state(0, "running"), state(10, "fault"), state(60, "running"), end(100)]
    known = [(0, 30_000), (50_000, 100_000)]
    rule = Rule(ideal_cycle_s=10, micro_stop_s=15)
    got = truth_figures(events, "m", (0, 100_000), rule, known)
    # 10..30 is too long, 50..60 is short.
    assert got["time_s"]["delay"] == 20
    assert got["time_s"]["run"] == 60


def test_what_can_not_be_told_is_none() -> None:
    nothing = truth_figures([begin(), state(0, "running"), end(10)], "m", (0, 10_000), RULE, [])
    assert (nothing["a"], nothing["p"], nothing["q"], nothing["oee"]) == (None, None, None, None)
    idle = truth_figures([begin(), state(0, "idle"), end(10)], "m", (0, 10_000), RULE)
    assert (idle["a"], idle["p"], idle["q"], idle["oee"]) == (0, None, None, 0)
    barren = truth_figures([begin(), state(0, "running"), end(10)], "m", (0, 10_000), RULE)
    assert (barren["a"], barren["p"], barren["q"], barren["oee"]) == (1, 0, None, 0)
    events = [begin(), state(0, "running"), index(5), end(10)]
    blind = truth_figures(events, "m", (0, 10_000), TABLE, [(0, 4_000), (6_000, 10_000)])
    assert (blind["total"], blind["p"], blind["q"], blind["oee"]) == (1, None, None, None)


def test_energy_is_spread_evenly_between_readings() -> None:
    events: list[Event] = [
        {"t": 0, "on": "meter", "type": "begin", "kwh": 100.0},
        {"t": 60_000, "on": "meter", "type": "energy", "kwh": 106.0},
        {"t": 90_000, "on": "meter", "type": "end", "kwh": 107.0},
    ]
    assert energy_kwh(events, "meter", (0, 90_000)) == pytest.approx(7)
    assert energy_kwh(events, "meter", (30_000, 75_000)) == pytest.approx(3.5)


def test_as_read_moves_events_to_the_read_that_first_showed_them() -> None:
    def read(t: int, at: int) -> Event:
        return {"t": t * 1000, "on": "m", "type": "read", "table": "holding", "at": at, "n": 11}

    events = [
        begin(),
        state(0, "running"),
        read(1, 100),
        index(2),
        read(3, 200),  # something else
        read(4, 95),
        index(5),  # never read
        end(6),
    ]
    moved = as_read(events, "m", 100)
    assert [(e["t"], e["type"]) for e in moved] == [
        (1000, "begin"),
        (1000, "state"),
        (4000, "index"),
        (6000, "end"),
    ]
