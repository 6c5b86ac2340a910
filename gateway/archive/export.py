"""`nxgate store export`: records to a stick, as tables for people or as lines for a platform.

One record is in memory at a time, beside a page of rows of each family; files are complete or not
there at all.
"""

from __future__ import annotations

import csv
import heapq
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import orjson

from gateway.archive.segments import records, segments_of
from gateway.archive.sheets import HEADS, Clock, rows, table_of
from gateway.archive.stick import Stick
from gateway.archive.wide import Wide
from gateway.ids import record_id
from gateway.publishers.canonical import Canonical
from gateway.settings import Identity
from gateway.storage.facts import Family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.archive.place import Place
    from gateway.model import Record

LINES = "records.jsonl"
_NAME = re.compile(r"[^\w.-]")


@dataclass(frozen=True, slots=True)
class Choice:
    """What to export.

    Attributes:
        since_ms, until_ms: UTC ms; until is exclusive.
        assets, classes: names to keep; all where empty. A class is named by its first part.
    """

    since_ms: int
    until_ms: int
    assets: frozenset[str]
    classes: frozenset[str]

    def takes(self, record: Record) -> bool:
        """Tell whether a record is wanted."""
        return (
            self.since_ms <= record.ts_ms < self.until_ms
            and (not self.assets or record.asset in self.assets)
            and (not self.classes or record.cls.partition("/")[0] in self.classes)
        )


@dataclass(slots=True)
class Exported:
    """What was written.

    Attributes:
        files: file → rows or lines in it.
        lost: what can't be read any more, a line each.
    """

    records: int = 0
    files: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)


def export_tables(
    place: Place, folder: Path, choice: Choice, zone: str, *, wide: bool, bom: bool
) -> Exported:
    """Write a CSV file per class.

    Args:
        place: the store.
        folder: takes the files.
        choice: what to export.
        zone: whose clock local times show.
        wide: telemetry with a column per tag and a file per asset.
        bom: begin files with the mark by which Excel knows UTF-8.

    Raises:
        StoreError: the medium refuses.
    """
    made = Exported()
    clock = Clock(ZoneInfo(zone))
    columns = Wide(_metas(place)) if wide else None
    with Stick(folder, bom=bom) as stick:
        writers: dict[str, Callable[[list[object]], object]] = {}
        for record in _chosen(place, choice, made):
            spread = columns is not None and record.cls == "telemetry"
            name = _wide_name(record) if spread else f"{table_of(record.cls)}.csv"
            try:
                if spread and columns is not None:
                    found = columns.rows(record, place.gateway, clock)
                else:
                    found = list(rows(record, place.gateway, clock))
            except ValueError as error:
                made.lost.append(f"{record_id(place.gateway, record.key)}: {error}")
                continue
            with stick.writing():
                write = writers.get(name)
                if write is None:
                    write = writers[name] = csv.writer(stick.file(name)).writerow
                    head = columns.head(record) if spread and columns is not None else None
                    write(list(HEADS[table_of(record.cls)]) if head is None else head)
                for row in found:
                    write(row)
            made.records += 1
            made.files[name] += len(found)
    return made


def export_lines(place: Place, folder: Path, choice: Choice) -> Exported:
    """Write canonical payloads with their ids, a JSON object a line, in the order of ids.

    Raises:
        StoreError: the medium refuses.
    """
    made = Exported()
    known = place.identity
    identity = Identity(
        known.cluster if known else "",
        known.enterprise if known else "",
        known.site if known else "",
        place.gateway,
    )
    canonical = Canonical(identity)
    with Stick(folder, bom=False) as stick:
        for record in _chosen(place, choice, made):
            line: dict[str, object] = {
                "line": record.line,
                "asset": record.asset,
                "class": record.cls,
                "payload": orjson.Fragment(canonical.payload(record, hist=True)),
            }
            if known is not None:
                line = {"topic": canonical.topic(record, hist=True), **line}
            with stick.writing():
                stick.file(LINES).write(orjson.dumps(line).decode() + "\n")
            made.records += 1
            made.files[LINES] += 1
    return made


def _chosen(place: Place, choice: Choice, made: Exported) -> Iterator[Record]:
    """Yield the wanted records of both families, in the order of their keys."""

    def of(family: Family) -> Iterator[Record]:
        for segment in segments_of(place.folder):
            if segment.family is family:
                yield from records(segment, made.lost, choice.since_ms, choice.until_ms)

    wanted = choice.classes
    families = [
        family
        for family in Family
        if not wanted
        or ("telemetry" in wanted if family is Family.TELEMETRY else wanted - {"telemetry"})
    ]
    merged = heapq.merge(*map(of, families), key=lambda record: record.key)
    return filter(choice.takes, merged)


def _metas(place: Place) -> Iterator[Record]:
    unread: list[str] = []
    for segment in segments_of(place.folder):
        if segment.family is Family.REST:
            for record in records(segment, unread):
                if record.cls == "meta":
                    yield record


def _wide_name(record: Record) -> str:
    return _NAME.sub("_", f"telemetry-{record.line}-{record.asset}.csv")
