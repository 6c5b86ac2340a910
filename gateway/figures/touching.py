"""What an entry touches: of which time the figures are others by it, before it and after it.

A stop is judged by its length, a register by the readings on both sides of a window's edge, a
demand block by all of its minutes: so an entry acts beyond its own time, and how far depends on
the signal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.figures.course import minutes_of
from gateway.figures.journal import (
    AMOUNTS,
    FOREVER,
    LEVEL,
    ORDER,
    PLANNED,
    PRODUCT,
    REASON,
    SILENCE,
    STATE,
    TEST,
)
from gateway.figures.media import METERED, PHASES
from gateway.figures.pieces import COUNTERS, multiplying
from gateway.figures.staffing import OPERATORS
from gateway.figures.stops import around, micro_ms_of, reach
from gateway.figures.windows import MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.figures.intervals import Interval
    from gateway.figures.journal import Journal, Series
    from gateway.kpi import KpiSpec

END = 1 << 62


def touched(journal: Journal, spec: KpiSpec, t_ms: int, signal: str) -> Interval:
    """The time whose figures an entry that came late can change."""
    if signal in {STATE, SILENCE, REASON}:
        of = reach if signal == REASON else _by_state
        return of(journal, t_ms, spec)
    if signal in {PRODUCT, PLANNED, LEVEL, ORDER, TEST}:
        # An order ends the one before it, and may be the one after it, begun earlier.
        none = t_ms + 1 if signal == TEST else END
        after = _after(getattr(journal, signal), t_ms, none)
        return t_ms - (signal == ORDER), after + (signal in {ORDER, TEST})
    series = journal.numbers.get(signal)
    if series is None:
        # Pieces entered count where they are; of what else is not a number, or none was
        # read yet, no figure hangs on it.
        return t_ms, t_ms + (signal in AMOUNTS)
    if signal in METERED:
        # A block of demand that ends later may begin in what changes.
        place, block_ms = series.index(t_ms), spec.metering.block_min * MINUTE_MS
        since = series.times[place - 1] if place else t_ms
        since, until = minutes_of(since, _after(series, t_ms, END))
        return since, min(until + block_ms, END)
    if signal in PHASES:
        return t_ms - t_ms % MINUTE_MS, t_ms - t_ms % MINUTE_MS + MINUTE_MS
    none = END if signal in {OPERATORS, *multiplying(spec)} else t_ms
    return t_ms, _after(series, t_ms, none) + 1


def begin_of(journal: Journal, spec: KpiSpec, registers: Iterable[str], moment: int) -> int:
    """From when on figures hang on what is logged from a moment on.

    A stop before it may last longer or not, and what a meter rose by lies between its readings,
    however far they are apart.
    """
    begin = min(moment - micro_ms_of(spec), around(journal, moment, END, spec)[0])
    for signal in registers:
        series = journal.numbers.get(signal)
        place = -1 if series is None else series.index(moment - 1)
        if series is not None and place >= 0:
            begin = min(begin, minutes_of(series.times[place], moment)[0])
    return begin


def _by_state(journal: Journal, t_ms: int, spec: KpiSpec) -> Interval:
    micro_ms = micro_ms_of(spec)
    end = _after(journal.state, t_ms, END)
    place = journal.silence.index(t_ms)
    if place >= 0 and journal.silence.values[place] > t_ms:
        silent_to = journal.silence.values[place]
        end = END if silent_to == FOREVER else max(end, int(silent_to))
    # A growth across unknown time is judged where it is seen.
    counters = [journal.numbers[name] for name in COUNTERS if name in journal.numbers]
    seen = [_after(series, end, end) for series in counters]
    start, over = around(journal, t_ms, end, spec)
    over = max([over, end + micro_ms, *seen])
    return min(start, t_ms - micro_ms), over + 1


def _after(series: Series[Any], t_ms: int, none: int) -> int:
    """Time of the entry that follows a moment."""
    place = series.index(t_ms) + 1
    return series.times[place] if place < len(series) else none
