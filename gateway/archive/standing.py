"""`nxgate store status`: how a store stands, with its gateway running or without."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gateway import api
from gateway.archive.segments import reading, segments_of
from gateway.ids import record_id
from gateway.storage.facts import Family
from gateway.storage.parked import Parked
from gateway.storage.position_file import read_positions
from gateway.storage.segment import SQL_ERRORS
from gateway.words import _

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from gateway.archive.place import Place
    from gateway.archive.segments import SegmentFile
    from gateway.storage.position import Standing

ANSWER_S = 3.0


@dataclass(slots=True)
class Shelf:
    """What one family of segments holds.

    Attributes:
        bytes: of files and their logs.
        first, last: keys of the oldest and newest record; 0 where there is none.
        t0, t1: UTC ms of the oldest and newest record.
        unread: segments that can't be read, by name.
    """

    segments: int = 0
    bytes: int = 0
    records: int = 0
    first: int = 0
    last: int = 0
    t0: int = 0
    t1: int = 0
    unread: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Status:
    """How a store stands.

    Attributes:
        running: what the running gateway tells of itself, or None.
        classes: records by class.
        waiting: records not delivered, by publisher.
        positions: where each publisher stands.
        quarantine: files set aside, and their bytes.
    """

    place: Place
    running: dict[str, Any] | None
    shelves: dict[str, Shelf]
    classes: Counter[str]
    waiting: dict[str, int]
    positions: dict[str, Standing]
    quarantine: tuple[int, int]


def take(place: Place) -> Status:
    """Look; takes some seconds for 2 GiB."""
    running = asyncio.run(ask(place.folder))
    segments = segments_of(place.folder)
    shelves = {"telemetry": Shelf(), "rest": Shelf()}
    classes: Counter[str] = Counter()
    for segment in segments:
        of = "telemetry" if segment.family is Family.TELEMETRY else "rest"
        _count(segment, shelves[of], classes)
    positions: dict[str, Standing] = {}
    with contextlib.suppress(*SQL_ERRORS, OSError), reading(place.folder / "position.db") as db:
        positions = read_positions(db)
    waiting = {name: _waiting(segments, standing) for name, standing in positions.items()}
    if running is not None:
        waiting |= {name: told["outbox"] for name, told in running["publishers"].items()}
    aside = [path for path in (place.folder / "quarantine").glob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in aside)
    return Status(place, running, shelves, classes, waiting, positions, (len(aside), size))


def as_json(status: Status) -> dict[str, object]:
    """Everything, as JSON can hold it."""
    place, running = status.place, status.running
    return {
        "folder": str(place.folder),
        "gateway": place.gateway,
        "epoch": place.epoch,
        "running": running is not None,
        "bound_bytes": place.size_bytes or None,
        "bytes": sum(shelf.bytes for shelf in status.shelves.values()),
        "families": {
            name: {
                "segments": shelf.segments,
                "bytes": shelf.bytes,
                "records": shelf.records,
                "oldest_ms": shelf.t0,
                "newest_ms": shelf.t1,
                "unread": shelf.unread,
            }
            for name, shelf in status.shelves.items()
        },
        "classes": dict(sorted(status.classes.items())),
        "publishers": {
            name: {
                "waiting": status.waiting[name],
                "done_to": record_id(place.gateway, status.positions[name].low)
                if name in status.positions
                else None,
                "ranges_above": len(status.positions[name].ranges)
                if name in status.positions
                else None,
            }
            for name in sorted(status.waiting)
        },
        "quarantine": {"files": status.quarantine[0], "bytes": status.quarantine[1]},
        "store": running["store"] if running is not None else None,
    }


def lines(status: Status) -> list[str]:
    """The same for a terminal."""
    place, running = status.place, status.running
    zone = ZoneInfo(place.zone or "UTC")
    total = sum(shelf.bytes for shelf in status.shelves.values())
    bound = _(" of {bound}").format(bound=_size(place.size_bytes)) if place.size_bytes else ""
    state = _("a gateway runs on it") if running is not None else _("no gateway runs on it")
    made = [
        _("{folder}: gateway {gateway}, epoch {epoch}, {state}").format(
            folder=place.folder, gateway=place.gateway, epoch=place.epoch, state=state
        ),
        _("size: {size}{bound}").format(size=_size(total), bound=bound),
    ]
    titles = {"telemetry": _("telemetry"), "rest": _("figures, states, events")}
    for name, shelf in status.shelves.items():
        made.append(
            _("{what}: {records} records in {segments} segments, {size}, {span}").format(
                what=titles[name],
                records=shelf.records,
                segments=shelf.segments,
                size=_size(shelf.bytes),
                span=f"{_time(shelf.t0, zone)} – {_time(shelf.t1, zone)}",
            )
        )
        made += [_("can't be read: {what}").format(what=what) for what in shelf.unread]
    counted = ", ".join(f"{name} {count}" for name, count in sorted(status.classes.items()))
    if counted:
        made.append(_("by class: {counted}").format(counted=counted))
    for name in sorted(status.waiting):
        made.append(
            _("publisher {name}: {count} records to deliver").format(
                name=name, count=status.waiting[name]
            )
        )
    files, size = status.quarantine
    if files:
        made.append(
            _("quarantine: {files} damaged files set aside, {size}").format(
                files=files, size=_size(size)
            )
        )
    return made + (_running_lines(running["store"]) if running is not None else [])


def _running_lines(store: dict[str, Any]) -> list[str]:
    made = [_("written a day: {size}").format(size=_size(store["wear"]))]
    if store["failing"]:
        made.append(_("the disk refuses: {reason}").format(reason=store["failing"]))
    if store["recovered"] or store["bad_rows"]:
        made.append(
            _("since its start: {recovered} segments recovered, {rows} records unreadable").format(
                recovered=store["recovered"], rows=store["bad_rows"]
            )
        )
    return made


async def ask(folder: Path) -> dict[str, Any] | None:
    """Return what a running gateway tells of itself; None where none runs on this store."""
    with contextlib.suppress(OSError, TimeoutError, ValueError):
        async with asyncio.timeout(ANSWER_S):
            async for snapshot in api.follow(folder):
                return snapshot
    return None


def _count(segment: SegmentFile, shelf: Shelf, classes: Counter[str]) -> None:
    """Add one segment's rows."""
    telemetry = segment.family is Family.TELEMETRY
    try:
        size = sum(
            part.stat().st_size
            for part in (segment.path, segment.path.with_name(segment.path.name + "-wal"))
            if part.exists()
        )
        with reading(segment.path) as db:
            first, last, count, t0, t1 = db.execute(
                "SELECT min(key), max(key), count(*), min(ts_ms), max(ts_ms) FROM record"
            ).fetchone()
            if telemetry:
                classes["telemetry"] += count
            else:
                rows = db.execute("SELECT cls, count(*) FROM record GROUP BY cls")
                classes.update(dict(rows.fetchall()))
    except (*SQL_ERRORS, OSError) as error:
        if segment.path.exists():  # else pushed out by the bound meanwhile
            shelf.segments += 1
            shelf.unread.append(f"{segment.path.name}: {error}")
        return
    shelf.segments += 1
    shelf.bytes += size
    if count:
        shelf.records += count
        shelf.first = min(first, shelf.first or first)
        shelf.last = max(last, shelf.last)
        shelf.t0 = min(t0, shelf.t0 or t0)
        shelf.t1 = max(t1, shelf.t1)


def _waiting(segments: list[SegmentFile], standing: Standing) -> int:
    """Count what a position is not done with, and what it has parked."""
    total = Parked(standing.parked).count
    for segment in segments:
        with contextlib.suppress(*SQL_ERRORS, OSError), reading(segment.path) as db:
            total += _rows(db, standing.low + 1, None)
            total -= sum(_rows(db, lo, hi) for lo, hi in standing.ranges)
    return max(0, total)


def _rows(db: sqlite3.Connection, lo: int, hi: int | None) -> int:
    if hi is None:
        row = db.execute("SELECT count(*) FROM record WHERE key >= ?", (lo,)).fetchone()
    else:
        row = db.execute("SELECT count(*) FROM record WHERE key BETWEEN ? AND ?", (lo, hi))
        row = row.fetchone()
    return int(row[0])


def _size(size: int) -> str:
    mib, gib = 1 << 20, 1 << 30
    return f"{size / gib:.2f} GiB" if size >= gib else f"{size / mib:.1f} MiB"


def _time(t_ms: int, zone: ZoneInfo) -> str:
    if not t_ms:
        return "–"
    return datetime.fromtimestamp(t_ms / 1000, zone).isoformat(" ", timespec="seconds")
