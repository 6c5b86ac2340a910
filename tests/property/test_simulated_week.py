"""Weeks of twelve machines in five industries: the engine held against the simulators' own truth.

A sample in each run; whole weeks, by the seeds of `NXGATE_WEEKS`, in the soak.
"""

from __future__ import annotations

import dataclasses
import os
import random
import tempfile
from pathlib import Path

import pytest

from simulators.week.run import WorkshopWeek, watch
from simulators.week.workshop import INDUSTRIES, Workshop, workshop
from tests.week_judge import Judge, Verdict, judge_rollup
from tests.week_rig import Restarting, Told, by_asset, replayed, stage_of

SEEDS = range(1, 1 + int(os.environ.get("NXGATE_WEEKS", "2")))
SAMPLE = ("inj-1", "toe-1", "meter-1")


def part(industry: str, names: tuple[str, ...], days: int) -> Workshop:
    """A few machines and days of a workshop."""
    whole = workshop(industry)
    machines = tuple(machine for machine in whole.machines if machine.name in names)
    return dataclasses.replace(
        whole, machines=machines, week=dataclasses.replace(whole.week, days=days)
    )


def verdicts_of(week: WorkshopWeek, told: Told) -> list[Verdict]:
    """One of each machine, each line and the site."""
    bodies = by_asset(told)
    judges = {name: Judge(watched) for name, watched in week.watched.items()}
    lines: dict[str, list[Judge]] = {"_site/_site": list(judges.values())}
    for one in judges.values():
        lines.setdefault(f"{one.machine.line}/_line", []).append(one)
    return [one.verdict(bodies[name]) for name, one in judges.items()] + [
        judge_rollup(name, parts, bodies[name]) for name, parts in lines.items()
    ]


def judged(week: WorkshopWeek, told: Told) -> None:
    """Hold all that was told against the truth."""
    verdicts = verdicts_of(week, told)
    for verdict in verdicts:
        print(verdict.asset, verdict.windows, verdict.oee, verdict.kwh)
    wrong = [f"{verdict.asset} {what}" for verdict in verdicts for what in verdict.wrong]
    assert not wrong, "\n".join(wrong[:20])
    assert all(verdict.windows for verdict in verdicts)


def test_a_day_of_a_few_machines_is_told_as_it_was() -> None:
    week = watch(part("shoes", SAMPLE, 1), 3)
    with tempfile.TemporaryDirectory() as folder:
        judged(week, replayed(stage_of(week, Path(folder)), week.workshop.week.span[1]))


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("industry", INDUSTRIES)
def test_a_week_is_told_as_it_was(industry: str, seed: int) -> None:
    week = watch(workshop(industry), seed)
    with tempfile.TemporaryDirectory() as folder:
        judged(week, replayed(stage_of(week, Path(folder)), week.workshop.week.span[1]))


@pytest.mark.soak
@pytest.mark.parametrize("industry", INDUSTRIES)
def test_restarts_change_nothing_in_a_week(industry: str) -> None:
    week = watch(workshop(industry), 11, peaceful=True)
    start, end = week.workshop.week.span
    dice = random.Random(industry)
    stops = sorted(dice.randrange(start, end) for _ in range(25))
    with tempfile.TemporaryDirectory() as folder:
        stage = stage_of(week, Path(folder))
        assert Restarting(stage).play(end, stops) == replayed(stage, end)
