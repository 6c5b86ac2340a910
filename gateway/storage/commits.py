"""Group commit: what waits is handed to the disk an interval at a time, as often as it takes.

At most one batch is with the disk. While a slow disk works on it, what comes next gathers for
the one after, so commits grow as the disk slows and none has to queue.

A disk that takes nothing for `PATIENCE_S`, because it refuses or because a call to it doesn't
return, leaves what comes to a ring in memory: until then `room` slows polling down, from then on
nothing waits for the disk, and the ring lets go of its oldest beyond `FULL_BYTES`. A batch that
was refused goes back to the ring and out again as one with all that came since, so that what was
let go of is declared in the very commit that goes on without it.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from gateway.errors import StoreError
from gateway.storage.batch import WriteBatch
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger("nxgate.store")

HURRY_BYTES = 1 << 20
"""So much waiting is committed at once."""
FULL_BYTES = 16 << 20
"""So much uncommitted makes `room` wait, and is all that the ring holds."""
PATIENCE_S = 5.0
_LEAST_RING = 4 << 20  # what the ring holds beside a batch that is stuck in the disk
_SLACK = 1 << 20  # the ring lets go of so much at a time, as each time passes over all of it
_MOST_PAUSE_S = 2.0


class Disk(Protocol):
    """What becomes of batches; called in this order for each attempt."""

    async def prepare(self) -> None:
        """Put the last things into `waiting`.

        Raises:
            StoreError: the disk refuses already; `waiting` is as it was.
        """

    async def write(self, batch: WriteBatch) -> None:
        """Commit a batch, or raise StoreError; then what of it isn't written is still in it."""

    async def committed(self, batch: WriteBatch) -> None:
        """Take note of a commit."""

    def shed(self, batch: WriteBatch, most: int) -> None:
        """Let go of what is oldest in a batch, down to so many bytes."""


class Commits:
    """Belongs to the event loop.

    Args:
        interval_s: longest wait for a commit, where the disk keeps up.
        disk: where batches go.
        folder: what to call it.
        now_ms: UTC ms.

    Attributes:
        interval_s: as given; may be set.
        waiting: what the next commit writes.
        failing: what the disk refuses, or None.
        failing_since_ms: UTC ms; 0 while it doesn't.
        ring: True from `PATIENCE_S` without a commit until one that took less.
        hung: True while an attempt takes longer than that.
        count: commits since the start.
        attempts: at one, that have ended in whatever way.
    """

    def __init__(
        self, interval_s: float, disk: Disk, folder: Path, now_ms: Callable[[], int]
    ) -> None:
        self.waiting = WriteBatch()
        self.failing: str | None = None
        self.failing_since_ms = 0
        self.ring = False
        self.hung = False
        self.count = self.attempts = 0
        self._folder = folder
        self.interval_s = interval_s
        self._disk = disk
        self._now_ms = now_ms
        self._in_flight: WriteBatch | None = None
        self._version = self._saved = 0
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self._hurry = asyncio.Event()
        self._attempted = asyncio.Event()

    @property
    def bytes(self) -> int:
        """Bytes not yet on the medium, about."""
        return self.waiting.size + (self._in_flight.size if self._in_flight else 0)

    @property
    def records(self) -> int:
        """Records not yet on the medium."""
        batches = (self._in_flight or WriteBatch(), self.waiting)
        return sum(len(batch.rest) + len(batch.telemetry) for batch in batches)

    @property
    def full(self) -> bool:
        """True while no more should be added; see `room`."""
        return not self.ring and self.bytes >= FULL_BYTES

    def touch(self) -> None:
        """Note that something waits; it is on the medium an interval later."""
        self._version += 1
        if self.waiting.size > HURRY_BYTES and self.failing is None:
            self._hurry.set()
        if self.ring:
            self._shed()
        self._work()

    async def flush(self) -> None:
        """Commit what waits now, without waiting for the interval.

        Raises:
            StoreError: the disk refuses; all of it is kept and tried again.
        """
        goal = self._version
        while self._saved < goal:
            if not self.hung:
                self._hurry.set()
                self._work()
                await self._attempted.wait()
            if self._saved < goal and self.failing is not None:
                raise StoreError(self.failing)

    async def room(self) -> None:
        """Return once little enough is uncommitted, or nothing waits for the disk any more."""
        while self.full:
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
                patience = asyncio.get_running_loop().call_later(PATIENCE_S, self._go_on_without)
                try:
                    await self._insist()
                finally:
                    patience.cancel()
                self._tell()
        finally:
            self._tell()

    async def _insist(self) -> None:
        """Try until the disk takes all that waits by then."""
        pause_s = min(self.interval_s, _MOST_PAUSE_S)
        while True:
            try:
                await self._attempt()
            except StoreError as error:
                self._fail(str(error))
            else:
                return
            self._tell()
            await self._pause(pause_s)
            pause_s = min(pause_s * 2, _MOST_PAUSE_S)

    async def _attempt(self) -> None:
        patience = asyncio.get_running_loop().call_later(PATIENCE_S, self._miss)
        try:
            await self._disk.prepare()
            batch, version = self.waiting, self._version
            self._in_flight, self.waiting = batch, WriteBatch(last_key=batch.last_key)
            try:
                await self._disk.write(batch)
            except StoreError:
                self._in_flight, self.waiting = None, batch.before(self.waiting)
                raise
            self._in_flight = None
            self._saved = version
            self.count += 1
            if self.hung:  # a disk that takes this long for each commit is no better for it
                self._version += 1
            else:
                self._recover()
            await self._disk.committed(batch)
        finally:
            patience.cancel()
            self.attempts += 1
            self.hung = False

    def _fail(self, reason: str) -> None:
        if self.failing is None:
            log.error("%s", reason)
            self.failing_since_ms = self._now_ms()
        self.failing = reason

    def _recover(self) -> None:
        if self.failing is not None:
            log.warning(_("{path}: the disk takes records again").format(path=self._folder))
        self.failing, self.failing_since_ms, self.ring = None, 0, False

    def _miss(self) -> None:
        """An attempt doesn't end."""
        self.hung = True
        text = _("{path}: the disk has not answered for {seconds:g} s: check it, or replace it")
        self._fail(text.format(path=self._folder, seconds=PATIENCE_S))
        self._tell()

    def _go_on_without(self) -> None:
        """Let memory do for the disk."""
        if self.failing is None:
            self._miss()
        if not self.ring:
            text = _("{path}: records are kept in memory, up to {size} MiB: the oldest go first")
            log.warning(text.format(path=self._folder, size=FULL_BYTES >> 20))
        self.ring = True
        self._shed()
        self._tell()

    def _shed(self) -> None:
        """Keep the ring within its bound; a batch that is with the disk can't be touched."""
        stuck = self._in_flight.size if self._in_flight else 0
        most = max(FULL_BYTES - stuck, _LEAST_RING)
        if self.waiting.size > most:
            self._disk.shed(self.waiting, most - _SLACK)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        self._hurry.clear()

    def _tell(self) -> None:
        """Wake who waits for an attempt; at once, so that no `touch` falls in between."""
        self._attempted.set()
        self._attempted = asyncio.Event()
