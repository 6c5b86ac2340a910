"""Refused topics' records on their way out again.

What a refused topic holds back stands in the position as a row (line, asset, class: from which
key on), so that it costs the same for an hour as for a year. A new connection, or an accepted
probe, lets it be tried again: a scan of the store takes the parked records in order and sends them
as history. Of a place whose history is refused again the scan takes no more until it is released.

The row's beginning moves up only behind records that were delivered, so whatever breaks off in
between is sent again rather than lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.publishers.scan import Scan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.model import Place, Record
    from gateway.publishers.base import Position
    from gateway.publishers.scan import Read


class Parking:
    """The parked places of one publisher.

    Args:
        position: where they are kept.
        held: keys of records on their way by any lane; shared with the delivery loop.

    Attributes:
        scan: takes parked records from the store.
    """

    def __init__(self, position: Position, held: set[int]) -> None:
        self.scan = Scan()
        self._position = position
        self._parked = position.parked
        self._held = held
        self._paused: set[Place] = set()
        self._under_way: dict[Place, set[int]] = {}

    def open(self, last: int) -> None:
        """Begin a connection: what comes after `last` is tried anew, what is parked as well."""
        self._position.close_parked(last)
        self._under_way.clear()
        stands = [stand for place, stand in self._parked.places() if place not in self._paused]
        first = min((stand.first for stand in stands), default=last + 1)
        self.scan.restart(first - 1, last)

    def lost(self) -> None:
        """Keep no record in memory."""
        self.scan.restart(0, 0)
        self._under_way.clear()

    @property
    def idle(self) -> bool:
        """True while there is nothing to be taken: all that is parked is refused."""
        return all(place in self._paused for place, _stand in self._parked.places())

    def joins(self, record: Record) -> bool:
        """Park an undelivered record of the backlog behind what is parked of its place, if any."""
        stand = self._parked.stand(record.place)
        if stand is None or record.key < stand.first:
            return False
        self.park(record.place, record.key, rest=False, history=False)
        return True

    def park(self, place: Place, key: int, *, rest: bool, history: bool) -> None:
        """Set a record apart that was refused, or held back because its topic is.

        Args:
            place: its line, asset and class.
            key: its key; where the record was delivered before, nothing is parked.
            rest: whatever comes of the place is refused as well.
            history: its history is refused, so the scan takes no more of it for now.
        """
        self._position.park(place, key, rest=rest)
        if not self._parked.covers(place, key):
            return
        if history:
            self._paused.add(place)
            self._under_way.pop(place, None)
        elif place not in self._paused and (key <= self.scan.cursor or not rest):
            self._cover(key, key)

    def release(self, place: Place, last: int, *, rest: bool, history: bool) -> None:
        """Take up a place again.

        Args:
            place: its line, asset and class.
            last: the last key given.
            rest: what comes is accepted.
            history: history is accepted.
        """
        if rest:
            self._position.close_parked(last, place)
        if history:
            self._paused.discard(place)
        stand = self._parked.stand(place)
        if stand is not None and place not in self._paused:
            self._cover(stand.first, min(stand.last, last))

    def take_in(self, read: Read, records: Sequence[Record]) -> None:
        """Take what the store gave to a read of the scan."""
        wanted: list[Record] = []
        for record in records:
            place = record.place
            if place in self._paused or not self._parked.covers(place, record.key):
                continue
            self._under_way.setdefault(place, set()).add(record.key)
            if record.key not in self._held:
                wanted.append(record)
        self._held.update(record.key for record in wanted)
        self.scan.take_in(read, records, wanted)
        if self.scan.cursor >= self.scan.goal:
            for place in [place for place, _stand in self._parked.places()]:
                self._settle(place)

    def done(self, place: Place, key: int) -> None:
        """Move a row's beginning up behind a record that is delivered, or given up."""
        stand = self._parked.stand(place)
        if stand is None:
            return
        self._under_way.get(place, set()).discard(key)
        if key == stand.first:
            self._position.advance(place, key + 1)
        self._settle(place)

    def _settle(self, place: Place) -> None:
        """Move a row's beginning up to the first record that is not delivered."""
        stand = self._parked.stand(place)
        if stand is None or place in self._paused:
            return
        under_way = self._under_way.get(place)
        first = min(under_way) if under_way else min(self.scan.cursor, stand.last) + 1
        self._position.advance(place, first)

    def _cover(self, first: int, last: int) -> None:
        self._held.difference_update(self.scan.cover(first, last, skip=False))
