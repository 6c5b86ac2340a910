"""What is said of a stop: the loss it is given, whenever it is said, and what that changes."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from gateway.figures.journal import Journal
from gateway.figures.oee import OeeFigures, sum_up
from gateway.figures.stops import reach
from gateway.model import Entry
from tests.folds import fold_oee
from tests.kpi_traces import HOUR, MINUTE, T0, always, in_turn, log, spec, states, window
from tests.ledger_rig import Rig

if TYPE_CHECKING:
    from gateway.kpi import KpiSpec

ZERO = Fraction(0)
REASONS = {
    "maintenance": "planned",
    "changeover": "setup",
    "mould": "breakdown",
    "12": "breakdown",
    "material": "waiting",
    "inspection": "quality",
    "no_operator": "personnel",
    "no_air": "utility",
    "jam": "minor",
    "nobody_knows": "unknown",
}
LOSSES = (
    "breakdown_loss_time",
    "waiting_loss_time",
    "setup_loss_time",
    "idle_loss_time",
    "quality_stop_time",
    "personnel_stop_time",
    "utility_stop_time",
)
WIN = window(60)
LIKE = spec(signals=("state",), reasons=REASONS, quality="none", micro_stop_s=120.0)
STOP, OVER = T0 + 10 * MINUTE, T0 + 25 * MINUTE


def told(*said: tuple[int, str], word: str = "fault", like: KpiSpec = LIKE) -> OeeFigures:
    """An hour with one stop from minute 10 to 25, and a short one at minute 40."""
    entries = log(
        states((T0, "running"), (STOP, word), (OVER, "running")),
        states((T0 + 40 * MINUTE, "fault"), (T0 + 41 * MINUTE, "running")),
        [Entry(t_ms, "reason", reason) for t_ms, reason in said],
    )
    return fold_oee(entries, ZERO, WIN, always(WIN), like)


@pytest.mark.parametrize("word", ["fault", "waiting", "idle"])
@pytest.mark.parametrize(
    ("reason", "element", "loss", "is_failure"),
    [
        ("maintenance", "planned_stop_ms", None, False),
        ("changeover", "setup_ms", "setup_loss_time", False),
        ("mould", "delay_ms", "breakdown_loss_time", True),
        ("12", "delay_ms", "breakdown_loss_time", True),
        ("material", "", "waiting_loss_time", False),
        ("inspection", "", "quality_stop_time", False),
        ("no_operator", "", "personnel_stop_time", False),
        ("no_air", "", "utility_stop_time", False),
    ],
)
def test_a_reason_gives_its_whole_stop_to_its_loss(
    word: str, reason: str, element: str, loss: str | None, *, is_failure: bool
) -> None:
    found = told((STOP + 5 * MINUTE, reason), word=word)
    stopped = 15 * MINUTE
    element = element or ("idle_ms" if word == "idle" else "delay_ms")
    assert getattr(found, element) == stopped
    assert found.planned_ms == (45 if reason == "maintenance" else 60) * MINUTE
    assert found.run_ms == 45 * MINUTE, "the short stop is a minor one"
    assert {name: found.kpi[name] for name in LOSSES if found.kpi[name]} == (
        {loss: 900} if loss else {}
    )
    assert found.kpi["failures"] == is_failure
    assert found.kpi["downtime_count"] == (element in {"delay_ms", "idle_ms"})
    assert found.kpi["unexplained_ratio"] == 0


@pytest.mark.parametrize("reason", ["jam", "nobody_knows", "never heard of", "", "0"])
def test_what_says_nothing_leaves_a_stop_as_its_state_has_it(reason: str) -> None:
    found = told((STOP + MINUTE, reason))
    assert (found.delay_ms, found.kpi["breakdown_loss_time"]) == (15 * MINUTE, 900)
    assert found.kpi["failures"] == 1
    assert found.kpi["unexplained_ratio"] == (reason != "jam")


def test_it_may_be_said_until_the_next_stop_begins_and_the_last_known_word_counts() -> None:
    late = told((OVER + 10 * MINUTE, "changeover"))
    assert late.setup_ms == 15 * MINUTE
    changed = told((STOP, "changeover"), (OVER, "mould"), (OVER + MINUTE, "?"))
    assert (changed.setup_ms, changed.kpi["breakdown_loss_time"]) == (0, 900)
    before = told((STOP - 1, "changeover"))
    assert before.setup_ms == 0, "there was no stop yet"
    of_next = told((T0 + 40 * MINUTE, "changeover"))
    assert of_next.setup_ms == MINUTE, "said of the short stop, which is none of the minor ones"
    assert of_next.kpi["breakdown_loss_time"] == 900


def test_a_short_stop_is_firm_only_as_planned_set_up_or_breakdown() -> None:
    at = T0 + 40 * MINUTE + 5000
    assert told((at, "maintenance")).planned_ms == 59 * MINUTE
    assert told((at, "mould")).kpi["breakdown_loss_time"] == 960
    assert told((at, "mould")).kpi["failures"] == 2
    assert told((at, "material")).kpi["microstop_count"] == 1
    assert told((at, "material")).kpi["waiting_loss_time"] == 0


def test_unknown_time_within_a_stop_does_not_end_it() -> None:
    entries = log(
        states((T0, "running"), (STOP, "idle"), (STOP + 5 * MINUTE, None)),
        states((STOP + 6 * MINUTE, "waiting"), (OVER, "running")),
        [Entry(STOP + MINUTE, "reason", "maintenance")],
    )
    found = fold_oee(entries, ZERO, WIN, always(WIN), LIKE)
    assert (found.planned_stop_ms, found.unknown_ms) == (14 * MINUTE, MINUTE)
    assert found.planned_ms == found.run_ms + found.unknown_ms


def test_a_tag_may_give_its_reason_a_moment_before_the_state() -> None:
    by_tag = spec(signals=("state", "reason"), reasons=REASONS, quality="none")
    for lead_ms, is_its_own in ((4000, True), (5001, False)):
        found = told((STOP - lead_ms, "changeover"), like=by_tag)
        assert (found.setup_ms == 15 * MINUTE) is is_its_own
    number = log(
        states((T0, "running"), (STOP, "idle"), (OVER, "running")), [Entry(STOP, "reason", 12.0)]
    )
    found = fold_oee(number, ZERO, WIN, always(WIN), by_tag)
    assert found.kpi["breakdown_loss_time"] == 900


def test_quarters_add_up_to_the_hour_whatever_is_said() -> None:
    entries = log(
        in_turn(T0, ("running", 400), ("fault", 700), ("running", 90), ("idle", 1000)),
        in_turn(T0 + 2190_000, ("running", 300), ("waiting", 60), ("running", 9999)),
        [Entry(T0 + 1000_000, "reason", "changeover"), Entry(T0 + 2400_000, "reason", "no_air")],
    )
    journal = Journal(entries)
    parts = [
        sum_up(journal, T0 + n * 15 * MINUTE, T0 + (n + 1) * 15 * MINUTE, always(WIN), LIKE)
        for n in range(4)
    ]
    assert parts[0] + parts[1] + parts[2] + parts[3] == sum_up(
        journal, WIN.start, WIN.end, always(WIN), LIKE
    )


def test_a_moment_without_a_stop_before_it_reaches_none() -> None:
    assert reach(Journal(states((T0, "running"))), T0 + 5, LIKE) == (T0 + 5, T0 + 5)


def hours(rig: Rig) -> dict[int, dict[str, Any]]:
    return {body["win"]["start"]: body for (cls, _s), body in rig.finals().items() if cls == "oee"}


def test_a_reason_restates_the_hours_of_its_stop_after_a_crash_too() -> None:
    rig = Rig.of(LIKE)
    stop, now = T0 + 50 * MINUTE, T0 + 2 * HOUR + 20 * MINUTE
    for t_ms in range(T0, now, 10_000):
        rig.poll(t_ms, state="idle" if stop <= t_ms < T0 + 70 * MINUTE else "running")
        rig.tick(t_ms)
    assert [hour["time_s"]["idle"] for hour in hours(rig).values()] == [600, 600]
    drafts, unused = rig.ledger.enter("m1", now, {"reason": "maintenance"}, now)
    assert (drafts, unused) == ([], [])
    rig.commit()
    rig.restart(now + 1000)
    for t_ms in range(now + 1000, now + 30_000, 5000):
        rig.poll(t_ms, state="running")
        rig.tick(t_ms)
    assert [hour["time_s"]["planned_stop"] for hour in hours(rig).values()] == [600, 600]
    rig.ledger.enter("m1", now + 30_000, {"reason": "changeover"}, now + 30_000)
    rig.tick(now + 40_000)
    assert [hour["time_s"]["setup"] for hour in hours(rig).values()] == [600, 600]


BY_TAG = dataclasses.replace(LIKE, signals=("state", "reason"), kpis=("unexplained_ratio",))


def untold(reason_until_s: int, restart_at_s: int | None = None, *, graceful: bool = True) -> float:
    """Stops of 300 s that begin at 0, 1200 and 2400 s; a tag gives a reason from 0 on."""
    rig = Rig.of(BY_TAG)
    for second in range(3700):
        t_ms = T0 + second * 1000
        word, reason = ("running", "fault")[second % 1200 < 300], (0, 12)[second < reason_until_s]
        rig.poll(t_ms, state=word, reason=reason)
        if second == restart_at_s:
            rig.restart(t_ms + 500, graceful=graceful)
        rig.tick(t_ms + 500)
    hour = hours(rig)[T0]
    assert hour["time_s"]["delay"] == 900
    return float(hour["kpi"]["unexplained_ratio"])


def test_a_reason_by_tag_is_said_in_each_stop_that_begins_while_it_stands() -> None:
    assert untold(1100) == pytest.approx(2 / 3)
    assert untold(1300) == pytest.approx(1 / 3)
    assert untold(1200) == pytest.approx(2 / 3), "gone as the stop begins, so it is not of it"


@pytest.mark.parametrize("graceful", [True, False])
@pytest.mark.parametrize("second", [100, 1150, 1198, 1199, 1200, 1250])
def test_a_restart_says_nothing_by_itself(second: int, *, graceful: bool) -> None:
    for until_s in (1200, 1300):
        assert untold(until_s, second, graceful=graceful) == untold(until_s)
