"""A clock that is wrong, and set, changes labels and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.ledger_rig import Rig
from tests.property.test_ledger_properties import (
    CALENDAR,
    GAP,
    SPEC,
    Poll,
    Stretch,
    play,
    polls_of,
    settle,
    stretches,
)

HOUR_MS = 3_600_000
KWH_A_MINUTE = 0.18
Finals = dict[tuple[str, str], dict[str, Any]]
YEARS_20 = 20 * 365 * 24 * HOUR_MS


@dataclass(frozen=True)
class Step:
    """Before some poll the clock is set, and from then on is ahead by so much."""

    place: int
    ahead_ms: int


ahead = st.one_of(
    st.integers(-YEARS_20, YEARS_20),
    st.integers(-6 * HOUR_MS, 6 * HOUR_MS),
    st.sampled_from([-HOUR_MS, HOUR_MS, 1, -1, 900_000]),
)
steps = st.lists(st.builds(Step, st.integers(1, 400), ahead), max_size=6)


class WrongClock:
    """A ledger under a clock that is wrong from the beginning, set now and then, right at last."""

    def __init__(self, first_ms: int, ahead_ms: int) -> None:
        self.rig = Rig.of(SPEC, CALENDAR)
        self.rig.reach_ms = 1 << 60
        self.ahead_ms = ahead_ms
        self.since_ms = first_ms + ahead_ms

    def poll(self, poll: Poll, *, waits: bool) -> None:
        self.rig.poll(poll.t_ms + self.ahead_ms, **poll.values)
        self.rig.tick(poll.t_ms + self.ahead_ms + 200, waits=waits)

    def set(self, t_ms: int, ahead_ms: int) -> None:
        delta_ms, self.ahead_ms = ahead_ms - self.ahead_ms, ahead_ms
        since_ms, self.since_ms = self.since_ms, self.since_ms + delta_ms
        if delta_ms:
            self.rig.move(since_ms, delta_ms, t_ms + ahead_ms)


def play_wrong(
    polls: list[Poll], first: int, steps: list[Step], restarts: frozenset[int], *, waits: bool
) -> Rig:
    wrong = WrongClock(polls[0].t_ms, first)
    at = {step.place: step.ahead_ms for step in steps}
    for place, poll in enumerate(polls):
        if place in at:
            wrong.set(poll.t_ms, at[place])
        if place in restarts:
            wrong.rig.restart(poll.t_ms + wrong.ahead_ms, graceful=True)
        wrong.poll(poll, waits=waits)
    wrong.set(polls[-1].t_ms + 1, 0)
    return wrong.rig


def assert_alike(found: Finals, expected: Finals) -> None:
    """OEE to the digit; a meter is logged at the full minutes of the clock that there was."""
    for key, body in expected.items():
        if key[0] == "oee":
            assert found[key] == body
        else:
            assert abs((found[key]["use"] or 0) - (body["use"] or 0)) <= 2 * KWH_A_MINUTE


@given(stretches, ahead, steps, st.frozensets(st.integers(1, 400), max_size=3))
@example([Stretch(40, "running", 1)], -HOUR_MS, [Step(20, HOUR_MS)], frozenset())
@example([Stretch(100, "fault", 1)], 0, [Step(60, 900_000)], frozenset({70}))
@example([Stretch(30, GAP, 1)], 0, [Step(10, YEARS_20), Step(30, 5)], frozenset({20}))
@settings(deadline=None, max_examples=60)
def test_the_figures_are_those_of_a_clock_that_was_right(
    parts: list[Stretch], first: int, steps: list[Step], restarts: frozenset[int]
) -> None:
    """Windows wait for the right time, as in the first quarter hour of a wrong one."""
    polls = polls_of(parts)
    right = settle(play(polls), polls[-1].t_ms)
    wrong = settle(play_wrong(polls, first, steps, restarts, waits=True), polls[-1].t_ms)
    assert wrong.finals().keys() == right.finals().keys()
    assert_alike(wrong.finals(), right.finals())
    assert wrong.ledger.refused() == {}
    assert (
        wrong.told("state")[-1].items()
        >= {k: v for k, v in right.told("state")[-1].items() if k != "prev"}.items()
    )


@given(stretches, ahead, steps)
@example([Stretch(100, "running", 1)], 0, [Step(50, -1800_000)])
@settings(deadline=None, max_examples=60)
def test_windows_told_at_a_wrong_time_are_restated(
    parts: list[Stretch], first: int, steps: list[Step]
) -> None:
    polls = polls_of(parts)
    end = polls[-1].t_ms
    right = settle(play(polls), end)
    wrong = settle(play_wrong(polls, first, steps, frozenset(), waits=False), end)
    # What was told of times that were none is marked, and covered by event/clock.
    assert_alike(wrong.finals(), right.finals())
