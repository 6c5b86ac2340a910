"""The positions of all publishers, and what each of them has to be told that it will never get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import StoreError
from gateway.storage.facts import Dropped, Family
from gateway.storage.losses import Losses
from gateway.storage.parked import Parked
from gateway.storage.position import Position, Standing
from gateway.storage.ranges import total

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.model import Draft, Record
    from gateway.storage.bounds import Doomed
    from gateway.storage.facts import Facts, Loss
    from gateway.storage.reader import Reader
    from gateway.storage.threads import Threads


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
        self._is_due = False
        self._losses: list[Loss] = []
        self._undeclared: list[Dropped] = []
        self._doomed: list[Doomed] = []
        self._forgotten: dict[tuple[str, str], list[int]] = {}
        self._log = Losses()

    def claim(self, publisher: str, saved: Standing, committed: int, waiting: int) -> Position:
        """Return a publisher's position; at the first time make it. Blocks.

        Args:
            publisher: its name.
            saved: where it stood; before everything for a new publisher.
            committed: the highest key committed.
            waiting: records not yet committed.
        """
        position = self._positions.get(publisher)
        if position is None:
            position = Position(saved.low, saved.ranges, Parked(saved.parked))
            self._positions[publisher] = position
            for loss in tuple(self._losses):  # before settling, which passes over them
                self._undeclared += _dropped(publisher, position, loss)
            stored = self._threads.ask_now(self._reader.count, position.copy())
            position.outstanding = waiting + stored + position.parked.count
            before = -1
            while before < position.low < committed:
                before = position.low
                position.settle(*self._threads.ask_now(self._reader.keys, before, committed))
            position.touched = lambda: self._move(publisher)
            position.given_up = lambda record, parts: self._give_up(publisher, record, parts)
            self._moved.add(publisher)
        return position

    def expect(self, records: int) -> None:
        """Note that so many records came to be delivered."""
        for position in self._positions.values():
            position.outstanding += records

    def take_moved(self) -> dict[str, Standing]:
        """Return the positions that changed since the last time, to be saved."""
        moved = {name: self._positions[name].standing for name in self._moved}
        self._moved.clear()
        self._is_due = False
        return moved

    def committed(self) -> None:
        """Note a commit: what was declared before it is out of the store."""
        for position in self._positions.values():
            position.forget_lost()

    async def settle(self, committed: int) -> None:
        """Let each position pass over keys up to `committed` that no record has.

        A plain one waits: it is plain no more once something beyond such keys is delivered.
        """
        for position in list(self._positions.values()):
            while (low := position.low) < committed and not position.is_plain:
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
            behind = {n: p.copy() for n, p in self._positions.items() if _lacks(p, facts)}
            if behind:
                try:
                    lacking = await self._threads.ask(self._reader.lacking, facts, behind)
                except StoreError:
                    break
                losses: dict[tuple[str, str], Dropped] = {}
                for each in lacking:
                    lost = await each.give_up(self._positions[each.publisher], reason)
                    if lost is not None:
                        before = losses.get((lost.publisher, lost.cls))
                        losses[lost.publisher, lost.cls] = before.joined(lost) if before else lost
                self._undeclared += losses.values()
            del self._doomed[0]
            free.append(facts)
        return free

    def _give_up(self, publisher: str, record: Record, parts: Sequence[Draft]) -> None:
        """Note what a publisher will never get; told with the next commit, a class at a time."""
        news = Dropped(
            publisher, record.key, record.key, record.ts_ms, record.ts_ms,
            record.cls, 1, "too_big", tuple(parts),
        )  # fmt: skip
        for at, told in enumerate(self._undeclared):
            if (told.publisher, told.cls, told.reason) == (publisher, record.cls, "too_big"):
                self._undeclared[at] = told.joined(news)
                break
        else:
            self._undeclared.append(news)
        self._changed()

    def forget(self, records: Sequence[Record]) -> None:
        """Note records that memory had no room for, while the disk took none.

        They are told at the next `declare`, a line for each class and publisher.
        """
        for publisher, position in self._positions.items():
            for record in records:
                if position.is_acked(record.key):
                    if not position.parked.covers(record.place, record.key):
                        continue
                    position.outstanding -= position.parked.count_down(record.place)
                tally = self._forgotten.setdefault(
                    (publisher, record.cls),
                    [record.key, record.key, record.ts_ms, record.ts_ms, 0],
                )
                tally[0] = min(tally[0], record.key)
                tally[1] = max(tally[1], record.key)
                tally[2] = min(tally[2], record.ts_ms)
                tally[3] = max(tally[3], record.ts_ms)
                tally[4] += 1
                position.ack(record.key)

    @property
    def has_forgotten(self) -> bool:
        """True where something is to be told that memory had no room for."""
        return bool(self._forgotten)

    def restart(self, view: Sequence[Facts], committed: int, waiting: int) -> None:
        """Declare all that was committed and not delivered: the folder that had it is gone.

        Args:
            view: what stood in it.
            committed: the highest key committed there.
            waiting: records that it did not get.
        """
        filled = [facts for facts in view if facts.count]
        first = min((facts.first for facts in filled), default=committed)
        for publisher, position in self._positions.items():
            lost = position.lacking(first, committed)
            count = position.outstanding - waiting
            if lost and count > 0:
                self._undeclared.append(
                    Dropped(
                        publisher=publisher,
                        first=lost[0][0],
                        last=lost[-1][1],
                        t0_ms=min((facts.t0 for facts in filled), default=0),
                        t1_ms=max((facts.t1 for facts in filled), default=0),
                        cls="other",
                        count=count,
                        reason="corrupt",
                    )
                )
                position.outstanding = waiting
            position.settle([], committed)
            self._moved.add(publisher)

    def declare(self) -> None:
        """Tell what hasn't been told, but for what memory had no room for."""
        while self._undeclared:
            dropped = self._undeclared.pop(0)
            try:
                for callback in self.on_drop:
                    callback(dropped)
            except BaseException:
                self._undeclared.insert(0, dropped)  # to be told the next time
                raise
            self._log.say(dropped)

    def declare_forgotten(self) -> None:
        """Tell what memory had no room for."""
        for (publisher, cls), (first, last, t0, t1, count) in self._forgotten.items():
            self._undeclared.append(Dropped(publisher, first, last, t0, t1, cls, count, "memory"))
        self._forgotten.clear()
        self.declare()

    def _move(self, publisher: str) -> None:
        self._moved.add(publisher)
        if not self._is_due:
            self._is_due = True
            self._changed()


def _lacks(position: Position, facts: Facts) -> bool:
    """Tell whether something in a segment may be undelivered."""
    telemetry = facts.family is Family.TELEMETRY
    return position.low < facts.last or any(
        position.parked.spans(facts.first, facts.last, telemetry=telemetry)
    )


def _dropped(publisher: str, position: Position, loss: Loss) -> list[Dropped]:
    """Tell what of a loss a publisher hadn't got, as none or one."""
    telemetry = loss.family is Family.TELEMETRY
    ranges = [
        part for lo, hi in loss.ranges for part in position.undelivered(lo, hi, telemetry=telemetry)
    ]
    if not ranges:
        return []
    return [
        Dropped(
            publisher=publisher,
            first=ranges[0][0],
            last=ranges[-1][1],
            t0_ms=loss.t0_ms,
            t1_ms=loss.t1_ms,
            cls="telemetry" if telemetry else "other",
            count=total(ranges),
            reason="corrupt",
        )
    ]
