"""`position.db`: where each publisher stands, and where each epoch ended."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING
from zlib import crc32

import orjson

from gateway.storage.position import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA = (
    (
        "CREATE TABLE IF NOT EXISTS position (publisher TEXT PRIMARY KEY,"
        " low INTEGER NOT NULL, ranges BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE IF NOT EXISTS parked (publisher TEXT PRIMARY KEY, body BLOB NOT NULL)"
        " WITHOUT ROWID"
    ),
    (
        "CREATE TABLE IF NOT EXISTS epoch (epoch INTEGER PRIMARY KEY,"
        " last INTEGER NOT NULL, crc INTEGER NOT NULL)"
    ),
)


class PositionFile:
    """A row per publisher, another for what it has parked, and one per epoch.

    Used by the thread that opened it. A damaged row or file is as if the publisher were new: it
    starts from the oldest record, and the other side drops what it already has by id. Sent twice
    is better than not at all. A publisher's two rows have one CRC, as either is wrong without
    the other: what is parked counts as done with in the position.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._parked: dict[str, bytes] = {}
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA journal_size_limit = 1048576")
            for table in SCHEMA:
                self._db.execute(table)
        except sqlite3.Error:
            self._db.close()
            raise

    def load(self) -> dict[str, Standing]:
        """Return where every publisher ever saved stands."""
        return read_positions(self._db)

    def ends(self) -> dict[int, int]:
        """Return the last key of each epoch before this one, as far as known.

        Only this tells what is missing at the end of an epoch, should its segment be damaged.
        """
        rows = self._db.execute("SELECT epoch, last, crc FROM epoch").fetchall()
        return {epoch: last for epoch, last, crc in rows if crc == _epoch_crc(epoch, last)}

    def end(self, epoch: int, last: int, oldest: int) -> None:
        """Keep the last key of an epoch, and forget epochs before the oldest."""
        row = (epoch, last, _epoch_crc(epoch, last))
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("INSERT OR REPLACE INTO epoch VALUES (?, ?, ?)", row)
            self._db.execute("DELETE FROM epoch WHERE epoch < ?", (oldest,))

    def save(self, positions: Mapping[str, Standing]) -> None:
        """Write these publishers' rows, in one transaction, synced when it returns."""
        rows = []
        apart = []
        for publisher, (low, ranges, parked) in positions.items():
            body = orjson.dumps(ranges)
            rows.append((publisher, low, body, _checksum(publisher, low, body, parked)))
            if self._parked.get(publisher) != parked:
                apart.append((publisher, parked))
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO position VALUES (?, ?, ?, ?)", rows)
            self._db.executemany("INSERT OR REPLACE INTO parked VALUES (?, ?)", apart)
        self._parked.update(apart)

    def close(self) -> None:
        """Release the file."""
        self._db.close()


def read_positions(db: sqlite3.Connection) -> dict[str, Standing]:
    """Return where every publisher stands whose row is intact."""
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
    parked = dict(db.execute("SELECT * FROM parked")) if "parked" in tables else {}
    found: dict[str, Standing] = {}
    for publisher, low, ranges, crc in db.execute("SELECT * FROM position"):
        apart = parked.get(publisher, b"")
        if not (isinstance(ranges, bytes) and isinstance(apart, bytes)):
            continue
        if crc == _checksum(publisher, low, ranges, apart):
            pairs = [(lo, hi) for lo, hi in orjson.loads(ranges)]
            found[publisher] = Standing(low, pairs, apart)
    return found


def _checksum(publisher: str, low: int, ranges: bytes, parked: bytes) -> int:
    return crc32(parked, crc32(ranges, crc32(f"{publisher}\0{low}".encode())))


def _epoch_crc(epoch: object, last: object) -> int:
    return crc32(f"{epoch}\0{last}".encode())
