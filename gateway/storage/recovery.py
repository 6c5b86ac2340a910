"""A damaged segment: set aside, its intact rows kept, the keys of the others told.

SQLite reads a table row by row from its pages. Where a query fails, its range of keys is halved
and each half tried again, so a bad page costs the rows on it and those that only it led to. Rows
whose CRC is wrong count as lost too.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gateway.errors import StoreError
from gateway.model import SEQ_BITS, make_key
from gateway.storage.epoch import sync_folder
from gateway.storage.facts import Facts, Family, Loss, name_of, parse_name, place_of
from gateway.storage.rows import (
    MAX_KEY,
    Current,
    is_current,
    parse_log,
    parse_record,
    read_current,
    read_note,
)
from gateway.storage.segment import Segment, open_read_only

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from gateway.model import Record
    from gateway.storage.rows import LogLine

_CHUNK = 200
_KEPT = 3  # damaged files kept for whoever wants to look into them

_ROWS = {
    "record": "SELECT * FROM record WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?",
    "log": "SELECT * FROM log WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
    "keys": "SELECT key FROM record WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?",
}


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
    for suffix in ("-wal", "-journal", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(place / part.name)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    whole = [old for old in place.iterdir() if old.suffix in {".seg", ".db"}]
    for old in sorted(whole, key=lambda old: old.stat().st_mtime_ns)[:-_KEPT]:
        for part in place.glob(f"{old.name}*"):
            part.unlink()


def recover(path: Path, view: Sequence[Facts], number: int) -> Facts:
    """Put a segment of the intact rows in a damaged one's place.

    The new file is complete, with what it lacks noted in it, before the damaged one is moved
    away; so a cut at any time leaves one of them under its name, or the new one to be named at
    the next start.

    Args:
        path: the damaged segment; nobody writes it any more.
        view: all segments, the damaged one among them where its facts were known.
        number: what `Facts.recovered` of the new one shall be.

    Raises:
        sqlite3.Error, OSError, StoreError: the disk refuses.
    """
    family, first = place_of(path)
    siblings = [facts for facts in view if facts.family is family]
    before = [facts for facts in siblings if facts.first < first]
    intact = _salvage(path, first)
    current = intact.current
    if before and family is Family.REST:
        current = _current_of(before[-1].path) | current
    fresh = path.with_name(path.name + ".new")
    segment = Segment.create(fresh, current.values(), intact.heard)
    segment.add(intact.records, intact.log)
    loss = _loss(path, view, intact.records)
    if loss is not None:
        segment.lose(loss)
    if not segment.seal():
        raise StoreError(f"{fresh}: in use")
    set_aside(path)
    fresh.rename(path)
    sync_folder(path.parent)
    return replace(segment.facts, path=path, recovered=number)


def _salvage(path: Path, first: int) -> _Intact:
    try:
        db = open_read_only(path)
    except sqlite3.Error:
        return _Intact([], [], {}, None)
    with closing(db):
        records = list(filter(None, map(parse_record, _rows(db, "record", first, MAX_KEY))))
        log = [line for line in _rows(db, "log", 1, MAX_KEY) if parse_log(line)]
        try:
            current, heard = read_current(db), read_note(db, "heard")
        except sqlite3.Error:
            current, heard = {}, None
    for record in records:
        name = (record.cls, record.line, record.asset)
        if is_current(record.cls) and (name not in current or current[name].key < record.key):
            current[name] = record
    return _Intact(records, log, current, heard)


def _rows(db: sqlite3.Connection, what: str, low: int, high: int) -> Iterator[Any]:
    """Yield rows with low <= key <= high; where a query fails, try each half."""
    try:
        while rows := db.execute(_ROWS[what], (low, high, _CHUNK)).fetchall():
            yield from rows
            low = rows[-1][0] + 1
    except sqlite3.Error:
        if low < high:
            middle = (low + high) // 2
            yield from _rows(db, what, low, middle)
            yield from _rows(db, what, middle + 1, high)


def _current_of(path: Path) -> Current:
    try:
        with closing(open_read_only(path)) as db:
            return read_current(db)
    except sqlite3.Error:
        return {}


def _loss(path: Path, view: Sequence[Facts], records: Sequence[Record]) -> Loss | None:
    """Tell which records of a damaged segment are not among the intact ones.

    Where the other family's segments of that time were dropped, their keys are told with them.
    """
    family, first = place_of(path)
    known = next((facts for facts in view if facts.path == path), None)
    siblings = [facts for facts in view if facts.family is family and facts.path != path]
    before = [facts for facts in siblings if facts.first < first]
    after = [facts for facts in siblings if facts.first > first]
    keys = [record.key for record in records]
    following = after[0].first - 1 if after else MAX_KEY
    last = following if known is None else known.last
    others = _other_keys(path, first, last)
    if last == MAX_KEY:
        last = max(keys + others, default=first - 1)
    ranges = _missing(keys + others, first, last)
    if not ranges:
        return None
    times = [record.ts_ms for record in records]
    if known is not None:
        times += [known.t0, known.t1]
    times += [facts.t1 for facts in before[-1:]] + [facts.t0 for facts in after[:1]]
    return Loss(family, ranges, min(times, default=0), max(times, default=0))


def _other_keys(path: Path, first: int, last: int) -> list[int]:
    """Return the keys of [first, last] in the other family, in files damaged or not."""
    family, _first = place_of(path)
    places = [parse_name(other.name) for other in sorted(path.parent.iterdir())]
    starts = [place[1] for place in places if place is not None and place[0] is not family]
    other = Family.REST if family is Family.TELEMETRY else Family.TELEMETRY
    keys: list[int] = []
    for start, following in zip(starts, [*starts[1:], MAX_KEY], strict=True):
        if start <= last and following > first:
            with suppress(sqlite3.Error):
                db = open_read_only(path.with_name(name_of(other, start)))
                with closing(db):
                    keys += [row[0] for row in _rows(db, "keys", first, last)]
    return keys


def _missing(present: Iterable[int], first: int, last: int) -> tuple[tuple[int, int], ...]:
    """Find the keys of [first, last] that neither family has, as ranges.

    Numbers are given without a gap within an epoch; where one epoch ends is known only by its
    highest key found, so a tail lost before a restart can't be told from one never written.
    """
    ranges: list[tuple[int, int]] = []
    expected = first
    for key in (*sorted(present), last + 1):
        if key >> SEQ_BITS > expected >> SEQ_BITS:
            expected = make_key(key >> SEQ_BITS, 1)
        if key > expected:
            ranges.append((expected, key - 1))
        expected = key + 1
    return tuple(ranges)
