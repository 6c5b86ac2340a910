"""Tests by serial number: when one is done, what it gave, and which was the first of its piece.

Nothing says when a test is done but what the bench shows. Where it has a test counter (`count`),
a test is done when that steps, by the serial number and the result that are shown then. Else a
reading of the result is a test where serial number and result together are others than before. So
a bench without a counter must clear its result before it shows the next serial number: one that
holds it would give the new piece the result of the last. A result that the profile knows no word
for is none.

The log has a line wherever what is shown changes, a mark and the serial number: `+` passed and `-`
failed, where no counter tells; `P` and `F`, a test that the counter told, and `p` and `f`, what
was shown without; `?`, no result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.figures.counter import Growth, Limits
from gateway.figures.journal import REMEMBERED, SERIALS, TEST, spelled
from gateway.figures.pieces import PASSED, PASSED_FIRST, RETESTED, TESTED
from gateway.figures.reach import NEVER
from gateway.model import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.figures.intervals import Interval
    from gateway.figures.journal import Journal
    from gateway.figures.track import Track
    from gateway.kpi import KpiSpec
    from gateway.model import Value

COUNT = "count"
AT_ONCE = 256
"""Serial numbers in one line of the log."""
_VERDICTS = {"+": True, "P": True, "p": True, "-": False, "F": False, "f": False}
_SHOWN = {True: "+", False: "-", None: "?"}
_TOLD = {True: "P", False: "F", None: "?"}
_BESIDE = {True: "p", False: "f", None: "?"}


class Bench:
    """What a test bench shows, reading by reading.

    Args:
        spec: of the asset.
        journal: its log in memory.
        counter: its test counter, before it takes the reading; None where it has none.
    """

    __slots__ = ("_counter", "_journal", "_limits", "_newest", "_results")

    def __init__(self, spec: KpiSpec, journal: Journal, counter: Track | None) -> None:
        self._journal = journal
        self._counter = counter
        self._results = spec.results
        self._limits = Limits(spec.moduli.get(COUNT), spec.max_rate / 1000)
        self._newest = NEVER

    def read(self, t_ms: int, serial: Value, result: Value, count: Value) -> Entry | None:
        """Take what was read at one time, None for what wasn't; return what the log is to have.

        What is shown still goes without saying, but for late readings without a counter: another
        late one may come to lie before it.
        """
        is_late = result is not None and t_ms < self._newest
        self._newest = max(self._newest, t_ms)
        before = self._journal.test.at(t_ms) or "?"
        name = before[1:] if serial is None else " ".join(spelled(serial).split())
        verdict = None if result is None else self._results.get(spelled(result))
        if self._counter is None:
            same_piece = result is None and name == before[1:]
            now = before if same_piece else f"{_SHOWN[verdict if name else None]}{name}"
            return None if now == before and not is_late else Entry(t_ms, TEST, now)
        if result is None:
            verdict = _VERDICTS.get(before[0])
        if name and verdict is not None and self._steps(self._counter, t_ms, count):
            return Entry(t_ms, TEST, f"{_TOLD[verdict]}{name}")
        now = f"{_BESIDE[verdict]}{name}"
        return None if now == f"{before[0].lower()}{before[1:]}" else Entry(t_ms, TEST, now)

    def _steps(self, counter: Track, t_ms: int, count: Value) -> bool:
        """Whether the counter has gone on by this reading, which it has not taken yet."""
        if count is None or isinstance(count, str):
            return False
        time, value = counter.time, counter.value
        if t_ms <= time:
            series = self._journal.numbers.get(COUNT)
            place = -1 if series is None else series.index(t_ms - 1)
            if series is None or place < 0:
                return False
            time, value = series.times[place], series.values[place]
        if value is None or isinstance(value, str):
            return False
        return self._limits.step(value, count, t_ms - time)[0] > 0


def alike(journal: Journal, t_ms: int) -> list[int]:
    """When the piece that was shown at a time was tested, and that time."""
    serial = (journal.test.at(t_ms) or "?")[1:]
    return sorted({t_ms, *(moment for moment, _passed in _tests(journal).get(serial, []))})


def tests_of(
    journal: Journal, start: int, end: int, dark: Sequence[Interval]
) -> Iterator[tuple[str, Growth]]:
    """What the tests read in [start, end) add to each count, one by one.

    Args:
        journal: complete up to where what follows is of no concern.
        start: first ms.
        end: first ms after it.
        dark: when the state was unknown: such a test is unplaced.
    """
    column, tests = journal.test, _tests(journal)
    for place in range(column.index(start - 1) + 1, column.index(end - 1) + 1):
        t_ms, serial = column.times[place], column.values[place][1:]
        own = tests.get(serial, [])
        if all(moment != t_ms for moment, _passed in own):
            continue
        is_dark = any(since <= t_ms < until for since, until in dark)
        one = Growth(unplaced=1.0) if is_dark else Growth(placed=1.0)
        first_ms, passed_first = own[0]
        if t_ms != first_ms or journal.tested.get(serial, t_ms) < t_ms:
            yield RETESTED, one
            continue
        yield TESTED, one
        if passed_first:
            yield PASSED_FIRST, one
        if own[-1][1]:
            yield PASSED, one


def serials(journal: Journal, now_ms: int) -> list[Entry]:
    """Entries that keep when pieces were first tested, which outlives the log before them."""
    known = dict(journal.tested)
    for serial, tests in _tests(journal).items():
        known.setdefault(serial, tests[0][0])
    lines = [f"{t_ms} {serial}" for serial, t_ms in known.items()]
    first = max(len(lines) - REMEMBERED, 0)
    return [
        Entry(now_ms, SERIALS, "\n".join(lines[place : place + AT_ONCE]))
        for place in range(first, len(lines), AT_ONCE)
    ]


def _tests(journal: Journal) -> dict[str, list[tuple[int, bool]]]:
    """Times and results of the tests of each serial number, in order."""
    times, values = journal.test.times, journal.test.values
    if journal.tests is None:
        journal.tests, journal.sorted_out = {}, 0
    for place in range(journal.sorted_out, len(times)):
        shown = values[place]
        mark = shown[0]
        is_new = place == 0 or shown != values[place - 1]
        if mark in {"P", "F"} or (mark in {"+", "-"} and is_new):
            journal.tests.setdefault(shown[1:], []).append((times[place], _VERDICTS[mark]))
    journal.sorted_out = len(times)
    return journal.tests
