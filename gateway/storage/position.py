"""How far each publisher has got: a low watermark and the ranges acknowledged above it.

Acknowledgements come in any order, so a position is not one number. Everything up to `low` is
done with: delivered, or no longer there. Above it stand ranges of keys already acknowledged,
[lo, hi] with both ends in; live data acknowledged while a backlog drains is one such range.

Keys are not dense for ever: each epoch starts at make_key(epoch, 1), and dropped or damaged
records leave holes. A position does not model holes. It is told now and then which keys the
store really holds above `low` (`settle`), and passes over whatever is not there; so one rule
serves epoch jumps, dropped segments and lost rows, and memory never grows with their number.

What the other side refuses topic by topic is done with here and stands in `parked` instead.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

from gateway.storage.parked import OPEN, Parked
from gateway.storage.ranges import merge

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable, Sequence

    from gateway.model import Draft, Place, Record
    from gateway.storage.ranges import Range


class Standing(NamedTuple):
    """Where a publisher stands, as it is saved; `parked` as `Parked.body` spells it."""

    low: int = 0
    ranges: Sequence[Range] = ()
    parked: bytes = b""


def _quiet(*_nothing: object) -> None:
    """Tell nobody."""


class Position:
    """One publisher's progress. Belongs to the event loop's thread.

    Args:
        low: everything up to it is done with.
        ranges: acknowledged above `low`, sorted, apart from each other by at least one key.
        parked: what is refused for now.

    Attributes:
        outstanding: records not delivered yet; the store counts up, acknowledging down.
        touched: called after each change, so that the store saves it with its next commit.
        given_up: called with a record that this publisher will never get, and what stands in
            for it, so that the store declares it.
    """

    def __init__(
        self,
        low: int = 0,
        ranges: Iterable[Range] = (),
        parked: Parked | None = None,
    ) -> None:
        self.low = low
        ranges = list(ranges)
        self._lo = [lo for lo, _ in ranges]
        self._hi = [hi for _, hi in ranges]
        self._lost: list[array[int]] = []
        self._gone = 0
        self.parked = parked or Parked()
        self.outstanding = 0
        self.touched: Callable[[], None] = _quiet
        self.given_up: Callable[[Record, Sequence[Draft]], None] = _quiet

    @property
    def ranges(self) -> list[Range]:
        """What is acknowledged above `low`, sorted."""
        return list(zip(self._lo, self._hi, strict=True))

    @property
    def is_plain(self) -> bool:
        """Whether it is a watermark, with records above it of which none is done with."""
        return self.outstanding > 0 and not self._lo and not self._lost

    @property
    def standing(self) -> Standing:
        """All of it, to be saved."""
        return Standing(self.low, self.ranges, self.parked.body)

    def ack(self, key: int) -> None:
        """Note that this publisher has delivered a key, or given it up; again does no harm."""
        if key == self.low + 1 and not (self._lo or self._lost):  # in order, as nearly always
            self.low = key
        elif self.is_acked(key):
            return
        else:
            self._insert(key)
        self.outstanding -= 1
        self.touched()

    def delivered(self, place: Place, key: int) -> None:
        """Note that a record is delivered, whether or not it was parked."""
        if self.parked.covers(place, key) and self.is_acked(key):
            self.outstanding -= self.parked.count_down(place)
            self.touched()
        else:
            self.ack(key)

    def give_up(self, record: Record, parts: Sequence[Draft] = ()) -> None:
        """Be done with a record that will never be taken, and have that declared.

        Args:
            record: which.
            parts: what says the same in its place, to be stored and told.
        """
        self.delivered(record.place, record.key)
        self.given_up(record, parts)

    def is_done(self, place: Place, key: int) -> bool:
        """True where a record is delivered, or given up."""
        return self.is_acked(key) and not self.parked.covers(place, key)

    def park(self, place: Place, key: int, *, rest: bool) -> None:
        """Set an undelivered record apart, so that the others' progress stays one number.

        Args:
            place: its line, asset and class.
            key: its key.
            rest: whatever comes of the place is refused as well.
        """
        if self.is_acked(key):
            return
        self.parked.park(place, key, OPEN if rest else key)
        self._insert(key)
        self.touched()

    def close_parked(self, last: int, place: Place | None = None) -> None:
        """Try what comes after a key anew: of one place, or of all."""
        if not len(self.parked):
            return
        if place is None:
            self.parked.close(last)
        else:
            self.parked.close_one(place, last)
        self.touched()

    def lose(self, keys: array[int]) -> None:
        """Be done with records that are about to go from the store.

        They are no ranges: once gone they are passed over, and ranges between what is still to
        be delivered would be as many as that. Until then they are remembered here.

        Args:
            keys: rising, none of them acknowledged.
        """
        self._lost.append(keys)
        self.outstanding -= len(keys)
        self.touched()

    def forget_lost(self) -> None:
        """Forget what was about to go two commits ago."""
        self._lost = self._lost[self._gone :]
        self._gone = len(self._lost)

    def advance(self, place: Place, first: int) -> None:
        """Note that nothing of a place before this key is parked any more."""
        self.outstanding -= self.parked.advance(place, first)
        self.touched()

    def is_acked(self, key: int) -> bool:
        """True where this publisher is done with the key."""
        if key <= self.low:
            return True
        at = bisect_right(self._lo, key) - 1
        return (at >= 0 and key <= self._hi[at]) or (bool(self._lost) and self._is_lost(key))

    def undelivered(self, lo: int, hi: int, *, telemetry: bool) -> list[Range]:
        """Return the parts of [lo, hi] where telemetry, or all else, may lack; sorted."""
        parked = self.parked.spans(lo, hi, telemetry=telemetry)
        return merge([*self.lacking(lo, hi), *parked])

    def lacking(self, lo: int, hi: int) -> list[Range]:
        """Return the parts of [lo, hi] that it is not done with."""
        free = max(lo, self.low + 1)
        parts: list[Range] = []
        for at in range(bisect_left(self._hi, free), len(self._lo)):
            if self._lo[at] > hi:
                break
            if free < self._lo[at]:
                parts.append((free, self._lo[at] - 1))
            free = self._hi[at] + 1
        if free <= hi:
            parts.append((free, hi))
        return parts

    def pending(self, last_key: int) -> int:
        """Count the records up to `last_key` that are still to deliver, about."""
        done = self.low >= last_key and not len(self.parked)
        return 0 if done else max(0, self.outstanding)

    def settle(self, keys: Sequence[int], end: int) -> None:
        """Pass over what isn't there.

        Args:
            keys: the keys that the store holds next above some earlier `low`, sorted.
            end: no other key up to this one exists: the last of `keys` where there may be
                more behind it, else the highest key committed.
        """
        low = self.low
        for key in keys:
            if not self.is_acked(key):
                low = key - 1
                break
        else:
            low = end
        if low > self.low:
            self._raise(low)
            self.touched()

    def copy(self) -> Position:
        """Return the progress as it is now, for another thread."""
        return Position(self.low, self.ranges, self.parked.copy())

    def _insert(self, key: int) -> None:
        """Add a key that isn't acknowledged."""
        lows, highs = self._lo, self._hi
        at = bisect_right(lows, key)
        joins_left = at > 0 and highs[at - 1] == key - 1
        joins_right = at < len(lows) and lows[at] == key + 1
        if joins_left and joins_right:
            highs[at - 1] = highs.pop(at)
            del lows[at]
        elif joins_left:
            highs[at - 1] = key
        elif joins_right:
            lows[at] = key
        else:
            lows.insert(at, key)
            highs.insert(at, key)
        self._raise(self.low)

    def _is_lost(self, key: int) -> bool:
        for keys in self._lost:
            at = bisect_left(keys, key)
            if at < len(keys) and keys[at] == key:
                return True
        return False

    def _raise(self, low: int) -> None:
        """Lift the watermark, and on over every range that it touches."""
        lows, highs = self._lo, self._hi
        gone = 0
        while gone < len(lows) and lows[gone] <= low + 1:
            low = max(low, highs[gone])
            gone += 1
        if gone:
            del lows[:gone]
            del highs[:gone]
        self.low = max(self.low, low)
