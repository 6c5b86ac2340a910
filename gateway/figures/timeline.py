"""From logged states to time: spans of state, minor stops judged, planned time shared out.

Every moment of a window has exactly one state. A moment is `unknown` before the first state,
where the last state was unreadable, unmapped or the machine's own `offline`, and in a silence.
Inside planned time the elements run + setup + fault + waiting + idle + unknown + planned_stop
tile it without gap or overlap; breaks are planned stops outside of it.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, fields
from operator import add, attrgetter
from typing import TYPE_CHECKING

from gateway.figures.intervals import overlap
from gateway.figures.states import (
    FAULT,
    IDLE,
    KNOWN,
    PLANNED_STOP,
    RUNNING,
    SETUP,
    STOPS,
    UNKNOWN,
    WAITING,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.figures.calendar import PlannedTime
    from gateway.figures.intervals import Interval
    from gateway.figures.journal import Journal
    from gateway.figures.stops import Stops

PLANNED, BREAKDOWN, UNEXPLAINED = "planned", "breakdown", "unknown"
FIRM = frozenset({PLANNED, SETUP, BREAKDOWN})
"""Losses that a reason gives to a stop however short it is: it is no minor one then."""
_OWN = {FAULT: BREAKDOWN, WAITING: WAITING, IDLE: IDLE}
"""The loss that a stop belongs to by its state, where no reason says better."""
_BESIDE = ("quality", "personnel", "utility")
_LOST = frozenset({*_OWN.values(), *_BESIDE})
"""What delay and idle are lost to."""
_SILENT = frozenset({"", UNEXPLAINED})
"""Reasons that explain nothing: none was said, or one that means that nobody knows."""
_BY_STATE = _SILENT | {"minor"}
"""Reasons that leave a stop to what its state says."""
_DELAY = "delay"

Span = tuple[int, int, str]
"""A stretch of one state: start, end, word; `unknown` is one of the words."""


@dataclass(slots=True)
class Times:
    """How the time of a window was spent, in ms; sums of windows add up.

    Attributes:
        run: running, minor stops included (APT).
        setup, delay, idle, unknown, planned_stop: the other elements, AUST, ADET, ADOT and what
            lies beside them; a break of the calendar is a planned stop. All but the breaks lie
            within planned time. A stop counts by its state (fault and waiting: delay; idle), or
            is set-up, planned or a breakdown (delay) where its reason says so.
        breakdown, waiting, standing, quality, personnel, utility: what delay and idle were lost
            to: by the stop's reason, else by its state. `standing` is idle for no other reason.
        micro: the part of `run` that was minor stops; `micro_stops` of them began here.
        stops: stops of delay or idle that are no minor ones and began here, in planned time.
        failures: breakdowns among them, told apart where one follows another.
        told, untold: time of stops, no minor ones, with and without a reason.
        known: time of known state, planned or not.
        length: the whole window, as far as it has passed.
    """

    run: int = 0
    setup: int = 0
    delay: int = 0
    idle: int = 0
    unknown: int = 0
    planned_stop: int = 0
    breakdown: int = 0
    waiting: int = 0
    standing: int = 0
    quality: int = 0
    personnel: int = 0
    utility: int = 0
    micro: int = 0
    micro_stops: int = 0
    stops: int = 0
    failures: int = 0
    told: int = 0
    untold: int = 0
    known: int = 0
    length: int = 0

    @property
    def down(self) -> int:
        """Stops that aren't minor ones: ADET and ADOT."""
        return self.delay + self.idle

    @property
    def planned(self) -> int:
        """PBT, unknown time included."""
        return self.run + self.setup + self.delay + self.idle + self.unknown

    def __add__(self, other: Times) -> Times:
        return Times(*map(add, _all(self), _all(other)))


_all = attrgetter(*(field.name for field in fields(Times)))


def spans(journal: Journal, start: int, end: int) -> list[Span]:
    """The states of [start, end), without gap; neighbours differ."""
    found: list[Span] = []
    times, words = journal.state.times, journal.state.values
    place, moment = journal.state.index(start), start
    while moment < end:
        word = words[place] if place >= 0 else None
        place += 1
        until = min(times[place], end) if place < len(times) else end
        if until > moment:
            _extend(found, moment, until, word if word in KNOWN else UNKNOWN)
            moment = until
    silences = _silences(journal, start, end)
    return _darken(found, silences) if silences else found


def dark(spans_: Sequence[Span]) -> list[Interval]:
    """When the state was unknown."""
    return [(start, end) for start, end, word in spans_ if word == UNKNOWN]


def is_undecided(journal: Journal, edge: int, known_until: int, micro_ms: int) -> bool:
    """Whether a stop that spans `edge` may still turn out to be a minor one or not.

    It may, while it goes on and is shorter than the threshold.

    Args:
        journal: the log.
        edge: ms at or before `known_until`.
        known_until: time of the newest reading of the state.
        micro_ms: the threshold.
    """
    now = known_until + 1
    lasting = _stretches(spans(journal, known_until - micro_ms, now))[-1:]
    return any(
        start < edge and end == now and known_until - start < micro_ms for start, end in lasting
    )


def measure(
    journal: Journal,
    stops: Stops,
    start: int,
    end: int,
    plan: PlannedTime,
    micro_ms: int,
    until: int | None = None,
) -> Times:
    """Share out the time of a window.

    Args:
        journal: states from before the window to, where it has one, the end of the stop that
            spans the window's end: a stop is judged on its whole length.
        stops: those of the window, with what was said of them.
        start: first ms of the window.
        end: first ms after it.
        plan: planned time and breaks within it.
        micro_ms: a stop shorter than this is run; 0: none is.
        until: the log is complete up to here and the state in force holds; a window that isn't
            over ends here. None: it is complete well beyond the window.
    """
    over = end if until is None else min(end, until)
    if over <= start:
        return Times()
    # A stop that fills the margin on either side is long enough, however long it is. What it was
    # before unknown time says whether it is one that was counted already.
    horizon = end + micro_ms if until is None else min(end + micro_ms, until)
    since = min(start, stops.found[0].start) if stops.found else start
    seen = spans(journal, since - micro_ms, horizon)
    minor = [
        (first, last)
        for first, last in (_stretches(seen) if micro_ms else ())
        if last - first < micro_ms and stops.loss_at(first) not in FIRM
    ]
    busy = plan.busy
    times = Times(length=over - start)
    spent = dict.fromkeys((*KNOWN, UNKNOWN, _DELAY), 0)
    lost = dict.fromkeys(_LOST, 0)
    for first, last, word in seen:
        from_, to = max(first, start), min(last, over)
        if from_ >= to:
            continue
        times.known += to - from_ if word != UNKNOWN else 0
        length = overlap(busy, from_, to)
        if word not in STOPS:
            spent[word] += length
        elif _within(minor, first):
            times.micro += length
        else:
            said = stops.loss_at(first)
            element, loss = _place(word, said)
            spent[element] += length
            if loss:
                lost[loss] += length
            if said in _SILENT:
                times.untold += length
            else:
                times.told += length
    times.run, times.setup = spent[RUNNING] + times.micro, spent[SETUP]
    times.delay, times.idle, times.unknown = spent[_DELAY], spent[IDLE], spent[UNKNOWN]
    times.planned_stop = spent[PLANNED_STOP] + overlap(plan.breaks, start, over)
    times.breakdown, times.waiting, times.standing = lost[BREAKDOWN], lost[WAITING], lost[IDLE]
    times.quality, times.personnel, times.utility = (lost[loss] for loss in _BESIDE)
    times.micro_stops = sum(start <= first < over and _within(busy, first) for first, _ in minor)
    _count(times, seen, stops, (start, over), [busy, minor])
    return times


def _place(word: str, said: str) -> tuple[str, str]:
    """Time element of a stop, and what it is lost to where that is ADET or ADOT."""
    if said == PLANNED:
        return PLANNED_STOP, ""
    if said == SETUP:
        return SETUP, ""
    element = IDLE if word == IDLE and said != BREAKDOWN else _DELAY
    return element, said if said in _LOST else _OWN[word]


def _count(
    times: Times,
    seen: Sequence[Span],
    stops: Stops,
    within: Interval,
    busy_and_minor: Sequence[Sequence[Interval]],
) -> None:
    """Count the stops, no minor ones, that began in planned time, and the failures of them.

    One that unknown time cuts into stretches begins with the first that is long enough.
    """
    busy, minor = busy_and_minor
    start, end = within
    lasting = [first for first, _last in _stretches(seen) if not _within(minor, first)]
    for stop in stops.found:
        place = bisect_left(lasting, stop.start)
        first = lasting[place] if place < len(lasting) else stop.end
        if first < stop.end and start <= first < end and _within(busy, first):
            times.stops += stop.loss not in {PLANNED, SETUP}
            times.failures += stop.loss == BREAKDOWN
    times.failures += sum(
        start <= first < end and _within(busy, first) and stops.loss_at(first) in _BY_STATE
        for first in _begun(seen, minor)
    )


def _begun(seen: Sequence[Span], minor: Sequence[Interval]) -> list[int]:
    """When faults began that are no minor stops; after unknown time only if none was before it."""
    begun: list[int] = []
    lasts = False
    for first, _last, word in seen:
        if word == FAULT and not lasts and not _within(minor, first):
            begun.append(first)
            lasts = True
        elif word not in {FAULT, UNKNOWN}:
            lasts = False
    return begun


def _within(intervals: Sequence[Interval], moment: int) -> bool:
    return any(start <= moment < end for start, end in intervals)


def _stretches(spans_: Sequence[Span]) -> list[Interval]:
    """Unbroken stops: fault, waiting and idle in any order."""
    found: list[Interval] = []
    for start, end, word in spans_:
        if word not in STOPS:
            continue
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _silences(journal: Journal, start: int, end: int) -> list[tuple[int, float]]:
    times, ends = journal.silence.times, journal.silence.values
    place = max(journal.silence.index(start), 0)
    found: list[tuple[int, float]] = []
    while place < len(times) and times[place] < end:
        if ends[place] > max(start, times[place]):
            found.append((times[place], ends[place]))
        place += 1
    return found


def _darken(spans_: Sequence[Span], silences: Sequence[tuple[int, float]]) -> list[Span]:
    """Lay silences over states."""
    found: list[Span] = []
    for start, end, word in spans_:
        moment = start
        for since, until in silences:
            if until <= moment or since >= end:
                continue
            if since > moment:
                _extend(found, moment, since, word)
                moment = since
            over = end if until >= end else int(until)
            _extend(found, moment, over, UNKNOWN)
            moment = over
        _extend(found, moment, end, word)
    return found


def _extend(spans_: list[Span], start: int, end: int, word: str) -> None:
    """Append a span, or lengthen the last where it is of the same state."""
    if start >= end:
        return
    if spans_ and spans_[-1][2] == word and spans_[-1][1] == start:
        spans_[-1] = (spans_[-1][0], end, word)
    else:
        spans_.append((start, end, word))
