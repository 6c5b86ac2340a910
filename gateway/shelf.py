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
the order to unlink.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gateway.epoch import refusal
from gateway.errors import StoreError
from gateway.position import PositionFile
from gateway.recovery import Loss, finish_recoveries, recover, set_aside
from gateway.segment import (
    Current,
    Damaged,
    Facts,
    Family,
    LogLine,
    Segment,
    State,
    is_current,
    is_damage,
    log_line,
    name_of,
    open_read_only,
    parse_name,
    read_current,
    read_note,
    read_sealed,
)
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gateway.model import LogRow, Record
    from gateway.position import Ranges

_AGE_CHECK_S = 3600.0


@dataclass(slots=True)
class Batch:
    """What one commit writes; filled by the event loop, then handed over and not touched again.

    Attributes:
        next_key: the lowest key that a later record can have.
        size: bytes, about.
        unlink: segments whose loss this batch declares.
    """

    telemetry: list[Record] = field(default_factory=list)
    rest: list[Record] = field(default_factory=list)
    log: list[LogRow] = field(default_factory=list)
    heard: bytes | None = None
    positions: dict[str, tuple[int, Ranges]] = field(default_factory=dict)
    unlink: list[Facts] = field(default_factory=list)
    next_key: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Doomed:
    """A segment over a bound, and which bound: size or age."""

    facts: Facts
    reason: str


class Shelf:
    """The segments of a store. All but `view` belongs to one thread.

    Args:
        folder: where they are; locked by this process.
        segment_bytes: a segment this large is followed by a new one.
        size_bytes: bound over all of them.
        keep_s: seconds that records are kept, by `telemetry` and `kpi` (all the rest).

    Attributes:
        view: every segment, oldest first within its family; a new tuple at each change.
        wear: bytes written to the medium since the start, about.
        losses: records found unreadable and not yet declared; the store takes them away.
        current, heard: as of the last commit.
    """

    def __init__(
        self, folder: Path, segment_bytes: int, size_bytes: int, keep_s: Mapping[str, float]
    ) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._size_bytes = size_bytes
        self._keep_s = {Family.TELEMETRY: keep_s["telemetry"], Family.REST: keep_s["kpi"]}
        self._active: dict[Family, Segment] = {}
        self._closing: list[Segment] = []
        self._sealed: dict[Path, Facts] = {}
        self._doomed: set[Path] = set()
        self._position_file: PositionFile | None = None
        self._log_last = 0
        self._age_due_s = float("-inf")
        self._retired_wear = 0
        self.view: tuple[Facts, ...] = ()
        self.wear = 0
        self.losses: list[Loss] = []
        self.recovered = 0
        self.current: Current = {}
        self.heard: bytes | None = None
        self.positions: dict[str, tuple[int, Ranges]] = {}

    def open(self) -> None:
        """Open what is there and recover what is damaged.

        Raises:
            StoreError: the disk refuses.
        """
        with self._spoken():
            finish_recoveries(self._folder)
            damaged: list[Path] = []
            for path in sorted(self._folder.iterdir()):
                if parse_name(path.name) is not None:
                    try:
                        self._adopt(path)
                    except Damaged:
                        damaged.append(path)
            self._publish()
            for path in damaged:
                self._recover(path)
            self._choose_active()
            self._seal()
            self._publish()
            self._remember()
            self._open_positions()

    def commit(self, batch: Batch, now_ms: int, mono_s: float) -> list[Doomed]:
        """Write a batch; all of it is on the medium when this returns.

        Returns:
            Segments that must go next, to be declared first.

        Raises:
            StoreError: the disk refuses; call again with the same batch to go on.
        """
        with self._spoken():
            try:
                self._write(batch)
            except sqlite3.Error:
                # On a full disk room comes first: the gap that declares it can't be written else.
                with suppress(OSError):
                    self._unlink(batch)
                raise
            if batch.positions and self._position_file is not None:
                self._position_file.save(batch.positions)
            self._unlink(batch)
            for segment in self._active.values():
                segment.checkpoint()
            self._seal()
            self._publish()
        return self._over_bounds(now_ms, mono_s)

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
        if self._position_file is not None:
            self._position_file.close()
            self._position_file = None

    # Opening

    def _adopt(self, path: Path) -> None:
        facts = read_sealed(path)
        if facts is not None:
            self._sealed[path] = facts
        else:
            self._closing.append(Segment.open(path))

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
        if rest:
            db = open_read_only(rest[-1].path)
            try:
                self.current, self.heard = read_current(db), read_note(db, "heard")
            finally:
                db.close()

    def _open_positions(self) -> None:
        path = self._folder / "position.db"
        try:
            self._position_file = PositionFile(path)
            self.positions = self._position_file.load()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            set_aside(path)
            self._position_file = PositionFile(path)

    # Writing

    def _write(self, batch: Batch) -> None:
        if batch.rest or batch.log or batch.heard is not None:
            current = {
                (record.cls, record.line, record.asset): record
                for record in batch.rest
                if is_current(record.cls)
            }
            log = [log_line(self._log_last + at, row) for at, row in enumerate(batch.log, 1)]
            segment = self._segment(Family.REST, batch.rest, batch.next_key)
            self._add(segment, batch.rest, log, batch.heard, current)
            self._log_last += len(log)
            self.current |= current
            self.heard = batch.heard if batch.heard is not None else self.heard
            batch.rest, batch.log, batch.heard = [], [], None
        if batch.telemetry:
            segment = self._segment(Family.TELEMETRY, batch.telemetry, batch.next_key)
            self._add(segment, batch.telemetry, [], None, {})
            batch.telemetry = []

    def _segment(self, family: Family, records: list[Record], next_key: int) -> Segment:
        """Return the segment to write to: the active one, or a new one where that is full."""
        active = self._active.get(family)
        # A new segment is named by its first record; log rows alone stay where they are.
        if active is not None and (active.facts.bytes < self._segment_bytes or not records):
            return active
        path = self._folder / name_of(family, records[0].key if records else next_key)
        if self._sealed.pop(path, None) is not None:
            fresh = Segment.open(path)
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
        log: list[LogLine],
        heard: bytes | None,
        current: Current,
    ) -> None:
        try:
            segment.add(records, log, heard, current.values())
        except sqlite3.Error as error:
            if is_damage(error):
                self._recover(segment.facts.path)
            raise

    def _seal(self) -> None:
        """Seal what is full; a segment that a reader still holds waits for the next commit."""
        for segment in list(self._closing):
            if segment.seal():
                self._closing.remove(segment)
                self._sealed[segment.facts.path] = segment.facts
                self._retired_wear += segment.wear

    def _publish(self) -> None:
        facts = [*self._sealed.values(), *(s.facts for s in self._active.values())]
        facts += [replace(segment.facts, state=State.CLOSING) for segment in self._closing]
        segments = (*self._active.values(), *self._closing)
        self.wear = self._retired_wear + sum(segment.wear for segment in segments)
        self.view = tuple(sorted(facts, key=lambda facts: facts.path.name))

    # Bounds

    def _over_bounds(self, now_ms: int, mono_s: float) -> list[Doomed]:
        """Choose what must go: oldest first, telemetry before the rest.

        Age takes one segment of a family an hour at most: a clock that steps by years would
        else empty the store before anybody could set it right.
        """
        age_due = mono_s >= self._age_due_s
        if age_due:
            self._age_due_s = mono_s + _AGE_CHECK_S
        left = [facts for facts in self.view if facts.path not in self._doomed]
        over = sum(facts.bytes for facts in left) - self._size_bytes
        chosen: list[Doomed] = []
        for family in Family:
            age_spent = not age_due
            for facts in left:
                if facts.family is not family or facts.state is not State.SEALED:
                    continue
                if over > 0:
                    chosen.append(Doomed(facts, "size"))
                elif not age_spent and facts.t1 < now_ms - self._keep_s[family] * 1000:
                    chosen.append(Doomed(facts, "age"))
                    age_spent = True
                else:
                    break
                over -= facts.bytes
        self._doomed |= {doomed.facts.path for doomed in chosen}
        return chosen

    def _unlink(self, batch: Batch) -> None:
        while batch.unlink:
            path = batch.unlink[0].path
            path.unlink(missing_ok=True)
            self._sealed.pop(path, None)
            self._doomed.discard(path)
            del batch.unlink[0]

    # Damage

    def _recover(self, path: Path) -> None:
        """Put a segment of the intact rows in a damaged one's place, and note what is lost."""
        for segment in (*self._active.values(), *self._closing):
            if segment.facts.path == path:
                segment.close()
        self._active = {f: s for f, s in self._active.items() if s.facts.path != path}
        self._closing = [s for s in self._closing if s.facts.path != path]
        self._sealed.pop(path, None)
        self.recovered += 1
        facts, loss = recover(path, self.view, self.recovered)
        self._sealed[path] = facts
        if loss is not None:
            self.losses.append(loss)
        self._publish()

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        """Say for people what the disk refuses."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                _(
                    "{path}: the disk refuses: {reason}: make room or repair it; records are kept"
                    " in memory and tried again"
                ).format(path=self._folder, reason=error)
            ) from error
        except OSError as error:
            raise refusal(self._folder, error) from error
