"""How far each publisher has got: a low watermark and the ranges acknowledged above it.

Acknowledgements come in any order, so a position is not one number. Everything up to `low` is
done with: delivered, or no longer there. Above it stand ranges of keys already acknowledged,
[lo, hi] with both ends in; live data acknowledged while a backlog drains is one such range.

Keys are not dense for ever: each epoch starts at make_key(epoch, 1), and dropped or damaged
records leave holes. A position does not model holes. It is told now and then which keys the
store really holds above `low` (`settle`), and passes over whatever is not there; so one rule
serves epoch jumps, dropped segments and lost rows, and memory never grows with their number.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING
from zlib import crc32

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

Ranges = list[tuple[int, int]]


def _quiet() -> None:
    """Tell nobody."""


class Position:
    """One publisher's progress. Belongs to the event loop's thread.

    Args:
        low: everything up to it is done with.
        ranges: acknowledged above `low`, sorted, apart from each other by at least one key.

    Attributes:
        outstanding: records not yet done with; the store counts up, acknowledging down.
        touched: called after each change, so that the store saves it with its next commit.
    """

    def __init__(self, low: int = 0, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self.low = low
        ranges = list(ranges)
        self._lo = [lo for lo, _ in ranges]
        self._hi = [hi for _, hi in ranges]
        self.outstanding = 0
        self.touched: Callable[[], None] = _quiet

    @property
    def ranges(self) -> Ranges:
        """What is acknowledged above `low`, sorted."""
        return list(zip(self._lo, self._hi, strict=True))

    def ack(self, key: int) -> None:
        """Note that this publisher has delivered a key, or given it up; again does no harm."""
        if self.is_acked(key):
            return
        lows, highs = self._lo, self._hi
        at = bisect_right(lows, key)
        joins_left = at > 0 and highs[at - 1] == key - 1
        joins_right = at < len(lows) and lows[at] == key + 1
        if joins_left and joins_right:
            highs[at - 1] = highs.pop(at)
            del lows[at]
        elif joins_left:
            highs[at - 1] = key
        elif joins_right:
            lows[at] = key
        else:
            lows.insert(at, key)
            highs.insert(at, key)
        self.outstanding -= 1
        self._raise(self.low)
        self.touched()

    def is_acked(self, key: int) -> bool:
        """True where this publisher is done with the key."""
        if key <= self.low:
            return True
        at = bisect_right(self._lo, key) - 1
        return at >= 0 and key <= self._hi[at]

    def lacking(self, lo: int, hi: int) -> Ranges:
        """Return the parts of [lo, hi] that it is not done with."""
        free = max(lo, self.low + 1)
        parts: Ranges = []
        for at in range(bisect_left(self._hi, free), len(self._lo)):
            if self._lo[at] > hi:
                break
            if free < self._lo[at]:
                parts.append((free, self._lo[at] - 1))
            free = self._hi[at] + 1
        if free <= hi:
            parts.append((free, hi))
        return parts

    def pending(self, last_key: int) -> int:
        """Count the records up to `last_key` that are still to deliver, about."""
        return 0 if self.low >= last_key else max(0, self.outstanding)

    def settle(self, keys: Sequence[int], end: int) -> None:
        """Pass over what isn't there.

        Args:
            keys: the keys that the store holds next above some earlier `low`, sorted.
            end: no other key up to this one exists: the last of `keys` where there may be
                more behind it, else the highest key committed.
        """
        low = self.low
        for key in keys:
            if not self.is_acked(key):
                low = key - 1
                break
        else:
            low = end
        if low > self.low:
            self._raise(low)
            self.touched()

    def copy(self) -> Position:
        """Return the progress as it is now, for another thread."""
        return Position(self.low, self.ranges)

    def _raise(self, low: int) -> None:
        """Lift the watermark, and on over every range that it touches."""
        lows, highs = self._lo, self._hi
        gone = 0
        while gone < len(lows) and lows[gone] <= low + 1:
            low = max(low, highs[gone])
            gone += 1
        if gone:
            del lows[:gone]
            del highs[:gone]
        self.low = max(self.low, low)


class PositionFile:
    """`position.db`: a row per publisher, and one per epoch. Used by the thread that opened it.

    A damaged row or file is as if the publisher were new: it starts from the oldest record,
    and the other side drops what it already has by id. Sent twice is better than not at all.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA journal_size_limit = 1048576")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS position (publisher TEXT PRIMARY KEY,"
                " low INTEGER NOT NULL, ranges BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID"
            )
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS epoch (epoch INTEGER PRIMARY KEY,"
                " last INTEGER NOT NULL, crc INTEGER NOT NULL)"
            )
        except sqlite3.Error:
            self._db.close()
            raise

    def load(self) -> dict[str, tuple[int, Ranges]]:
        """Return low and ranges of every publisher ever saved."""
        found: dict[str, tuple[int, Ranges]] = {}
        for publisher, low, ranges, crc in self._db.execute("SELECT * FROM position"):
            if isinstance(ranges, bytes) and crc == _checksum(publisher, low, ranges):
                found[publisher] = (low, [(lo, hi) for lo, hi in orjson.loads(ranges)])
        return found

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

    def save(self, positions: Mapping[str, tuple[int, Ranges]]) -> None:
        """Write these publishers' rows, in one transaction, synced when it returns."""
        rows = []
        for publisher, (low, ranges) in positions.items():
            body = orjson.dumps(ranges)
            rows.append((publisher, low, body, _checksum(publisher, low, body)))
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO position VALUES (?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Release the file."""
        self._db.close()


def _checksum(publisher: str, low: int, ranges: bytes) -> int:
    return crc32(ranges, crc32(f"{publisher}\0{low}".encode()))


def _epoch_crc(epoch: object, last: object) -> int:
    return crc32(f"{epoch}\0{last}".encode())
