"""The positions of all publishers, and what each of them has to be told that it will never get."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gateway.errors import StoreError
from gateway.storage.facts import Dropped, Family
from gateway.storage.position import Position
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.storage.bounds import Doomed
    from gateway.storage.facts import Facts, Loss
    from gateway.storage.position import Ranges
    from gateway.storage.reader import Reader
    from gateway.storage.threads import Threads

log = logging.getLogger("nxgate.store")


class Progress:
    """Belongs to the event loop.

    Args:
        threads: to read on.
        moved: called after each change of a position.

    Attributes:
        on_drop: called for each thing that a publisher will never get.
    """

    def __init__(self, threads: Threads, reader: Reader, moved: Callable[[], None]) -> None:
        self.on_drop: list[Callable[[Dropped], None]] = []
        self._threads = threads
        self._reader = reader
        self._changed = moved
        self._positions: dict[str, Position] = {}
        self._moved: set[str] = set()
        self._losses: list[Loss] = []
        self._undeclared: list[Dropped] = []
        self._doomed: list[Doomed] = []

    def claim(
        self, publisher: str, low: int, ranges: Ranges, committed: int, waiting: int
    ) -> Position:
        """Return a publisher's position; at the first time make it. Blocks.

        Args:
            publisher: its name.
            low: as saved; 0 for a new publisher.
            ranges: as saved.
            committed: the highest key committed.
            waiting: records not yet committed.
        """
        position = self._positions.get(publisher)
        if position is None:
            position = self._positions[publisher] = Position(low, ranges)
            for loss in tuple(self._losses):  # before settling, which passes over them
                self._undeclared += _dropped(publisher, position, loss)
            stored = self._threads.ask_now(self._reader.count, position.copy())
            position.outstanding = waiting + stored
            before = -1
            while before < position.low < committed:
                before = position.low
                position.settle(*self._threads.ask_now(self._reader.keys, before, committed))
            position.touched = lambda: self._move(publisher)
            self._moved.add(publisher)
        return position

    def expect(self, records: int) -> None:
        """Note that so many records came to be delivered."""
        for position in self._positions.values():
            position.outstanding += records

    def take_moved(self) -> dict[str, tuple[int, Ranges]]:
        """Return the positions that changed since the last time, to be saved."""
        moved = {name: self._positions[name] for name in self._moved}
        self._moved.clear()
        return {name: (position.low, position.ranges) for name, position in moved.items()}

    async def settle(self, committed: int) -> None:
        """Let each position pass over keys up to `committed` that no record has."""
        for position in list(self._positions.values()):
            while (low := position.low) < committed:
                try:
                    keys, end = await self._threads.ask(self._reader.keys, low, committed)
                except StoreError:
                    return  # the commit that follows tells; the next one tries again
                position.settle(keys, end)
                if position.low == low:
                    break

    # What is gone

    def lose(self, loss: Loss, *, there: bool) -> None:
        """Note records that can't be read any more.

        Args:
            loss: which.
            there: their rows exist, with a wrong CRC: positions are done with them. Where they
                don't, positions pass over them as they settle.
        """
        if not there:
            self._losses.append(loss)  # for publishers that ask for their position later
        for publisher, position in self._positions.items():
            dropped = _dropped(publisher, position, loss)
            self._undeclared += dropped
            if there:
                for lo, hi in loss.ranges:
                    for key in range(lo, hi + 1):
                        position.ack(key)
            else:
                position.outstanding -= sum(each.count for each in dropped)

    async def doom(self, doomed: Sequence[Doomed]) -> list[Facts]:
        """Declare what the end of segments costs whom; return those that may now go.

        A segment that can't be read just now stays for the next time.
        """
        self._doomed += doomed
        free: list[Facts] = []
        while self._doomed:
            facts, reason = self._doomed[0].facts, self._doomed[0].reason
            behind = {n: p.copy() for n, p in self._positions.items() if p.low < facts.last}
            if behind:
                try:
                    dropped = await self._threads.ask(self._reader.tally, facts, behind, reason)
                except StoreError:
                    break
                for each in dropped:
                    self._positions[each.publisher].outstanding -= each.count
                self._undeclared += dropped
            del self._doomed[0]
            free.append(facts)
        return free

    def declare(self) -> None:
        """Tell what hasn't been told."""
        while self._undeclared:
            dropped = self._undeclared.pop(0)
            log.warning(
                _("{publisher} will never get {count} records of {cls}: {reason}").format(
                    publisher=dropped.publisher,
                    count=dropped.count,
                    cls=dropped.cls,
                    reason=dropped.reason,
                )
            )
            for callback in self.on_drop:
                callback(dropped)

    def _move(self, publisher: str) -> None:
        self._moved.add(publisher)
        self._changed()


def _dropped(publisher: str, position: Position, loss: Loss) -> list[Dropped]:
    """Tell what of a loss a publisher hadn't got, as none or one."""
    ranges = [part for lo, hi in loss.ranges for part in position.lacking(lo, hi)]
    if not ranges:
        return []
    return [
        Dropped(
            publisher=publisher,
            first=ranges[0][0],
            last=ranges[-1][1],
            t0_ms=loss.t0_ms,
            t1_ms=loss.t1_ms,
            cls="telemetry" if loss.family is Family.TELEMETRY else "other",
            count=sum(hi - lo + 1 for lo, hi in ranges),
            reason="corrupt",
        )
    ]
