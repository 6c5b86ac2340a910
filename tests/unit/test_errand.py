"""What is done between polls: its turn, its deadline, and what it leaves alone."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from gateway.errors import ConnectionLost, TooLate
from gateway.health import Health
from gateway.poller import Poller
from tests.unit.test_poller import FakeDriver, FakeLink, Taken, device
from tests.unit.virtual_loop import VirtualLoop, run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.driver import Driver

SECOND = 1_000_000_000


def poll(
    loop: VirtualLoop,
    drivers: list[FakeDriver],
    test: Callable[[Poller, FakeLink], Awaitable[None]],
) -> Health:
    """Poll devices on one link, each second, while a test runs."""
    health, link = Health(), FakeLink()

    async def main() -> None:
        units = [(device(d.device, 1.0), link, d) for d in drivers]
        poller = Poller(units, Taken(), loop, health)
        task = asyncio.create_task(poller.run())
        await asyncio.sleep(0.5)
        try:
            await test(poller, link)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    run_virtual(loop, main())
    return health


def test_it_never_falls_into_a_poll() -> None:
    loop = VirtualLoop()
    driver = FakeDriver(loop, "plc", takes_s=0.3)
    spans: list[tuple[float, float]] = []

    async def act(_driver: Driver) -> str:
        begun = loop.time()
        await asyncio.sleep(0.2)
        spans.append((begun, loop.time()))
        return "done"

    async def test(poller: Poller, _link: FakeLink) -> None:
        for _turn in range(40):
            assert await poller.errand("plc", act, loop.now_ns + 9 * SECOND) == "done"
            await asyncio.sleep(0.13)

    health = poll(loop, [driver], test)
    for begun, ended in spans:
        assert not any(begun < start < ended for start in driver.starts)
        assert not any(start < begun < start + 0.299 for start in driver.starts)
    assert health.device("plc").missed == 0


def test_many_take_turns_with_polls() -> None:
    loop = VirtualLoop()
    drivers = [FakeDriver(loop, name, takes_s=0.05) for name in ("a", "b", "c")]

    async def act(_driver: Driver) -> None:
        await asyncio.sleep(0.05)

    async def test(poller: Poller, _link: FakeLink) -> None:
        later = loop.now_ns + 90 * SECOND
        await asyncio.gather(*(poller.errand("a", act, later) for _ in range(100)))

    health = poll(loop, drivers, test)
    # Ten seconds of errands were added to a link that polls use to 15 %, and no poll was lost.
    assert all(health.device(d.device).missed == 0 for d in drivers)


def test_nothing_is_begun_after_its_deadline() -> None:
    loop = VirtualLoop()
    driver = FakeDriver(loop, "plc", takes_s=3.0)
    begun: list[float] = []

    async def act(_driver: Driver) -> None:
        begun.append(loop.time())

    async def test(poller: Poller, _link: FakeLink) -> None:
        before = loop.time()
        with pytest.raises(TooLate):
            await poller.errand("plc", act, loop.now_ns + SECOND)
        assert loop.time() - before == pytest.approx(1.0)
        await asyncio.sleep(10)
        assert not begun

    poll(loop, [driver], test)


def test_a_link_that_can_not_be_opened_and_a_device_that_is_gone() -> None:
    loop = VirtualLoop()
    driver = FakeDriver(loop, "plc")

    async def act(_driver: Driver) -> None:
        raise AssertionError("never begun")

    async def test(poller: Poller, link: FakeLink) -> None:
        later = loop.now_ns + 90 * SECOND
        with pytest.raises(ConnectionLost):
            await poller.errand("nowhere", act, later)
        link.refuse, link.is_open = True, False
        with pytest.raises(ConnectionLost, match=r"plc: nobody listens.*site.yaml:3"):
            await poller.errand("plc", act, later)
        link.refuse = False
        await poller.remove({"plc"})
        with pytest.raises(ConnectionLost):
            await poller.errand("plc", act, later)

    poll(loop, [driver], test)


def test_what_goes_wrong_puts_no_poll_off() -> None:
    loop = VirtualLoop()
    driver = FakeDriver(loop, "plc")

    async def act(_driver: Driver) -> None:
        raise ZeroDivisionError

    async def test(poller: Poller, _link: FakeLink) -> None:
        for _turn in range(5):
            with pytest.raises(ZeroDivisionError):
                await poller.errand("plc", act, loop.now_ns + SECOND)
        await asyncio.sleep(10)

    health = poll(loop, [driver], test)
    assert health.device("plc").missed == 0
    assert len(driver.starts) >= 10
