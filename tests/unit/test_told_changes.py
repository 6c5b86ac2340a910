"""Devices that tell changes by themselves: what the poller takes of it, and what it doesn't."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from gateway.health import Health
from gateway.model import Batch, Device, Group, Kind, Quality, Tag
from gateway.poller import Poller
from gateway.recognising import recognising
from tests.unit.test_poller import FakeLink, FakePlan, Taken
from tests.unit.virtual_loop import VirtualLoop, run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.driver import Driver, Plan

SERIAL = Tag("cell", "serial", Kind.U16, "s", None, expect=(7,))
LEVEL = Tag("cell", "level", Kind.U16, "l", None)
CELL = Device("cell", "fake://bus", 0.5, (Group("cell", "default", 1.0, (SERIAL, LEVEL)),), {})


@dataclass
class Telling:
    """A driver that is told; its device is asked for its serial number too."""

    serial: int = 7
    takes: list[Callable[[Batch], None]] = field(default_factory=list)
    periods: list[float] = field(default_factory=list)
    left: int = 0
    plans: list[FakePlan] = field(default_factory=list)

    def prepare(self, tags: tuple[Tag, ...]) -> FakePlan:
        self.plans.append(FakePlan(tags))
        return self.plans[-1]

    def listen(self, plan: Plan, period_s: float, take: Callable[[Batch], None]) -> None:
        assert plan is self.plans[-1]
        self.periods.append(period_s)
        self.takes.append(take)

    async def leave(self) -> None:
        self.left += 1

    async def read(self, plan: Plan) -> Batch:
        values = tuple(self.serial if tag is SERIAL else 1 for tag in plan.tags)
        return Batch("cell", plan.tags, values, None, 1, 1)

    def tell(self, **values: int) -> None:
        """Tell what changed, one batch for all that listen."""
        tags = CELL.groups[0].tags
        present = tuple(place for place, tag in enumerate(tags) if tag.name in values)
        told = tuple(values[tags[place].name] for place in present)
        for take in self.takes:
            take(Batch("cell", tags, told, None, 2, 2, present=present))


class Full(Taken):
    """A store that is full as long as it is told so."""

    is_full = False

    def room(self) -> Awaitable[None] | None:
        return self._emptied() if self.is_full else None

    async def _emptied(self) -> None:
        while self.is_full:  # noqa: ASYNC110 - on virtual time
            await asyncio.sleep(0.1)


def run(
    act: Callable[[Poller, Telling, Full], Awaitable[None]], *, recognised: bool = False
) -> tuple[Telling, Full, Health]:
    loop, driver, taken, health = VirtualLoop(), Telling(), Full(), Health()
    made = cast("Driver", driver)
    if recognised:
        made = recognising(made, CELL.groups[0].tags)
    poller = Poller([(CELL, FakeLink(), made)], taken, loop, health)

    async def main() -> None:
        running = asyncio.create_task(poller.run())
        await asyncio.sleep(0.5)
        await act(poller, driver, taken)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    run_virtual(loop, main())
    return driver, taken, health


def told(taken: Full) -> list[Batch]:
    return [batch for batch in taken.batches if batch.present is not None]


def test_what_is_told_is_taken_at_once_and_polls_go_on() -> None:
    async def act(_poller: Poller, driver: Telling, taken: Full) -> None:
        before = len(taken.batches)
        driver.tell(level=5)
        assert len(taken.batches) == before + 1
        await asyncio.sleep(3)

    driver, taken, health = run(act)
    assert driver.periods == [1.0]
    assert [batch.values for batch in told(taken)] == [(5,)]
    assert health.device("cell").polls >= 3


def test_a_full_store_takes_nothing_that_is_told_and_counts_it() -> None:
    async def act(poller: Poller, driver: Telling, taken: Full) -> None:
        taken.is_full = True
        await asyncio.sleep(2)  # the next poll is held back
        driver.tell(level=5)
        driver.tell(level=6)
        assert told(taken) == []
        assert _missed(poller) >= 2
        taken.is_full = False
        await asyncio.sleep(1)
        driver.tell(level=7)

    _driver, taken, _health = run(act)
    assert [batch.values for batch in told(taken)] == [(7,)]


def _missed(poller: Poller) -> int:
    return poller._health.device("cell").missed


def test_who_is_removed_leaves_and_is_not_heard_any_more() -> None:
    async def act(poller: Poller, driver: Telling, _taken: Full) -> None:
        await poller.remove(["cell"])
        driver.tell(level=5)

    driver, taken, _health = run(act)
    assert driver.left == 1
    assert told(taken) == []


def test_a_stranger_tells_nothing() -> None:
    async def act(_poller: Poller, driver: Telling, taken: Full) -> None:
        driver.tell(level=5)
        assert len(told(taken)) == 1
        driver.serial = 8
        driver.tell(serial=8)
        assert len(told(taken)) == 1
        driver.tell(level=6)
        await asyncio.sleep(3)
        driver.tell(level=6)
        assert len(told(taken)) == 1, "until it is looked at again"
        assert taken.batches[-1].quality == (Quality.BAD, Quality.BAD)
        driver.serial = 7
        await asyncio.sleep(20)
        driver.tell(level=9)

    _driver, taken, _health = run(act, recognised=True)
    assert [batch.values for batch in told(taken)] == [(5,), (9,)]
