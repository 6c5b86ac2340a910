"""One segment: an SQLite file of bounded size that holds records in key order.

The store is a folder of these because a file never shrinks by deletes, one bad page should cost
one segment, and dropping the oldest is an unlink. A segment being written is in WAL mode with
`synchronous=FULL`; once full it is sealed: its log is folded in and the file turned back to a
rollback journal, so that it is one file, complete in itself, that nobody writes again.

Two families: telemetry, which goes first when space runs out, and the rest, which also holds
the log that figures are folded from, the newest state of everything (`current`) and when each
asset was last heard. `current` and `heard` are carried into each new segment, so that the
newest segment alone tells how things stand.

Each row carries a CRC-32 over all its fields: SQLite finds a torn page, not a flipped bit.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote
from zlib import crc32

import orjson

from gateway.epoch import sync_folder
from gateway.errors import StoreError
from gateway.model import Entry, LogRow, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

APPLICATION_ID = 0x6E786774  # "nxgt", for file(1) and for whoever finds the file
VERSION = 1
MAX_KEY = (1 << 63) - 1
_PAGE = 4096
_FRAME = _PAGE + 24
_ROW = 80  # bytes of a row beside its body, about: names, time, CRC, b-tree cell
_COMMIT = 3 * _FRAME  # what a commit writes beside its rows: the last leaf again, the root, page 1
_CHECKPOINT = 4 << 20  # bytes of log after which it is folded into the file

_SCHEMA = f"""
PRAGMA page_size = {_PAGE};
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
BEGIN;
CREATE TABLE record (key INTEGER PRIMARY KEY, cls TEXT NOT NULL, line TEXT NOT NULL,
    asset TEXT NOT NULL, ts_ms INTEGER NOT NULL, body BLOB NOT NULL, subject TEXT NOT NULL,
    crc INTEGER NOT NULL);
CREATE TABLE current (cls TEXT NOT NULL, line TEXT NOT NULL, asset TEXT NOT NULL,
    key INTEGER NOT NULL, ts_ms INTEGER NOT NULL, body BLOB NOT NULL, subject TEXT NOT NULL,
    crc INTEGER NOT NULL, PRIMARY KEY (cls, line, asset)) WITHOUT ROWID;
CREATE TABLE log (id INTEGER PRIMARY KEY, asset TEXT NOT NULL, t_ms INTEGER NOT NULL,
    t_max INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE note (name TEXT PRIMARY KEY, body BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;
COMMIT;
"""
# A commit that failed may still be found on the medium after a recovery; its rows are then tried
# again with the same keys and the same content, which must not fail.
_ADD_RECORD = "INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_SET_CURRENT = (
    "INSERT OR REPLACE INTO current (key, cls, line, asset, ts_ms, body, subject, crc)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_ADD_LOG = "INSERT OR IGNORE INTO log VALUES (?, ?, ?, ?, ?, ?)"
_SET_NOTE = "INSERT OR REPLACE INTO note VALUES (?, ?, ?)"

RecordRow = tuple[int, str, str, str, int, bytes, str, int]
LogLine = tuple[int, str, int, int, bytes, int]
Current = dict[tuple[str, str, str], Record]


class Family(StrEnum):
    """Which segments a record goes to; the value begins their names."""

    TELEMETRY = "t"
    REST = "r"

    @property
    def cls(self) -> str:
        """What a declared loss calls records whose class can't be read any more."""
        return "telemetry" if self is Family.TELEMETRY else "other"


class State(StrEnum):
    """A segment is written, then waits until no reader holds it, then is complete."""

    ACTIVE = "active"
    CLOSING = "closing"
    SEALED = "sealed"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a segment without reading it.

    Attributes:
        first: no record in it is below this key; it is in the file's name.
        last: its highest key; first - 1 where it has no record.
        t0, t1: UTC ms of its oldest and newest record; 0 where it has none.
        log_last: highest id of its log rows, 0 where none.
        log_t1: UTC ms of the newest log entry, 0 where none.
        recovered: counts the recoveries of this run; not 0: rewritten from a damaged file.
    """

    path: Path
    family: Family
    first: int
    last: int
    count: int
    t0: int
    t1: int
    log_last: int
    log_t1: int
    bytes: int
    state: State = State.ACTIVE
    recovered: int = 0

    @property
    def file(self) -> tuple[Path, int]:
        """Tell this file from the damaged one that it may have replaced under its name."""
        return self.path, self.recovered


class Damaged(StoreError):
    """A segment that SQLite can't read; what is intact in it can be recovered.

    Attributes:
        file: as `Facts.file`.
    """

    def __init__(self, file: tuple[Path, int], reason: str) -> None:
        super().__init__(f"{file[0]}: {reason}")
        self.file = file


def name_of(family: Family, first: int) -> str:
    """Spell a segment's file name; names sort as keys do."""
    return f"{family}-{first:016x}.seg"


def parse_name(name: str) -> tuple[Family, int] | None:
    """Read family and first key from a file name; None where it is not a segment's."""
    family, _, rest = name.partition("-")
    digits, _, suffix = rest.partition(".")
    if suffix != "seg" or family not in {"t", "r"} or len(digits) != len(f"{0:016x}"):
        return None
    try:
        return Family(family), int(digits, 16)
    except ValueError:
        return None


def is_current(cls: str) -> bool:
    """True for classes of which the newest record says how things stand."""
    return cls in {"meta", "state"} or cls.startswith("alarm/")


def record_row(record: Record) -> RecordRow:
    """Turn a record into its row."""
    head = (
        f"{record.key}\0{record.cls}\0{record.line}\0{record.asset}\0{record.ts_ms}"
        f"\0{record.subject}"
    )
    return (
        record.key,
        record.cls,
        record.line,
        record.asset,
        record.ts_ms,
        record.body,
        record.subject,
        crc32(record.body, crc32(head.encode())),
    )


def parse_record(row: RecordRow) -> Record | None:
    """Turn a row into its record; None where the CRC says that it isn't what was written."""
    record = Record(*row[:7])
    try:
        return record if record_row(record)[7] == row[7] else None
    except (TypeError, UnicodeEncodeError):  # a flipped bit may change a column's type, too
        return None


def log_line(number: int, row: LogRow) -> LogLine:
    """Turn a log row into its line in the table; times are UTC ms of its entries."""
    times = [entry.t_ms for entry in row.entries]
    body = orjson.dumps([(entry.t_ms, entry.signal, entry.value) for entry in row.entries])
    t_ms, t_max = min(times), max(times)
    return number, row.asset, t_ms, t_max, body, _log_checksum(number, row.asset, t_ms, t_max, body)


def parse_log(line: LogLine) -> LogRow | None:
    """Turn a line of the table into its log row; None where the CRC is wrong."""
    try:
        if _log_checksum(*line[:5]) != line[5]:
            return None
    except (TypeError, UnicodeEncodeError):
        return None
    return LogRow(line[1], tuple(Entry(*entry) for entry in orjson.loads(line[4])))


def _log_checksum(number: int, asset: str, t_ms: int, t_max: int, body: bytes) -> int:
    return crc32(body, crc32(f"{number}\0{asset}\0{t_ms}\0{t_max}".encode()))


def is_damage(error: sqlite3.Error) -> bool:
    """True where the file is at fault, not the disk's space, a lock or the program."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # text that is no UTF-8 comes without a code
        return "decode" in str(error)
    return code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} or code in {
        sqlite3.SQLITE_IOERR_READ,
        sqlite3.SQLITE_IOERR_SHORT_READ,
        sqlite3.SQLITE_IOERR_CORRUPTFS,
    }


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open a segment for reading, in the calling thread; a missing file is an error."""
    db = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)
    db.execute("PRAGMA query_only = 1")
    db.execute("PRAGMA cache_size = -256")
    return db


def read_note(db: sqlite3.Connection, name: str) -> bytes | None:
    """Return a note's body; None where there is none or its CRC is wrong."""
    row = db.execute("SELECT body, crc FROM note WHERE name = ?", (name,)).fetchone()
    return row[0] if row and crc32(row[0], crc32(name.encode())) == row[1] else None


def read_current(db: sqlite3.Connection) -> Current:
    """Return the newest meta, states and alarms as the segment has them."""
    rows = db.execute("SELECT key, cls, line, asset, ts_ms, body, subject, crc FROM current")
    records = filter(None, map(parse_record, rows))
    return {(record.cls, record.line, record.asset): record for record in records}


class Segment:
    """A segment open for writing. Belongs to the thread that opened it."""

    def __init__(self, db: sqlite3.Connection, facts: Facts) -> None:
        self._db = db
        self.facts = facts
        self.written = 0
        self._since_checkpoint = 0

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
        db = _connect(part)
        try:
            db.executescript(_SCHEMA)
            db.execute("BEGIN")
            db.executemany(_SET_CURRENT, map(record_row, current))
            if heard is not None:
                _set_note(db, "heard", heard)
            db.execute("COMMIT")
        except BaseException:
            db.close()
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        db.close()
        part.rename(path)
        sync_folder(path.parent)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Segment:
        """Open a file to go on writing; SQLite first recovers what a crash left in its log.

        Raises:
            Damaged: SQLite can't read it, or it isn't a segment of ours.
        """
        db = _connect(path)
        try:
            found = db.execute("PRAGMA application_id").fetchone()[0]
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if (found, version) != (APPLICATION_ID, VERSION):
                raise Damaged((path, 0), f"application {found:#x}, version {version}")
            if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
                raise Damaged((path, 0), "no WAL")
            _tune(db)
            facts = _scan(db, path)
            db.execute("DELETE FROM note WHERE name = 'sealed'")  # about to be untrue
        except sqlite3.Error as error:
            db.close()
            if is_damage(error) or "no such table" in str(error):
                raise Damaged((path, 0), str(error)) from error
            raise
        except BaseException:
            db.close()
            raise
        return cls(db, facts)

    @property
    def wear(self) -> int:
        """Bytes written to the medium so far, log and file, those not yet folded in estimated."""
        return self.written + self._since_checkpoint

    def add(
        self,
        records: Sequence[Record],
        log: Sequence[LogLine] = (),
        heard: bytes | None = None,
        current: Iterable[Record] = (),
    ) -> None:
        """Write all of it in one transaction; it is on the medium when this returns.

        Raises:
            sqlite3.Error: nothing of it was written.
        """
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            db.executemany(_ADD_RECORD, map(record_row, records))
            db.executemany(_SET_CURRENT, map(record_row, current))
            db.executemany(_ADD_LOG, log)
            if heard is not None:
                _set_note(db, "heard", heard)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        self._note(records, log)

    def _note(self, records: Sequence[Record], log: Sequence[LogLine]) -> None:
        facts = self.facts
        if records:
            t0 = min(record.ts_ms for record in records)
            facts = replace(
                facts,
                last=records[-1].key,
                count=facts.count + len(records),
                t0=min(facts.t0, t0) if facts.count else t0,
                t1=max(facts.t1, *(record.ts_ms for record in records)),
            )
        if log:
            t1 = max(line[3] for line in log)
            facts = replace(facts, log_last=log[-1][0], log_t1=max(facts.log_t1, t1))
        size = self._db.execute("PRAGMA page_count").fetchone()[0] * _PAGE
        self.facts = replace(facts, bytes=size)
        self._since_checkpoint += (
            sum(len(record.body) + _ROW for record in records)
            + sum(len(line[4]) + _ROW for line in log)
            + _COMMIT
        )

    def checkpoint(self, *, all_of_it: bool = False) -> None:
        """Fold the log into the file when it has grown, so that it starts again at its head.

        A reader in the middle of a query may put it off; the next commit tries again.
        """
        if self._since_checkpoint < _CHECKPOINT and not all_of_it:
            return
        mode = "TRUNCATE" if all_of_it else "PASSIVE"
        busy, frames, folded = self._db.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        if not busy and frames == folded:
            self.written += frames * _FRAME + folded * _PAGE
            self._since_checkpoint = 0

    def seal(self) -> bool:
        """Make the file complete in itself and close it; False while a reader still holds it.

        Raises:
            sqlite3.Error: the disk refuses; the segment stays open and may be sealed later.
        """
        db = self._db
        if read_note(db, "sealed") is None:
            _set_note(db, "sealed", _dump(self.facts))
        self.checkpoint(all_of_it=True)
        try:
            mode = db.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                return False
            raise
        if mode != "delete":
            return False
        db.close()
        self.facts = replace(self.facts, bytes=self.facts.path.stat().st_size, state=State.SEALED)
        return True

    def close(self) -> None:
        """Fold the log in and release the file; safe to call twice."""
        with suppress(sqlite3.Error):
            self.checkpoint(all_of_it=True)
        self._db.close()


def read_sealed(path: Path) -> Facts | None:
    """Return the facts of a sealed segment, or None where it was never sealed.

    Raises:
        Damaged: SQLite can't read it, or it isn't a segment of ours.
    """
    if path.with_name(path.name + "-wal").exists():
        return None
    db = open_read_only(path)
    try:
        if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise Damaged((path, 0), "not a segment")
        body = read_note(db, "sealed")
    except sqlite3.Error as error:
        raise Damaged((path, 0), str(error)) from error
    finally:
        db.close()
    return _load(body, path) if body is not None else None


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=1.0)


def _tune(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA wal_autocheckpoint = 0")  # `checkpoint` does it, and counts the bytes
    db.execute(f"PRAGMA journal_size_limit = {2 * _CHECKPOINT}")
    db.execute("PRAGMA cache_size = -1024")
    db.execute("PRAGMA busy_timeout = 0")  # nobody else writes; a reader is waited for elsewhere


def _set_note(db: sqlite3.Connection, name: str, body: bytes) -> None:
    db.execute(_SET_NOTE, (name, body, crc32(body, crc32(name.encode()))))


def _scan(db: sqlite3.Connection, path: Path) -> Facts:
    """Find the facts by reading every row; so a page that is no page is found here."""
    parsed = parse_name(path.name.removesuffix(".new"))
    if parsed is None:
        raise Damaged((path, 0), "not the name of a segment")
    family, first = parsed
    last, count, t0, t1 = db.execute(
        "SELECT max(key), count(*), min(ts_ms), max(ts_ms) FROM record"
    ).fetchone()
    log_last, log_t1 = db.execute("SELECT max(id), max(t_max) FROM log").fetchone()
    return Facts(
        path=path,
        family=family,
        first=first,
        last=last or first - 1,
        count=count,
        t0=t0 or 0,
        t1=t1 or 0,
        log_last=log_last or 0,
        log_t1=log_t1 or 0,
        bytes=db.execute("PRAGMA page_count").fetchone()[0] * _PAGE,
    )


_SEALED = ("last", "count", "t0", "t1", "log_last", "log_t1")


def _dump(facts: Facts) -> bytes:
    return orjson.dumps({name: getattr(facts, name) for name in _SEALED})


def _load(body: bytes, path: Path) -> Facts:
    parsed = parse_name(path.name)
    if parsed is None:
        raise Damaged((path, 0), "not the name of a segment")
    known: Mapping[str, int] = orjson.loads(body)
    return Facts(
        path=path,
        family=parsed[0],
        first=parsed[1],
        bytes=path.stat().st_size,
        state=State.SEALED,
        **known,
    )
