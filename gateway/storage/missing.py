"""Records that were committed and are in no segment: what a whole-looking folder doesn't show.

SQLite finds a page that is none, a CRC a changed row, a sealed segment's facts a missing one. A
file that is gone, or a log that lost its end before it was folded in, leaves nothing that looks
wrong. But keys are given without a gap over both families, so what isn't there shows between
those that are: between two segments of a family, in a segment that was never sealed, and at its
end. Only there is looked, so that a start doesn't read the whole store.

Not told again is what is told already: by a segment that was recovered (`Facts.loss`), or by a
gap record, as what memory had no room for. Not told at all is

- what is below the oldest segment of a family: so does the bound leave things;
- telemetry at the end of the last epoch that a kill between the commit's two halves explains.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import orjson

from gateway.ids import SEQ_BITS, make_key, parse_id
from gateway.storage.facts import Damaged, Facts, Family, Loss, State
from gateway.storage.ranges import subtract
from gateway.storage.recovery import absent
from gateway.storage.rows import parse_record
from gateway.storage.segment import SQL_ERRORS, check, is_damage, open_read_only, verify

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from gateway.storage.ranges import Range

CUT_MS = 2000
"""A commit's two halves are apart by less, and hold records of less time."""


def missing(
    view: Callable[[], Sequence[Facts]], ends: Mapping[int, int], recover: Callable[[Path], None]
) -> list[Loss]:
    """Find what was committed and is nowhere.

    Args:
        view: returns every segment, in key order of each family.
        ends: the last key of each earlier epoch, as far as known.
        recover: called for a segment that turns out damaged on the way.

    Raises:
        sqlite3.Error, OSError, StoreError: the disk refuses.
    """
    while True:
        try:
            return _missing(view(), ends)
        except Damaged as damage:
            recover(damage.file[0])


def _missing(view: Sequence[Facts], ends: Mapping[int, int]) -> list[Loss]:
    families = {family: [f for f in view if f.family is family] for family in Family}
    kept = [segments for segments in families.values() if segments]
    if not kept:
        return []
    floor = max(segments[0].first for segments in kept)
    last = max([facts.last for facts in view] + list(ends.values()))
    told = [span for facts in view if facts.loss is not None for span in facts.loss.ranges]
    found: list[Loss] = []
    for family, segments in families.items():
        spans = [
            (max(lo, floor), hi) for lo, hi in _suspect(segments, last) if max(lo, floor) <= hi
        ]
        for lo, hi in spans:
            gone = subtract(absent(_keys(view, lo, hi), ends, lo, hi), told)
            if gone:
                _trust(view, lo, hi)
            closed = last >> SEQ_BITS in ends
            if gone and (closed or not _is_cut(gone, families, last)):
                found.append(Loss(family, tuple(gone), *_times(segments, lo, hi)))
                told += gone
    return _undeclared(found, families[Family.REST])


def _suspect(segments: Sequence[Facts], last: int) -> list[Range]:
    """Return where keys of a family could be missing unnoticed."""
    spans: list[Range] = []
    before: Facts | None = None
    for facts in segments:
        if before is not None and before.last + 1 < facts.first:
            spans.append((before.last + 1, facts.first - 1))
        if facts.state is not State.SEALED:
            spans.append((facts.first, facts.last))
        before = facts
    if before is not None and before.last < last:
        spans.append((before.last + 1, last))
    return [span for span in spans if span[0] <= span[1]]


def _keys(view: Sequence[Facts], lo: int, hi: int) -> list[int]:
    keys: list[int] = []
    query = "SELECT key FROM record WHERE key BETWEEN ? AND ?"
    for facts in _within(view, lo, hi):
        with _reading(facts) as db:
            keys += [row[0] for row in db.execute(query, (lo, hi))]
    return keys


def _trust(view: Sequence[Facts], lo: int, hi: int) -> None:
    """Make sure that what isn't there is not just hidden by damage.

    Raises:
        Damaged: it is.
    """
    for facts in _within(view, lo, hi):
        with _reading(facts) as db:
            if facts.state is State.SEALED:
                verify(db, facts)
            else:
                check(db, facts.file)


def _within(view: Sequence[Facts], lo: int, hi: int) -> list[Facts]:
    return [f for f in view if f.count and f.first <= hi and f.last >= lo]


@contextmanager
def _reading(facts: Facts) -> Iterator[sqlite3.Connection]:
    try:
        with closing(open_read_only(facts.path)) as db:
            yield db
    except SQL_ERRORS as error:
        if is_damage(error):
            raise Damaged(facts.file, str(error)) from error
        raise


def _is_cut(gone: Sequence[Range], families: Mapping[Family, Sequence[Facts]], last: int) -> bool:
    """Tell whether it is what a kill takes: telemetry at the very end of the last epoch."""
    telemetry = [facts for facts in families[Family.TELEMETRY] if facts.count]
    rest = [facts for facts in families[Family.REST] if facts.count]
    if not telemetry or not rest:
        return not telemetry
    newest, other = telemetry[-1], rest[-1]
    return (
        gone[0][0] > max(newest.last, make_key(last >> SEQ_BITS, 0))
        and abs(other.t1 - newest.t1) < CUT_MS
    )


def _times(segments: Sequence[Facts], lo: int, hi: int) -> tuple[int, int]:
    """Return between which times, UTC ms, records of a span were made, as neighbours tell."""
    before = [facts.t1 for facts in segments if facts.count and facts.first <= lo]
    after = [facts.t0 for facts in segments if facts.count and facts.last >= hi]
    times = before[-1:] + after[:1]
    return min(times, default=0), max(times, default=0)


def _undeclared(found: list[Loss], rest: Sequence[Facts]) -> list[Loss]:
    """Leave out what gap records in the store say already."""
    if not found:
        return []
    lowest = min(lo for loss in found for lo, _hi in loss.ranges)
    told: list[Range] = []
    for facts in rest:
        if facts.last < lowest:
            continue
        with _reading(facts) as db:
            rows = db.execute("SELECT * FROM record WHERE cls = 'event/gap'").fetchall()
        told += filter(None, map(_span, rows))
    left = ((loss, tuple(subtract(loss.ranges, told))) for loss in found)
    return [Loss(loss.family, ranges, loss.t0_ms, loss.t1_ms) for loss, ranges in left if ranges]


def _span(row: tuple[int, str, str, str, int, bytes, str, int]) -> Range | None:
    record = parse_record(row)
    if record is None:
        return None
    try:
        data = orjson.loads(record.body)["data"]
        lo, hi = parse_id(data["from"]), parse_id(data["to"])
    except (KeyError, TypeError, ValueError):
        return None
    return (lo[1], hi[1]) if lo is not None and hi is not None else None
