"""What one publisher's other side refuses topic by topic: stored, and taken up again later.

A topic that is denied for days must not cost an acknowledged range per record of all others. So
its records count as done with in the position, and a row here says that they are not: of this
line, asset and class, everything from the first refused key on. A row is as large for a million
records as for one.

A row may cover a record that was delivered after all (by the other topic of late telemetry, say):
it is then sent twice under one id, which is better than not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from gateway.storage.rows import MAX_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.model import Place

OPEN = MAX_KEY
"""The last key of a row whose topic is still refused: all that comes is parked as well."""


@dataclass(slots=True)
class Stand:
    """The parked records of one place.

    Attributes:
        first: no record of the place before this key is parked.
        last: none after it; OPEN while the place's topic is refused.
        count: how many they are, about.
        noted: `count` as it was saved.
    """

    first: int
    last: int
    count: int
    noted: int


class Parked:
    """The parked places of one publisher. Belongs to the event loop's thread.

    Args:
        body: rows as `body` spelt them, or nothing.
    """

    def __init__(self, body: bytes = b"") -> None:
        rows = orjson.loads(body) if body else []
        self._stands: dict[Place, Stand] = {
            (line, asset, cls): Stand(first, last, count, count)
            for line, asset, cls, first, last, count in rows
        }
        self._body: bytes | None = body

    def __len__(self) -> int:
        return len(self._stands)

    @property
    def count(self) -> int:
        """How many records are parked, about."""
        return sum(stand.count for stand in self._stands.values())

    @property
    def body(self) -> bytes:
        """All rows, to be saved; the same object while nothing changed that matters.

        A count alone is told when it has grown by a 16th: rows would else be written anew each
        half second for as long as a topic is refused.
        """
        if self._body is None:
            rows = [(*p, s.first, s.last, s.count) for p, s in sorted(self._stands.items())]
            for stand in self._stands.values():
                stand.noted = stand.count
            self._body = orjson.dumps(rows) if rows else b""
        return self._body

    def places(self) -> Iterator[tuple[Place, Stand]]:
        """Each place with what is parked of it."""
        yield from self._stands.items()

    def stand(self, place: Place) -> Stand | None:
        """What is parked of a place."""
        return self._stands.get(place)

    def covers(self, place: Place, key: int) -> bool:
        """Tell whether a record is parked."""
        stand = self._stands.get(place)
        return stand is not None and stand.first <= key <= stand.last

    def park(self, place: Place, key: int, last: int) -> None:
        """Park a record that wasn't.

        Args:
            place: its line, asset and class.
            key: its key.
            last: its key, or OPEN where all that comes of the place is refused as well.
        """
        stand = self._stands.get(place)
        if stand is None:
            self._stands[place] = Stand(key, last, 1, 0)
            self._body = None
            return
        stand.count += 1
        if key < stand.first or last > stand.last:
            stand.first, stand.last = min(stand.first, key), max(stand.last, last)
            self._body = None
        elif stand.count > stand.noted + stand.noted // 16 + 16:
            self._body = None

    def count_down(self, place: Place, count: int = 1) -> int:
        """Note that records of a place aren't parked any more; return how many were."""
        stand = self._stands.get(place)
        if stand is None:
            return 0
        count = min(count, stand.count)
        stand.count -= count
        return count

    def advance(self, place: Place, first: int) -> int:
        """Note that nothing of a place before this key is parked.

        Returns:
            How many records were still counted of a place of which now nothing is parked.
        """
        stand = self._stands[place]
        if first <= stand.first:
            return 0
        stand.first = first
        self._body = None
        if first <= stand.last:
            return 0
        return self._stands.pop(place).count

    def close(self, last: int) -> None:
        """Let every row end here: what comes is tried anew."""
        for place in self._stands:
            self.close_one(place, last)

    def close_one(self, place: Place, last: int) -> None:
        """Let the row of one place end here."""
        stand = self._stands.get(place)
        if stand is not None and stand.last > last:
            stand.last = max(last, stand.first)
            self._body = None

    def spans(self, lo: int, hi: int, *, telemetry: bool) -> Iterator[tuple[int, int]]:
        """The parts of [lo, hi] in which telemetry, or all else, may be parked; they overlap."""
        for (_line, _asset, cls), stand in self._stands.items():
            if (cls == "telemetry") is telemetry and stand.first <= hi and lo <= stand.last:
                yield max(lo, stand.first), min(hi, stand.last)

    def copy(self) -> Parked:
        """Return what is parked now, for another thread."""
        copy = Parked()
        copy._stands = {
            place: Stand(stand.first, stand.last, stand.count, stand.noted)
            for place, stand in self._stands.items()
        }
        return copy
