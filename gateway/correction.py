"""What follows from a look at the clock: times kept in the process shifted, records corrected.

All of one look goes into one commit: the shift into the log of figures, the events that say how
wrong which records are, and what a later process must know of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gateway.ids import record_id
from gateway.model import Draft

if TYPE_CHECKING:
    from gateway.ledger import Ledger
    from gateway.model import Batch
    from gateway.records import Records
    from gateway.store import Store
    from gateway.timekeeping.keeper import Timekeeper
    from gateway.timekeeping.spans import Finding

Mover = Callable[[int, int, int], Sequence[Draft]]
"""Shifts the times that a room keeps: from when on, by how many ms, and what time it is now."""


class Correction:
    """Keeps a gateway's times right.

    Args:
        clock: the time.
        store: keeps what was found out about it.
        ledger: its readings are shifted.
        records: where the events go.
        movers: other rooms that keep times; what they return is told.

    To be made before anything asks for the time: with it the clock goes on from what is noted.
    """

    def __init__(
        self,
        clock: Timekeeper,
        store: Store,
        ledger: Ledger,
        records: Records,
        movers: Sequence[Mover] = (),
    ) -> None:
        self._clock = clock
        self._store = store
        self._ledger = ledger
        self._records = records
        self._movers = (ledger.move, *movers)
        self._lost = clock.begin(store.last_clock(), store.last_key + 1)

    def look(self) -> None:
        """Look at the clock and do what follows; once a second, and before the first record."""
        if not self._ledger.is_whole:
            return  # soon again; an account that is being made is of the time as it was
        look = self._clock.look(self._store.last_key + 1)
        findings, self._lost = (*self._lost, *look.findings), ()
        for finding in findings:
            self._tell(finding)
        if look.move is not None:
            since_ms, delta_ms = look.move.since_ms, look.move.delta_ms
            now_ms = self._clock.wall_ns() // 1_000_000
            for move in self._movers:
                self._records.keep(move(since_ms, delta_ms, now_ms))
            self._store.note_heard(self._ledger.heard())
        self._store.note_clock(self._clock.noted())

    def stamped(self, batch: Batch) -> Batch:
        """A batch by the clock as it is now, where that was set since the answer came."""
        if batch.mono_ns >= self._clock.moved_ns:
            return batch
        return dataclasses.replace(batch, time_ns=self._clock.at(batch.mono_ns))

    def _tell(self, finding: Finding) -> None:
        """Tell the platform how to correct records that it has, or that nobody can."""
        gateway = self._store.gateway
        data: dict[str, object] = {
            "boot": finding.boot,
            "from": record_id(gateway, finding.first),
            "to": record_id(gateway, finding.last),
        }
        if finding.offset_ms is None:
            self._records.event("clock_lost", data)
        else:
            self._records.event("clock", {**data, "offset_ms": finding.offset_ms})
