"""However a trace is cut (by restarts, late pieces, a clock that is set): the same figures.

For machines of each counting rule, from the simulated workshops.
"""

from __future__ import annotations

import dataclasses
import os
import random
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators.week.polling import Line
from simulators.week.run import WorkshopWeek, watch
from simulators.week.workshop import workshop
from tests.figures_life import is_nothing
from tests.kpi_traces import HOUR
from tests.week_rig import Restarting, Told, replayed, stage_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulators.week.written import Step

MACHINES = (
    ("shoes", "inj-1"),
    ("shoes", "toe-1"),
    ("shoes", "stitch-1"),
    ("shoes", "eva-1"),
    ("valves", "bench-2"),
)
"""Stations, pairs, direct with products and rework, multiplied by two factors, tests."""
BEGIN_H, LASTS_H, AFTER_H = 9, 4, 2
LEAST_LATE_S = 90
"""A stretch that comes late is longer than the time-out, so that it is seen to be missing."""


@dataclass(frozen=True)
class Late:
    """So long after the beginning, for so long, all came so much later, in any order or not."""

    after_s: int
    lasts_s: int
    by_s: int
    mixed: bool


@dataclass(frozen=True)
class Said:
    """Somebody says something, so long after the beginning, and is heard so much later."""

    after_s: int
    name: str
    value: str | bool
    late_s: int


@cache
def quiet(industry: str, name: str, seed: int) -> WorkshopWeek:
    """Some hours of a machine, all of it in time."""
    whole = workshop(industry)
    machines = tuple(machine for machine in whole.machines if machine.name == name)
    day = dataclasses.replace(
        whole, machines=machines, week=dataclasses.replace(whole.week, days=1)
    )
    week = watch(day, seed, peaceful=True)
    begin = week.workshop.week.start + BEGIN_H * HOUR
    lines = [line for line in week.lines if begin <= line.t < begin + LASTS_H * HOUR]
    return dataclasses.replace(week, lines=lines)


def delayed(lines: Sequence[Line], lates: Sequence[Late]) -> list[Line]:
    """The same lines in another order."""
    begin = lines[0].t
    order = random.Random(len(lates))
    rests: dict[int, int] = {}
    found: list[Line] = []
    for line in lines:
        arrives = line.t
        for late in lates:
            since = begin + late.after_s * 1000
            until = since + late.lasts_s * 1000
            if since <= line.t < until:
                rest = (line.t - since) // 50
                if late.mixed:  # what was read at one time stays together
                    rest = rests.setdefault(line.t, order.randrange(60_000))
                arrives = until + late.by_s * 1000 + rest
        found.append(line._replace(arrives=arrives))
    return sorted(found, key=lambda line: line.arrives)


def played(week: WorkshopWeek, restarts: Sequence[int] = ()) -> Told:
    """What is told in the end, without the number of times that it was."""
    until = week.workshop.week.start + (BEGIN_H + LASTS_H + AFTER_H) * HOUR
    with tempfile.TemporaryDirectory() as folder:
        told = Restarting(stage_of(week, Path(folder))).play(until, restarts)
    return {key: {**body, "rev": 0} for key, body in told.items()}


lates = st.lists(
    st.builds(
        Late,
        st.integers(600, 10_000),
        st.integers(LEAST_LATE_S, 3000),
        st.integers(0, 4000),
        st.booleans(),
    ),
    max_size=2,
)
stops = st.lists(st.integers(0, LASTS_H * 3600), max_size=4)
seeds = st.integers(1, 3)


def run(machine: tuple[str, str], seed: int, late: list[Late], stop: list[int]) -> None:
    week = quiet(*machine, seed)
    begin = week.lines[0].t
    restarts = [begin + seconds * 1000 for seconds in stop]
    if restarts:  # which reading follows which in a hole is forgotten by a restart
        late = [dataclasses.replace(one, mixed=False) for one in late]
    cut = dataclasses.replace(week, lines=delayed(week.lines, late))
    assert played(cut, restarts) == played(week)


@given(st.sampled_from(MACHINES), seeds, lates, stops)
@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.too_slow])
def test_restarts_and_late_pieces_change_no_figure(
    machine: tuple[str, str], seed: int, late: list[Late], stop: list[int]
) -> None:
    run(machine, seed, late, stop)


@pytest.mark.soak
@given(st.sampled_from(MACHINES), seeds, lates, stops)
@settings(
    deadline=None,
    max_examples=int(os.environ.get("NXGATE_SPLITS", "300")),
    suppress_health_check=[HealthCheck.too_slow],
)
def test_so_it_is_for_many_of_them(
    machine: tuple[str, str], seed: int, late: list[Late], stop: list[int]
) -> None:
    run(machine, seed, late, stop)


sayings = st.tuples(st.sampled_from(("order", "product")), st.sampled_from(("o1", "o2", "")))
reasons = st.tuples(st.just("reason"), st.sampled_from(("mould_change", "starved", "mechanical")))
planned = st.tuples(st.just("planned_stop"), st.booleans())
said = st.lists(
    st.builds(
        lambda after_s, what, late_s: Said(after_s, what[0], what[1], late_s),
        st.integers(0, LASTS_H * 3600),
        st.one_of(sayings, reasons, planned),
        st.sampled_from((0, 3, 60, 600, 4000)),
    ),
    max_size=6,
    unique_by=lambda one: (one.after_s, one.name),
)


def heard(week: WorkshopWeek, said: Sequence[Said], *, late: bool) -> WorkshopWeek:
    """A week in which people say, at once or late, what the machine doesn't tell by itself."""
    begin, asset = week.lines[0].t, week.lines[0].asset
    told = {line.signal for line in week.lines}
    more = [
        Line(begin + (one.after_s + late * one.late_s) * 1000, asset, one.name, t, one.value)
        for one in said
        if one.name not in told
        for t in [begin + one.after_s * 1000]
    ]
    return dataclasses.replace(week, lines=sorted([*week.lines, *more], key=lambda x: x.arrives))


def say(machine: tuple[str, str], seed: int, said: list[Said], stop: list[int]) -> None:
    week = quiet(*machine, seed)
    begin = week.lines[0].t
    found = played(heard(week, said, late=True), [begin + seconds * 1000 for seconds in stop])
    wanted = played(heard(week, said, late=False))
    assert {key: found[key] for key in wanted} == wanted
    assert all(is_nothing(body) for key, body in found.items() if key not in wanted)


@given(st.sampled_from(MACHINES), seeds, said, stops)
@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_said_late_counts_as_if_said_at_once(
    machine: tuple[str, str], seed: int, said: list[Said], stop: list[int]
) -> None:
    say(machine, seed, said, stop)


@pytest.mark.soak
@given(st.sampled_from(MACHINES), seeds, said, stops)
@settings(
    deadline=None,
    max_examples=int(os.environ.get("NXGATE_SPLITS", "300")),
    suppress_health_check=[HealthCheck.too_slow],
)
def test_so_does_much_that_is_said(
    machine: tuple[str, str], seed: int, said: list[Said], stop: list[int]
) -> None:
    say(machine, seed, said, stop)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_clock_that_is_set_changes_nothing(machine: tuple[str, str]) -> None:
    """Not even which bytes are told."""
    week = quiet(*machine, 1)
    begin, until = week.lines[0].t, week.lines[-1].t + HOUR
    week = dataclasses.replace(week, lines=delayed(week.lines, [Late(1500, 900, 1800, mixed=True)]))
    steps: list[Step] = [(begin + HOUR, 3_723_004), (begin + 2 * HOUR, -90_000_000)]
    with tempfile.TemporaryDirectory() as folder:
        never = replayed(stage_of(week, Path(folder)), until)
        assert replayed(stage_of(week, Path(folder), steps), until) == never
