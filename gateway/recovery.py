"""A damaged segment: set aside, its intact rows kept, the keys of the others told.

SQLite reads a table row by row from its pages. Where a query fails, its range of keys is halved
and each half tried again, so a bad page costs the rows on it and those that only it led to. Rows
whose CRC is wrong count as lost too.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.epoch import sync_folder
from gateway.errors import StoreError
from gateway.model import SEQ_BITS, make_key
from gateway.segment import (
    MAX_KEY,
    Current,
    Facts,
    Family,
    Segment,
    is_current,
    open_read_only,
    parse_log,
    parse_name,
    parse_record,
    read_current,
    read_note,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from gateway.model import Record
    from gateway.segment import LogLine

_CHUNK = 200
_SET_ASIDE = 3  # damaged files kept for whoever wants to look; they count for nothing


@dataclass(frozen=True, slots=True)
class Loss:
    """Records that were stored and can't be read any more.

    Attributes:
        ranges: their keys, [lo, hi] with both ends in, sorted.
        t0_ms, t1_ms: UTC ms; their times lie within.
    """

    family: Family
    ranges: tuple[tuple[int, int], ...]
    t0_ms: int
    t1_ms: int


@dataclass(frozen=True, slots=True)
class _Intact:
    records: list[Record]
    log: list[LogLine]
    current: Current
    heard: bytes | None


def finish_recoveries(folder: Path) -> None:
    """Clear away what a cut left half made, by `recover` or by `Segment.create`."""
    for path in folder.glob("*.part*"):
        path.unlink()
    for path in folder.glob("*.seg.new"):
        place = path.with_suffix("")
        if place.exists():
            path.unlink()
        else:
            path.rename(place)
    for path in folder.glob("*.seg.new-*"):
        path.unlink()
    sync_folder(folder)


def set_aside(path: Path) -> None:
    """Move a database and its log to `quarantine/`, where the newest few are kept."""
    place = path.parent / "quarantine"
    place.mkdir(mode=0o700, exist_ok=True)
    path.rename(place / path.name)
    for suffix in ("-wal", "-journal"):
        extra = path.with_name(path.name + suffix)
        if extra.exists():
            extra.rename(place / extra.name)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    kept = sorted(
        (old for old in place.iterdir() if old.suffix in {".seg", ".db"}),
        key=lambda old: old.stat().st_mtime_ns,
    )
    for old in kept[:-_SET_ASIDE]:
        for gone in place.glob(old.name + "*"):
            gone.unlink()


def recover(path: Path, view: Sequence[Facts], number: int) -> tuple[Facts, Loss | None]:
    """Put a segment of the intact rows in a damaged one's place.

    The new file is complete before the damaged one is moved away, so a cut at any time leaves
    one of them under its name, or the new one to be named at the next start.

    Args:
        path: the damaged segment; nobody writes it any more.
        view: all segments, the damaged one among them where its facts were known.
        number: what `Facts.recovered` of the new one shall be.

    Raises:
        sqlite3.Error, OSError: the disk refuses.
    """
    parsed = parse_name(path.name)
    if parsed is None:
        raise StoreError(f"{path}: not the name of a segment")
    family, first = parsed
    intact = _salvage(path, first)
    siblings = [facts for facts in view if facts.family is family and facts.path != path]
    before = [facts for facts in siblings if facts.first < first]
    after = [facts for facts in siblings if facts.first > first]
    current = intact.current
    if before and family is Family.REST:
        current = _current_of(before[-1].path) | current
    fresh = path.with_name(path.name + ".new")
    segment = Segment.create(fresh, current.values(), intact.heard)
    segment.add(intact.records, intact.log)
    if not segment.seal():
        raise StoreError(f"{fresh}: in use")
    set_aside(path)
    fresh.rename(path)
    sync_folder(path.parent)
    facts = replace(segment.facts, path=path, recovered=number)

    others = [key for other in view if other.family is not family for key in _keys(other, first)]
    known = next((known for known in view if known.path == path), None)
    if known is not None:
        last = known.last
    elif after:
        last = after[0].first - 1
    else:
        last = max([facts.last, *others])
    present = [record.key for record in intact.records]
    present += [key for key in others if key <= last]
    ranges = _missing(present, first, last)
    if not ranges:
        return facts, None
    times = [time for time in (facts.t0, facts.t1) if time]
    if known is not None:
        times += [known.t0, known.t1]
    else:
        times += [neighbour.t1 for neighbour in before[-1:]]
        times += [neighbour.t0 for neighbour in after[:1]]
    return facts, Loss(family, ranges, min(times, default=0), max(times, default=0))


def _salvage(path: Path, first: int) -> _Intact:
    try:
        db = open_read_only(path)
    except sqlite3.Error:
        return _Intact([], [], {}, None)
    with closing(db):
        rows = _rows(db, "record", "key", first, MAX_KEY)
        records = list(filter(None, map(parse_record, rows)))
        log = [line for line in _rows(db, "log", "id", 1, MAX_KEY) if parse_log(line)]
        try:
            current, heard = read_current(db), read_note(db, "heard")
        except sqlite3.Error:
            current, heard = {}, None
    for record in records:
        name = (record.cls, record.line, record.asset)
        if is_current(record.cls) and (name not in current or current[name].key < record.key):
            current[name] = record
    return _Intact(records, log, current, heard)


def _rows(
    db: sqlite3.Connection, table: str, column: str, low: int, high: int
) -> Iterator[tuple[object, ...]]:
    """Yield rows with low <= key <= high; where a query fails, try each half."""
    query = f"SELECT * FROM {table} WHERE {column} BETWEEN ? AND ? ORDER BY {column} LIMIT {_CHUNK}"
    try:
        while rows := db.execute(query, (low, high)).fetchall():
            yield from rows
            low = rows[-1][0] + 1
    except sqlite3.Error:
        if low < high:
            middle = (low + high) // 2
            yield from _rows(db, table, column, low, middle)
            yield from _rows(db, table, column, middle + 1, high)


def _current_of(path: Path) -> Current:
    try:
        with closing(open_read_only(path)) as db:
            return read_current(db)
    except sqlite3.Error:
        return {}


def _keys(facts: Facts, first: int) -> list[int]:
    """Return the keys of a segment from `first` on, as far as they can be read."""
    if facts.last < first:
        return []
    with closing(open_read_only(facts.path)) as db:
        return [row[0] for row in _rows(db, "record", "key", first, MAX_KEY)]


def _missing(present: Iterable[int], first: int, last: int) -> tuple[tuple[int, int], ...]:
    """Find the keys of [first, last] that neither family has, as ranges.

    Numbers are given without a gap within an epoch; where one epoch ends is known only by its
    highest key found, so a tail lost before a restart can't be told from one never written.
    """
    ranges: list[tuple[int, int]] = []
    expected = first

    def skip_to(key: int) -> None:
        nonlocal expected
        if key >> SEQ_BITS > expected >> SEQ_BITS:
            expected = make_key(key >> SEQ_BITS, 1)

    for key in sorted(present):
        skip_to(key)
        if key > expected:
            ranges.append((expected, key - 1))
        expected = key + 1
    skip_to(last)
    if expected <= last:
        ranges.append((expected, last))
    return tuple(ranges)
