"""The ledger: what comes hours late, in order or not, ends in the figures of what came in time."""

from __future__ import annotations

import random

from tests.kpi_traces import HOUR, MINUTE, T0, spec
from tests.ledger_rig import Rig, body, run

SPEC = spec(windows=("hour", "day"))


def test_a_day_is_restated_with_its_hours() -> None:
    """Hours after it ended, when it began longer ago than anything that is still taken."""
    rig = Rig.of(SPEC)
    gap, back = T0 + 20 * HOUR, T0 + 22 * HOUR
    run(rig, T0, gap, state="running", count=0, reject=0)
    run(rig, back, T0 + 30 * HOUR, state="running", count=0, reject=0)
    for t in range(gap, back, 10_000):
        rig.poll(t, state="running", count=0, reject=0)
    for passed in range(0, 60_000, 5_000):
        rig.tick(T0 + 30 * HOUR + passed)
    (day,) = [told for (_cls, subject), told in rig.finals().items() if subject.startswith("day")]
    assert day["time_s"]["unknown"] == 0
    assert [told["rev"] for told in rig.told("oee", "day")] == [0, 1]


def test_late_states_may_come_in_any_order() -> None:
    rig = Rig.of(SPEC)
    words = ["running"] * 3 + ["fault", "running", "setup"]
    run(rig, T0, T0 + 10 * MINUTE, state="running", count=0, reject=0)
    run(rig, T0 + 20 * MINUTE, T0 + 3 * HOUR, state="running", count=60, reject=0)
    assert rig.told("oee")[0]["time_s"]["unknown"] == 610
    late = [
        (t, words[n % len(words)])
        for n, t in enumerate(range(T0 + 10 * MINUTE, T0 + 20 * MINUTE, 10_000))
    ]
    random.Random(5).shuffle(late)
    for t, word in late:
        rig.poll(t, state=word, count=30, reject=0)
    rig.tick(T0 + 3 * HOUR)
    rig.tick(T0 + 3 * HOUR + 5_000)
    told = body(rig, "oee")
    assert told["win"]["start"] == T0
    assert rig.ledger.refused() == {}
    assert {name: told["time_s"][name] for name in ("unknown", "delay", "setup")} == {
        "unknown": 0,
        "delay": 100,
        "setup": 100,
    }


def test_a_late_retest_may_come_after_what_followed_it() -> None:
    """It failed again: between two results that are alike, only what comes last tells of it."""
    rig = Rig.of(
        spec(
            counting="tests",
            signals=("state", "serial", "result"),
            results={"ok": True, "ng": False},
            kpis=("retest_loss_time",),
        )
    )
    run(rig, T0, T0 + 10 * MINUTE, state="running", serial="A", result="ok")
    run(rig, T0 + 20 * MINUTE, T0 + HOUR + 20_000, state="running", serial="Z", result="")
    cleared = T0 + 15 * MINUTE
    late = [t for t in range(T0 + 10 * MINUTE, T0 + 20 * MINUTE, 10_000) if t != cleared]
    for t in (*late, cleared):
        rig.poll(t, state="running", serial="B", result="" if t == cleared else "ng")
    rig.tick(T0 + HOUR + 30_000)
    rig.tick(T0 + HOUR + 40_000)
    told = body(rig, "oee")
    assert (told["count"]["total"], told["count"]["good"]) == (2, 1)
    assert told["kpi"]["retest_loss_time"] == 1
