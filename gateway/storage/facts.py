"""What is known of a segment without reading it, and what its name says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gateway.model import Draft
    from gateway.storage.ranges import Range


class Family(StrEnum):
    """Which segments a record goes to; the value begins their names."""

    TELEMETRY = "t"
    REST = "r"


class State(StrEnum):
    """A segment is written, then waits until no reader holds it, then is complete."""

    ACTIVE = "active"
    CLOSING = "closing"
    SEALED = "sealed"


@dataclass(frozen=True, slots=True)
class Loss:
    """Records that were stored and can't be read any more.

    Attributes:
        ranges: their keys, [lo, hi] with both ends in, sorted.
        t0_ms, t1_ms: UTC ms; their times lie within.
    """

    family: Family
    ranges: tuple[Range, ...]
    t0_ms: int
    t1_ms: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """Records that a publisher had not received and never will.

    Attributes:
        first, last: keys of the first and the last of them.
        t0_ms, t1_ms: UTC ms; their times lie within.
        cls: their class; `telemetry` or `other` where it can't be read any more.
        reason: size | age | corrupt | memory | too_big, as the contract's gap has it.
        parts: what says the same in their place, in records of their own yet to be made.
    """

    publisher: str
    first: int
    last: int
    t0_ms: int
    t1_ms: int
    cls: str
    count: int
    reason: str
    parts: tuple[Draft, ...] = ()

    def joined(self, other: Dropped) -> Dropped:
        """Both as one: of one publisher and class, for one reason."""
        return replace(
            self,
            first=min(self.first, other.first),
            last=max(self.last, other.last),
            t0_ms=min(self.t0_ms, other.t0_ms),
            t1_ms=max(self.t1_ms, other.t1_ms),
            count=self.count + other.count,
            parts=self.parts + other.parts,
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a segment without reading it.

    Attributes:
        first: no record in it is below this key; it is in the file's name.
        last: its highest key; first - 1 where it has no record.
        t0, t1: UTC ms of its oldest and newest record; 0 where it has none.
        log_count: log rows in it.
        log_last: highest id of its log rows, 0 where none.
        log_t1: UTC ms of the newest log entry, 0 where none.
        loss: what was not to be recovered, where it replaces a damaged file.
        recovered: counts the recoveries of this run; not 0: it replaced a damaged file in it.
    """

    path: Path
    family: Family
    first: int
    last: int
    count: int
    t0: int
    t1: int
    log_count: int
    log_last: int
    log_t1: int
    bytes: int
    loss: Loss | None = None
    state: State = State.ACTIVE
    recovered: int = 0

    @property
    def file(self) -> tuple[Path, int]:
        """Tell this file from the damaged one that it may have replaced under its name."""
        return self.path, self.recovered


class Damaged(StoreError):  # noqa: N818 - the segment's state, and never shown as an error
    """A segment that SQLite can't read; what is intact in it can be recovered.

    Attributes:
        file: as `Facts.file`.
    """

    def __init__(self, file: tuple[Path, int], reason: str) -> None:
        super().__init__(f"{file[0]}: {reason}")
        self.file = file


def holds(view: Iterable[Facts], first: int, last: int) -> int:
    """Tell about how many records have keys from `first` to `last`, without reading any.

    Keys lie evenly within a segment, near enough.
    """
    total = 0.0
    for facts in view:
        shared = min(facts.last, last) - max(facts.first, first) + 1
        if shared > 0:
            total += facts.count * shared / (facts.last - facts.first + 1)
    return min(round(total), last - first + 1)


def name_of(family: Family, first: int) -> str:
    """Spell a segment's file name; names sort as keys do."""
    return f"{family}-{first:016x}.seg"


def parse_name(name: str) -> tuple[Family, int] | None:
    """Read family and first key from a file name; None where it is not a segment's."""
    try:
        family, first = Family(name[:1]), int(name[2:18], 16)
    except ValueError:
        return None
    return (family, first) if name == name_of(family, first) else None


def place_of(path: Path) -> tuple[Family, int]:
    """Read family and first key from a segment's path, also while it is being recovered.

    Raises:
        Damaged: it is no segment's name.
    """
    place = parse_name(path.name.removesuffix(".new"))
    if place is None:
        raise Damaged((path, 0), "not the name of a segment")
    return place
