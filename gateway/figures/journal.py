"""An asset's log in memory: one column of times and one of values for each signal.

Columns, because a window asks one signal at a time and a machine that counts each second leaves
90,000 readings a day: 16 bytes each here, over 100 as objects.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gateway.derivation import MEMORY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, MutableSequence

    from gateway.model import Entry, Value

V = TypeVar("V")

STATE, PRODUCT, SILENCE = "state", "product", "silence"
ORDER, REASON, PLANNED = "order", "reason", "planned_stop"
TEST = "test"
"""What a test bench shows, and whether that is a test: see bench.py."""
SERIALS = "serials"
"""When pieces were first tested, a line each; told again and again, for the log is forgotten."""
REMEMBERED = 20_000
"""Serial numbers kept of pieces whose first test the log has forgotten."""
LEVEL = "level"
"""How much power a machine draws, as a word: off | standby | idle | run."""
ENTERED = "reject_entered"
ENTERED_GOOD = "good_entered"
AMOUNTS = frozenset({ENTERED, ENTERED_GOOD})
"""Entries that add up, each for itself; they have nothing in force after them."""


def spelled(raw: Value) -> str:
    """Spell a raw value as site files and profiles do: 2.0 is 2, true is 1."""
    if isinstance(raw, (bool, float)) and float(raw).is_integer():
        return str(int(raw))
    return str(raw)


_SAID: dict[str, Callable[[Value], Value]] = {
    PRODUCT: str,
    LEVEL: str,
    TEST: str,
    ORDER: str,
    REASON: spelled,
    PLANNED: bool,
    MEMORY: str,
}
"""Signals that are columns of their own, in force until the next entry."""
COLUMNS = frozenset(_SAID)
SAID = (PLANNED, ORDER, REASON)
"""Of these, what a state record tells too."""
FOREVER = float("inf")
"""End of a silence that isn't over."""


class Series(Generic[V]):
    """The values of one signal, in order of time; one value for each time."""

    __slots__ = ("times", "values")

    def __init__(self, values: MutableSequence[V]) -> None:
        self.times: MutableSequence[int] = array("q")
        self.values = values

    def __len__(self) -> int:
        return len(self.times)

    def put(self, t_ms: int, value: V) -> bool:
        """Insert a value; of two for the same time the last to arrive stays.

        Returns:
            Whether it is news: not the newest value, confirmed by a later reading.
        """
        times = self.times
        if not times or t_ms > times[-1]:
            is_news = not times or value != self.values[-1]
            times.append(t_ms)
            self.values.append(value)
            return is_news
        place = bisect_left(times, t_ms)
        if times[place] == t_ms:
            self.values[place] = value
        else:
            times.insert(place, t_ms)
            self.values.insert(place, value)
        return True

    def index(self, t_ms: int) -> int:
        """Place of the last value at or before a time; -1 where there is none."""
        return bisect_right(self.times, t_ms) - 1

    def at(self, t_ms: int) -> V | None:
        """The value in force at a time; None before the first."""
        place = bisect_right(self.times, t_ms) - 1
        return None if place < 0 else self.values[place]

    def stretches(self, start: int, end: int) -> Iterator[tuple[int, int, V]]:
        """The values in force in [start, end), each with the time from when to when."""
        times = self.times
        for place in range(max(self.index(start), 0), len(times)):
            if times[place] >= end:
                break
            until = times[place + 1] if place + 1 < len(times) else end
            yield max(times[place], start), min(until, end), self.values[place]

    def cut(self, moment: int) -> None:
        """Forget what is later than a moment."""
        place = self.index(moment) + 1
        del self.times[place:]
        del self.values[place:]

    def move(self, since: int, delta: int) -> int:
        """Shift what is from a time on; what was before it and would come after it goes.

        Returns:
            Place of the first one shifted.
        """
        first = bisect_left(self.times, since)
        kept = bisect_left(self.times, min(since, since + delta))
        del self.times[kept:first]
        del self.values[kept:first]
        self.times[kept:] = array("q", [t_ms + delta for t_ms in self.times[kept:]])
        return kept

    def trim(self, front: int) -> None:
        """Forget what is older than the value in force at `front`."""
        place = self.index(front)
        if place > 0:
            del self.times[:place]
            del self.values[:place]


class Journal:
    """The log of one asset.

    Attributes:
        state: contract words; None where the state could not be read or told nothing.
        product: codes of what was made.
        silence: start of each silence → its end, `FOREVER` while it lasts. Nothing good was
            heard of the state in between, so the state is unknown there.
        level: how much power was drawn, as a word; "" where that is unknown.
        order, reason: as people said them.
        planned_stop: whether a planned stop was declared.
        derived: what the asset's deriver must know after a restart; no figure uses it.
        test: what a test bench showed.
        tests: of each serial number, times and results of its tests; None: to be made of `test`,
            of which it has the first `sorted_out`.
        tested: when pieces that are longer known were first tested.
        amounts: pieces that were entered, by signal.
        numbers: counter, register or level → readings, good ones only.
    """

    __slots__ = (
        "amounts",
        "derived",
        "level",
        "numbers",
        "order",
        "planned_stop",
        "product",
        "reason",
        "silence",
        "sorted_out",
        "state",
        "test",
        "tested",
        "tests",
    )

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.state: Series[str | None] = Series([])
        self.product: Series[str] = Series([])
        self.level: Series[str] = Series([])
        self.order: Series[str] = Series([])
        self.reason: Series[str] = Series([])
        self.planned_stop: Series[bool] = Series([])
        self.derived: Series[str] = Series([])
        self.test: Series[str] = Series([])
        self.tests: dict[str, list[tuple[int, bool]]] | None = None
        self.sorted_out = 0
        self.tested: dict[str, int] = {}
        self.amounts: dict[str, Series[float]] = {}
        self.silence: Series[float] = Series(array("d"))
        self.numbers: dict[str, Series[float]] = {}
        for entry in entries:
            self.put(entry.t_ms, entry.signal, entry.value)

    def put(self, t_ms: int, signal: str, value: Value) -> bool:
        """Take one entry; a number or product that could not be read is passed over.

        Returns:
            Whether it is news, as `Series.put` has it.
        """
        if signal == STATE:
            return self.state.put(t_ms, None if value is None else str(value))
        if signal == SILENCE:
            return self.silence.put(t_ms, FOREVER if value is None else float(value))
        if signal in _SAID and value is not None:
            said: Series[Any] = getattr(self, signal)
            if signal == TEST and said.times and t_ms <= said.times[-1]:
                self.tests = None
            # The same reason said again is that of another stop.
            return said.put(t_ms, _SAID[signal](value)) or signal in {REASON, TEST}
        if signal == SERIALS:
            for line in str(value).splitlines():
                moment, _space, serial = line.partition(" ")
                self.remember(serial, int(moment))
        if value is None or isinstance(value, str):
            return False  # a text: what another version of this program notes
        if signal in AMOUNTS:
            amounts = self.amounts.setdefault(signal, Series(array("d")))
            amounts.put(t_ms, float(value))
            return True
        series = self.numbers.get(signal)
        if series is None:
            series = self.numbers[signal] = Series(array("d"))
        return series.put(t_ms, float(value))

    def first(self) -> int | None:
        """Time of the oldest entry."""
        return min((times[0] for times in self._times() if times), default=None)

    def last(self) -> int:
        """Time of the newest entry; 0 where there is none."""
        return max((times[-1] for times in self._times() if times), default=0)

    def in_force(self) -> Iterator[tuple[int, str, Value]]:
        """The oldest entry of each signal, as (time, signal, value); after `trim`, the anchors."""
        if self.state.times:
            yield self.state.times[0], STATE, self.state.values[0]
        for signal in _SAID:
            said: Series[Any] = getattr(self, signal)
            if said.times:
                yield said.times[0], signal, said.values[0]
        for signal, column in self.numbers.items():
            yield column.times[0], signal, column.values[0]

    def tells_of(self, start: int, end: int) -> bool:
        """Whether anything was logged in [start, end)."""
        return any(bisect_left(times, start) < bisect_left(times, end) for times in self._times())

    def cut(self, moment: int) -> None:
        """Forget what is later than a moment."""
        for one in self._columns():
            one.cut(moment)
        self.silence.cut(moment)
        self.tests = None
        self.tested = {serial: t_ms for serial, t_ms in self.tested.items() if t_ms <= moment}
        ends = self.silence.values
        if ends and moment < ends[-1] < FOREVER:
            ends[-1] = self.silence.times[-1]
        self.numbers = {name: column for name, column in self.numbers.items() if column.times}

    def move(self, since: int, delta: int) -> None:
        """Shift what is from a time on, because the clock that it was read by was wrong.

        What was logged before, at times that now lie after it, goes. Where a hole opens instead,
        the state in it is unknown: a clock that is set makes no machine run.
        """
        begin = since + delta
        was_known = bool(self.state.times) and self.state.times[0] < since
        for one in self._columns():
            one.move(since, delta)
        self.tests = None
        for serial, t_ms in self.tested.items():
            self.tested[serial] = t_ms + delta if t_ms >= since else t_ms
        ends = self.silence.values
        kept = self.silence.move(since, delta)
        for place, end in enumerate(ends):
            if place >= kept or since <= end < FOREVER:
                ends[place] += delta
            elif begin < end < since:
                ends[place] = begin
        self.numbers = {name: column for name, column in self.numbers.items() if column.times}
        if delta > 0 and was_known and not self._is_silent_at(since):
            self.silence.put(since, begin)

    def trim(self, front: int) -> None:
        """Forget what no time from `front` on depends on."""
        for t_ms, shown in zip(
            self.test.times, self.test.values[: max(self.test.index(front), 0)], strict=False
        ):
            if shown[0] in "+-PF":
                self.remember(shown[1:], t_ms)
        self.tests = None
        for one in self._columns():
            one.trim(front)
        self.silence.trim(front)

    def remember(self, serial: str, t_ms: int) -> None:
        """Take up when a piece was first tested that the log may not know any more."""
        self.tested.setdefault(serial, t_ms)
        if len(self.tested) > REMEMBERED:
            del self.tested[next(iter(self.tested))]

    def stops(self, start: int, end: int) -> list[tuple[int, int]]:
        """The planned stops that were declared within [start, end)."""
        times, values = self.planned_stop.times, self.planned_stop.values
        found: list[tuple[int, int]] = []
        for place in range(max(self.planned_stop.index(start), 0), len(times)):
            if times[place] >= end:
                break
            if values[place]:
                until = times[place + 1] if place + 1 < len(times) else end
                found.append((max(times[place], start), min(until, end)))
        return found

    def silent(self, start: int, end: int) -> list[tuple[int, int]]:
        """When in [start, end) nothing good was heard of the state."""
        times, ends = self.silence.times, self.silence.values
        found: list[tuple[int, int]] = []
        for place in range(max(self.silence.index(start), 0), len(times)):
            begin, over = max(times[place], start), min(ends[place], end)
            if begin < over:
                found.append((begin, int(over)))
        return found

    def _is_silent_at(self, moment: int) -> bool:
        place = self.silence.index(moment)
        return place >= 0 and self.silence.values[place] > moment

    def _times(self) -> Iterator[MutableSequence[int]]:
        return (column.times for column in self._columns())

    def _columns(self) -> Iterator[Series[Any]]:
        """All but the silences, whose values are times as well."""
        yield from (self.state, self.product, self.level, self.order, self.reason)
        yield from (self.planned_stop, self.derived, self.test)
        yield from self.numbers.values()
        yield from self.amounts.values()
