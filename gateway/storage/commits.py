"""Group commit: what waits is handed to the disk an interval at a time, as often as it takes.

At most one batch is with the disk. While a slow disk works on it, what comes next gathers for
the one after, so commits grow as the disk slows and none has to queue.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.errors import StoreError
from gateway.storage.shelf import Batch
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger("nxgate.store")

HURRY_BYTES = 1 << 20
"""So much waiting is committed at once."""
FULL_BYTES = 16 << 20
"""So much uncommitted makes `room` wait."""
_MOST_PAUSE_S = 2.0


class Commits:
    """Belongs to the event loop.

    Args:
        interval_s: longest wait for a commit, where the disk keeps up.
        prepare: called before a batch is handed over, to put the last things into `waiting`.
        write: commits a batch, or raises StoreError; then it gets the same batch again.
        committed: called with a batch after its commit.

    Attributes:
        interval_s: as given; may be set.
        waiting: what the next commit writes.
        failing: what the disk refuses, or None.
        count: commits since the start.
    """

    def __init__(
        self,
        interval_s: float,
        prepare: Callable[[], Awaitable[None]],
        write: Callable[[Batch], Awaitable[None]],
        committed: Callable[[Batch], Awaitable[None]],
    ) -> None:
        self.waiting = Batch()
        self.failing: str | None = None
        self.count = 0
        self.interval_s = interval_s
        self._prepare, self._write, self._committed = prepare, write, committed
        self._in_flight = Batch()
        self._version = self._saved = 0
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self._hurry = asyncio.Event()
        self._attempted = asyncio.Event()

    @property
    def bytes(self) -> int:
        """Bytes not yet on the medium, about."""
        return self.waiting.size + self._in_flight.size

    @property
    def records(self) -> int:
        """Records not yet on the medium."""
        batches = (self._in_flight, self.waiting)
        return sum(len(batch.rest) + len(batch.telemetry) for batch in batches)

    def touch(self) -> None:
        """Note that something waits; it is on the medium an interval later."""
        self._version += 1
        if self.waiting.size > HURRY_BYTES and self.failing is None:
            self._hurry.set()
        self._work()

    async def flush(self) -> None:
        """Commit what waits now, without waiting for the interval.

        Raises:
            StoreError: the disk refuses; all of it is kept and tried again.
        """
        goal = self._version
        while self._saved < goal:
            self._hurry.set()
            self._work()
            await self._attempted.wait()
            if self.failing is not None:
                raise StoreError(self.failing)

    async def room(self) -> None:
        """Return once little enough is uncommitted."""
        while self.bytes >= FULL_BYTES:
            self._work()
            await self._attempted.wait()

    async def stop(self) -> None:
        """End without another commit; what comes later is let go."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _work(self) -> None:
        """See to it that the task runs."""
        if self._stopped:
            return
        if self._task is not None and self._task.done():
            self._task.result()  # a mistake of ours shows at the caller's, not nowhere
            self._task = None
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="store")

    async def _run(self) -> None:
        try:
            while self._saved < self._version:
                await self._pause(self.interval_s)
                await self._prepare()
                batch, version = self.waiting, self._version
                self._in_flight, self.waiting = batch, Batch()
                await self._insist(batch)
                self._in_flight = Batch()
                self._saved = version
                self.count += 1
                await self._committed(batch)
                self._tell()
        finally:
            self._tell()

    async def _insist(self, batch: Batch) -> None:
        pause_s = min(self.interval_s, _MOST_PAUSE_S)
        while True:
            try:
                await self._write(batch)
            except StoreError as error:
                if self.failing is None:
                    log.error("%s", error)  # noqa: TRY400 - a message for people, told once
                self.failing = str(error)
            else:
                break
            self._tell()
            await self._pause(pause_s)
            pause_s = min(pause_s * 2, _MOST_PAUSE_S)
        if self.failing is not None:
            log.warning(_("the disk takes records again"))
            self.failing = None

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        self._hurry.clear()

    def _tell(self) -> None:
        """Wake who waits for an attempt; at once, so that no `touch` falls in between."""
        self._attempted.set()
        self._attempted = asyncio.Event()
