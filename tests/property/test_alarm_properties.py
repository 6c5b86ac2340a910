"""Alarms under any course of values: against a plain model, over restarts, and bounded."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway.alarms.watch import CHATTER, CHATTER_S, Watch
from gateway.model import AlarmSpec, Draft, Quality, Record, Value

SECOND = 1_000_000_000
SPEC = AlarmSpec("hot", 2, {"en": "hot"}, "heat", "plc", "temp", above=10.0, clear=5.0)
BELOW = AlarmSpec("cold", 2, {"en": "cold"}, "heat", "plc", "temp", below=5.0, clear=10.0)


class Poll(NamedTuple):
    """A reading, and how long after the one before."""

    value: Value
    quality: Quality
    after_s: int


VALUES = st.one_of(
    st.sampled_from([0.0, 5.0, 5.5, 10.0, 10.5, 20.0, float("nan"), float("inf")]), st.none()
)
POLLS = st.lists(
    st.builds(Poll, VALUES, st.sampled_from(Quality), st.integers(1, 40)), min_size=1, max_size=60
)


def play(watch: Watch, polls: list[Poll], *, restart: bool = False) -> list[dict[str, object]]:
    """What is told of these polls; with `restart` the process ends after each record."""
    now_s, told = 0, list[dict[str, object]]()
    for poll in polls:
        now_s += poll.after_s
        draft = watch.read(poll.value, poll.quality, now_s * SECOND, now_s * 1000)
        if draft is None:
            continue
        told.append(orjson.loads(draft.body))
        if restart:
            watch = revived(watch, draft)
    return told


def revived(watch: Watch, draft: Draft) -> Watch:
    again = Watch(watch.line, watch.asset, watch.spec)
    record = Record(1, draft.cls, draft.line, draft.asset, draft.ts_ms, draft.body)
    assert again.recall(record), "nothing to tell that wasn't told"
    return again


def model(polls: list[Poll]) -> list[bool]:
    """Raised and over, of an alarm above 10 and clear at 5, without delays or chatter."""
    active, told = False, list[bool]()
    for value, quality, _after in polls:
        if value is None or quality is Quality.BAD or value != value:  # noqa: PLR0124 - NaN
            continue
        assert isinstance(value, float)
        if (not active and value > 10) or (active and value <= 5 and quality is Quality.GOOD):
            active = not active
            told.append(active)
    return told


@given(polls=POLLS)
def test_it_is_what_a_plain_model_says(polls: list[Poll]) -> None:
    slow = [poll._replace(after_s=100) for poll in polls]
    told = play(Watch("main", "oven", SPEC), slow)
    assert [body["active"] for body in told] == model(slow)
    mirrored = [
        p._replace(value=15.0 - p.value if isinstance(p.value, float) else None) for p in slow
    ]
    below = play(Watch("main", "oven", BELOW), mirrored)
    assert [body["active"] for body in below] == [body["active"] for body in told]


@given(polls=POLLS)
def test_a_restart_after_each_record_changes_none(polls: list[Poll]) -> None:
    slow = [poll._replace(after_s=100) for poll in polls]
    whole = play(Watch("main", "oven", SPEC), slow)
    assert play(Watch("main", "oven", SPEC), slow, restart=True) == whole


@given(polls=POLLS, delay_s=st.integers(0, 30), clear_delay_s=st.integers(0, 30))
def test_records_alternate_and_end_with_the_truth(
    polls: list[Poll], delay_s: int, clear_delay_s: int
) -> None:
    spec = dataclasses.replace(SPEC, delay_s=delay_s, clear_delay_s=clear_delay_s)
    watch = Watch("main", "oven", spec)
    told = play(watch, polls)
    assert [body["active"] for body in told] == [n % 2 == 0 for n in range(len(told))]
    for body in told:
        assert body["cleared"] is None or int(str(body["cleared"])) >= int(str(body["raised"]))
    end_ns = (sum(poll.after_s for poll in polls) + 1) * SECOND
    for value, stands in ((20.0, True), (0.0, False)):
        for _turn in range(2):
            watch.read(value, Quality.GOOD, end_ns, 0)
            end_ns += round((CHATTER_S + 30) * SECOND)
        watch.check(end_ns, 0)
        assert watch.active is stands


@given(gaps=st.lists(st.integers(1, 45), min_size=40, max_size=200))
def test_no_minute_has_a_fourth_raise(gaps: list[int]) -> None:
    polls = [Poll(20.0 * (n % 2), Quality.GOOD, gap) for n, gap in enumerate(gaps)]
    told = play(Watch("main", "oven", SPEC), polls)
    raises = [int(str(body["raised"])) for body in told if body["active"]]
    for first, fourth in zip(raises, raises[CHATTER:], strict=False):
        assert fourth - first >= CHATTER_S * 1000
