"""The two threads of a store: SQLite connections stay in the thread that made them.

A system call on a dead disk may never return, and nothing can end a thread that is in one. So
these don't hold up the end of the process, and `close` waits for them only so long.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from gateway.storage.facts import Damaged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

P = ParamSpec("P")
T = TypeVar("T")


class _Worker:
    """One thread that does one thing after the other.

    `concurrent.futures` has such threads too, but ends no process before they end.
    """

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue something; the future has its result."""
        future: Future[T] = Future()

        def do() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - it is the asker's
                future.set_exception(error)

        self._work.put(do)
        return future

    def is_in_disk(self) -> bool:
        """Tell whether the thread is in a call to the disk that no signal ends (Linux, state D)."""
        try:
            with open(f"/proc/self/task/{self._thread.native_id}/stat", "rb") as file:  # noqa: PTH123
                return file.read().rpartition(b") ")[2][:1] == b"D"
        except OSError:
            return False

    def end(self) -> None:
        """Let the thread end after what is queued."""
        self._work.put(None)

    def _run(self) -> None:
        while (do := self._work.get()) is not None:
            do()
            del do  # holds what it worked on


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
        self._writing = _Worker("store-write")
        self._reading = _Worker("store-read")

    def is_in_disk(self) -> bool:
        """Tell whether what writes can't be ended, as the disk doesn't answer."""
        return self._writing.is_in_disk()

    async def write(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do something in the writing thread."""
        return await asyncio.wrap_future(self._writing.submit(work, *args, **kwargs))

    def write_now(
        self,
        work: Callable[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Do something in the writing thread, and block."""
        return self._writing.submit(work, *args, **kwargs).result()

    def write_soon(
        self, work: Callable[[], None], patience_s: float, late: Callable[[], None]
    ) -> None:
        """Do something in the writing thread, and block for a moment at most.

        Args:
            work: what.
            patience_s: how long to block.
            late: called on the running loop should it be done after that.

        Raises:
            TimeoutError: it isn't done yet, and may be later.
        """
        future = self._writing.submit(work)
        try:
            future.result(patience_s)
        except TimeoutError:
            loop = asyncio.get_running_loop()

            def tell(done: Future[None]) -> None:
                if done.exception() is None and not loop.is_closed():
                    loop.call_soon_threadsafe(late)

            future.add_done_callback(tell)
            raise

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

    def close(
        self, reader: Callable[[], None], writer: Callable[[], None], patience_s: float
    ) -> bool:
        """End both, each with its last work; blocks. The reader first: it holds the logs up.

        Args:
            reader: what the reading thread does last.
            writer: what the writing thread does last.
            patience_s: how long to wait for them, each.

        Returns:
            False where one is stuck in the disk: it may still write should the disk come back.
        """
        done = True
        for worker, last in ((self._reading, reader), (self._writing, writer)):
            future = worker.submit(last)
            worker.end()
            try:
                future.result(patience_s)
            except TimeoutError:
                done = False
        return done
