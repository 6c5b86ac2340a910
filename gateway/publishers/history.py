"""What goes out from the store: what is undelivered, what was refused, what is asked for again.

Three scans share the backlog's rate, a record of each in turn. Which records they want differs:

- the **backlog** wants what is neither delivered nor on its way by another lane;
- **parked** records are those of refused topics (`parking.Parking`);
- a **resend** wants what was delivered and is asked for once more, a range of keys at a time. It
  moves no position: what it meets undelivered comes by the backlog, in its order.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from gateway.publishers.parking import Parking
from gateway.publishers.scan import Read, Scan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.model import Record
    from gateway.publishers.base import Position

MOST_REQUESTS = 16
"""Ranges waiting to be sent again; what is asked beyond is refused."""


class History:
    """The scans of one publisher.

    Args:
        position: what is delivered.
        held: keys of records on their way by any lane; shared with the delivery loop.

    Attributes:
        parking: what refused topics hold back.
    """

    def __init__(self, position: Position, held: set[int]) -> None:
        self._position = position
        self._held = held
        self._backlog = Scan()
        self._again = Scan()
        self._requests: deque[tuple[int, int]] = deque()
        self.parking = Parking(position, held)
        self._scans = deque((self._backlog, self.parking.scan, self._again))

    def __bool__(self) -> bool:
        """Tell whether a record waits to be sent."""
        return any(scan.waiting for scan in self._scans)

    def open(self, last: int) -> None:
        """Begin with everything undelivered up to a key."""
        self._backlog.restart(self._position.low, last)
        self.parking.open(last)

    def lost(self) -> None:
        """Keep no record in memory; what was asked for again goes on where it stood."""
        self._backlog.restart(0, 0)
        self.parking.lost()
        self._again.rewind()

    def close(self) -> None:
        """Send no more."""
        self._backlog.restart(0, 0)
        self.parking.lost()
        self._again.restart(0, 0)
        self._requests.clear()

    def rescan(self, first: int, last: int) -> None:
        """Look through a range once more for what is undelivered."""
        self._held.difference_update(self._backlog.cover(first, last))

    def ask_again(self, first: int, last: int) -> bool:
        """Queue a range of committed records to be sent again; False when too many wait."""
        if len(self._requests) >= MOST_REQUESTS:
            return False
        self._requests.append((first, last))
        return True

    def next_read(self, committed: int) -> Read | None:
        """Tell what to ask of the store now, for the scan that has least waiting."""
        if self._requests and self._again.done:
            first, last = self._requests.popleft()
            self._again.restart(first - 1, last)
        for scan in sorted(self._scans, key=lambda scan: len(scan.waiting)):
            if scan is self.parking.scan and self.parking.idle:
                continue
            read = scan.next_read(committed)
            if read is not None:
                return read
        return None

    def take_in(self, read: Read, records: Sequence[Record]) -> None:
        """Take what the store gave to a read."""
        scan = read.scan
        if scan.is_void(read):
            return
        if scan is self.parking.scan:
            self.parking.take_in(read, records)
            return
        free = [record for record in records if record.key not in self._held]
        if scan is self._again:
            wanted = [r for r in free if self._position.is_done(r.place, r.key)]
        else:
            left = [r for r in free if not self._position.is_acked(r.key)]
            wanted = [r for r in left if not self.parking.joins(r)]
        self._held.update(record.key for record in wanted)
        scan.take_in(read, records, wanted)

    def take(self) -> Record | None:
        """Take the next record to be sent, only while one waits; None: it is lost meanwhile."""
        while not self._scans[0].waiting:
            self._scans.rotate()
        scan = self._scans[0]
        record = scan.waiting.popleft()
        self._scans.rotate()
        if scan is self._backlog and self._position.is_acked(record.key):
            self._held.discard(record.key)
            return None
        return record
