"""Segments under each other's names: what a file holds decides what it is called.

A copy gone wrong, or a file system that lost its directory and gave back the files in another
order. Each file is whole, so nothing else would notice; but reading goes by the names, and
whatever a name hides would be passed over.
"""

from __future__ import annotations

import logging
import sqlite3
from bisect import bisect_right
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from gateway.durable import sync_folder
from gateway.storage.facts import Damaged, Family, name_of, parse_name
from gateway.storage.rows import MAX_KEY
from gateway.storage.segment import SQL_ERRORS, check
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger("nxgate.store")

_ASIDE = ".misnamed"


def put_right(folder: Path) -> None:
    """Give every segment the name that its records ask for; a log stays with its name.

    Raises:
        OSError: the disk refuses.
    """
    for path in folder.glob(f"*{_ASIDE}"):  # a cut came between
        _name(path)
    places = {path: parse_name(path.name) for path in sorted(folder.iterdir())}
    known = {path: place for path, place in places.items() if place is not None}
    starts = {
        family: sorted(start for of, start in known.values() if of is family) for family in Family
    }
    wrong = [path for path, place in known.items() if _is_wrong(path, place, starts[place[0]])]
    for path in wrong:
        path.rename(path.with_name(path.name + _ASIDE))
    for path in wrong:
        _name(path.with_name(path.name + _ASIDE))
    if wrong:
        sync_folder(folder)


def _is_wrong(path: Path, place: tuple[Family, int], starts: list[int]) -> bool:
    family, first = place
    after = bisect_right(starts, first)
    following = starts[after] if after < len(starts) else MAX_KEY

    def fits(held: tuple[Family, int, int]) -> bool:
        return held[0] is family and first <= held[1] <= held[2] < following

    held = _held(path)
    return held is not None and not fits(held) and _is_whole(path)


def _held(path: Path) -> tuple[Family, int, int] | None:
    """Return what a file holds: family, first and last key; None where that can't be told."""
    try:
        with _reading(path) as db:
            first, last = db.execute(  # each for itself: both at once would read every row
                "SELECT (SELECT min(key) FROM record), (SELECT max(key) FROM record)"
            ).fetchone()
            row = db.execute("SELECT cls FROM record WHERE key = ?", (first,)).fetchone()
    except SQL_ERRORS:
        return None
    if row is None:
        return None
    return (Family.TELEMETRY if row[0] == "telemetry" else Family.REST), first, last


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file by itself: a log beside it may be another's, and must not be folded in."""
    uri = f"file:{quote(str(path))}?immutable=1"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
        yield db


def _is_whole(path: Path) -> bool:
    """Tell a file under a wrong name from a damaged one, which recovery is for."""
    try:
        with _reading(path) as db:
            check(db, (path, 0))
    except (*SQL_ERRORS, Damaged):
        return False
    return True


def _name(path: Path) -> None:
    """Name a file by what it holds; a damaged one under that name takes the old one over."""
    before = path.with_name(path.name.removesuffix(_ASIDE))
    held = _held(path)
    wanted = path.with_name(name_of(*held[:2])) if held is not None else before
    if wanted.exists() and not before.exists() and not _is_whole(wanted):
        wanted.rename(before)
    if wanted.exists():
        wanted = before
    if wanted.exists():
        return
    path.rename(wanted)
    if wanted != before:
        log.warning(
            _("{path}: held the records of another segment; it is named {name} now").format(
                path=before, name=wanted.name
            )
        )
