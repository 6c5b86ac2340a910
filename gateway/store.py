"""The durable store: what is committed here is never lost, whatever happens to the box.

Why nothing committed is lost
    A record is committed when its rows are in an SQLite file in WAL mode with
    `synchronous=FULL`: the transaction's pages were appended to the log and the log synced
    before the commit returned. SIGKILL and a power cut leave the log; the next open replays it.
    NORMAL would not do: it syncs only at checkpoints, and a power cut lost acknowledged rows in
    72 of 100 trials and the whole database twice, FULL nothing in 100. A checkpoint syncs the
    log, then the pages it copies, and only then lets the log start again. New files get their
    name when they are whole, and the folder is synced after.

What may be lost
    Records not yet committed, in a power cut or at a SIGKILL: at most one commit interval
    (0.5 s) of them while the disk keeps up. Of these only telemetry may have gone out already,
    so it is gone only where neither broker nor disk had it. Everything else goes out after its
    commit. Their ids are never used again: every start takes a new epoch.

The order of syncs
    1. `epoch`, before the first id of that epoch is given;
    2. the rest (figures, states, events, and the log they are folded from);
    3. telemetry;
    4. positions, which thus lag behind the acknowledgements and never run ahead of them;
    5. only then are segments unlinked whose loss this commit declared.

Threads: `Store` belongs to the event loop; one thread owns every connection that writes
(`shelf.py`), another every one that reads (`reader.py`). Appending takes no lock and waits for
nothing.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import orjson

from gateway.epoch import Lease, acquire, next_epoch, read_epoch, write_epoch
from gateway.errors import StoreError
from gateway.model import MAX_SEQ, SEQ_BITS, Record, make_key
from gateway.position import Position
from gateway.reader import Dropped, Reader
from gateway.segment import Damaged, is_current
from gateway.shelf import Batch, Doomed, Shelf
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gateway.clock import Clock
    from gateway.model import Draft, LogRow
    from gateway.recovery import Loss
    from gateway.segment import Current

__all__ = ["Dropped", "Store", "StoreStatus"]

SEGMENT_BYTES = 32 << 20
HURRY_BYTES = 1 << 20
"""So much waiting is committed at once."""
FULL_BYTES = 16 << 20
"""So much uncommitted makes `room` wait."""
_ROW = 120  # bytes of a record beside its body, in memory and on disk, about
_MOST_PAUSE_S = 2.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """How the store fares.

    Attributes:
        bytes: of all segments.
        oldest_ms: UTC ms of the oldest record; 0 where there is none.
        uncommitted: bytes waiting, about.
        commits: since the start.
        last_commit_ms: UTC ms; 0 before the first.
        wear: bytes a day written to the medium, at the pace since the start.
        failing: what the disk refuses, or None.
        bad_rows: records found unreadable since the start.
        recovered: damaged segments recovered since the start.
    """

    bytes: int
    oldest_ms: int
    uncommitted: int
    commits: int
    last_commit_ms: int
    wear: int
    failing: str | None
    bad_rows: int
    recovered: int


class Store:
    """One gateway's records, log and positions. Made by `open`; used on one event loop.

    Attributes:
        gateway: first part of every id.
        on_commit: called on the loop with the highest committed key, after each commit.
        on_drop: called on the loop for what a publisher will never get. What they append is
            committed before the records go.
    """

    def __init__(
        self, folder: Path, gateway: str, lease: Lease, shelf: Shelf, commit_s: float, clock: Clock
    ) -> None:
        self.gateway = gateway
        self.on_commit: list[Callable[[int], None]] = []
        self.on_drop: list[Callable[[Dropped], None]] = []
        self._folder = folder
        self._lease: Lease | None = lease
        self._shelf = shelf
        self._reader = Reader(lambda: shelf.view)
        self._writing = ThreadPoolExecutor(1, "store-write")
        self._reading = ThreadPoolExecutor(1, "store-read")
        self._commit_s = commit_s
        self._clock = clock
        self._started_s = self._mono_s()

        self._last_key = self._committed_key = 0
        self._waiting, self._in_flight = Batch(), Batch()
        self._version = self._saved = 0
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._attempted = asyncio.Condition()
        self._failing: str | None = None
        self._commits = self._last_commit_ms = 0

        self._current: Current = {}
        self._heard: bytes | None = None
        self._positions: dict[str, Position] = {}
        self._moved: set[str] = set()
        self._losses: list[Loss] = []
        self._undeclared: list[Dropped] = []
        self._doomed: list[Doomed] = []
        self._bad_rows: set[int] = set()

    @classmethod
    def open(
        cls,
        path: Path | str,
        gateway: str,
        *,
        size_bytes: int,
        keep_s: Mapping[str, float],
        commit_s: float,
        clock: Clock,
        segment_bytes: int | None = None,
    ) -> Store:
        """Open a folder, or make it; recover what is damaged; take the next epoch.

        Blocks, and needs no running loop.

        Args:
            path: the folder.
            gateway: whose store it is.
            size_bytes: bound over all segments.
            keep_s: seconds to keep records, `telemetry` and `kpi` (all the rest).
            commit_s: longest wait of a record for its commit, where the disk keeps up.
            clock: both clocks.
            segment_bytes: size of a segment; by default a 16th of the bound, 1 to 32 MiB.

        Raises:
            StoreError: in use, another gateway's, or the disk refuses.
        """
        folder = Path(path)
        lease = acquire(folder)
        segment_bytes = segment_bytes or min(SEGMENT_BYTES, max(1 << 20, size_bytes // 16))
        shelf = Shelf(folder, segment_bytes, size_bytes, keep_s)
        store = cls(folder, gateway, lease, shelf, commit_s, clock)
        try:
            stored = read_epoch(folder, gateway)
            store._writing.submit(shelf.open).result()
            used = max((facts.last >> SEQ_BITS for facts in shelf.view), default=0)
            epoch = next_epoch(stored, used, clock.wall_ns())
            write_epoch(folder, gateway, epoch)
        except BaseException:
            store._writing.submit(shelf.close).result()
            store._release(lease)
            raise
        store._last_key = store._committed_key = make_key(epoch, 0)
        store._current = dict(shelf.current)
        store._heard = shelf.heard
        store._take_losses()
        return store

    @property
    def epoch(self) -> int:
        """First half of every id given now."""
        return self._last_key >> SEQ_BITS

    @property
    def last_key(self) -> int:
        """Key of the record appended last; make_key(epoch, 0) before the first."""
        return self._last_key

    @property
    def committed_key(self) -> int:
        """Every record up to this key is on the medium, or gone for good."""
        return self._committed_key

    @property
    def uncommitted_bytes(self) -> int:
        """Bytes of records that a power cut would take, about."""
        return self._waiting.size + self._in_flight.size

    @property
    def full(self) -> bool:
        """True while no more should be appended; see `room`."""
        return self.uncommitted_bytes >= FULL_BYTES

    def append(self, drafts: Sequence[Draft], log: Sequence[LogRow] = ()) -> list[Record]:
        """Give drafts their keys and queue them, with log rows, for one and the same commit.

        Called on the loop's thread only; waits for nothing.

        Returns:
            The records, in the order of the drafts.

        Raises:
            StoreError: the store is closed, or a new epoch can't be written.
        """
        if self._lease is None:
            raise StoreError(_("{path}: the store is closed").format(path=self._folder))
        if (self._last_key & MAX_SEQ) + len(drafts) > MAX_SEQ:
            self.raise_epoch(self.epoch)
        waiting = self._waiting
        key = self._last_key
        records: list[Record] = []
        for draft in drafts:
            key += 1
            cls = draft.cls
            record = Record(
                key, cls, draft.line, draft.asset, draft.ts_ms, draft.body, draft.subject
            )
            records.append(record)
            waiting.size += len(draft.body) + _ROW
            if cls == "telemetry":
                waiting.telemetry.append(record)
            else:
                waiting.rest.append(record)
                if is_current(cls):
                    self._current[cls, draft.line, draft.asset] = record
        self._last_key = key
        if log:
            waiting.log.extend(log)
            waiting.size += sum(_ROW + 40 * len(row.entries) for row in log)
        if records or log:
            for position in self._positions.values():
                position.outstanding += len(records)
            self._touch()
            if waiting.size > HURRY_BYTES and self._failing is None:
                self._hurry.set()
        return records

    async def flush(self) -> None:
        """Commit all that was appended, acknowledged and noted so far, now.

        Raises:
            StoreError: the disk refuses; all of it is kept and tried again.
        """
        goal = self._version
        while self._saved < goal:
            self._hurry.set()
            self._work()
            async with self._attempted:
                await self._attempted.wait()
            if self._failing is not None:
                raise StoreError(self._failing)

    async def room(self) -> None:
        """Return once less than 16 MiB are uncommitted."""
        while self.full:
            self._work()
            async with self._attempted:
                await self._attempted.wait()

    async def read(self, after: int, upto: int, limit: int) -> list[Record]:
        """Return committed records with after < key <= upto, in key order.

        Fewer than `limit` means that there are no more. A record that can't be read any more is
        left out, and declared to the publishers that hadn't got it.

        Raises:
            StoreError: the disk refuses.
        """
        upto = min(upto, self._committed_key)
        if after >= upto or limit <= 0:
            return []
        records, losses = await self._ask(self._reader.read, after, upto, limit)
        for loss in losses:
            self._bad_rows |= {lo for lo, _ in loss.ranges}
            self._lose(loss)
        return records

    def position(self, publisher: str) -> Position:
        """Return where a publisher stands; a new one stands before the oldest record."""
        position = self._positions.get(publisher)
        if position is None:
            position = Position(*self._shelf.positions.get(publisher, (0, [])))
            for loss in self._losses:
                self._undeclared += _forfeit(publisher, position, loss)
            waiting = sum(len(b.rest) + len(b.telemetry) for b in (self._in_flight, self._waiting))
            position.outstanding = waiting + self._ask_now(self._reader.count, position.copy())
            position.touched = lambda: self._move(publisher)
            self._positions[publisher] = position
            self._moved.add(publisher)
        return position

    def current(self) -> Mapping[tuple[str, str, str], Record]:
        """Return the newest meta, state and alarms, by class, line and asset.

        The newest may not be committed yet: compare its key with `committed_key`.
        """
        return self._current

    def statements(self, since_ms: int) -> list[Record]:
        """Return the newest oee and energy record of each subject since, in key order; blocks."""
        return self._ask_now(self._reader.statements, since_ms)

    def log(self, since_ms: int) -> Iterator[LogRow]:
        """Yield committed log rows with an entry since, in the order of appending; blocks."""
        after = 0
        while True:
            rows, upto = self._ask_now(self._reader.log, after, since_ms)
            if upto == after:
                return
            yield from rows
            after = upto

    def note_heard(self, times: Mapping[str, int]) -> None:
        """Keep when each asset was last heard (UTC ms) with the next commit."""
        heard = orjson.dumps(dict(times), option=orjson.OPT_SORT_KEYS)
        if heard != self._heard:
            self._heard = self._waiting.heard = heard
            self._touch()

    def last_heard(self) -> dict[str, int]:
        """Return when each asset was last heard, as noted last."""
        heard: dict[str, int] = orjson.loads(self._heard or b"{}")
        return heard

    def raise_epoch(self, above: int) -> None:
        """Give ids of an epoch higher than `above` from now on.

        Blocks for two syncs where the epoch must change, which happens at most once, when a
        restored store first meets the status that its predecessor left at the broker.

        Raises:
            StoreError: the disk refuses; the epoch is as before.
        """
        if above >= self.epoch:
            write_epoch(self._folder, self.gateway, above + 1)
            self._last_key = make_key(above + 1, 0)

    def status(self) -> StoreStatus:
        """Return how the store fares now."""
        view = self._shelf.view
        days = max(60.0, self._mono_s() - self._started_s) / 86_400
        return StoreStatus(
            bytes=sum(facts.bytes for facts in view),
            oldest_ms=min((facts.t0 for facts in view if facts.count), default=0),
            uncommitted=self.uncommitted_bytes,
            commits=self._commits,
            last_commit_ms=self._last_commit_ms,
            wear=round(self._shelf.wear / days),
            failing=self._failing,
            bad_rows=len(self._bad_rows),
            recovered=self._shelf.recovered,
        )

    async def close(self) -> None:
        """Commit what waits, fold the logs in, release the folder; safe to call twice.

        Raises:
            StoreError: the last commit failed; everything is released all the same.
        """
        if self._lease is None:
            return
        try:
            await self.flush()
        finally:
            lease, self._lease = self._lease, None
            if self._task is not None:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._reading, self._reader.close)
            await loop.run_in_executor(self._writing, self._shelf.close)
            self._release(lease)

    # Committing

    def _touch(self) -> None:
        self._version += 1
        if self._lease is not None:
            self._work()

    def _move(self, publisher: str) -> None:
        self._moved.add(publisher)
        self._touch()

    def _work(self) -> None:
        """See to it that the commit task runs."""
        if self._task is not None and self._task.done():
            self._task.result()  # a mistake in here shows where it hurts, at the caller's
            self._task = None
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="store")

    async def _run(self) -> None:
        """Commit what waits, interval by interval, until nothing does."""
        try:
            while self._saved < self._version:
                await self._pause(self._commit_s)
                self._declare()
                await self._settle()
                await self._commit()
        finally:
            await self._tell()

    async def _commit(self) -> None:
        batch, version, last_key = self._waiting, self._version, self._last_key
        self._in_flight, self._waiting = batch, Batch()
        batch.next_key = last_key + 1
        batch.positions = {
            name: (self._positions[name].low, self._positions[name].ranges) for name in self._moved
        }
        self._moved.clear()
        doomed = await self._insist(batch)
        self._in_flight = Batch()
        self._saved = version
        self._committed_key = max(self._committed_key, last_key)
        self._commits += 1
        self._last_commit_ms = self._now_ms()
        self._failing = None
        self._take_losses()
        await self._tell()
        loop = asyncio.get_running_loop()
        for callback in self.on_commit:
            loop.call_soon(callback, self._committed_key)
        self._doomed += doomed
        await self._doom()

    async def _insist(self, batch: Batch) -> list[Doomed]:
        """Commit a batch, however often that takes."""
        loop = asyncio.get_running_loop()
        pause_s = min(self._commit_s, _MOST_PAUSE_S)
        while True:
            try:
                return await loop.run_in_executor(
                    self._writing, self._shelf.commit, batch, self._now_ms(), self._mono_s()
                )
            except StoreError as error:
                self._failing = str(error)
            await self._tell()
            await self._pause(pause_s)
            pause_s = min(pause_s * 2, _MOST_PAUSE_S)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        self._hurry.clear()

    async def _tell(self) -> None:
        async with self._attempted:
            self._attempted.notify_all()

    async def _settle(self) -> None:
        """Let each position pass over keys that no record has."""
        for position in self._positions.values():
            while (low := position.low) < self._committed_key:
                try:
                    keys, end = await self._ask(self._reader.keys, low, self._committed_key)
                except StoreError:
                    return  # the commit that follows tells; the next interval tries again
                position.settle(keys, end)
                if position.low == low:
                    break

    # What is gone

    async def _doom(self) -> None:
        """Declare what the end of a segment costs whom, and let it go with that declaration."""
        while self._doomed:
            facts, reason = self._doomed[0].facts, self._doomed[0].reason
            behind = {n: p.copy() for n, p in self._positions.items() if p.low < facts.last}
            if behind:
                try:
                    dropped = await self._ask(self._reader.tally, facts, behind, reason)
                except StoreError:
                    return  # it stays until it can be read, or until the next start
                for each in dropped:
                    self._positions[each.publisher].outstanding -= each.count
                self._undeclared += dropped
            del self._doomed[0]
            self._declare()
            self._waiting.unlink.append(facts)
            self._touch()

    def _lose(self, loss: Loss) -> None:
        for publisher, position in self._positions.items():
            self._undeclared += _forfeit(publisher, position, loss)

    def _take_losses(self) -> None:
        while self._shelf.losses:
            loss = self._shelf.losses.pop()
            self._losses.append(loss)  # for publishers that ask for their position later
            self._lose(loss)

    def _declare(self) -> None:
        while self._undeclared:
            dropped = self._undeclared.pop(0)
            for callback in self.on_drop:
                callback(dropped)

    # Threads

    async def _ask(self, question: Callable[..., T], *values: object) -> T:
        """Put a question to the reader's thread; recover a damaged segment that it meets."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await loop.run_in_executor(self._reading, question, *values)
            except Damaged as damage:
                await loop.run_in_executor(self._writing, self._shelf.rescue, damage.file)
            self._take_losses()

    def _ask_now(self, question: Callable[..., T], *values: object) -> T:
        """Do as `_ask`, and block."""
        while True:
            try:
                return self._reading.submit(question, *values).result()
            except Damaged as damage:
                self._writing.submit(self._shelf.rescue, damage.file).result()
            self._take_losses()

    def _release(self, lease: Lease) -> None:
        self._reading.shutdown()
        self._writing.shutdown()
        lease.release()

    def _mono_s(self) -> float:
        return self._clock.mono_ns() * 1e-9

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000


def _forfeit(publisher: str, position: Position, loss: Loss) -> list[Dropped]:
    """Make a position pass over a loss; return what it hadn't got of it, as none or one."""
    ranges = [given_up for lo, hi in loss.ranges for given_up in position.give_up(lo, hi)]
    if not ranges:
        return []
    return [
        Dropped(
            publisher=publisher,
            first=ranges[0][0],
            last=ranges[-1][1],
            t0_ms=loss.t0_ms,
            t1_ms=loss.t1_ms,
            cls=loss.family.cls,
            count=sum(hi - lo + 1 for lo, hi in ranges),
            reason="corrupt",
        )
    ]
