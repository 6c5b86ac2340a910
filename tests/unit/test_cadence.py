"""How punctually things fall due, in real time."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
import uvloop

from gateway.cadence import RUN, STEP, STEP_NS, Cadence
from gateway.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence

JOBS, PERIOD_NS = 1000, 100_000_000
WORK_NS = 20_000
"""What each of them keeps the loop for."""


@dataclass
class Job:
    lane: object = field(default_factory=object)
    due_ns: int = 0
    period_ns: int = PERIOD_NS
    starts: list[int] = field(default_factory=list)


def lateness_ms(seconds: float) -> list[float]:
    """Of each job's each turn, from the time that its first ones fix."""
    jobs = [Job() for _ in range(JOBS)]
    found: list[float] = []

    def due(job: Job, missed: int) -> None:
        now_ns = time.monotonic_ns()
        # It has its next time already.
        found.append((now_ns - (job.due_ns - (missed + 1) * PERIOD_NS)) / 1e6)
        while time.monotonic_ns() - now_ns < WORK_NS:
            pass

    async def run() -> None:
        cadence: Cadence[Job] = Cadence(SystemClock(), due)
        cadence.add(jobs)
        await asyncio.sleep(seconds)
        cadence.stop()

    uvloop.run(run())
    assert len(found) >= JOBS * (seconds - 0.2) / 0.1
    return found


def test_a_thousand_jobs_of_a_tenth_of_a_second_are_punctual() -> None:
    late = lateness_ms(2.0)
    assert statistics.quantiles(late, n=10)[0] <= 3, "even where others keep the cores busy"
    assert min(late) >= -1.01, "no more than a ms early"


def phases_ms(lanes: Sequence[object], period_ns: int) -> list[float]:
    """When in their period jobs on these lanes fall due, in their order."""

    async def run() -> list[float]:
        cadence: Cadence[Job] = Cadence(SystemClock(), lambda _job, _missed: None)
        jobs = [Job(lane=lane, period_ns=period_ns) for lane in lanes]
        cadence.add(jobs)
        cadence.stop()
        return [(job.due_ns - jobs[0].due_ns) % period_ns / 1e6 for job in jobs]

    return asyncio.run(run())


def test_jobs_on_lanes_of_their_own_come_in_runs_spread_over_the_period() -> None:
    found = phases_ms([object() for _ in range(2 * RUN)], 1_000_000_000)
    run = [place // STEP * STEP_NS / 1e6 for place in range(RUN)]
    assert found == [*run, *(500 + phase for phase in run)]


def test_jobs_on_one_lane_are_spread_over_the_period_each() -> None:
    one, other = object(), object()
    found = phases_ms([one, other, one, other, one, other], 900_000_000)
    assert found == [0, 0, 300, 300, 600, 600]


def test_more_steps_than_the_period_holds_fill_it_evenly() -> None:
    found = phases_ms([object() for _ in range(JOBS)], PERIOD_NS)
    counts = Counter(int(phase) // 10 for phase in found)
    assert set(counts) == set(range(10))
    assert max(counts.values()) <= 1.5 * JOBS / 10


@pytest.mark.soak
def test_so_are_99_in_a_hundred_on_a_quiet_machine() -> None:
    assert statistics.quantiles(lateness_ms(30.0), n=100)[98] <= 3
