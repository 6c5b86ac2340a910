"""A damaged segment: set aside, its intact rows kept, the keys of the others told.

Rows whose CRC is wrong count as lost. What is lost is found from the keys: they are given
without a gap over both families.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, cast

from gateway.durable import sync_folder
from gateway.errors import StoreError
from gateway.ids import SEQ_BITS, make_key
from gateway.storage.facts import Damaged, Facts, Family, Loss, State, name_of, parse_name, place_of
from gateway.storage.pages import scan
from gateway.storage.rows import (
    MAX_KEY,
    Current,
    is_current,
    parse_log,
    parse_record,
    read_current,
    read_note,
)
from gateway.storage.segment import SQL_ERRORS, Segment, check, open_read_only, verify
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from gateway.model import Record
    from gateway.storage.rows import LogLine, RecordRow

_RECORD_COLUMNS, _LOG_COLUMNS = 8, 6
_KEPT = 3  # damaged files kept for whoever wants to look into them


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


def recover(path: Path, view: Sequence[Facts], ends: Mapping[int, int], number: int) -> Facts:
    """Put a segment of the intact rows in a damaged one's place.

    The new file is complete, with what it lacks noted in it, before the damaged one is moved
    away; so a cut at any time leaves one of them under its name, or the new one to be named at
    the next start.

    Args:
        path: the damaged segment; nobody writes it any more.
        view: all segments, the damaged one among them where its facts were known.
        ends: the last key of each earlier epoch, as far as known.
        number: what `Facts.recovered` of the new one shall be.

    Raises:
        sqlite3.Error, OSError, StoreError: the disk refuses.
    """
    family, first = place_of(path)
    before = [facts for facts in view if facts.family is family and facts.first < first]
    intact = _salvage(path)
    current, heard = intact.current, intact.heard
    if before and family is Family.REST:
        current_before, heard_before = _standing(before[-1].path)
        current = current_before | current
        heard = heard_before if heard is None else heard
    fresh = path.with_name(path.name + ".new")
    segment = Segment.create(fresh, current.values(), heard)
    segment.add(intact.records, intact.log)
    loss = _loss(path, view, ends, intact.records)
    if loss is not None:
        segment.lose(loss)
    if not segment.seal():
        raise StoreError(_("{path}: in use: let no other program open it").format(path=fresh))
    set_aside(path)
    fresh.rename(path)
    sync_folder(path.parent)
    return replace(segment.facts, path=path, recovered=number)


def _salvage(path: Path) -> _Intact:
    records: dict[int, Record] = {}
    log: dict[int, LogLine] = {}
    telemetric = place_of(path)[0] is Family.TELEMETRY
    for row in scan(path):
        if len(row) == _RECORD_COLUMNS:
            record = parse_record(cast("RecordRow", row))
            # The log beside it may be another's: its rows don't belong here.
            if record is not None and (record.cls == "telemetry") is telemetric:
                records[record.key] = record
        elif len(row) == _LOG_COLUMNS and parse_log(cast("LogLine", row)) is not None:
            log[cast("int", row[0])] = cast("LogLine", row)
    current, heard = _standing(path)
    for key in sorted(records):
        record = records[key]
        place = record.place
        if is_current(record.cls) and (place not in current or current[place].key < key):
            current[place] = record
    return _Intact(
        [records[key] for key in sorted(records)], [log[at] for at in sorted(log)], current, heard
    )


def _standing(path: Path) -> tuple[Current, bytes | None]:
    """Return what a segment carries of how things stand, as far as SQLite can read it."""
    try:
        with closing(open_read_only(path)) as db:
            return read_current(db)[0], read_note(db, "heard")
    except SQL_ERRORS:
        return {}, None


def _loss(
    path: Path, view: Sequence[Facts], ends: Mapping[int, int], records: Sequence[Record]
) -> Loss | None:
    """Tell which records of a damaged segment are not among the intact ones.

    Where the other family's segments of that time were dropped, their keys are told with them.
    """
    family, first = place_of(path)
    known = next((facts for facts in view if facts.path == path), None)
    siblings = [facts for facts in view if facts.family is family and facts.path != path]
    before = [facts for facts in siblings if facts.first < first]
    after = [facts for facts in siblings if facts.first > first]
    keys = [record.key for record in records]
    following = min((start for start in _starts(path.parent, family) if start > first), default=0)
    last = known.last if known is not None else following - 1 if following else MAX_KEY
    others = _other_keys(path, view, first, last)
    if last == MAX_KEY:
        last = max([first - 1, *keys, *others, *ends.values()])
    for facts in view:  # what is told already: which family such a key was of, nobody knows
        told = facts.loss if facts.path != path else None
        for lo, hi in told.ranges if told is not None else ():
            others += range(max(lo, first), min(hi, last) + 1)
    ranges = absent(keys + others, ends, first, last)
    if not ranges:
        return None
    times = [record.ts_ms for record in records]
    if known is not None:
        times += [known.t0, known.t1]
    times += [facts.t1 for facts in before[-1:]] + [facts.t0 for facts in after[:1]]
    return Loss(family, ranges, min(times, default=0), max(times, default=0))


def _starts(folder: Path, family: Family) -> list[int]:
    """Return the first keys of a family's segments, damaged or not, in order."""
    places = filter(None, (parse_name(path.name) for path in folder.iterdir()))
    return sorted(start for of, start in places if of is family)


def _other_keys(path: Path, view: Sequence[Facts], first: int, last: int) -> list[int]:
    """Return the keys of [first, last] in the other family's segments, damaged or not."""
    family, _first = place_of(path)
    other = Family.REST if family is Family.TELEMETRY else Family.TELEMETRY
    starts = _starts(path.parent, other)
    keys: list[int] = []
    for start, following in pairwise([*starts, MAX_KEY]):
        if start <= last and following > first:
            place = path.with_name(name_of(other, start))
            known = next((facts for facts in view if facts.path == place), None)
            keys += _keys(place, known, first, last)
    return keys


def _keys(path: Path, known: Facts | None, first: int, last: int) -> list[int]:
    try:
        with closing(open_read_only(path)) as db:
            if known is not None and known.state is State.SEALED:
                verify(db, known)
            else:
                check(db, (path, 0))
            rows = db.execute("SELECT key FROM record WHERE key BETWEEN ? AND ?", (first, last))
            return [row[0] for row in rows]
    except (*SQL_ERRORS, Damaged):
        return [record.key for record in _salvage(path).records if first <= record.key <= last]


def absent(
    present: Iterable[int], ends: Mapping[int, int], first: int, last: int
) -> tuple[tuple[int, int], ...]:
    """Find the keys of [first, last] that neither family has, as ranges.

    Numbers are given without a gap within an epoch, from 1 to its end. Where that isn't known
    it is taken for the highest key found: of what came last before a crash, nothing tells.
    """
    keys: dict[int, list[int]] = {epoch: [] for epoch in (last >> SEQ_BITS, *ends)}
    for key in sorted(present):
        keys.setdefault(key >> SEQ_BITS, []).append(key)
    ranges: list[tuple[int, int]] = []
    for epoch in sorted(keys):
        here = keys[epoch]
        end = last if epoch == last >> SEQ_BITS else ends.get(epoch, 0)
        end = min(last, max([end, *here[-1:]]))
        expected = max(first, make_key(epoch, 1))
        for key in (*here, end + 1):
            if key > expected:
                ranges.append((expected, key - 1))
            expected = max(expected, key + 1)
    return tuple(ranges)
