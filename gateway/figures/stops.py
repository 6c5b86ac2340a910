"""The stops of a machine, and the loss that each is given by what was said of it.

A stop is an unbroken stretch of fault, waiting and idle as the machine itself told it; unknown
time in it doesn't end it, for the same machine stands on. A reason counts for the stop that began
last before it was said, so it may be said while the stop lasts or afterwards until the next one
begins, and it counts for that stop as a whole. The last reason said of a stop is the one; a word
that the profile doesn't know changes nothing. What a machine gives by a tag may have been polled
a little before its state, so that a reason is taken for the stop that begins within 5 s after it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from gateway.figures.journal import REASON
from gateway.figures.states import KNOWN, STOPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.figures.intervals import Interval
    from gateway.figures.journal import Journal
    from gateway.kpi import KpiSpec

LEAD_MS = 5_000
END = 1 << 62
_OTHERWISE = KNOWN - STOPS
"""States that end a stop."""


class Stop(NamedTuple):
    """A stop: [start, end) in UTC ms, and the loss that it was given; "" where it was none."""

    start: int
    end: int
    loss: str


class Stops:
    """The stops that share time with a stretch of time, in order, with their losses."""

    __slots__ = ("_starts", "found")

    def __init__(self, journal: Journal, start: int, end: int, spec: KpiSpec | None) -> None:
        """Find them.

        Args:
            journal: complete up to where what follows is of no concern.
            start: first ms of the stretch.
            end: first ms after it.
            spec: of the asset; None: no reason counts.
        """
        given = spec is not None and bool(spec.reasons) and bool(journal.reason.times)
        spans = _stops(journal, start, end)
        if spec is None or not given:
            self.found = [Stop(begin, over, "") for begin, over, _next in spans]
        else:
            self.found = [
                Stop(begin, over, _loss(journal, spec, begin, following))
                for begin, over, following in spans
            ]
        self._starts = [stop.start for stop in self.found] if given else []

    def loss_at(self, moment: int) -> str:
        """The loss given to the stop at a moment of it; "" where it was none."""
        place = bisect_right(self._starts, moment) - 1
        return self.found[place].loss if place >= 0 else ""


def micro_ms_of(spec: KpiSpec) -> int:
    """A stop shorter than this counts as run; 0: every stop is one."""
    return round((spec.micro_stop_s or 0) * 1000)


def reach(journal: Journal, moment: int, spec: KpiSpec) -> Interval:
    """The stop that what is said at a moment counts for; an empty stretch where there is none."""
    place = journal.state.index(moment + _lead(spec))
    words = journal.state.values
    while place >= 0 and words[place] not in STOPS:
        place -= 1
    if place < 0:
        return moment, moment
    begin = journal.state.times[place]
    ((start, end, _following),) = _stops(journal, begin, begin + 1)
    return start, end


def around(journal: Journal, t_ms: int, end: int, spec: KpiSpec) -> Interval:
    """What a state that came late and holds to `end` may change.

    It says whether what stands after unknown time stood before it, and whose reason is whose.
    """
    over = max(end, _stands_until(journal, end))
    if not spec.reasons or not journal.reason.times:
        return t_ms, over
    begin, _over = reach(journal, t_ms, spec)
    _begin, last = reach(journal, end, spec)
    return min(begin, t_ms), max(last, over)


def _stands_until(journal: Journal, moment: int) -> int:
    """When it is known again that nothing stands; not after the moment, if it is known then."""
    times, words = journal.state.times, journal.state.values
    place = max(journal.state.index(moment), 0)
    while place < len(times) and words[place] not in _OTHERWISE:
        place += 1
    return times[place] if place < len(times) else END


def _stops(journal: Journal, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Begin and end of each stop in [start, end), and the begin of the one that follows it."""
    times, words = journal.state.times, journal.state.values
    count = len(times)
    place = max(journal.state.index(start), 0)
    while place and words[place] not in _OTHERWISE:
        place -= 1  # to where it is known that nothing stood
    before: tuple[int, int] | None = None
    while place < count:
        if words[place] not in STOPS:
            place += 1
            if before is None and place < count and times[place] >= end:
                return
            continue
        begin = times[place]
        if before is not None:
            yield *before, begin
            before = None
        if begin >= end:
            return
        while place < count and words[place] not in _OTHERWISE:
            place += 1
        over = times[place] if place < count else END
        if over > start:
            before = begin, over
    if before is not None:
        yield *before, END


def _loss(journal: Journal, spec: KpiSpec, begin: int, following: int) -> str:
    """The loss of the last known reason of a stop."""
    lead, said = _lead(spec), journal.reason
    place = said.index(following - lead - 1)
    while place >= 0 and said.times[place] >= begin - lead:
        loss = spec.reasons.get(said.values[place])
        if loss is not None:
            return loss
        place -= 1
    return ""


def _lead(spec: KpiSpec) -> int:
    return LEAD_MS if REASON in spec.signals else 0
