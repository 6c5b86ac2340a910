"""A store's segments as somebody reads them who must not be noticed.

A segment that is being written has a log beside it (`-wal`), and SQLite shares it with its writer:
rows are read a page at a time, with a connection that is closed after each, because a reader that
stays keeps the log from being folded in and the segment from being sealed. A file without a log
has no writer; it is opened as immutable, so that SQLite makes no files beside it, on a medium that
may be read-only.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from gateway.storage.facts import Family, parse_name
from gateway.storage.pages import scan
from gateway.storage.rows import MAX_KEY, parse_record
from gateway.storage.segment import SQL_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.model import Record
    from gateway.storage.rows import RecordRow

PAGE_ROWS = 500
_RECORD_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """One segment.

    Attributes:
        first: no record in it is below this key.
        next_first: nor at or above this one; None in the newest of its family.
    """

    path: Path
    family: Family
    first: int
    next_first: int | None


def segments_of(folder: Path) -> list[SegmentFile]:
    """List the segments, oldest first within each family."""
    found: dict[Family, list[tuple[int, Path]]] = {family: [] for family in Family}
    for path in folder.iterdir():
        place = parse_name(path.name)
        if place is not None:
            found[place[0]].append((place[1], path))
    made: list[SegmentFile] = []
    for family, places in found.items():
        places.sort()
        starts = [first for first, _path in places]
        for (first, path), following in zip(places, [*starts[1:], None], strict=False):
            made.append(SegmentFile(path, family, first, following))
    return made


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database of the store for a moment.

    Raises:
        sqlite3.Error: it can't be read.
    """
    log = path.with_name(path.name + "-wal")
    with _beside_log(path, log) if log.exists() else _alone(path) as db:
        yield db


@contextmanager
def _alone(path: Path) -> Iterator[sqlite3.Connection]:
    db = _open(path, "immutable=1")
    try:
        yield db
    finally:
        db.close()


@contextmanager
def _beside_log(path: Path, log: Path) -> Iterator[sqlite3.Connection]:
    db = _open(path, "mode=ro")
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db.close()
    else:
        try:
            yield db
        finally:
            db.close()
        return
    # A log on a medium where SQLite may make no index for it: read a copy.
    with tempfile.TemporaryDirectory(prefix="nxgate-store-") as folder:
        for part in (path, log):
            shutil.copyfile(part, Path(folder) / part.name)
        db = _open(Path(folder) / path.name, "mode=rw")
        try:
            yield db
        finally:
            db.close()


def _open(path: Path, how: str) -> sqlite3.Connection:
    db = sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True, isolation_level=None)
    db.execute("PRAGMA query_only = 1")
    return db


def pages(
    segment: SegmentFile, query: str, first: int, more: Sequence[object] = ()
) -> Iterator[list[Any]]:
    """Yield rows in pages; no connection is open while a page is worked on.

    Args:
        segment: which.
        query: takes the number to go on after, then `more`, then how many rows; each row begins
            with its number.
        first: the number to begin after.
        more: further values of the query.

    Raises:
        sqlite3.Error, UnicodeDecodeError: it can't be read.
    """
    after = first
    while True:
        with reading(segment.path) as db:
            rows = db.execute(query, (after, *more, PAGE_ROWS)).fetchall()
        if rows:
            yield rows
        if len(rows) < PAGE_ROWS:
            return
        after = rows[-1][0]


def records(
    segment: SegmentFile, lost: list[str], since_ms: int = 0, until_ms: int = MAX_KEY
) -> Iterator[Record]:
    """Yield a segment's intact records in key order; a damaged file gives what it still has.

    Args:
        segment: which.
        lost: takes what is to be told of rows or files that can't be read.
        since_ms: only records made since, UTC ms; a damaged file may give others, too.
        until_ms: only records made before.
    """
    last = segment.first - 1
    query = "SELECT * FROM record WHERE key > ? AND ts_ms >= ? AND ts_ms < ? ORDER BY key LIMIT ?"
    try:
        for page in pages(segment, query, last, (since_ms, until_ms)):
            for row in page:
                record = parse_record(row)
                if record is None:
                    lost.append(f"{segment.path.name}: {row[0]}")
                else:
                    last = record.key
                    yield record
    except SQL_ERRORS as error:
        lost.append(f"{segment.path.name}: {error}")
    except OSError as error:  # pushed out by the bound meanwhile
        if segment.path.exists():
            lost.append(f"{segment.path.name}: {error}")
        return
    else:
        return
    if segment.path.exists():
        yield from _salvaged(segment, last)


def _salvaged(segment: SegmentFile, after: int) -> Iterator[Record]:
    """Yield what is intact in the raw pages of a file that SQLite can't read on."""
    found: dict[int, Record] = {}
    for row in scan(segment.path):
        if len(row) == _RECORD_COLUMNS:
            record = parse_record(cast("RecordRow", row))
            if record is not None and record.key > after:
                found[record.key] = record
    for key in sorted(found):
        yield found[key]
