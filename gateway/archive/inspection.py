"""`nxgate store verify`: every page, every row, every CRC."""

from __future__ import annotations

import json
from array import array
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING
from zlib import crc32

from gateway.archive.segments import pages, reading, segments_of
from gateway.errors import StoreError
from gateway.ids import SEQ_BITS, record_id
from gateway.storage.epoch import is_intact
from gateway.storage.position_file import read_positions
from gateway.storage.rows import parse_log, parse_record, read_current
from gateway.storage.segment import APPLICATION_ID, SQL_ERRORS, VERSION
from gateway.words import _

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from gateway.archive.place import Place
    from gateway.archive.segments import SegmentFile
    from gateway.storage.facts import Family

MOST = 1000
"""Damages that are told one by one; the rest is counted."""


@dataclass(slots=True)
class Inspection:
    """What was found.

    Attributes:
        segments, records, log_rows: looked at.
        damaged: one line for each thing that is not as it was written.
        count: how many there are, those beyond the first ones too.
        lost: ids that recoveries have already told as lost, in words.
        absent: ids between those that are there that no segment has, in words: dropped by a
            damage to files as a whole, or given and never committed when a gateway was killed.
    """

    segments: int = 0
    records: int = 0
    log_rows: int = 0
    damaged: list[str] = field(default_factory=list)
    count: int = 0
    lost: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    keys: dict[Family, array[int]] = field(default_factory=dict)

    def damage(self, what: str) -> None:
        """Note something damaged."""
        self.count += 1
        if len(self.damaged) < MOST:
            self.damaged.append(what)


def inspect(place: Place) -> Inspection:
    """Read everything.

    Raises:
        StoreError: a newer version wrote it.
    """
    made = Inspection()
    for segment in segments_of(place.folder):
        try:
            _inspect(segment, place, made)
        except (*SQL_ERRORS, OSError) as error:
            if segment.path.exists():  # else pushed out by the bound meanwhile
                made.segments += 1
                made.damage(f"{segment.path.name}: {error}")
    _inspect_positions(place.folder, made)
    _inspect_epoch(place.folder, made)
    made.absent = [
        f"{record_id(place.gateway, lo)} – {record_id(place.gateway, hi)}"
        for lo, hi in _absent(made.keys)
    ]
    return made


def _absent(keys: dict[Family, array[int]]) -> list[tuple[int, int]]:
    """Find the holes between keys, from where both families begin to where both end.

    Below, the bound has dropped one of them; above, a running gateway has gone on since.
    """
    held = [found for found in keys.values() if found]
    if not held:
        return []
    lowest, highest = max(map(min, held)), min(map(max, held))
    every = sorted(key for found in held for key in found if lowest <= key <= highest)
    return [
        (before + 1, after - 1)
        for before, after in pairwise(every)
        if before + 1 < after and before >> SEQ_BITS == after >> SEQ_BITS
    ]


def _inspect(segment: SegmentFile, place: Place, made: Inspection) -> None:
    name = segment.path.name
    with reading(segment.path) as db:
        _examine(db, name)
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            made.damage(f"{name}: {found}")
        if not read_current(db)[1]:
            made.damage(_("{segment}: a current statement is damaged").format(segment=name))
        notes = _notes(db, name, made)
    made.segments += 1
    counted = _records(segment, place, made), _log(segment, made)
    _compare(segment, notes, counted, made)
    if "loss" in notes:
        ranges, *_times = json.loads(notes["loss"])
        made.lost += [
            f"{record_id(place.gateway, lo)} – {record_id(place.gateway, hi)}" for lo, hi in ranges
        ]


def _examine(db: sqlite3.Connection, name: str) -> None:
    application, version = (
        db.execute(f"PRAGMA {pragma}").fetchone()[0]
        for pragma in ("application_id", "user_version")
    )
    if application == APPLICATION_ID and version > VERSION:
        raise StoreError(
            _(
                "{segment}: written by a newer version of nxgate (format {found}, this one reads"
                " {known}): use that version"
            ).format(segment=name, found=version, known=VERSION)
        )


def _notes(db: sqlite3.Connection, segment: str, made: Inspection) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, body, crc in db.execute("SELECT name, body, crc FROM note").fetchall():
        if crc == crc32(body, crc32(str(name).encode())):
            found[str(name)] = body
        else:
            made.damage(_("{segment}: note {name} is damaged").format(segment=segment, name=name))
    return found


def _records(segment: SegmentFile, place: Place, made: Inspection) -> int:
    """Check every record; return how many rows there are."""
    query = "SELECT * FROM record WHERE key > ? ORDER BY key LIMIT ?"
    count = 0
    for page in pages(segment, query, -1):
        for row in page:
            count += 1
            if isinstance(row[0], int):
                made.keys.setdefault(segment.family, array("q")).append(row[0])
            identity = record_id(place.gateway, row[0]) if isinstance(row[0], int) else "?"
            if parse_record(row) is None:
                made.damage(
                    _("{segment}: record {id} is damaged").format(
                        segment=segment.path.name, id=identity
                    )
                )
            elif not segment.first <= row[0] < (segment.next_first or row[0] + 1):
                made.damage(
                    _("{segment}: record {id} doesn't belong there").format(
                        segment=segment.path.name, id=identity
                    )
                )
    made.records += count
    return count


def _log(segment: SegmentFile, made: Inspection) -> int:
    query = "SELECT * FROM log WHERE id > ? ORDER BY id LIMIT ?"
    count = 0
    for page in pages(segment, query, -1):
        for line in page:
            count += 1
            if parse_log(line) is None:
                made.damage(
                    _("{segment}: log row {number} is damaged").format(
                        segment=segment.path.name, number=line[0]
                    )
                )
    made.log_rows += count
    return count


def _compare(
    segment: SegmentFile, notes: dict[str, bytes], counted: tuple[int, int], made: Inspection
) -> None:
    """A sealed segment says how many rows it has."""
    if "sealed" not in notes or "facts" not in notes:
        return
    facts = json.loads(notes["facts"])
    told = (facts["count"], facts["log_count"])
    if told != counted:
        made.damage(
            _("{segment}: has {found} rows and was sealed with {told}").format(
                segment=segment.path.name, found=counted, told=told
            )
        )


def _inspect_positions(folder: Path, made: Inspection) -> None:
    path = folder / "position.db"
    if not path.exists():
        made.damage(_("{file} is missing").format(file=path.name))
        return
    try:
        with reading(path) as db:
            intact = read_positions(db)
            saved = [row[0] for row in db.execute("SELECT publisher FROM position")]
    except (*SQL_ERRORS, ValueError) as error:
        made.damage(f"{path.name}: {error}")
        return
    for publisher in saved:
        if publisher not in intact:
            made.damage(_("position of {publisher} is damaged").format(publisher=publisher))


def _inspect_epoch(folder: Path, made: Inspection) -> None:
    if not is_intact(folder):
        made.damage(_("{file} is missing or damaged").format(file="epoch"))
