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

    While the disk takes nothing (it is full, read-only, broken, or a call to it never returns),
    what is not committed is a ring in memory of 16 MiB. A stop or a cut then takes all of it
    that no broker has. What the ring itself lets go of is declared, to the record, in the one
    transaction that goes on without it. `docs/decisions/0010-*` tells what goes first, and what
    may go out before its commit meanwhile.

    What stood in a folder that somebody took away: declared in the first commit of the new one.
    One loss may go untold: where a disk has no room and the ballast is eaten too, a segment is
    unlinked before the gap that declares it can be written, and a cut may fall between the two.

The order of syncs
    1. `epoch`, before the first id of that epoch is given;
    2. the rest (figures, states, events, gaps, and the log they are folded from);
    3. telemetry;
    4. positions, which thus lag behind the acknowledgements and never run ahead of them; nor do
       they pass over what was given up before its gap is there;
    5. only then are segments unlinked whose loss this commit declared.

Threads: `Store` belongs to the event loop; one thread owns every connection that writes, another
every one that reads. Appending takes no lock and waits for nothing, and nothing waits for a
thread that is stuck in the disk. The rooms behind this door are in `gateway/storage/`: `commits`
(when), `batch` (what), `writer` (what becomes of it), `home` (the folder, its lock and epoch),
`shelf` (in which order), `segment` (one file), `reader`, `progress` (publishers), `bounds`, …
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.errors import StoreError
from gateway.ids import MAX_SEQ, SEQ_BITS, make_key
from gateway.model import Record
from gateway.storage.batch import ROW, weight_of
from gateway.storage.bounds import Bounds
from gateway.storage.facts import Dropped, holds
from gateway.storage.home import Home
from gateway.storage.notes import Notes
from gateway.storage.position import Standing
from gateway.storage.present import Present
from gateway.storage.rows import is_current
from gateway.storage.shelf import Shelf
from gateway.storage.status import StoreStatus, tell
from gateway.storage.writer import Writer
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from gateway.clock import Clock
    from gateway.model import Draft, LogRow, Place
    from gateway.storage.position import Position

__all__ = ["Dropped", "Store", "StoreStatus"]

SEGMENT_BYTES = 32 << 20


class Store:
    """One gateway's records, log and positions. Made by `open`; used on one event loop.

    Attributes:
        gateway: first part of every id.
        on_commit: called on the loop with the highest committed key, after each commit.
        on_drop: called on the loop for what a publisher will never get. What they append is
            committed before the records go.
    """

    def __init__(
        self, home: Home, gateway: str, bounds: Bounds, commit_s: float, clock: Clock
    ) -> None:
        self.gateway = gateway
        self._home = home
        self._bounds = bounds
        self._clock = clock
        self._started_ns = clock.mono_ns()
        self._present = Present()
        self._writer = Writer(home, commit_s, clock, self._present.holds, self._move)
        self._commits = self._writer.commits
        self._progress = self._writer.progress
        self.on_commit = self._writer.on_commit
        self.on_commit.append(lambda _key: self._present.share(home.shelf.current))
        self.on_drop = self._progress.on_drop
        self._last_key = 0
        self._notes = Notes(None)
        self._bad_rows: set[int] = set()
        self._closed = False

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
        segment_bytes = segment_bytes or min(SEGMENT_BYTES, max(1 << 20, size_bytes // 16))
        bounds = Bounds(size_bytes, keep_s)
        home = Home(folder, gateway, lambda: Shelf(folder, segment_bytes, bounds, clock), clock)
        store = cls(home, gateway, bounds, commit_s, clock)
        try:
            store._begin()
        except BaseException:
            store._writer.release()
            raise
        return store

    def _begin(self) -> None:
        home = self._home
        self._writer.threads.write_now(home.open)
        self._last_key = self._writer.committed_key = make_key(home.epoch, 0)
        self._present.records = dict(home.shelf.current)
        self._notes = Notes(home.shelf.heard)
        self._writer.take_losses()

    @property
    def folder(self) -> Path:
        """Where it is on disk."""
        return self._home.folder

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
        return self._writer.committed_key

    @property
    def full(self) -> bool:
        """True while no more should be appended; see `room`."""
        return self._commits.full

    @property
    def ring(self) -> bool:
        """True while memory does for a disk that takes nothing."""
        return self._commits.ring

    def append(self, drafts: Sequence[Draft], log: Sequence[LogRow] = ()) -> list[Record]:
        """Give drafts their keys and queue them, with log rows, for one and the same commit.

        Called on the loop's thread only; waits for nothing.

        Returns:
            The records, in the order of the drafts.

        Raises:
            StoreError: the store is closed, or a new epoch can't be written.
        """
        if self._closed:
            raise StoreError(_("{path}: the store is closed").format(path=self._home.folder))
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
            waiting.size += len(draft.body) + ROW
            if cls == "telemetry":
                waiting.telemetry.append(record)
            else:
                waiting.rest.append(record)
                if is_current(cls):
                    self._present.put(record)
        self._last_key = waiting.last_key = key
        if log:
            waiting.log.extend(log)
            waiting.size += sum(map(weight_of, log))
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
        """Return once less than 16 MiB are uncommitted, or memory does for the disk."""
        await self._commits.room()

    async def read(self, after: int, upto: int, limit: int) -> list[Record]:
        """Return committed records with after < key <= upto, in key order.

        Fewer than `limit` means that there are no more. A record that can't be read any more is
        left out, and declared to the publishers that hadn't got it.

        Raises:
            StoreError: the disk refuses.
        """
        upto = min(upto, self.committed_key)
        if after >= upto or limit <= 0:
            return []
        records, losses = await self._writer.threads.ask(
            self._writer.reader.read, after, upto, limit
        )
        for loss in losses:
            self._bad_rows |= {lo for lo, _hi in loss.ranges}
            self._progress.lose(loss, there=True)
        return records

    def holds(self, first: int, last: int) -> int:
        """Return about how many committed records have keys from `first` to `last`."""
        return holds(self._home.shelf.view, first, min(last, self.committed_key))

    def position(self, publisher: str) -> Position:
        """Return where a publisher stands; a new one stands before the oldest record. Blocks."""
        saved = self._home.shelf.positions.get(publisher, Standing())
        return self._progress.claim(publisher, saved, self.committed_key, self._commits.records)

    def current(self) -> Mapping[Place, Record]:
        """Return the newest meta, state and alarms, by place.

        The newest may not be committed yet: compare its key with `committed_key`.
        """
        return self._present.records

    def retire(self, stands: Callable[[Place], bool]) -> list[Record]:
        """Forget what is current of every place that doesn't stand any more.

        The records stay history; what a server may still keep of them is returned and, until it
        stands again, in `gone`.
        """
        return self._present.retire(stands)

    @property
    def gone(self) -> Sequence[Record]:
        """Newest statements of assets that were removed or renamed; to be cleared."""
        return self._present.gone

    def statements(self, since_ms: int) -> list[Record]:
        """Return the newest oee and energy record of each subject since, in key order; blocks."""
        return self._writer.threads.ask_now(self._writer.reader.statements, since_ms)

    def log(self, since_ms: int, moved: tuple[int, int] | None = None) -> Iterator[LogRow]:
        """Yield committed log rows with an entry since, in the order of appending; blocks.

        Args:
            since_ms: UTC ms.
            moved: also rows of this key's epoch and later ones with an entry since this time.
        """
        after = 0
        while True:
            rows, upto = self._writer.threads.ask_now(
                self._writer.reader.log, after, since_ms, moved
            )
            if upto == after:
                return
            yield from rows
            after = upto

    async def recall(
        self, since_ms: int, assets: Collection[str], moved: tuple[int, int] | None = None
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
            more, upto = await self._writer.threads.ask(
                self._writer.reader.log, after, since_ms, moved, assets
            )
            rows += more
        told = await self._writer.threads.ask(self._writer.reader.statements, since_ms)
        return rows, [record for record in told if record.asset in assets]

    def note_heard(self, times: Mapping[str, int]) -> None:
        """Keep when each asset was last heard (UTC ms) with the next commit."""
        self._notes.heard = dict(times)
        self._note()

    def note_clock(self, clock: Mapping[str, object]) -> None:
        """Keep what is known of the clock, with the same commit as what was appended just now."""
        self._notes.clock = dict(clock)
        self._note()

    def last_heard(self) -> dict[str, int]:
        """Return when each asset was last heard, as noted last."""
        return dict(self._notes.heard)

    def last_clock(self) -> dict[str, Any]:
        """Return what was known of the clock, as noted last; {} where nothing was."""
        return self._notes.clock

    def _note(self) -> None:
        news = self._notes.news()
        if news is not None:
            self._commits.waiting.heard = news
            self._commits.touch()

    def raise_epoch(self, above: int) -> None:
        """Give ids of an epoch higher than `above` from now on.

        Blocks for two syncs where it must change: at most once, when a restored store first
        meets the status that its predecessor left at the broker.

        Raises:
            StoreError: the disk refuses, or is slow: then the epoch rises when it is done.
        """
        if above >= self.epoch:
            self._writer.raise_epoch(above)

    def limit(self, size_bytes: int, keep_s: Mapping[str, float], commit_s: float) -> None:
        """Keep other bounds and another pace from now on; they mean what they mean to `open`."""
        self._bounds.change(size_bytes, keep_s)
        self._commits.interval_s = commit_s

    def commits_due(self) -> tuple[bool, int]:
        """Whether the store has something to commit, and how many attempts have ended.

        What a dead disk keeps in a call that nothing ends is not counted as due.
        """
        commits = self._commits
        due = commits.bytes > 0 and not (commits.hung and self._writer.threads.is_in_disk())
        return due, commits.attempts

    def status(self) -> StoreStatus:
        """Return how the store fares now."""
        running_ns = self._clock.mono_ns() - self._started_ns
        return tell(self._writer, running_ns * 1e-9, len(self._bad_rows))

    async def close(self) -> None:
        """Commit what waits, fold the logs in, release the folder; safe to call twice.

        Raises:
            StoreError: the last commit failed; everything is released all the same, unless a
                thread is stuck in the disk.
        """
        if self._closed:
            return
        try:
            await self._commits.flush()  # which may have something to declare, and so to append
        finally:
            self._closed = True
            await self._writer.stop()

    def _move(self, epoch: int) -> None:
        """Go on with an epoch that is on the medium."""
        if epoch > self.epoch:
            self._last_key = self._commits.waiting.last_key = make_key(epoch, 0)
