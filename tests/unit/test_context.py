"""What people say of a machine, in its figures: products, planned stops, reasons, rejects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import NotEntered
from gateway.model import Draft
from tests.kpi_traces import HOUR, MINUTE, T0, cycles, spec
from tests.ledger_rig import Rig

if TYPE_CHECKING:
    from gateway.model import Value

START = T0 + 8 * HOUR
COUNTED = spec(signals=("state", "count"), quality="none", products=cycles(A17=2.0))


def say(rig: Rig, t_ms: int, now_ms: int | None = None, **said: Value) -> list[dict[str, Any]]:
    """Enter context; the bodies of state records that come of it."""
    drafts, _unused = rig.ledger.enter("m1", t_ms, said, t_ms if now_ms is None else now_ms)
    rig._keep(drafts)
    return [json.loads(draft.body) for draft in drafts if isinstance(draft, Draft)]


def work(rig: Rig, start: int, end: int, *, state: str = "running", pieces: int = 60) -> None:
    """A minute's readings, ten seconds apart, the counter going on from where it was."""
    step = 10_000
    base = getattr(rig, "base", 0)
    for t_ms in range(start, end, step):
        base += pieces // 6
        rig.poll(t_ms, state=state, count=base)
        rig.tick(t_ms)
    rig.base = base  # type: ignore[attr-defined]


def hour_of(rig: Rig, start: int = START) -> dict[str, Any]:
    (found,) = [
        body
        for (cls, _subject), body in rig.finals().items()
        if cls == "oee" and body["win"]["start"] == start
    ]
    return found


def close(rig: Rig, start: int) -> None:
    rig.poll(start + HOUR, state="running", count=getattr(rig, "base", 0))
    for second in range(0, 30, 5):
        rig.tick(start + HOUR + second * 1000)


def test_rejects_that_are_entered_make_quality_and_say_so() -> None:
    rig = Rig.of(COUNTED)
    work(rig, START, START + HOUR)
    say(rig, START + 20 * MINUTE, START + HOUR - 1, reject=60)
    say(rig, START + 20 * MINUTE, START + HOUR - 1, reject=300)
    close(rig, START)
    hour = hour_of(rig)
    assert hour["basis"]["quality"] == "entered"
    total = hour["count"]["total"]
    assert hour["count"]["scrap"] == 360
    assert hour["q"] == pytest.approx((total - 360) / total)
    assert hour["oee"] == pytest.approx(hour["a"] * hour["p"] * hour["q"])


def test_nobody_looked_is_not_nothing_rejected() -> None:
    rig = Rig.of(COUNTED)
    work(rig, START, START + 2 * HOUR)
    say(rig, START + HOUR + MINUTE, START + HOUR + 2 * MINUTE, reject=0)
    close(rig, START + HOUR)
    assert hour_of(rig)["basis"]["quality"] == "none"
    assert hour_of(rig)["q"] is None
    assert hour_of(rig, START + HOUR)["basis"]["quality"] == "entered"
    assert hour_of(rig, START + HOUR)["q"] == 1


def test_late_rejects_restate_a_closed_window_and_survive_a_restart() -> None:
    rig = Rig.of(COUNTED)
    work(rig, START, START + HOUR)
    close(rig, START)
    assert hour_of(rig)["q"] is None
    say(rig, START + 30 * MINUTE, START + HOUR + MINUTE, reject=36)
    for second in range(60, 120, 10):
        rig.poll(START + HOUR + second * 1000, state="running", count=getattr(rig, "base", 0))
        rig.tick(START + HOUR + second * 1000)
    stated = hour_of(rig)
    assert stated["count"]["scrap"] == 36
    told = len(rig.records)
    rig.restart(START + HOUR + 3 * MINUTE)
    say(rig, START + 30 * MINUTE, START + HOUR + 3 * MINUTE, reject=4)
    for second in range(180, 240, 10):
        rig.poll(START + HOUR + second * 1000, state="running", count=getattr(rig, "base", 0))
        rig.tick(START + HOUR + second * 1000)
    assert hour_of(rig)["count"]["scrap"] == 40
    assert len(rig.records) > told


def test_a_late_entry_that_a_crash_came_between_is_restated() -> None:
    rig = Rig.of(COUNTED)
    work(rig, START, START + HOUR)
    close(rig, START)
    say(rig, START + 30 * MINUTE, START + HOUR + MINUTE, reject=36)
    rig.restart(START + HOUR + 2 * MINUTE)
    for second in range(120, 200, 10):
        rig.poll(START + HOUR + second * 1000, state="running", count=getattr(rig, "base", 0))
        rig.tick(START + HOUR + second * 1000)
    assert hour_of(rig)["count"]["scrap"] == 36


def test_a_planned_stop_wins_over_what_the_machine_says() -> None:
    rig = Rig.of(COUNTED)
    work(rig, START, START + 20 * MINUTE)
    (told,) = say(rig, START + 20 * MINUTE, planned_stop=True, reason="保养")
    assert (told["state"], told["since"], told["reason"]) == (
        "planned_stop",
        START + 20 * MINUTE,
        "保养",
    )
    work(rig, START + 20 * MINUTE, START + 40 * MINUTE, state="fault", pieces=0)
    assert rig.told("state")[-1]["state"] == "planned_stop"
    (told,) = say(rig, START + 40 * MINUTE, planned_stop=False)
    assert (told["state"], told["prev"], told["since"]) == (
        "fault",
        "planned_stop",
        START + 40 * MINUTE,
    )
    work(rig, START + 40 * MINUTE, START + HOUR)
    close(rig, START)
    time_s = hour_of(rig)["time_s"]
    assert time_s["planned_stop"] == 1200
    assert (time_s["planned"], time_s["run"], time_s["delay"]) == (2400, 2400, 0)


def test_a_planned_stop_outlives_a_restart_and_can_come_late() -> None:
    rig = Rig.of(COUNTED)
    work(rig, START, START + 20 * MINUTE)
    say(rig, START + 20 * MINUTE, planned_stop=True)
    rig.restart(START + 20 * MINUTE + 5000)
    work(rig, START + 20 * MINUTE + 10_000, START + HOUR)
    close(rig, START)
    assert rig.told("state")[-1]["state"] == "planned_stop"
    assert hour_of(rig)["time_s"]["planned_stop"] == 2400
    # It was over at half past, as somebody remembers later.
    now = START + HOUR + 2 * MINUTE
    say(rig, START + 30 * MINUTE, now, planned_stop=False)
    for second in range(0, 60, 10):
        rig.poll(now + second * 1000, state="running", count=getattr(rig, "base", 0))
        rig.tick(now + second * 1000)
    assert hour_of(rig)["time_s"]["planned_stop"] == 600


def test_a_product_that_is_said_chooses_the_ideal_cycle() -> None:
    rig = Rig.of(COUNTED)
    say(rig, START - 1, product="A17")
    work(rig, START, START + HOUR, pieces=30)
    close(rig, START)
    first = hour_of(rig)
    assert first["ideal_cycle_s"] == 2.0
    assert first["p"] == pytest.approx(1.0, abs=0.01)
    # Said later: it was another one from half past on.
    now = START + HOUR + 2 * MINUTE
    say(rig, START + 30 * MINUTE, now, product="")
    for second in range(0, 60, 10):
        rig.poll(now + second * 1000, state="running", count=getattr(rig, "base", 0))
        rig.tick(now + second * 1000)
    assert hour_of(rig)["p"] == pytest.approx(0.75, abs=0.01)


def test_reason_and_order_are_told_with_the_state() -> None:
    rig = Rig.of(COUNTED)
    work(rig, START, START + MINUTE)
    (told,) = say(rig, START + MINUTE, order="A-77")
    assert (told["state"], told["order"]) == ("running", "A-77")
    assert "prev" not in told
    work(rig, START + MINUTE, START + 2 * MINUTE, state="fault", pieces=0)
    assert "reason" not in rig.told("state")[-1]
    (told,) = say(rig, START + 2 * MINUTE, reason="belt")
    assert (told["state"], told["reason"], told["order"]) == ("fault", "belt", "A-77")
    assert not say(rig, START + 2 * MINUTE, reason="belt")
    work(rig, START + 2 * MINUTE, START + 3 * MINUTE)
    assert "reason" not in rig.told("state")[-1]
    rig.restart(START + 3 * MINUTE)
    work(rig, START + 3 * MINUTE, START + 4 * MINUTE)
    assert rig.told("state")[-1]["state"] == "running"
    assert rig.told("state")[-1]["order"] == "A-77"
    (told,) = say(rig, START + 4 * MINUTE, order="")
    assert "order" not in told


def test_what_is_said_outlives_the_log_that_it_was_said_in() -> None:
    """A day later the log of then is forgotten; what is still in force is not."""
    rig = Rig.of(COUNTED)
    work(rig, START, START + MINUTE)
    say(rig, START + MINUTE, order="A-77", planned_stop=True, product="A17")
    for hours in range(1, 40):
        t_ms = START + hours * HOUR
        rig.poll(t_ms, state="running", count=1000 + hours)
        rig.tick(t_ms)
        rig.tick(t_ms + 10_000)
    rig.restart(START + 40 * HOUR)
    (told,) = say(rig, START + 40 * HOUR, planned_stop=False)
    assert told["order"] == "A-77"
    assert rig.told("state")[-2]["state"] == "planned_stop"


def test_what_the_machine_tells_itself_can_not_be_said() -> None:
    rig = Rig.of(spec(signals=("state", "count", "reject", "product")))
    for said in ({"product": "A"}, {"reject": 1}, {"good": 1}):
        with pytest.raises(NotEntered):
            rig.ledger.enter("m1", START, said, START)
    rig.tick(START + 30 * HOUR)  # as old as this, and nothing logged as yet
    with pytest.raises(NotEntered):
        rig.ledger.enter("m1", START, {"order": "A"}, START + 30 * HOUR)


def test_what_is_not_counted_is_refused_with_words() -> None:
    pairs = spec(signals=("state", "count_left", "count_right"), counting="pairs")
    bench = spec(signals=("state", "serial", "result"), counting="tests")
    meter = spec(signals=("energy",), counting="none")
    for like, said, words in (
        (pairs, "good", "left and right"),
        (bench, "reject", "result by itself"),
        (meter, "good", "not counted"),
    ):
        with pytest.raises(NotEntered, match=words):
            Rig.of(like).ledger.enter("m1", START, {said: 1}, START)


def test_what_is_said_of_an_asset_without_figures_is_kept_and_told() -> None:
    rig = Rig.of(COUNTED)
    drafts, unused = rig.ledger.enter("meter-9", START, {"order": "A"}, START)
    assert (drafts, unused) == ([], ["order"])
    rig.commit()
    logged = {(row.asset, e.signal, e.value) for row in rig.rows for e in row.entries}
    assert ("meter-9", "order", "A") in logged


def test_what_is_said_before_anything_is_read_has_a_time() -> None:
    rig = Rig.of(COUNTED)
    assert say(rig, START, START + 1000, order="A") == [
        {"state": "unknown", "since": START, "order": "A"}
    ]
    rig.restart(START + 2000, graceful=True)
    work(rig, START + MINUTE, START + 2 * MINUTE)
    assert [body["state"] for body in rig.told("state")] == ["unknown", "running"]


def test_an_order_that_began_earlier_after_all_takes_back_what_was_told_of_it() -> None:
    rig = Rig.of(spec(signals=("state", "count"), quality="none", windows=("hour", "order")))
    for minute in range(25):
        begin = START + minute * MINUTE
        work(rig, begin, begin + MINUTE)
        if minute in {5, 10}:
            say(rig, begin, order=f"A-{minute}")
        if minute == 20:
            say(rig, START + MINUTE, begin, order="A-5")
    told = [(w["win"]["start"], w["win"]["end"], w["rev"]) for w in rig.told("oee", "order")]
    before, taken_back, now = [
        (START + a * MINUTE, START + b * MINUTE, rev)
        for a, b, rev in ((5, 10, 0), (5, 5, 1), (1, 10, 0))
    ]
    assert told[0] == before
    assert sorted(told[1:]) == sorted([taken_back, now])
