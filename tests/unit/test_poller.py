"""Cadence, fairness and back-off, on virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gateway.cadence import RUN, STEP, STEP_NS
from gateway.errors import ConnectionLost, RequestTimeout
from gateway.health import Health
from gateway.model import Batch, Device, Group, Kind, Quality, Tag
from gateway.poller import Poller
from tests.unit.virtual_loop import VirtualLoop, run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import pytest

    from gateway.driver import Driver, Link, Plan


@dataclass
class FakeLink:
    url: str = "fake://bus"
    is_open: bool = False
    refuse: bool = False
    opened: int = 0
    late: int = 0
    rejected: int = 0

    async def open(self) -> None:
        self.opened += 1
        if self.refuse:
            raise ConnectionLost("nobody listens")
        self.is_open = True

    async def close(self) -> None:
        self.is_open = False


@dataclass
class FakePlan:
    tags: tuple[Tag, ...]
    refused: dict[str, str] = field(default_factory=dict)


@dataclass
class FakeDriver:
    loop: VirtualLoop
    device: str
    takes_s: float = 0.01
    silent: bool = False
    timeout_s: float = 0.5
    broken: Exception | None = None
    starts: list[float] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)

    def prepare(self, tags: tuple[Tag, ...]) -> FakePlan:
        return FakePlan(tags, self.refuses)

    async def read(self, plan: Plan) -> Batch:
        self.starts.append(self.loop.time())
        if self.broken:
            raise self.broken
        if self.silent:
            await asyncio.sleep(self.timeout_s)
            raise RequestTimeout(f"{self.device}: no answer in {self.timeout_s} s")
        await asyncio.sleep(self.takes_s)
        return Batch(
            self.device,
            plan.tags,
            (1,) * len(plan.tags),
            None,
            self.loop.wall_ns(),
            self.loop.mono_ns(),
        )


@dataclass
class Taken:
    batches: list[Batch] = field(default_factory=list)

    def take(self, batch: Batch) -> None:
        self.batches.append(batch)

    def room(self) -> Awaitable[None] | None:
        return None


def device(name: str, *periods: float) -> Device:
    groups = tuple(
        Group(name, f"g{index}", period, (Tag(name, f"t{index}", Kind.U16, "D0", None),))
        for index, period in enumerate(periods)
    )
    return Device(name, "fake://bus", 0.5, groups, {}, "site.yaml:3")


def run_for(
    seconds: float, loop: VirtualLoop, units: Sequence[tuple[Device, Link, Driver]]
) -> tuple[Taken, Health]:
    taken, health = Taken(), Health()

    async def main() -> None:
        poller = Poller(units, taken, loop, health)
        task = asyncio.create_task(poller.run())
        await asyncio.sleep(seconds)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    run_virtual(loop, main())
    return taken, health


def test_a_day_of_one_second_polls_does_not_drift() -> None:
    loop = VirtualLoop()
    driver = FakeDriver(loop, "plc")
    _taken, health = run_for(86_399.5, loop, [(device("plc", 1.0), FakeLink(), driver)])
    assert len(driver.starts) == 86_400
    lateness = [start % 1.0 for start in driver.starts]
    assert max(min(late, 1 - late) for late in lateness) < 1e-6
    assert health.device("plc").missed == 0


def test_everything_is_polled_at_once_then_spread_over_the_period() -> None:
    loop = VirtualLoop()
    drivers = [FakeDriver(loop, f"d{n}") for n in range(4 * RUN)]
    run_for(3.0, loop, [(device(d.device, 1.0), FakeLink(), d) for d in drivers])
    assert all(d.starts[0] == 0 for d in drivers)
    phases = Counter(round(d.starts[2] % 1.0, 6) for d in drivers)
    steps = [step * STEP_NS / 1e9 for step in range(RUN // STEP)]
    runs = (0.0, 0.25, 0.5, 0.75)
    assert phases == {round(run + step, 6): STEP for run in runs for step in steps}


def test_a_slow_device_misses_polls_and_never_queues_them() -> None:
    loop = VirtualLoop()
    driver = FakeDriver(loop, "slow", takes_s=2.5)
    _taken, health = run_for(60, loop, [(device("slow", 1.0), FakeLink(), driver)])
    gaps = [b - a for a, b in zip(driver.starts, driver.starts[1:], strict=False)]
    assert all(gap >= 2.5 for gap in gaps)
    assert health.device("slow").missed >= 30


def test_a_silent_device_costs_a_shared_bus_a_twentieth_at_most() -> None:
    loop = VirtualLoop()
    link = FakeLink()
    dead = FakeDriver(loop, "dead", silent=True)
    alive = FakeDriver(loop, "alive")
    taken, health = run_for(
        600, loop, [(device("dead", 1.0), link, dead), (device("alive", 1.0), link, alive)]
    )
    late_attempts = [start for start in dead.starts if start > 60]
    assert len(late_attempts) * dead.timeout_s / 540 <= 0.055
    assert len(alive.starts) >= 590
    assert "no answer" in health.device("dead").error
    bad = [b for b in taken.batches if b.device == "dead"]
    assert bad
    assert all(b.values == (None,) and b.quality == (Quality.BAD,) for b in bad)


def test_a_device_that_answers_again_is_back_within_its_cap() -> None:
    loop = VirtualLoop()
    driver = FakeDriver(loop, "plc", silent=True)

    async def main() -> None:
        taken = Taken()
        poller = Poller([(device("plc", 1.0), FakeLink(), driver)], taken, loop, Health())
        task = asyncio.create_task(poller.run())
        await asyncio.sleep(300)
        driver.silent = False
        await asyncio.sleep(11)
        assert taken.batches[-1].quality is None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    run_virtual(loop, main())


def test_a_link_that_cannot_open_backs_off_and_every_device_is_bad() -> None:
    loop = VirtualLoop()
    link = FakeLink(refuse=True)
    units = [(device(n, 1.0), link, FakeDriver(loop, n)) for n in ("a", "b")]
    taken, health = run_for(100, loop, units)
    assert link.opened < 25
    assert {b.device for b in taken.batches} == {"a", "b"}
    assert all(b.quality == (Quality.BAD,) for b in taken.batches)
    assert health.device("b").error == "b: nobody listens Set in site.yaml:3."


def test_groups_of_a_silent_device_are_bad_at_their_own_pace() -> None:
    loop = VirtualLoop()
    driver = FakeDriver(loop, "plc", silent=True)
    taken, _health = run_for(130, loop, [(device("plc", 1.0, 60.0), FakeLink(), driver)])
    slow = [b for b in taken.batches if b.tags[0].name == "t1"]
    assert slow
    assert all(b.quality == (Quality.BAD,) for b in slow)


def test_a_drivers_own_mistake_stops_that_device_only() -> None:
    loop = VirtualLoop()
    broken = FakeDriver(loop, "broken", broken=ZeroDivisionError("oops"))
    alive = FakeDriver(loop, "alive")
    taken, health = run_for(
        30,
        loop,
        [(device("broken", 1.0), FakeLink(), broken), (device("alive", 1.0), FakeLink(), alive)],
    )
    assert "ZeroDivisionError" in health.device("broken").error
    assert sum(b.device == "alive" and b.quality is None for b in taken.batches) >= 29


def test_a_refused_tag_is_logged_once_and_shown_while_it_lasts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = VirtualLoop()
    driver = FakeDriver(loop, "plc", refuses={"t0": "plc.t0: device refused holding 7"})
    _taken, health = run_for(30, loop, [(device("plc", 1.0), FakeLink(), driver)])
    assert health.device("plc").refused == {"t0": "plc.t0: device refused holding 7"}
    assert sum("refused holding 7" in r.getMessage() for r in caplog.records) == 1
    driver.refuses.clear()
    again = health.device("plc").told_no(["t0"], driver.refuses)
    assert (again, health.device("plc").refused) == ([], {})


@dataclass
class Change:
    """A poller that runs on virtual time, and what happens to it meanwhile."""

    loop: VirtualLoop
    poller: Poller
    taken: Taken
    health: Health


def run_changing(
    units: Sequence[tuple[Device, Link, Driver]],
    loop: VirtualLoop,
    change: Callable[[Change], Awaitable[None]],
) -> Change:
    taken, health = Taken(), Health()
    made = Change(loop, Poller(units, taken, loop, health), taken, health)

    async def main() -> None:
        task = asyncio.create_task(made.poller.run())
        await change(made)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    run_virtual(loop, main())
    return made


def test_devices_come_and_go_without_a_missed_poll_of_the_others() -> None:
    loop = VirtualLoop()
    link = FakeLink()
    stays = FakeDriver(loop, "stays", takes_s=0.02)
    others = [FakeDriver(loop, f"other-{n}", takes_s=0.03) for n in range(200)]

    async def change(made: Change) -> None:
        await asyncio.sleep(0.513)
        for n, driver in enumerate(others):
            made.poller.add([(device(f"other-{n}", 1.0, 0.5), link, driver)])
            await asyncio.sleep(0.517)
            await made.poller.remove({f"other-{n}"})
            await made.poller.prune()

    made = run_changing([(device("stays", 0.25), link, stays)], loop, change)
    assert made.health.device("stays").missed == 0
    assert made.health.device("stays").polls >= 4 * loop.time() - 2
    assert all(driver.starts for driver in others)
    assert link.opened == 1


def test_the_poll_under_way_ends_before_a_device_is_gone() -> None:
    loop = VirtualLoop()
    slow = FakeDriver(loop, "slow", takes_s=0.4)

    async def change(made: Change) -> None:
        await asyncio.sleep(0.1)
        assert made.taken.batches == []
        await made.poller.remove({"slow"})
        assert len(made.taken.batches) == 1
        await asyncio.sleep(5)
        assert len(made.taken.batches) == 1

    run_changing([(device("slow", 0.5), FakeLink(), slow)], loop, change)


def test_a_link_closes_with_its_last_device_only() -> None:
    loop = VirtualLoop()
    shared, alone = FakeLink("fake://shared"), FakeLink("fake://alone")
    units = [
        (device("a", 1.0), shared, FakeDriver(loop, "a")),
        (device("b", 1.0), shared, FakeDriver(loop, "b")),
        (device("c", 1.0), alone, FakeDriver(loop, "c")),
    ]

    async def change(made: Change) -> None:
        await asyncio.sleep(1)
        await made.poller.remove({"a", "c"})
        assert alone.is_open, "whoever comes instead may use it"
        await made.poller.prune()
        assert shared.is_open
        assert not alone.is_open
        assert made.poller.links == {"fake://shared": shared}

    run_changing(units, loop, change)


def test_a_device_made_anew_uses_the_link_that_is_open_and_is_polled_at_once() -> None:
    loop = VirtualLoop()
    link = FakeLink()
    old, new = FakeDriver(loop, "plc"), FakeDriver(loop, "plc")

    async def change(made: Change) -> None:
        await asyncio.sleep(1.3)
        await made.poller.remove({"plc"})
        made.poller.add([(device("plc", 2.0), made.poller.links["fake://bus"], new)])
        await made.poller.prune()
        await asyncio.sleep(0.1)
        assert len(new.starts) == 1

    made = run_changing([(device("plc", 1.0), link, old)], loop, change)
    assert link.opened == 1
    assert made.health.device("plc").polls == 3


def test_a_silent_device_may_cost_more_once_it_has_the_link_alone() -> None:
    loop = VirtualLoop()
    link = FakeLink()
    silent = FakeDriver(loop, "silent", silent=True, timeout_s=2.0)

    async def change(made: Change) -> None:
        await asyncio.sleep(400)
        shared = len(silent.starts)
        await made.poller.remove({"good"})
        await asyncio.sleep(400)
        assert len(silent.starts) - shared > 2 * shared

    units = [(device("good", 1.0), link, FakeDriver(loop, "good")),
             (replace(device("silent", 1.0), timeout_s=2.0), link, silent)]  # fmt: skip
    run_changing(units, loop, change)


def test_a_removal_that_waits_is_given_up_with_the_poller() -> None:
    loop = VirtualLoop()
    slow = FakeDriver(loop, "slow", takes_s=60)

    async def change(made: Change) -> None:
        await asyncio.sleep(0.1)
        removal = asyncio.create_task(made.poller.remove({"slow"}))
        await asyncio.sleep(0.1)
        removal.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await removal

    run_changing([(device("slow", 0.5), FakeLink(), slow)], loop, change)
