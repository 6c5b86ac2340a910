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

Threads: `Store` belongs to the event loop; one thread owns every connection that writes, another
every one that reads. Appending takes no lock and waits for nothing. The rooms behind this door
are in `gateway/storage/`: `commits` (when), `shelf` (what is written, in which order), `segment`
(one file), `reader`, `progress` (publishers), `recovery`, `bounds`, `epoch`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from gateway.errors import StoreError
from gateway.model import MAX_SEQ, SEQ_BITS, Record, make_key
from gateway.storage.bounds import Bounds, Doomed
from gateway.storage.commits import FULL_BYTES, Commits
from gateway.storage.epoch import Lease, acquire, next_epoch, read_epoch, write_epoch
from gateway.storage.facts import Dropped, holds
from gateway.storage.position import Standing
from gateway.storage.progress import Progress
from gateway.storage.reader import Reader
from gateway.storage.rows import is_current
from gateway.storage.shelf import Shelf
from gateway.storage.threads import Threads
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from gateway.clock import Clock
    from gateway.model import Draft, LogRow
    from gateway.storage.position import Position
    from gateway.storage.rows import Current
    from gateway.storage.shelf import Batch

__all__ = ["Dropped", "Store", "StoreStatus"]

SEGMENT_BYTES = 32 << 20
_ROW = 120  # bytes of a record beside its body, in memory and on disk, about
_ENTRY = 40  # bytes of a log entry, about


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
        gone: newest statements of assets that were removed or renamed; to be cleared.
        on_drop: called on the loop for what a publisher will never get. What they append is
            committed before the records go.
    """

    def __init__(
        self, folder: Path, gateway: str, lease: Lease, shelf: Shelf, commit_s: float, clock: Clock
    ) -> None:
        self.gateway = gateway
        self.on_commit: list[Callable[[int], None]] = []
        self._folder = folder
        self._lease: Lease | None = lease
        self._shelf = shelf
        self._clock = clock
        self._started_ns = clock.mono_ns()
        self._reader = Reader(lambda: shelf.view)
        self._threads = Threads(shelf.rescue, self._take_losses)
        self._commits = Commits(commit_s, self._prepare, self._write, self._committed)
        self._progress = Progress(self._threads, self._reader, self._commits.touch)
        self.on_drop = self._progress.on_drop
        self._doomed: list[Doomed] = []
        self._last_key = self._committed_key = 0
        self._last_commit_ms = 0
        self._current: Current = {}
        self.gone: list[Record] = []
        self._heard: bytes | None = None
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
        shelf = Shelf(folder, segment_bytes, Bounds(size_bytes, keep_s), clock)
        store = cls(folder, gateway, lease, shelf, commit_s, clock)
        try:
            store._begin()
        except BaseException:
            store._release()
            raise
        return store

    def _begin(self) -> None:
        shelf = self._shelf
        stored = read_epoch(self._folder, self.gateway)
        self._threads.write_now(shelf.open)
        used = max((facts.last >> SEQ_BITS for facts in shelf.view), default=0)
        epoch = next_epoch(stored, used, self._clock.wall_ns())
        write_epoch(self._folder, self.gateway, epoch)
        self._last_key = self._committed_key = make_key(epoch, 0)
        self._current = dict(shelf.current)
        self._heard = shelf.heard
        self._take_losses()

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
        return self._commits.bytes

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
        waiting = self._commits.waiting
        key = self._last_key
        records: list[Record] = []
        for draft in drafts:
            key += 1
            cls = draft.cls
            # orjson leaves a body of 2 kB in an allocation of 64; a copy has its own size.
            body = bytes(memoryview(draft.body))
            record = Record(key, cls, draft.line, draft.asset, draft.ts_ms, body, draft.subject)
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
            waiting.size += sum(_ROW + _ENTRY * len(row.entries) for row in log)
        if records or log:
            self._progress.expect(len(records))
            self._commits.touch()
        return records

    async def flush(self) -> None:
        """Commit all that was appended, acknowledged and noted so far, now.

        Raises:
            StoreError: the disk refuses; all of it is kept and tried again.
        """
        await self._commits.flush()

    async def room(self) -> None:
        """Return once less than 16 MiB are uncommitted."""
        await self._commits.room()

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
        records, losses = await self._threads.ask(self._reader.read, after, upto, limit)
        for loss in losses:
            self._bad_rows |= {lo for lo, _hi in loss.ranges}
            self._progress.lose(loss, there=True)
        return records

    def holds(self, first: int, last: int) -> int:
        """Return about how many committed records have keys from `first` to `last`."""
        return holds(self._shelf.view, first, min(last, self._committed_key))

    def position(self, publisher: str) -> Position:
        """Return where a publisher stands; a new one stands before the oldest record. Blocks."""
        saved = self._shelf.positions.get(publisher, Standing())
        return self._progress.claim(publisher, saved, self._committed_key, self._commits.records)

    def current(self) -> Mapping[tuple[str, str, str], Record]:
        """Return the newest meta, state and alarms, by class, line and asset.

        The newest may not be committed yet: compare its key with `committed_key`.
        """
        return self._current

    def retire(self, stands: Callable[[str, str, str], bool]) -> list[Record]:
        """Forget what is current of every class, line and asset that doesn't stand any more.

        The records stay history; what a server may still keep of them is returned and, until it
        stands again, in `gone`.
        """
        places = [place for place in self._current if not stands(*place)]
        retired = [self._current.pop(place) for place in places]
        earlier = [r for r in self.gone if not stands(r.cls, r.line, r.asset)]
        self.gone = earlier + retired
        return retired

    def statements(self, since_ms: int) -> list[Record]:
        """Return the newest oee and energy record of each subject since, in key order; blocks."""
        return self._threads.ask_now(self._reader.statements, since_ms)

    def log(self, since_ms: int) -> Iterator[LogRow]:
        """Yield committed log rows with an entry since, in the order of appending; blocks."""
        after = 0
        while True:
            rows, upto = self._threads.ask_now(self._reader.log, after, since_ms)
            if upto == after:
                return
            yield from rows
            after = upto

    async def recall(
        self, since_ms: int, assets: Collection[str]
    ) -> tuple[list[LogRow], list[Record]]:
        """Return what `log` and `statements` give of some assets, without blocking.

        Raises:
            StoreError: the disk refuses.
        """
        rows: list[LogRow] = []
        after = -1
        upto = 0
        while upto != after:
            after = upto
            more, upto = await self._threads.ask(self._reader.log, after, since_ms, assets)
            rows += more
        told = await self._threads.ask(self._reader.statements, since_ms)
        return rows, [record for record in told if record.asset in assets]

    def note_heard(self, times: Mapping[str, int]) -> None:
        """Keep when each asset was last heard (UTC ms) with the next commit."""
        heard = orjson.dumps(dict(times), option=orjson.OPT_SORT_KEYS)
        if heard != self._heard:
            self._heard = self._commits.waiting.heard = heard
            self._commits.touch()

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

    def limit(self, size_bytes: int, keep_s: Mapping[str, float], commit_s: float) -> None:
        """Keep other bounds and another pace from now on; they mean what they mean to `open`."""
        self._shelf.bounds.change(size_bytes, keep_s)
        self._commits.interval_s = commit_s

    def status(self) -> StoreStatus:
        """Return how the store fares now."""
        view = self._shelf.view
        days = max(60.0, (self._clock.mono_ns() - self._started_ns) * 1e-9) / 86_400
        return StoreStatus(
            bytes=sum(facts.bytes for facts in view),
            oldest_ms=min((facts.t0 for facts in view if facts.count), default=0),
            uncommitted=self.uncommitted_bytes,
            commits=self._commits.count,
            last_commit_ms=self._last_commit_ms,
            wear=round(self._shelf.wear / days),
            failing=self._commits.failing or self._shelf.trouble,
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
            await self._commits.flush()
        finally:
            await self._commits.stop()
            self._release()

    def _release(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            self._threads.close(self._reader.close, self._shelf.close)
            lease.release()

    # Committing; see `Commits` and `Shelf.commit`.

    async def _prepare(self) -> None:
        self._progress.declare()
        await self._progress.settle(self._committed_key)
        waiting = self._commits.waiting
        waiting.positions = self._progress.take_moved()
        waiting.last_key = self._last_key

    async def _write(self, batch: Batch) -> None:
        self._doomed += await self._threads.write(self._shelf.commit, batch)

    async def _committed(self, batch: Batch) -> None:
        self._committed_key = max(self._committed_key, batch.last_key)
        self._last_commit_ms = self._clock.wall_ns() // 1_000_000
        self._take_losses()
        loop = asyncio.get_running_loop()
        for callback in self.on_commit:
            loop.call_soon(callback, self._committed_key)
        doomed, self._doomed = self._doomed, []
        free = await self._progress.doom(doomed)
        if free:
            self._progress.declare()
            self._commits.waiting.unlink += free
            self._commits.touch()

    def _take_losses(self) -> None:
        while self._shelf.losses:
            self._progress.lose(self._shelf.losses.pop(), there=False)
