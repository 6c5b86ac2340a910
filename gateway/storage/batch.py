"""What one commit writes, and what of it goes first when memory must do for the disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from gateway.model import Entry, LogRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.model import Record
    from gateway.storage.facts import Facts
    from gateway.storage.position import Standing

ROW = 120
"""Bytes of a record beside its body, in memory and on disk, about."""
ENTRY = 40
"""Bytes of a log entry, about."""

_THEN = (("state",), ("oee", "energy"), ("event",), ("alarm", "meta"))
"""What goes after telemetry, by the first word of its class."""
_KEPT = "event/gap"


@dataclass(slots=True)
class WriteBatch:
    """Filled by the event loop, handed over, and not touched again until it comes back.

    Attributes:
        positions: low and ranges by publisher.
        unlink: segments whose loss this batch declares.
        last_key: the highest key given so far.
        size: bytes, about.
    """

    telemetry: list[Record] = field(default_factory=list)
    rest: list[Record] = field(default_factory=list)
    log: list[LogRow] = field(default_factory=list)
    heard: bytes | None = None
    positions: dict[str, Standing] = field(default_factory=dict)
    unlink: list[Facts] = field(default_factory=list)
    last_key: int = 0
    size: int = 0

    def before(self, later: WriteBatch) -> WriteBatch:
        """Return this batch, as much of it as was not written, and a later one as one batch."""
        both = WriteBatch(
            telemetry=self.telemetry + later.telemetry,
            rest=self.rest + later.rest,
            log=self.log + later.log,
            heard=self.heard if later.heard is None else later.heard,
            positions=self.positions | later.positions,
            unlink=self.unlink + later.unlink,
            last_key=max(self.last_key, later.last_key),
        )
        both.weigh()
        return both

    def weigh(self) -> None:
        """Find the size anew."""
        self.size = sum(len(record.body) + ROW for record in (*self.telemetry, *self.rest))
        self.size += sum(map(weight_of, self.log))

    def shed(self, most: int, is_current: Callable[[Record], bool]) -> list[Record]:
        """Let go of what is least precious, oldest first, until little enough is left.

        Telemetry goes first, then states, figures, events, alarms. What is newest of its kind
        stays, since a new connection begins with it; so do declarations of gaps. The log goes
        last: nobody else has it, and all figures are folded from it.

        Args:
            most: bytes.
            is_current: True for a record that says how things stand now.

        Returns:
            The records let go of, in key order of each class.
        """
        self.telemetry, gone = _split(self.telemetry, self.size - most, lambda _record: True)
        self._lighten(gone)
        for kinds in _THEN:
            may_go = partial(_is_spare, kinds, is_current)
            self.rest, lost = _split(self.rest, self.size - most, may_go)
            self._lighten(lost)
            gone += lost
        if self.size > most:
            self.log = thin(self.log, self.size - most)
            self.weigh()
        return gone

    def _lighten(self, gone: Sequence[Record]) -> None:
        self.size -= sum(len(record.body) + ROW for record in gone)


def weight_of(row: LogRow) -> int:
    """Bytes of a log row, about."""
    return ROW + ENTRY * len(row.entries)


def thin(log: list[LogRow], excess: int) -> list[LogRow]:
    """Put the word "unknown" in the place of the oldest log rows, one row an asset.

    A fold over what is left takes the time from there to the next reading for unknown, where
    without a word it would go on with the last value before the hole.
    """
    since: dict[str, dict[str, int]] = {}
    at = 0
    while at < len(log) and excess > 0:
        row = log[at]
        excess += ROW * (row.asset not in since) - weight_of(row)
        first = since.setdefault(row.asset, {})
        for entry in row.entries:
            excess += ENTRY * (entry.signal not in first)
            first[entry.signal] = min(entry.t_ms, first.get(entry.signal, entry.t_ms))
        at += 1
    unknown = [
        LogRow(asset, tuple(Entry(t_ms, signal, None) for signal, t_ms in first.items()))
        for asset, first in since.items()
    ]
    return unknown + log[at:]


def _is_spare(kinds: tuple[str, ...], is_current: Callable[[Record], bool], record: Record) -> bool:
    kind = record.cls.partition("/")[0]
    return kind in kinds and record.cls != _KEPT and not is_current(record)


def _split(
    records: list[Record], excess: int, may_go: Callable[[Record], bool]
) -> tuple[list[Record], list[Record]]:
    """Part the oldest records that may go, enough of them, from the others."""
    kept: list[Record] = []
    gone: list[Record] = []
    for at, record in enumerate(records):
        if excess <= 0:
            return kept + records[at:], gone
        if may_go(record):
            gone.append(record)
            excess -= len(record.body) + ROW
        else:
            kept.append(record)
    return kept, gone
