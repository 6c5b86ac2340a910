"""How punctually things fall due, in real time."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass, field

import pytest
import uvloop

from gateway.cadence import Cadence
from gateway.clock import SystemClock

JOBS, PERIOD_NS = 1000, 100_000_000
WORK_NS = 20_000
"""What each of them keeps the loop for."""


@dataclass
class Job:
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


@pytest.mark.soak
def test_so_are_99_in_a_hundred_on_a_quiet_machine() -> None:
    assert statistics.quantiles(lateness_ms(30.0), n=100)[98] <= 3
