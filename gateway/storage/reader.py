"""Reading committed records over all segments, in key order, beside the thread that writes.

Everything here runs in one reader thread. It keeps a few connections open to segments that are
active or sealed; a segment that is being closed is read with a connection of the moment, because
it can't be sealed while somebody holds it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gateway.errors import StoreError
from gateway.ids import SEQ_BITS, make_key
from gateway.storage.facts import Damaged, Facts, Family, Loss, State
from gateway.storage.lacking import Lacking
from gateway.storage.rows import MAX_KEY, parse_log, parse_record
from gateway.storage.segment import SQL_ERRORS, is_damage, open_read_only, verify
from gateway.words import _

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from gateway.model import LogRow, Place, Record
    from gateway.storage.position import Position

_KEEP = 6  # connections: the two active segments, and where each of a few backlogs stands
_PROBE = 256
_LOG = "SELECT * FROM log WHERE id > ? AND (t_max >= ? OR (id >= ? AND t_max >= ?)) ORDER BY id"
_READ = "SELECT * FROM record WHERE key > ? AND key <= ? ORDER BY key LIMIT ?"


class Reader:
    """Reads what the view shows.

    Args:
        view: returns every segment, in key order of each family; safe to call from here.
    """

    def __init__(self, view: Callable[[], tuple[Facts, ...]]) -> None:
        self._view = view
        self._open: dict[tuple[Path, int], sqlite3.Connection] = {}
        self._verified: set[tuple[Path, int]] = set()

    def read(self, after: int, upto: int, limit: int) -> tuple[list[Record], list[Loss]]:
        """Return records with after < key <= upto in key order, at most `limit`.

        The rows whose CRC is wrong come beside them, as losses.

        Raises:
            Damaged: a segment must be recovered first; then read again.
        """
        view = self._begin()
        records, losses = self._take(view, Family.TELEMETRY, after, upto, limit)
        if len(records) == limit:
            upto = records[-1].key
        others, lost = self._take(view, Family.REST, after, upto, limit)
        if others:
            records = sorted(records + others, key=lambda record: record.key)[:limit]
        return records, losses + lost

    def _take(
        self, view: tuple[Facts, ...], family: Family, after: int, upto: int, limit: int
    ) -> tuple[list[Record], list[Loss]]:
        records: list[Record] = []
        losses: list[Loss] = []
        found = after
        for facts in view:
            if facts.family is not family or facts.last <= found or facts.first > upto:
                continue
            while (left := limit - len(records)) > 0:
                rows = list(self._query(facts, _READ, (found, upto, left)))
                for row in rows:
                    record = parse_record(row)
                    if record is not None:
                        records.append(record)
                    else:
                        losses.append(Loss(family, ((row[0], row[0]),), facts.t0, facts.t1))
                found = rows[-1][0] if rows else found
                if len(rows) < left:
                    break
            else:
                break
        return records, losses

    def keys(self, after: int, upto: int) -> tuple[list[int], int]:
        """Return keys that exist next above `after`, and up to where no other one does.

        Raises:
            Damaged: as `read`.
        """
        view = self._begin()
        limit = 1
        while True:
            found: list[int] = []
            end = upto
            for family in Family:
                keys = self._keys(view, family, after, upto, limit)
                found += keys
                if len(keys) == limit:
                    end = min(end, keys[-1])
            found = sorted(key for key in found if key <= end)
            if limit > 1 or not found or found[0] == after + 1:
                return found, end
            limit = _PROBE

    def _keys(
        self, view: tuple[Facts, ...], family: Family, after: int, upto: int, limit: int
    ) -> list[int]:
        keys: list[int] = []
        for facts in view:
            if facts.family is family and facts.last > after and facts.first <= upto:
                rows = self._query(
                    facts,
                    "SELECT key FROM record WHERE key > ? AND key <= ? ORDER BY key LIMIT ?",
                    (after, upto, limit - len(keys)),
                )
                keys += [row[0] for row in rows]
                if len(keys) >= limit:
                    break
        return keys

    def count(self, position: Position) -> int:
        """Count the records that a position is not done with.

        Raises:
            Damaged: as `read`.
        """
        view = self._begin()
        done = sum(self._within(view, lo, hi) for lo, hi in position.ranges)
        return self._within(view, position.low + 1, MAX_KEY) - done

    def _within(self, view: tuple[Facts, ...], lo: int, hi: int) -> int:
        total = 0
        for facts in view:
            if lo <= facts.first and facts.last <= hi:
                total += facts.count
            elif facts.first <= hi and lo <= facts.last:
                query = "SELECT count(*) FROM record WHERE key BETWEEN ? AND ?"
                total += sum(row[0] for row in self._query(facts, query, (lo, hi)))
        return total

    def lacking(self, facts: Facts, positions: Mapping[str, Position]) -> list[Lacking]:
        """Say what would be lost to whom if a segment went.

        Raises:
            Damaged: as `read`.
        """
        self._begin()
        found: dict[tuple[str, str, Place | None], Lacking] = {}
        for key, cls, ts_ms, line, asset in self._query(
            facts, "SELECT key, cls, ts_ms, line, asset FROM record ORDER BY key"
        ):
            for publisher, position in positions.items():
                place: Place | None = None
                if position.is_acked(key):
                    place = (line, asset, cls)
                    if not position.parked.covers(place, key):
                        continue
                name = (publisher, cls, place)
                if name not in found:
                    found[name] = Lacking(publisher, cls, place, ts_ms, ts_ms)
                found[name].add(key, ts_ms)
        return list(found.values())

    def statements(self, since_ms: int) -> list[Record]:
        """Return the newest oee and energy record of each subject made since, in key order.

        Raises:
            Damaged: as `read`.
        """
        newest: dict[tuple[str, str, str, str], Record] = {}
        for facts in self._begin():
            if facts.family is Family.REST and facts.t1 >= since_ms:
                for row in self._query(
                    facts,
                    "SELECT * FROM record WHERE ts_ms >= ?"
                    " AND (cls = 'oee' OR cls GLOB 'energy/*') ORDER BY key",
                    (since_ms,),
                ):
                    record = parse_record(row)
                    if record is not None:
                        name = (record.cls, record.line, record.asset, record.subject)
                        newest[name] = record
        return sorted(newest.values(), key=lambda record: record.key)

    def log(
        self,
        after: int,
        since_ms: int,
        moved: tuple[int, int] | None = None,
        assets: Collection[str] | None = None,
    ) -> tuple[list[LogRow], int]:
        """Return log rows of one segment, in the order they were written.

        Args:
            after: id of the last row already had, 0 to begin.
            since_ms: only rows with an entry at or after this,
            moved: or of this key's epoch or a later one, with an entry at or after this time.
            assets: only rows of these; None: all.

        Returns:
            The rows of the next segment that has any, and the id to go on after; the same id
            as given once there are no more.

        Raises:
            Damaged: as `read`.
        """
        key, moved_ms = moved or (MAX_KEY, 0)
        begin = make_key(key >> SEQ_BITS, 0)
        for facts in self._begin():
            if facts.family is Family.REST and facts.log_last > after:
                rows: list[LogRow] = []
                is_moved = facts.log_last >= begin and facts.log_t1 >= moved_ms
                if facts.log_t1 >= since_ms or is_moved:
                    for line in self._query(facts, _LOG, (after, since_ms, begin, moved_ms)):
                        row = parse_log(line)
                        if row is not None and (assets is None or row.asset in assets):
                            rows.append(row)
                return rows, facts.log_last
        return [], after

    def close(self) -> None:
        """Release every connection; safe to call twice."""
        while self._open:
            self._open.popitem()[1].close()
        self._verified.clear()

    def _begin(self) -> tuple[Facts, ...]:
        """Take the view, and let go of segments that are gone, replaced or to be sealed."""
        view = self._view()
        self._verified &= {facts.file for facts in view}
        wanted = {facts.file for facts in view if facts.state is not State.CLOSING}
        for file in [file for file in self._open if file not in wanted]:
            self._open.pop(file).close()
        return view

    def _query(self, facts: Facts, query: str, values: tuple[int, ...] = ()) -> Iterator[Any]:
        """Yield rows; to be taken to the end, as an open query would hold the log up."""
        try:
            with self._connection(facts) as db:
                yield from db.execute(query, values)
        except SQL_ERRORS as error:
            stale = self._open.pop(facts.file, None)
            if stale is not None:
                stale.close()
            if facts.path not in {facts.path for facts in self._view()}:
                return  # dropped since the view was taken
            # A file that is in the view and not in the folder is just being recovered.
            if is_damage(error) or not facts.path.exists():
                raise Damaged(facts.file, str(error)) from error
            raise StoreError(
                _("{path}: can't be read: {reason}: check the disk").format(
                    path=facts.path, reason=error
                )
            ) from error

    @contextmanager
    def _connection(self, facts: Facts) -> Iterator[sqlite3.Connection]:
        if facts.state is State.CLOSING:
            db = open_read_only(facts.path)
            try:
                yield db
            finally:
                db.close()
            return
        found = self._open.pop(facts.file, None)
        if found is None:
            if len(self._open) >= _KEEP:
                self._open.pop(next(iter(self._open))).close()
            found = open_read_only(facts.path)
            if facts.state is State.SEALED and facts.file not in self._verified:
                try:
                    verify(found, facts)
                except BaseException:
                    found.close()
                    raise
                self._verified.add(facts.file)
        self._open[facts.file] = found  # the one used last goes last
        yield found
