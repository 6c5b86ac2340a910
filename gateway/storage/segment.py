"""One segment: an SQLite file of bounded size that holds records in key order.

The store is a folder of these because a file never shrinks by deletes, one bad page should cost
one segment, and dropping the oldest is an unlink. A segment being written is in WAL mode with
`synchronous=FULL`; once full it is sealed: its log is folded in and the file turned back to a
rollback journal, so that it is one file, complete in itself, that nobody writes again.

Two families: telemetry, which goes first when space runs out, and the rest, which also holds
the log that figures are folded from, the newest state of everything (`current`) and when each
asset was last heard. `current` and `heard` are carried into each new segment, so that the
newest segment alone tells how things stand.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson

from gateway.durable import sync_folder
from gateway.storage.facts import Damaged, Facts, Family, Loss, State, place_of
from gateway.storage.pages import PAGE
from gateway.storage.rows import (
    ADD_LOG,
    ADD_RECORD,
    SCHEMA,
    SET_CURRENT,
    read_note,
    record_row,
    set_note,
)
from gateway.storage.wear import Wear

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from gateway.model import Record
    from gateway.storage.rows import LogLine

APPLICATION_ID = 0x6E786774  # "nxgt", for file(1) and for whoever finds the file
VERSION = 1
FOLD_BYTES = 4 << 20
"""Bytes of log after which it is folded into the file; less where segments are small."""

SQL_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What a statement may raise; the second one where a damaged name ends up in a message."""
_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_FORMAT,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_IOERR_READ,
        sqlite3.SQLITE_IOERR_SHORT_READ,
        sqlite3.SQLITE_IOERR_CORRUPTFS,
        # "No such table", "unsupported file format": our statements are few and always the same,
        # so it is the file that doesn't fit them.
        sqlite3.SQLITE_ERROR,
    }
)


class Segment:
    """A segment open for writing. Belongs to the thread that opened it.

    Attributes:
        facts: as of the last commit.
    """

    def __init__(self, db: sqlite3.Connection, facts: Facts) -> None:
        self.facts = facts
        self._db = db
        self._wear = Wear(facts.bytes)

    @classmethod
    def create(
        cls, path: Path, current: Iterable[Record] = (), heard: bytes | None = None
    ) -> Segment:
        """Make a new file, with what it must carry from the one before it.

        It gets its name only once it is whole, so that a cut leaves no half-made segment.

        Raises:
            sqlite3.Error, OSError: the disk is full or refuses.
        """
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)
        with closing(_connect(part)) as db:
            db.execute(f"PRAGMA page_size = {PAGE}")
            db.execute("PRAGMA journal_mode = OFF")  # half made it is thrown away
            db.execute("BEGIN")
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {VERSION}")
            for table in SCHEMA:
                db.execute(table)
            db.executemany(SET_CURRENT, map(record_row, current))
            if heard is not None:
                set_note(db, "heard", heard)
            db.execute("COMMIT")
        part.rename(path)
        sync_folder(path.parent)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Segment:
        """Open a file to go on writing; SQLite first recovers what a crash left in its log.

        Raises:
            Damaged: SQLite can't read it, it isn't a segment of ours, or it lacks rows.
            sqlite3.Error: the disk refuses.
        """
        db = _connect(path)
        try:
            _examine(db, path)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA wal_autocheckpoint = 0")  # `checkpoint` does it, and counts bytes
            db.execute(f"PRAGMA journal_size_limit = {2 * FOLD_BYTES}")
            db.execute("PRAGMA cache_size = -64")
            db.execute("PRAGMA busy_timeout = 0")  # nobody else writes; readers are waited for
            check(db, (path, 0))
            facts = _scan(db, path)
            _compare(db, facts)
            db.execute("DELETE FROM note WHERE name IN ('facts', 'sealed')")  # soon untrue
        except SQL_ERRORS as error:
            db.close()
            if is_damage(error) or _claims_read_only(error, path):
                raise Damaged((path, 0), str(error)) from error
            raise
        except Damaged:
            db.close()
            raise
        return cls(db, facts)

    @property
    def wear(self) -> int:
        """Bytes written to the medium so far, about."""
        return self._wear.total

    def add(
        self,
        records: Sequence[Record],
        log: Sequence[LogLine] = (),
        heard: bytes | None = None,
        current: Iterable[Record] = (),
    ) -> None:
        """Write all of it in one transaction; it is on the medium when this returns.

        After an error SQLite rolls back and writes the same place of the log again next time; so
        a page that the kernel took for clean after a failed sync is not relied on.

        Raises:
            sqlite3.Error: nothing of it was written.
        """
        db = self._db
        standing = list(map(record_row, current))
        db.execute("BEGIN IMMEDIATE")
        try:
            db.executemany(ADD_RECORD, map(record_row, records))
            db.executemany(SET_CURRENT, standing)
            db.executemany(ADD_LOG, log)
            if heard is not None:
                set_note(db, "heard", heard)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        self._note(records, log)
        bodies = sum(len(record.body) for record in records) + sum(len(line[4]) for line in log)
        tables = sum(map(bool, (records, standing, log, heard)))
        self._wear.commit(tables, len(records) + len(log), bodies)

    def _note(self, records: Sequence[Record], log: Sequence[LogLine]) -> None:
        facts = self.facts
        if records:
            times = [record.ts_ms for record in records]
            facts = replace(
                facts,
                last=records[-1].key,
                count=facts.count + len(records),
                t0=min(times) if not facts.count else min(facts.t0, *times),
                t1=max(facts.t1, *times),
            )
        if log:
            t1 = max(line[3] for line in log)
            facts = replace(
                facts,
                log_count=facts.log_count + len(log),
                log_last=log[-1][0],
                log_t1=max(facts.log_t1, t1),
            )
        self.facts = replace(facts, bytes=_size(self._db))

    def lose(self, loss: Loss) -> None:
        """Keep with the segment what is missing from it, until its end."""
        body = orjson.dumps([loss.ranges, loss.t0_ms, loss.t1_ms])
        set_note(self._db, "loss", body)
        self.facts = replace(self.facts, loss=loss)

    def checkpoint(self, after: int) -> None:
        """Fold the log into the file when it has grown, so that it starts again at its head.

        Args:
            after: so many bytes.

        A reader in the middle of a query may put it off; the next commit tries again.

        Raises:
            sqlite3.Error: the disk refuses; the log keeps what it has.
        """
        if self._wear.unfolded >= after:
            self._fold("PASSIVE")

    def _fold(self, mode: str) -> None:
        busy, frames, folded = self._db.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        if not busy and frames == folded:
            self._wear.fold(frames, folded, self.facts.bytes)

    def seal(self) -> bool:
        """Make the file complete in itself and close it; False while a reader still holds it.

        Raises:
            sqlite3.Error: the disk refuses; the segment stays open and may be sealed later.
        """
        if read_note(self._db, "sealed") is None:
            set_note(self._db, "facts", orjson.dumps(_spell(self.facts)))
            set_note(self._db, "sealed", b"")
        self._fold("PASSIVE")
        try:
            self._db.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return False
            raise
        self._db.close()
        size = self.facts.path.stat().st_size
        self.facts = replace(self.facts, bytes=size, state=State.SEALED)
        return True

    def close(self) -> None:
        """Release the file; SQLite folds the log in where the disk lets it. Safe to call twice."""
        with suppress(sqlite3.Error):
            set_note(self._db, "facts", orjson.dumps(_spell(self.facts)))
        with suppress(sqlite3.Error):
            self._db.close()


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open a segment for reading, in the calling thread; a missing file is an error."""
    db = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)
    db.execute("PRAGMA query_only = 1")
    db.execute("PRAGMA cache_size = -64")  # read from front to back: pages are seldom met again
    return db


def read_sealed(path: Path) -> Facts | None:
    """Return the facts of a sealed segment, or None where it isn't sealed.

    Raises:
        Damaged: SQLite can't read it, or it isn't a segment of ours.
    """
    if path.stat().st_size < PAGE:  # SQLite would take it for new, and drop its log
        raise Damaged((path, 0), "no page is left of it")
    if any(path.with_name(path.name + log).exists() for log in ("-wal", "-journal")):
        return None  # cut while written, or while being sealed
    try:
        with closing(open_read_only(path)) as db:
            _examine(db, path)
            body = read_note(db, "facts")
            if body is None or read_note(db, "sealed") is None:
                return None
            family, first = place_of(path)
            return Facts(
                path=path,
                family=family,
                first=first,
                bytes=path.stat().st_size,
                loss=_read_loss(db, family),
                state=State.SEALED,
                **orjson.loads(body),
            )
    except SQL_ERRORS as error:
        if is_damage(error):
            raise Damaged((path, 0), str(error)) from error
        raise


def is_damage(error: Exception) -> bool:
    """True where the file is at fault, not the disk's room or a lock."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # the module's own, for text that is no UTF-8
        return "decode" in str(error)
    return code in _DAMAGE or code & 0xFF in _DAMAGE


def _claims_read_only(error: Exception, path: Path) -> bool:
    """True where a damaged header asks for a newer SQLite to write it."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_READONLY and os.access(path, os.W_OK)


def verify(db: sqlite3.Connection, facts: Facts) -> None:
    """Check a sealed segment's structure and count its rows, about 25 ms for 32 MiB.

    SQLite reads on over a bit in a page's header that hides rows, or pages out of order.

    Raises:
        Damaged: it is not as it was written.
    """
    check(db, facts.file)
    rows = "SELECT (SELECT count(*) FROM record), (SELECT count(*) FROM log)"
    if db.execute(rows).fetchone() != (facts.count, facts.log_count):
        raise Damaged(facts.file, "rows are missing")


def check(db: sqlite3.Connection, file: tuple[Path, int]) -> None:
    """Check a segment's structure: each page in its place, used once, rows in order.

    Raises:
        Damaged: it isn't so.
    """
    report = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if report != "ok":
        raise Damaged(file, report)


def _compare(db: sqlite3.Connection, facts: Facts) -> None:
    known = read_note(db, "facts")
    if known is not None and orjson.loads(known) != _spell(facts):
        raise Damaged(facts.file, "rows are missing")


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=1.0)


def _examine(db: sqlite3.Connection, path: Path) -> None:
    marks = [
        db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    ]
    if marks != [APPLICATION_ID, VERSION]:
        raise Damaged((path, 0), f"application {marks[0]:#x}, version {marks[1]}")


def _size(db: sqlite3.Connection) -> int:
    pages: int = db.execute("PRAGMA page_count").fetchone()[0]
    return pages * PAGE


def _read_loss(db: sqlite3.Connection, family: Family) -> Loss | None:
    body = read_note(db, "loss")
    if body is None:
        return None
    ranges, t0_ms, t1_ms = orjson.loads(body)
    return Loss(family, tuple((lo, hi) for lo, hi in ranges), t0_ms, t1_ms)


_SPELLED = ("last", "count", "t0", "t1", "log_count", "log_last", "log_t1")


def _spell(facts: Facts) -> dict[str, int]:
    return {name: getattr(facts, name) for name in _SPELLED}


def _scan(db: sqlite3.Connection, path: Path) -> Facts:
    """Find the facts by passing over every row."""
    family, first = place_of(path)
    last, count, t0, t1 = db.execute(
        "SELECT max(key), count(*), min(ts_ms), max(ts_ms) FROM record"
    ).fetchone()
    log_count, log_last, log_t1 = db.execute(
        "SELECT count(*), max(id), max(t_max) FROM log"
    ).fetchone()
    return Facts(
        path=path,
        family=family,
        first=first,
        last=last or first - 1,
        count=count,
        t0=t0 or 0,
        t1=t1 or 0,
        log_count=log_count,
        log_last=log_last or 0,
        log_t1=log_t1 or 0,
        bytes=_size(db),
        loss=_read_loss(db, family),
    )
