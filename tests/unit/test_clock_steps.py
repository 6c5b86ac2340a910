"""A clock that is set all the time: polls keep their cadence, times are right or marked."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from gateway.health import Health
from gateway.poller import Poller
from gateway.timekeeping.evidence import Backing
from gateway.timekeeping.keeper import STEP_NS, Timekeeper
from tests.machine_clock import DAY, YEAR, S
from tests.unit.test_poller import FakeDriver, FakeLink, device
from tests.unit.virtual_loop import VirtualLoop, run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gateway.model import Batch
    from gateway.timekeeping.spans import Finding

STEPS, ALL_STEPS = 60, 200


@dataclass
class Machine:
    """A machine on virtual time, whose wall clock is set."""

    loop: VirtualLoop
    boot: str = "boot"
    ahead_ns: int = 0
    synced: bool = False

    def wall_ns(self) -> int:
        return self.loop.wall_ns() + self.ahead_ns

    def steady_ns(self) -> int:
        return self.loop.mono_ns() + 1000 * S

    def mono_ns(self) -> int:
        return self.loop.mono_ns()

    def is_synchronised(self) -> bool:
        return self.synced

    def backing(self) -> Backing:
        return Backing.NONE


@dataclass
class Kept:
    """Every batch as a record: its key is its place."""

    loop: VirtualLoop
    clock: Timekeeper
    said: list[tuple[int, int, bool]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def take(self, batch: Batch) -> None:
        true_ns = self.loop.wall_offset_ns + batch.mono_ns
        time_ns = self.clock.at(batch.mono_ns)
        self.said.append((true_ns, time_ns, self.clock.trusted()))

    def room(self) -> Awaitable[None] | None:
        return None

    def look(self) -> None:
        self.findings += self.clock.look(len(self.said) + 1).findings


def run(seed: int, steps: int) -> tuple[Kept, Health, list[float]]:
    loop = VirtualLoop()
    machine = Machine(loop)
    chance = random.Random(seed)
    if seed % 2:
        machine.ahead_ns = -3 * YEAR * S
    else:
        machine.synced = True
    clock = Timekeeper(machine)
    kept, health, driver = Kept(loop, clock), Health(), FakeDriver(loop, "plc")
    kept.findings += clock.begin({}, 1)

    async def look() -> None:
        while True:
            kept.look()
            await asyncio.sleep(1)

    async def play() -> None:
        for step in range(steps):
            machine.synced = False
            years = chance.uniform(-20 * YEAR, 20 * YEAR)
            machine.ahead_ns = round(chance.choice([years, chance.uniform(-DAY, DAY), 3.0]) * S)
            await asyncio.sleep(chance.choice([0.1, 1.7, 1.7, 15, 15, 15, 700]))
            if step % 5 == 4:
                machine.ahead_ns, machine.synced = 0, True
                await asyncio.sleep(chance.choice([0.5, 12]))
        machine.ahead_ns, machine.synced = 0, True
        await asyncio.sleep(30)

    async def main() -> None:
        poller = Poller([(device("plc", 1.0), FakeLink(), driver)], kept, clock, health)
        tasks = [asyncio.create_task(poller.run()), asyncio.create_task(look())]
        await play()
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)

    run_virtual(loop, main())
    return kept, health, driver.starts


@pytest.mark.parametrize("seed", range(2))
def test_steps_miss_no_poll_and_leave_no_time_wrong(seed: int) -> None:
    judge(*run(seed, STEPS))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_two_hundred_steps_do_not_either(seed: int) -> None:
    judge(*run(seed, ALL_STEPS))


def judge(kept: Kept, health: Health, starts: list[float]) -> None:
    assert health.device("plc").missed == 0
    gaps = [after - before for before, after in itertools.pairwise(starts[1:])]
    assert gaps == pytest.approx([1.0] * len(gaps))
    lost = 0
    for key, (true_ns, said_ns, trusted) in enumerate(kept.said, 1):
        found = [f for f in kept.findings if f.first <= key <= f.last]
        offset_ms = found[-1].offset_ms if found else 0
        assert found or trusted, "marked, and nobody said how wrong"
        if offset_ms is None:
            lost += 1
        else:
            assert abs(said_ns + offset_ms * 1_000_000 - true_ns) <= STEP_NS + 20_000_000
    assert lost < len(kept.said) / 10
