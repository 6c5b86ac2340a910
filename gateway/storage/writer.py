"""What becomes of a batch: to the shelf and back, and the publishers told what it costs them."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from gateway.errors import StoreError
from gateway.storage.commits import Commits
from gateway.storage.home import Moved
from gateway.storage.progress import Progress
from gateway.storage.reader import Reader
from gateway.storage.threads import Threads
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.clock import Clock
    from gateway.model import Record
    from gateway.storage.batch import WriteBatch
    from gateway.storage.bounds import Doomed
    from gateway.storage.home import Home

_MOST_GAPS = 64
"""Uncommitted declarations of what memory dropped: a disk that takes a probe and never a batch
would else fill memory with them."""
_EPOCH_S = 2.0
_STUCK_S, _CLOSE_S = 1.0, 30.0
"""Folding the logs in may take a slow card seconds; where the disk hangs already, it is in vain."""


class Writer:
    """The `Disk` of a store's commits. Belongs to the event loop.

    Args:
        home: the folder.
        commit_s: longest wait for a commit.
        clock: the wall clock.
        is_current: True for a record that says how things stand now.
        moved: called with the new epoch after the store had to begin in a new folder.

    Attributes:
        on_commit: called on the loop with the highest committed key, after each commit.
        committed_key: every record up to it is on the medium, or gone for good.
        last_commit_ms: UTC ms.
        dropped: what memory had no room for since the start: records by class, and `log` rows.
    """

    def __init__(
        self,
        home: Home,
        commit_s: float,
        clock: Clock,
        is_current: Callable[[Record], bool],
        moved: Callable[[int], None],
    ) -> None:
        self.home = home
        self.on_commit: list[Callable[[int], None]] = []
        self.committed_key = 0
        self.last_commit_ms = 0
        self.dropped: Counter[str] = Counter()
        self.reader = Reader(lambda: home.shelf.view)
        self.threads = Threads(home.rescue, self.take_losses)
        self.commits = Commits(commit_s, self, home.folder, self._now_ms)
        self.progress = Progress(self.threads, self.reader, self.commits.touch)
        self._clock = clock
        self._is_current = is_current
        self._moved = moved
        self._doomed: list[Doomed] = []
        self._telling = False

    async def prepare(self) -> None:
        """Declare what is to be declared, and add the positions.

        Raises:
            StoreError: the disk takes no more than before.
        """
        waiting = self.commits.waiting
        idle = not waiting.size  # then nothing else would tell whether the disk is back
        if self.commits.failing is not None and (idle or self.progress.has_forgotten):
            try:
                await self.threads.write(self.home.probe, 2 * waiting.size)
            except StoreError:
                await self._relieve(waiting)
                raise
        await self.progress.settle(self.committed_key)
        self.progress.declare()
        # No wait from here on: what is let go of later is not in these positions.
        if self.progress.has_forgotten and _gaps(waiting) < _MOST_GAPS:
            self._telling = True
            try:
                self.progress.declare_forgotten()
            finally:
                self._telling = False
        if not self.progress.has_forgotten:
            waiting.positions |= self.progress.take_moved()

    async def write(self, batch: WriteBatch) -> None:
        """Commit a batch.

        Raises:
            StoreError: the disk refuses; what of the batch isn't written is still in it.
        """
        try:
            self._doomed += await self.threads.write(self.home.commit, batch)
        except Moved as moved:
            await self.threads.ask(self.reader.close)
            records = self.commits.records
            self.progress.restart(moved.lost, self.committed_key, records)
            self._moved(self.home.epoch)
            raise
        except StoreError:
            await self._relieve(batch)
            raise

    async def committed(self, batch: WriteBatch) -> None:
        """Tell of a commit, and have go what must go next."""
        self.committed_key = max(self.committed_key, batch.last_key)
        self.last_commit_ms = self._now_ms()
        self.progress.committed()
        self.take_losses()
        loop = asyncio.get_running_loop()
        for callback in self.on_commit:
            loop.call_soon(callback, self.committed_key)
        doomed, self._doomed = self._doomed, []
        free = await self.progress.doom(doomed)
        if free:
            self.progress.declare()
            self.commits.waiting.unlink += free
        if free or self.home.shelf.trouble is not None or self.progress.has_forgotten:
            self.commits.touch()  # for what is to be tried again, or told

    def shed(self, batch: WriteBatch, most: int) -> None:
        """Let go of what is oldest in a batch, down to so many bytes.

        But for nothing while losses are declared: what the declarations themselves displaced
        would be passed over by the positions of this commit, and declared with the next one.
        """
        if self._telling:
            return
        rows = len(batch.log)
        gone = batch.shed(most, self._is_current)
        self.dropped.update(record.cls for record in gone)
        if rows > len(batch.log):
            self.dropped["log"] += rows - len(batch.log)
        self.progress.forget(gone)

    def take_losses(self) -> None:
        """Note what the shelf found unreadable."""
        losses = self.home.shelf.losses
        while losses:
            self.progress.lose(losses.pop(), there=False)

    def raise_epoch(self, above: int) -> None:
        """Take the epoch after this one; blocks for a moment at most.

        Raises:
            StoreError: the disk refuses, or is slow: then the epoch rises when it is done.
        """
        if self.commits.failing is not None:
            raise StoreError(self.commits.failing)
        moved = partial(self._moved, above + 1)
        try:
            self.threads.write_soon(partial(self.home.raise_epoch, above), _EPOCH_S, moved)
        except TimeoutError as error:
            text = _("{path}: the disk is too slow").format(path=self.home.folder)
            raise StoreError(text) from error
        moved()

    async def stop(self) -> None:
        """End without another commit, and release the folder.

        Where a thread is stuck in the disk the folder stays locked until the process ends: the
        thread may write yet.
        """
        patience_s = _STUCK_S if self.commits.hung else _CLOSE_S
        await self.commits.stop()
        self.release(patience_s)

    def release(self, patience_s: float = _CLOSE_S) -> None:
        """End both threads and release the folder; blocks."""
        if self.threads.close(self.reader.close, self.home.close, patience_s):
            self.home.release()

    async def _relieve(self, batch: WriteBatch) -> None:
        """Make room where the disk has none, for what is to go to be declared first."""
        shelf = self.home.shelf
        batch.unlink += await self.progress.doom(await self.threads.write(shelf.over))
        if shelf.room.is_out and batch.unlink:
            with suppress(StoreError):
                await self.threads.write(shelf.relieve, batch)

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000


def _gaps(batch: WriteBatch) -> int:
    return sum(record.cls == "event/gap" for record in batch.rest)
