"""What stands in a segment's tables: records and log rows with a CRC over all their fields.

SQLite finds a page that is no page; a flipped bit in a body, a name or a time it hands on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import orjson

from gateway.model import Entry, LogRow, Place, Record
from gateway.storage.packed import pack

if TYPE_CHECKING:
    import sqlite3

RecordRow = tuple[int, str, str, str, int, bytes, str, int]
"""key, cls, line, asset, ts_ms, body, subject, crc."""
LogLine = tuple[int, str, int, int, bytes, int]
"""id, asset, time of the first and of the last entry in UTC ms, body, crc."""
Current = dict[Place, Record]
"""The newest record of each place."""

MAX_KEY = (1 << 63) - 1

SCHEMA = (
    (
        "CREATE TABLE record (key INTEGER PRIMARY KEY, cls TEXT NOT NULL, line TEXT NOT NULL,"
        " asset TEXT NOT NULL, ts_ms INTEGER NOT NULL, body BLOB NOT NULL, subject TEXT NOT NULL,"
        " crc INTEGER NOT NULL)"
    ),
    (
        "CREATE TABLE current (cls TEXT NOT NULL, line TEXT NOT NULL, asset TEXT NOT NULL,"
        " key INTEGER NOT NULL, ts_ms INTEGER NOT NULL, body BLOB NOT NULL, subject TEXT NOT NULL,"
        " crc INTEGER NOT NULL, PRIMARY KEY (cls, line, asset)) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE log (id INTEGER PRIMARY KEY, asset TEXT NOT NULL, t_ms INTEGER NOT NULL,"
        " t_max INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL)"
    ),
    (
        "CREATE TABLE note (name TEXT PRIMARY KEY, body BLOB NOT NULL, crc INTEGER NOT NULL)"
        " WITHOUT ROWID"
    ),
)
# A commit that failed may be found on the medium after a recovery all the same; its rows are then
# tried again with the same keys and the same content, which must not fail.
ADD_RECORD = "INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
ADD_LOG = "INSERT OR IGNORE INTO log VALUES (?, ?, ?, ?, ?, ?)"
SET_CURRENT = (
    "INSERT OR REPLACE INTO current (key, cls, line, asset, ts_ms, body, subject, crc)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


def is_current(cls: str) -> bool:
    """True for classes of which the newest record says how things stand."""
    return cls in {"meta", "state"} or cls.startswith("alarm/")


def record_row(record: Record) -> RecordRow:
    """Turn a record into its row."""
    key, cls, line, asset = record.key, record.cls, record.line, record.asset
    ts_ms, body, subject = record.ts_ms, record.body, record.subject
    head = f"{key}\0{cls}\0{line}\0{asset}\0{ts_ms}\0{subject}"
    return key, cls, line, asset, ts_ms, body, subject, crc32(body, crc32(head.encode()))


def parse_record(row: RecordRow) -> Record | None:
    """Turn a row into its record; None where the CRC says that it isn't what was written."""
    record = Record(*row[:7])
    try:
        return record if record_row(record) == row else None
    except (TypeError, UnicodeEncodeError):  # a flipped bit may change a column's type, too
        return None


def log_line(number: int, row: LogRow) -> LogLine:
    """Turn a log row of at least one entry into its line, numbered."""
    times = [entry.t_ms for entry in row.entries]
    t_ms, t_max = min(times), max(times)
    body = orjson.dumps([(entry.t_ms, entry.signal, entry.value) for entry in row.entries])
    return number, row.asset, t_ms, t_max, body, _log_crc(number, row.asset, t_ms, t_max, body)


def parse_log(line: LogLine) -> LogRow | None:
    """Turn a line into its log row; None where the CRC is wrong."""
    try:
        if _log_crc(*line[:5]) != line[5]:
            return None
    except (TypeError, UnicodeEncodeError):
        return None
    return LogRow(line[1], tuple(Entry(*entry) for entry in orjson.loads(line[4])))


def set_note(db: sqlite3.Connection, name: str, body: bytes) -> None:
    """Write a note: one named piece of text."""
    crc = crc32(body, crc32(name.encode()))
    db.execute("INSERT OR REPLACE INTO note VALUES (?, ?, ?)", (name, body, crc))


def read_note(db: sqlite3.Connection, name: str) -> bytes | None:
    """Return a note's body; None where there is none or its CRC is wrong."""
    row = db.execute("SELECT body, crc FROM note WHERE name = ?", (name,)).fetchone()
    return row[0] if row and crc32(row[0], crc32(name.encode())) == row[1] else None


def read_current(db: sqlite3.Connection) -> tuple[Current, bool]:
    """Return the newest meta, states and alarms as the segment has them, and if that is all."""
    rows = db.execute("SELECT key, cls, line, asset, ts_ms, body, subject, crc FROM current")
    records = list(map(parse_record, rows))
    current = {r.place: pack(r) for r in records if r is not None}
    return current, len(current) == len(records)


def _log_crc(number: int, asset: str, t_ms: int, t_max: int, body: bytes) -> int:
    return crc32(body, crc32(f"{number}\0{asset}\0{t_ms}\0{t_max}".encode()))
