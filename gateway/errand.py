"""Something to be done once on a device's link, beside its polls: a write.

It waits in the link's own queue, so no request of it falls between those of a poll, and takes turns
with polls: of both that wait, neither comes twice while the other waits. Where it can't be done,
whoever waits gets `TooLate` (its turn didn't come before the deadline) or `ConnectionLost` (there
is no such device, or its link can't be opened), else what the work itself raises.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from gateway.errors import ConnectionLost, TooLate
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.clock import Clock
    from gateway.driver import Driver

T = TypeVar("T")


class Errand(Generic[T]):
    """One such thing, until it is done.

    Args:
        device: whose link it is for.
        act: does it, with the device's driver.
        deadline_ns: monotonic; if its turn comes later, or never, it isn't done.
        clock: for the deadline.
    """

    def __init__(
        self, device: str, act: Callable[[Driver], Awaitable[T]], deadline_ns: int, clock: Clock
    ) -> None:
        self.device = device
        self._act = act
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[T] = self._loop.create_future()
        left_s = max(0.0, (deadline_ns - clock.mono_ns()) / 1e9)
        self._timer = self._loop.call_later(left_s, self._expire)

    async def result(self) -> T:
        """Wait for what comes of it; a wait that is given up takes it out of the queue."""
        try:
            return await self._done
        finally:
            self._timer.cancel()

    def begin(self) -> bool:
        """Take its turn; False where nobody waits for it any more."""
        self._timer.cancel()
        return not self._done.done()

    async def run(self, driver: Driver) -> None:
        """Do it, and hand over what comes of it."""
        try:
            made = await self._act(driver)
        except Exception as error:  # noqa: BLE001 - whoever waits for it judges it
            self.fail(error)
        else:
            if not self._done.done():
                self._done.set_result(made)

    def fail(self, error: Exception) -> None:
        """Hand over why it can't be done."""
        if not self._done.done():
            self._done.set_exception(error)

    def no_device(self) -> None:
        """Say that there is no such device any more."""
        text = _("{device}: no such device is polled any more").format(device=self.device)
        self.fail(ConnectionLost(text))

    def _expire(self) -> None:
        text = _("{device}: its turn on the link didn't come in time").format(device=self.device)
        self.fail(TooLate(text))
