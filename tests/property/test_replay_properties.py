"""Traces however they are told: late, split, by a clock that is set."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kpi_traces import HOUR, T0
from tests.traces import line, replayed

END = 5400
SITE = """\
site: {cluster: c, enterprise: e, site: s, gateway: gw-01, timezone: Asia/Shanghai, industry: shoes}
assets: {last-1: {line: l1, type: toe-lasting, ideal_cycle: 10s}}
"""
states = st.lists(
    st.tuples(st.integers(20, 900), st.sampled_from(["running", "fault", "idle", "setup"])),
    min_size=2,
    max_size=12,
)
steps = st.lists(
    st.tuples(st.integers(1, END), st.integers(-7200, 7200).filter(lambda s: abs(s) > 1)),
    max_size=4,
)


def course(parts: list[tuple[int, str]]) -> list[tuple[int, str, Any]]:
    """Second, signal and value of a machine's polls, ten seconds apart."""
    told: list[tuple[int, str, Any]] = []
    second = made = 0
    for length, state in parts * 20:
        for _ in range(0, length, 10):
            if second >= END:
                return told
            made += state == "running"
            told.append((second, "state", state))
            told += [(second, f"count_{side}", made) for side in ("left", "right")]
            told.append((second, "energy", round(second / 1000, 3)))
            second += 10
    return told


def finals(lines: list[str]) -> dict[tuple[str, str, int], dict[str, Any]]:
    """The last statement of each window, but for its revision and what the envelope says."""
    with TemporaryDirectory() as folder:
        records = replayed(Path(folder), lines, SITE, T0 + 2 * HOUR)
    left_out = {"id", "ts", "hist", "v", "rev"}
    return {
        (one["class"], one["asset"], one["win"]["start"]): {
            key: value for key, value in one.items() if key not in left_out
        }
        for one in records
        if one["class"] != "state"
    }


@given(states, steps)
@settings(deadline=None, max_examples=6)
def test_a_clock_that_is_set_changes_nothing(
    parts: list[tuple[int, str]], set_at: list[tuple[int, int]]
) -> None:
    polls = course(parts)

    def lines(*, wrong: bool) -> list[str]:
        told = []
        for second, signal, value in polls:
            ahead = sum(by for at, by in set_at if at <= second) if wrong else 0
            told.append(line(second + ahead, signal, value, mono=second + 0.5))
        return told

    assert finals(lines(wrong=True)) == finals(lines(wrong=False))


@given(states, st.integers(10, END - 1200), st.integers(10, 900))
@settings(deadline=None, max_examples=6)
def test_a_device_s_lines_that_come_late_give_the_same_final_figures(
    parts: list[tuple[int, str]], since: int, length: int
) -> None:
    polls = [line(*poll) for poll in course(parts)]
    seconds = [second for second, _signal, _value in course(parts)]
    late = [one for one, at in zip(polls, seconds, strict=True) if since <= at < since + length]
    before = [one for one, at in zip(polls, seconds, strict=True) if at < since]
    after = [one for one, at in zip(polls, seconds, strict=True) if at >= since + length]
    gap = after[:40]
    told = finals([*before, *gap, *late, *after[40:]])
    expected = finals(polls)
    assert told.keys() == expected.keys()
    for key, body in expected.items():
        assert json.dumps(told[key]) == json.dumps(body), key
