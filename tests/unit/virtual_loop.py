"""An event loop whose time is virtual: what would wait, jumps; a day passes in a moment."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine


class _Jumping(selectors.SelectSelector):
    """Never waits: a time-out moves the loop's clock instead."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout:
            self.loop.now_ns += round(timeout * 1e9)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that is also a `gateway.clock.Clock`."""

    def __init__(self) -> None:
        selector = _Jumping()
        self.now_ns = 0
        self.wall_offset_ns = 1_790_000_000_000_000_000
        super().__init__(selector)
        selector.loop = self

    def time(self) -> float:
        return self.now_ns / 1e9

    def wall_ns(self) -> int:
        return self.wall_offset_ns + self.now_ns

    def mono_ns(self) -> int:
        return self.now_ns

    def trusted(self) -> bool:
        return True

    def doubt(self) -> str:
        return ""


def run_virtual(loop: VirtualLoop, main: Coroutine[object, object, None]) -> None:
    """Run to the end on virtual time and close the loop."""
    try:
        loop.run_until_complete(main)
    finally:
        loop.close()
