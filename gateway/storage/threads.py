"""The two threads of a store: SQLite connections stay in the thread that made them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from gateway.storage.facts import Damaged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """One that writes, so that a sync holds up no poll, and one that reads.

    Args:
        rescue: recovers a damaged segment, in the writing thread.
        recovered: called in the caller's thread, after that.
    """

    def __init__(
        self, rescue: Callable[[tuple[Path, int]], None], recovered: Callable[[], None]
    ) -> None:
        self._rescue = rescue
        self._recovered = recovered
        self._writing = ThreadPoolExecutor(1, "store-write")
        self._reading = ThreadPoolExecutor(1, "store-read")

    async def write(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do something in the writing thread."""
        return await asyncio.wrap_future(self._writing.submit(work, *args, **kwargs))

    def write_now(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do something in the writing thread, and block."""
        return self._writing.submit(work, *args, **kwargs).result()

    async def ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask in the reading thread; a damaged segment that it meets is recovered first.

        Raises:
            StoreError: the disk refuses.
        """
        while True:
            try:
                return await asyncio.wrap_future(self._reading.submit(question, *args, **kwargs))
            except Damaged as damage:
                await self.write(self._rescue, damage.file)
            self._recovered()

    def ask_now(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do as `ask`, and block."""
        while True:
            try:
                return self._reading.submit(question, *args, **kwargs).result()
            except Damaged as damage:
                self.write_now(self._rescue, damage.file)
            self._recovered()

    def close(self, reader: Callable[[], None], writer: Callable[[], None]) -> None:
        """End both, each with its last work; blocks. The reader first: it holds the logs up."""
        self._reading.submit(reader).result()
        self._reading.shutdown()
        self._writing.submit(writer).result()
        self._writing.shutdown()
