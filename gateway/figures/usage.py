"""What a stretch of time adds to the energy of any window that it is part of.

Everything here adds up: `Used` of neighbouring stretches is that of both together, so a day is put
together from quarter hours and each sum tiles, whatever it is cut by: slots of the tariff, states
of the machine, time on and off shift.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from gateway.figures.counter import Limits
from gateway.figures.course import NOTHING, Course, exact
from gateway.figures.demand import block_ends
from gateway.figures.imbalance import imbalances
from gateway.figures.intervals import clip, merge, subtract
from gateway.figures.journal import STATE
from gateway.figures.media import (
    COMPRESSED_AIR,
    CURRENTS,
    ELECTRICITY,
    LOAD_HOURS,
    REACTIVE,
    RUN_HOURS,
    VOLTAGES,
)
from gateway.figures.states import RUNNING, SETUP, UNKNOWN
from gateway.figures.tariff import TariffClock
from gateway.figures.timeline import spans
from gateway.figures.windows import HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.figures.calendar import Calendar
    from gateway.figures.journal import Journal
    from gateway.figures.media import Medium
    from gateway.kpi import KpiSpec

Key = tuple[str, str]
"""What a sum is by, and which part of it: (`slot`, `peak`), (`state`, `idle`), …"""

SLOT, WORK = "slot", "work"
STANDBY, IDLE, RUN, STOPPED = "standby", "idle", "run", "stopped"
"""What a machine does for its energy: levels of power (`off` is the fourth), and any other stop
that a state tells."""
WORKS = {RUNNING: RUN, SETUP: RUN, IDLE: IDLE, UNKNOWN: UNKNOWN}
COST, PRICED, APPORTIONED = ("cost", ""), ("priced", ""), ("apportioned", "")
OFF_USE, OFF_MS = ("off", "use"), ("off", "ms")
PF = ("power_factor", "kwh"), ("power_factor", "kvarh")
AIR = ("air", "kwh"), ("air", "volume")
HOURS = ("hours", "run"), ("hours", "load")

BY_STATE = (
    "idle_kwh",
    "standby_kwh",
    "nonproductive_kwh",
    "nonproductive_ratio",
    "no_load_share",
)
OFF_SHIFT = frozenset({"base_load_kw", "leakage_m3_min"})
SLIDING_KPIS = frozenset({"demand_sliding_max_kw", "demand_share"})
REACTIVE_KPIS = frozenset({"power_factor", "kvarh"})
AIR_KPIS = frozenset({"specific_power", "efficiency_grade"})
IMBALANCES = {"current_imbalance": CURRENTS, "voltage_imbalance": VOLTAGES}
"""What is only summed where a figure of it is asked for."""


@dataclass(frozen=True, slots=True)
class Used:
    """What meters tell of a stretch of time.

    Attributes:
        use: of the medium, in its unit, between the first and the last reading in it.
        first, last: the register at both ends, between readings interpolated; where readings
            don't reach that far, the nearest one.
        spanned_ms: time between the first and the last reading.
        known_ms: the same without holes, i.e. pairs of readings further apart than normal.
        estimated: some of `use` was spread over a hole, or a reset or jump hides a part.
        sums: amounts by what they are of; in the medium's unit where they are parts of `use`.
        tops: the highest of a thing that has a highest.
    """

    use: Fraction = NOTHING
    first: Fraction | None = None
    last: Fraction | None = None
    spanned_ms: int = 0
    known_ms: int = 0
    estimated: bool = False
    sums: Mapping[Key, Fraction] = field(default_factory=dict)
    tops: Mapping[str, Fraction] = field(default_factory=dict)

    def __add__(self, other: Used) -> Used:
        sums = dict(self.sums)
        for key, more in other.sums.items():
            sums[key] = sums.get(key, NOTHING) + more
        tops = dict(self.tops)
        for name, top in other.tops.items():
            tops[name] = max(tops.get(name, top), top)
        return Used(
            self.use + other.use,
            other.first if self.first is None else self.first,
            self.last if other.last is None else other.last,
            self.spanned_ms + other.spanned_ms,
            self.known_ms + other.known_ms,
            self.estimated or other.estimated,
            sums,
            tops,
        )

    def part(self, by: str) -> dict[str, Fraction]:
        """The sums of one kind, by name."""
        return {name: amount for (kind, name), amount in self.sums.items() if kind == by}


class Usage:
    """Reads the meters of one asset.

    Args:
        spec: its.
        calendar: of the site.
        line: whose plan holds.
    """

    def __init__(self, spec: KpiSpec, calendar: Calendar, line: str) -> None:
        self._spec = spec
        self._calendar = calendar
        self._line = line
        self._wanted = frozenset(spec.kpis)
        tariff = spec.metering.tariff
        self._clock = None if tariff is None else TariffClock(tariff, calendar.tz)

    def of(self, journal: Journal, medium: Medium, start: int, end: int) -> Used:
        """What the medium's register, or samples for want of one, tells of [start, end)."""
        if start >= end:
            return Used()
        is_electric = medium is ELECTRICITY
        metering, tz = self._spec.metering, self._calendar.tz
        is_sliding = is_electric and not SLIDING_KPIS.isdisjoint(self._wanted)
        ends = block_ends(metering, tz, start, end, is_sliding=is_sliding) if is_electric else {}
        block_ms = metering.block_min * MINUTE_MS
        begin = min([start, *(times[0] - block_ms for times in ends.values() if times)])
        course, is_sum = self._meter(journal, medium, begin, end)
        span = None if course is None else course.span(start, end)
        sums: dict[Key, Fraction] = {}
        tops: dict[str, Fraction] = {}
        if is_electric:
            self._add_beside(journal, course, start, end, sums)
            self._add_imbalances(journal, start, end, sums, tops)
        if course is None or span is None:
            return Used(sums=sums, tops=tops)
        if is_electric:
            self._add_slots(course, start, end, sums)
            self._add_states(journal, course, start, end, sums)
        self._add_off_shift(course, start, end, sums)
        for name, times in ends.items():
            most = course.steepest(times, block_ms)
            if most is not None:
                tops[name] = most * HOUR_MS / block_ms
        first, last = (None, None) if is_sum else course.ends(start, end)
        return Used(
            course.rise(start, end),
            first,
            last,
            span[1] - span[0],
            course.known_ms(start, end),
            is_sum or course.is_estimated(start, end),
            sums,
            tops,
        )

    def _meter(
        self, journal: Journal, medium: Medium, start: int, end: int
    ) -> tuple[Course | None, bool]:
        """The course of a medium's register, and whether it is a sum of samples in its place."""
        for place, name in enumerate(medium.series):
            if name in journal.numbers:
                limits = Limits(None, None) if place else register_limits(self._spec, medium)
                return self._course(journal, name, limits, start, end), place > 0
        return None, False

    def _course(
        self, journal: Journal, name: str, limits: Limits, start: int, end: int
    ) -> Course | None:
        series = journal.numbers.get(name)
        if series is None:
            return None
        scales = journal.numbers.get(epoch_of(name))
        return Course(series, limits, hole_of(self._spec), start, end, scales)

    def _beside(self, journal: Journal, name: str, start: int, end: int) -> Course | None:
        return self._course(journal, name, beside_limits(self._spec, name), start, end)

    def _add_slots(self, course: Course, start: int, end: int, sums: dict[Key, Fraction]) -> None:
        """Cut what was used at the edges of the tariff's slots."""
        clock = self._clock
        if clock is None:
            return
        for slot in clock.slots(start, end):
            if course.span(slot.start, slot.end) is None:
                continue
            kwh = course.rise(slot.start, slot.end)
            _add(sums, (SLOT, slot.name), kwh)
            if slot.price is not None:
                _add(sums, COST, kwh * exact(slot.price))
                _add(sums, PRICED, kwh)
        for hole, risen in course.across_holes(start, end):
            if clock.is_cut(*hole):
                _add(sums, APPORTIONED, risen)

    def _add_states(
        self, journal: Journal, course: Course, start: int, end: int, sums: dict[Key, Fraction]
    ) -> None:
        """Cut what was used where the state or the level changes."""
        if self._wanted.isdisjoint(BY_STATE):
            return
        silent = merge(journal.silent(start, end))
        left = [(start, end)]
        for since, until, level in journal.level.stretches(start, end):
            if not level:
                continue
            known = subtract([(since, until)], silent)
            left = subtract(left, known)
            _add(sums, (WORK, STANDBY), NOTHING)  # told, be it of nothing
            for begin, over in known:
                _add(sums, (WORK, level), course.rise(begin, over))
        states = spans(journal, start, end) if STATE in self._spec.signals else []
        for since, until, word in states:
            work = WORKS.get(word, STOPPED)
            for begin, over in clip(left, since, until):
                _add(sums, (WORK, work), course.rise(begin, over))
        for begin, over in left if not states else ():
            _add(sums, (WORK, UNKNOWN), course.rise(begin, over))

    def _add_off_shift(
        self, course: Course, start: int, end: int, sums: dict[Key, Fraction]
    ) -> None:
        """What was used between the end of a shift and the start of the next."""
        if OFF_SHIFT.isdisjoint(self._wanted):
            return
        plan = self._calendar.plan(self._line, start, end)
        for off in subtract([(start, end)], merge((*plan.busy, *plan.breaks))):
            span = course.span(*off)
            if span is not None:
                _add(sums, OFF_USE, course.rise(*span))
                _add(sums, OFF_MS, Fraction(span[1] - span[0]))

    def _add_beside(
        self,
        journal: Journal,
        course: Course | None,
        start: int,
        end: int,
        sums: dict[Key, Fraction],
    ) -> None:
        """What other registers tell, each over the time that both are known for."""
        wanted = self._wanted
        if not REACTIVE_KPIS.isdisjoint(wanted):
            _add_both(course, self._beside(journal, REACTIVE, start, end), start, end, PF, sums)
        if not AIR_KPIS.isdisjoint(wanted):
            air, _is_sum = self._meter(journal, COMPRESSED_AIR, start, end)
            _add_both(course, air, start, end, AIR, sums)
        if "load_ratio" in wanted:
            run, load = (self._beside(journal, n, start, end) for n in (RUN_HOURS, LOAD_HOURS))
            _add_both(run, load, start, end, HOURS, sums)

    def _add_imbalances(
        self,
        journal: Journal,
        start: int,
        end: int,
        sums: dict[Key, Fraction],
        tops: dict[str, Fraction],
    ) -> None:
        for name, phases in IMBALANCES.items():
            if {f"{name}_mean", f"{name}_max"}.isdisjoint(self._wanted):
                continue
            found = imbalances(journal, phases, start, end)
            if found:
                _add(sums, (name, "sum"), sum(found, NOTHING))
                _add(sums, (name, "samples"), Fraction(len(found)))
                tops[name] = max(found)


def hole_of(spec: KpiSpec) -> int:
    """Readings further apart than this, in ms, leave a hole: the log keeps two a minute."""
    return MINUTE_MS + round(spec.silence_s * 1000)


def register_limits(spec: KpiSpec, medium: Medium = ELECTRICITY) -> Limits:
    """What is believed of a medium's register."""
    most = spec.max_kw if medium is ELECTRICITY else spec.max_flow.get(medium.name)
    rate = None if most is None else most / HOUR_MS
    register = medium.series[0]
    return Limits(spec.moduli.get(register), rate, spec.counts.get(register, 1.0))


def beside_limits(spec: KpiSpec, register: str) -> Limits:
    """What is believed of a register beside the media's: an hour an hour, kvar as many as kW."""
    if register == REACTIVE:
        rate = None if spec.max_kw is None else spec.max_kw / HOUR_MS
    else:
        rate = 1 / HOUR_MS
    return Limits(spec.moduli.get(register), rate, spec.counts.get(register, 1.0))


def epoch_of(register: str) -> str:
    """Series of the log that keeps what a register's raw count is multiplied by."""
    return f"scale_of_{register}"


def _add(sums: dict[Key, Fraction], key: Key, more: Fraction) -> None:
    sums[key] = sums.get(key, NOTHING) + more


def _add_both(
    one: Course | None,
    other: Course | None,
    start: int,
    end: int,
    keys: tuple[Key, Key],
    sums: dict[Key, Fraction],
) -> None:
    """Add what two registers rose by in the time that both are known for."""
    spans_ = (None if course is None else course.span(start, end) for course in (one, other))
    first, second = spans_
    if one is None or other is None or first is None or second is None:
        return
    begin, over = max(first[0], second[0]), min(first[1], second[1])
    if begin < over:
        _add(sums, keys[0], one.rise(begin, over))
        _add(sums, keys[1], other.rise(begin, over))
