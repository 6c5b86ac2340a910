"""The folder of segments, as the one thread that writes it sees it.

A commit writes, in this order, each in its own transaction and each synced before the next:

1. the rest: the KPI log and the records made from it. They are what nobody else has: such a
   record goes out only after its commit, and figures are folded from this log;
2. telemetry, which may have gone out already;
3. positions. They may lag: a record is then sent twice under one id. They are never ahead of
   what was acknowledged.

A cut in between leaves a part of the batch, none of which was reported as committed. A batch
that failed half way is tried again from where it failed.

What must go is unlinked only after the commit that declares it: `commit` names the segments over
the bounds, the store tells what that costs whom, and the batch that carries those gaps carries
the order to unlink. A disk without any room has a ballast for that; see `relieve`.
"""

from __future__ import annotations

import logging
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.durable import sync_folder
from gateway.errors import StoreError
from gateway.ids import SEQ_BITS
from gateway.storage.disk import Room
from gateway.storage.epoch import refusal
from gateway.storage.facts import Damaged, Facts, Family, Loss, State, name_of, parse_name
from gateway.storage.missing import missing
from gateway.storage.naming import put_right
from gateway.storage.packed import pack
from gateway.storage.places import Places
from gateway.storage.ranges import total
from gateway.storage.recovery import finish_recoveries, recover
from gateway.storage.rows import Current, is_current, log_line, read_current, read_note
from gateway.storage.segment import (
    FOLD_BYTES,
    SQL_ERRORS,
    Segment,
    is_damage,
    open_read_only,
    read_sealed,
)
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gateway.clock import Clock
    from gateway.model import Record
    from gateway.storage.batch import WriteBatch
    from gateway.storage.bounds import Bounds, Doomed
    from gateway.storage.position import Standing
    from gateway.storage.rows import LogLine

log = logging.getLogger("nxgate.store")

_MOST_RESERVE = 32 << 20
_LEAST_BALLAST = 512 << 10  # three databases are opened with it, each with a log and its index


class Shelf:
    """The segments of a store. Belongs to one thread, but for the attributes.

    Args:
        folder: where they are; locked by this process.
        segment_bytes: a segment this large is followed by a new one.
        bounds: chooses what must go.

    Attributes:
        bounds: as given.
        view: every segment, oldest first within its family; a new tuple at each change.
        losses: what turned out unreadable; the store takes it away from the end.
        wear: bytes written to the medium since the start, about.
        recovered: damaged segments recovered since the start.
        trouble: what the disk refuses besides the records themselves, or None.
        room: what is left on the disk.
        current, heard: as of the last commit; a new mapping at each change.
    """

    def __init__(self, folder: Path, segment_bytes: int, bounds: Bounds, clock: Clock) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self.bounds = bounds
        self._clock = clock
        self._active: dict[Family, Segment] = {}
        self._closing: list[Segment] = []
        self._sealed: dict[Path, Facts] = {}
        self._places = Places(folder)
        self._last_key = 0
        self._log_last = 0
        self._retired_wear = 0
        self._fold_bytes = min(FOLD_BYTES, segment_bytes // 2)
        reserve = min(2 * segment_bytes + 4 * self._fold_bytes, _MOST_RESERVE)
        self.room = Room(folder, reserve, max(self._fold_bytes, _LEAST_BALLAST))
        self.view: tuple[Facts, ...] = ()
        self.losses: list[Loss] = []
        self.wear = 0
        self.recovered = 0
        self.trouble: str | None = None
        self.current: Current = {}
        self.heard: bytes | None = None

    @property
    def positions(self) -> Mapping[str, Standing]:
        """Low and ranges of every publisher, as of the last commit."""
        return self._places.positions

    def open(self) -> None:
        """Open what is there and recover what is damaged.

        Raises:
            StoreError: the disk refuses.
        """
        with self._spoken():
            finish_recoveries(self._folder)
            put_right(self._folder)
            self._places.open()
            damaged = [path for path in sorted(self._folder.iterdir()) if not self._adopt(path)]
            self._publish()
            self.losses = [facts.loss for facts in self.view if facts.loss is not None]
            for path in damaged:
                self._recover(path)
            self._choose_active()
            self._seal()
            self._publish()
            self._remember()
            self._last_key = max((facts.last for facts in self.view), default=0)
            self.losses += missing(lambda: self.view, self._places.ends, self._recover)
            self._places.note_end(self._last_key, self.view)
            self.room.look()

    def commit(self, batch: WriteBatch) -> list[Doomed]:
        """Write a batch; all of it is on the medium when this returns.

        Returns:
            Segments that must go next, to be declared first.

        Raises:
            StoreError: the disk refuses; call again with the same batch to go on.
        """
        with self._spoken():
            try:
                self._write(batch)
                self._places.save(batch.positions)
                self._last_key = batch.last_key
            except Damaged as damage:
                self._recover(damage.file[0])
                raise
            except (*SQL_ERRORS, OSError) as error:
                self.room.note(error)
                raise
            finally:
                self._publish()
        self.room.is_out = False
        self._tidy(batch)
        doomed = self.over()
        self.room.load_ballast()
        return doomed

    def over(self) -> list[Doomed]:
        """Return segments that must go next, to be declared first."""
        self.room.look()
        return self.bounds.over(
            self.view,
            self._clock.wall_ns() // 1_000_000,
            self._clock.mono_ns() * 1e-9,
            self.room.short,
            urgent=self.room.is_out,
        )

    def relieve(self, batch: WriteBatch) -> None:
        """Make room for the commit that declares what goes.

        Where no ballast is left to drop, what is to go has to go before it is declared.

        Raises:
            StoreError: the disk refuses.
        """
        with self._spoken():
            if not self.room.drop_ballast():
                self._unlink(batch)

    def probe(self, size: int) -> None:
        """Try whether the disk takes so many bytes.

        Raises:
            StoreError: it doesn't.
        """
        with self._spoken():
            self.room.probe(size)

    def take_over(self, other: Shelf) -> None:
        """Stand for another shelf whose folder is gone: carry on how things stand."""
        self.current = self.current | other.current
        self.heard = other.heard

    def rescue(self, file: tuple[Path, int]) -> None:
        """Recover a segment that a reader found damaged; nothing where that was done already.

        Raises:
            StoreError: the disk refuses.
        """
        if any(facts.file == file for facts in self.view):
            with self._spoken():
                self._recover(file[0])

    def close(self) -> None:
        """Fold the logs in and release every file; safe to call twice."""
        for segment in (*self._active.values(), *self._closing):
            segment.close()
        self._active.clear()
        self._closing.clear()
        self._places.close(self._last_key, self.view)

    # Opening

    def _adopt(self, path: Path) -> bool:
        """Open a segment; False where it is damaged."""
        if parse_name(path.name) is None:
            return True
        try:
            facts = read_sealed(path)
            if facts is not None:
                self._sealed[path] = facts
            else:
                self._closing.append(Segment.open(path))
        except Damaged:
            return False
        return True

    def _choose_active(self) -> None:
        """Go on with the newest segment of each family where it has room."""
        newest = {facts.family: facts.path for facts in self.view}
        for segment in list(self._closing):
            facts = segment.facts
            if facts.path == newest[facts.family] and facts.bytes < self._segment_bytes:
                self._closing.remove(segment)
                self._active[facts.family] = segment

    def _remember(self) -> None:
        """Load what the newest segment of the rest carries."""
        rest = [facts for facts in self.view if facts.family is Family.REST]
        self._log_last = max((facts.log_last for facts in rest), default=0)
        if rest and not self._recall(rest[-1].path):
            self._recover(rest[-1].path)
            self._recall(rest[-1].path)

    def _recall(self, path: Path) -> bool:
        try:
            with closing(open_read_only(path)) as db:
                self.current, whole = read_current(db)
                self.heard = read_note(db, "heard")
        except SQL_ERRORS as error:
            if not is_damage(error):
                raise
            return False
        return whole

    # Writing

    def _write(self, batch: WriteBatch) -> None:
        if batch.rest or batch.log or batch.heard is not None:
            current = {record.place: record for record in batch.rest if is_current(record.cls)}
            # Numbered within the epoch, as keys are: a number is never used for another row,
            # also not after a crash that left the first one in an unfinished commit.
            start = max(self._log_last, batch.last_key >> SEQ_BITS << SEQ_BITS)
            lines = [log_line(start + at, row) for at, row in enumerate(batch.log, 1)]
            segment = self._segment(Family.REST, batch.rest, batch.last_key + 1)
            self._add(segment, batch.rest, lines, batch.heard, current)
            self._log_last = lines[-1][0] if lines else self._log_last
            self.current = self.current | {at: pack(record) for at, record in current.items()}
            self.heard = self.heard if batch.heard is None else batch.heard
            batch.rest, batch.log, batch.heard = [], [], None
        if batch.telemetry:
            segment = self._segment(Family.TELEMETRY, batch.telemetry, batch.last_key + 1)
            self._add(segment, batch.telemetry)
            batch.telemetry = []

    def _segment(self, family: Family, records: list[Record], next_key: int) -> Segment:
        """Return the segment to write to: the active one, or a new one where that is full."""
        active = self._active.get(family)
        # A new segment is named by its first record; log rows alone stay where they are.
        if active is not None and (active.facts.bytes < self._segment_bytes or not records):
            return active
        path = self._folder / name_of(family, records[0].key if records else next_key)
        if path in self._sealed:
            fresh = Segment.open(path)
            del self._sealed[path]
        elif family is Family.REST:
            fresh = Segment.create(path, self.current.values(), self.heard)
        else:
            fresh = Segment.create(path)
        if active is not None:
            self._closing.append(active)
        self._active[family] = fresh
        return fresh

    def _add(
        self,
        segment: Segment,
        records: list[Record],
        lines: list[LogLine] | None = None,
        heard: bytes | None = None,
        current: Current | None = None,
    ) -> None:
        try:
            segment.add(records, lines or [], heard, (current or {}).values())
        except SQL_ERRORS as error:
            if is_damage(error):
                self._recover(segment.facts.path)
            raise

    def _tidy(self, batch: WriteBatch) -> None:
        """Let go of what may go; the records are safe whether or not the disk lets us."""
        try:
            self._unlink(batch)
            for segment in self._active.values():
                segment.checkpoint(self._fold_bytes)
            self._seal()
            self.trouble = None
        except (*SQL_ERRORS, OSError) as error:
            self.trouble = str(self._refusal(error))
            self.room.note(error)
        self._publish()

    def _unlink(self, batch: WriteBatch) -> None:
        if not batch.unlink:
            return
        while batch.unlink:  # oldest first: what a cut brings back is older than what stays
            path = batch.unlink[0].path
            self._sealed.pop(path, None)
            self._publish()  # so that no reader takes it for damaged
            path.unlink(missing_ok=True)
            del batch.unlink[0]
        # A cut must not bring back what the positions saved from now on have passed over.
        sync_folder(self._folder)

    def _seal(self) -> None:
        """Seal what is full; a segment that a reader still holds waits for the next commit."""
        for segment in list(self._closing):
            if segment.seal():
                self._closing.remove(segment)
                self._sealed[segment.facts.path] = segment.facts
                self._retired_wear += segment.wear

    def _recover(self, path: Path) -> None:
        """Put a segment of the intact rows in a damaged one's place."""
        for segment in (*self._active.values(), *self._closing):
            if segment.facts.path == path:
                segment.close()
        self._active = {f: s for f, s in self._active.items() if s.facts.path != path}
        self._closing = [s for s in self._closing if s.facts.path != path]
        # In the view it stays, even if there is no room to recover it now: it isn't gone.
        self._sealed |= {facts.path: facts for facts in self.view if facts.path == path}
        facts = recover(path, self.view, self._places.ends, self.recovered + 1)
        self.recovered += 1
        self._sealed[path] = facts
        self._publish()
        lost = 0
        if facts.loss is not None:
            self.losses.append(facts.loss)
            lost = total(facts.loss.ranges)
        log.warning(
            _("{path}: damaged, set aside in quarantine: {kept} records kept, {lost} lost").format(
                path=path, kept=facts.count, lost=lost
            )
        )

    def _publish(self) -> None:
        facts = [*self._sealed.values(), *(segment.facts for segment in self._active.values())]
        facts += [replace(segment.facts, state=State.CLOSING) for segment in self._closing]
        open_ones = (*self._active.values(), *self._closing)
        self.wear = (
            self._retired_wear + self._places.wear + sum(segment.wear for segment in open_ones)
        )
        self.view = tuple(sorted(facts, key=lambda facts: facts.path.name))

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        try:
            yield
        except (*SQL_ERRORS, OSError) as error:
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> StoreError:
        """Say for people what the disk refuses."""
        if isinstance(error, OSError):
            return refusal(self._folder, error)
        return StoreError(
            _("{path}: the disk refuses: {reason}: make room on it, or repair it").format(
                path=self._folder, reason=error
            )
        )
