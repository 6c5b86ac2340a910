"""The fold, for any trace: time tiles, nothing comes of nothing, windows add up."""

from __future__ import annotations

import itertools
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.figures.calendar import Calendar
from gateway.figures.intervals import total
from gateway.figures.journal import Journal
from gateway.figures.oee import Sums, figures, sum_up
from gateway.figures.states import KNOWN
from gateway.figures.stops import Stops
from gateway.figures.timeline import measure, spans
from gateway.figures.windows import Window, clock_windows
from gateway.model import Entry
from gateway.settings import Roster, Rosters, Shift
from tests.folds import fold_energy, fold_oee
from tests.kpi_traces import HOUR, MINUTE, SHANGHAI, T0, log, spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.kpi import KpiSpec

ZERO = Fraction(0)
WORDS = st.sampled_from([*sorted(KNOWN), None])
SPAN = 4 * HOUR
times = st.integers(0, SPAN // 1000).map(lambda second: T0 + second * 1000)
ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns")]


@st.composite
def traces(draw: Callable[[st.SearchStrategy[list[int]]], list[int]]) -> list[Entry]:
    """States at any times, and counters that mostly rise, at times drop or leap."""
    moments = sorted(set(draw(st.lists(times, max_size=40))))
    words = draw(st.lists(WORDS, min_size=len(moments), max_size=len(moments)))  # type: ignore[arg-type]
    entries = [Entry(t, "state", w) for t, w in zip(moments, words, strict=True)]
    for name, most in (("count", 50), ("reject", 5)):
        seen = sorted(set(draw(st.lists(times, max_size=40))))
        steps = draw(st.lists(st.integers(-3, most), min_size=len(seen), max_size=len(seen)))
        value = 100
        for t, step in zip(seen, steps, strict=True):
            value = max(0, value + step) if step != -3 else 0
            entries.append(Entry(t, name, value))
    return log(entries)


@st.composite
def plans(draw: Callable[[st.SearchStrategy[list[int]]], list[int]]) -> Calendar:
    """A shift with breaks somewhere in the day, in minutes after midnight."""
    edges = sorted(draw(st.lists(st.integers(0, 300), min_size=4, max_size=4, unique=True)))
    shift = Shift("s", edges[0], edges[3], frozenset(range(7)), ((edges[1], edges[2]),))
    return Calendar(SHANGHAI, Rosters(Roster((shift,)), {}))


def specs() -> st.SearchStrategy[KpiSpec]:
    return st.builds(
        lambda micro, cycle: spec(micro_stop_s=micro, ideal_cycle_s=cycle, max_rate=0.1),
        st.sampled_from([None, 60.0, 600.0]),
        st.sampled_from([None, 7.5, 12.0]),
    )


@given(traces(), plans(), specs())
@settings(deadline=None)
def test_time_elements_tile_planned_time(
    trace: list[Entry], calendar: Calendar, like: KpiSpec
) -> None:
    window = Window("shift", T0, T0 + SPAN)
    plan = calendar.plan("main", window.start, window.end)
    micro_ms = round((like.micro_stop_s or 0) * 1000)
    journal = Journal(trace)
    stops = Stops(journal, window.start, window.end, like)
    found = measure(journal, stops, window.start, window.end, plan, micro_ms)
    stopped = found.planned_stop - total(plan.breaks)
    assert found.planned + stopped == total(plan.busy)
    assert found.run + found.setup + found.delay + found.idle + found.unknown == found.planned
    assert min(found.run - found.micro, found.delay, found.idle, stopped) >= 0
    seen = spans(journal, window.start, window.end)
    assert (seen[0][0], seen[-1][1]) == (window.start, window.end)
    assert all(a[1] == b[0] and a[2] != b[2] for a, b in itertools.pairwise(seen))


@given(traces(), plans(), specs())
@settings(deadline=None)
def test_no_ratio_comes_of_nothing(trace: list[Entry], calendar: Calendar, like: KpiSpec) -> None:
    window = Window("shift", T0, T0 + SPAN)
    plan = calendar.plan("main", window.start, window.end)
    found = fold_oee(trace, ZERO, window, plan, like)
    known_ms = found.planned_ms - found.unknown_ms
    ratios = (found.a, found.p, found.q, found.oee)
    if known_ms == 0:
        assert ratios == (None,) * 4
    else:
        assert found.a == found.run_ms / known_ms
    if found.run_ms == 0:
        assert (found.p, found.q) == (None, None)
        assert found.oee in {None, 0}
    assert all(ratio is None or 0 <= ratio <= 1 for ratio in (found.a, found.q, found.coverage))
    assert found.p is None or found.p >= 0
    assert (found.reason == "") == (None not in ratios and (found.p or 0) <= 1)
    assert found.total is not None
    assert found.good is not None
    assert min(found.total, found.good, found.scrap or 0, found.unplaced) >= 0
    assert found.unplaced <= found.total
    if None not in ratios and found.a and found.p:
        assert abs((found.a * found.p * (found.q or 0)) - (found.oee or 0)) < 1e-12
    if like.ideal_cycle_s is None:
        assert (found.p, found.oee) == (None, None)


@given(traces(), plans(), specs(), st.lists(times, max_size=6))
@settings(deadline=None)
def test_windows_add_up_wherever_they_are_cut(
    trace: list[Entry], calendar: Calendar, like: KpiSpec, cuts: list[int]
) -> None:
    journal = Journal(trace)
    edges = sorted({T0, *cuts, T0 + SPAN})
    parts = [
        sum_up(journal, start, end, calendar.plan("main", start, end), like)
        for start, end in itertools.pairwise(edges)
    ]
    plan = calendar.plan("main", T0, T0 + SPAN)
    whole = sum_up(journal, T0, T0 + SPAN, plan, like)
    assert sum(parts, Sums()) == whole


@given(traces(), st.data())
@settings(deadline=None)
def test_counts_never_fall(trace: list[Entry], data: st.DataObject) -> None:
    """The longer one looks, the more pieces there are."""
    journal = Journal(trace)
    like = spec(max_rate=0.1, moduli={"count": 200.0})
    calendar = Calendar(SHANGHAI)
    before = 0.0
    for until in sorted(data.draw(st.lists(times, min_size=2, max_size=6))):
        sums = sum_up(journal, T0, until + 1, calendar.plan("main", T0, until + 1), like)
        found = figures(sums, like, "running").total or 0.0
        assert found >= before
        before = found


@given(traces(), specs())
@settings(deadline=None)
def test_oee_is_independent_of_the_micro_stop_threshold(trace: list[Entry], like: KpiSpec) -> None:
    window = Window("shift", T0, T0 + SPAN)
    plan = Calendar(SHANGHAI).plan("main", window.start, window.end)
    strict = fold_oee(trace, ZERO, window, plan, spec(ideal_cycle_s=12.0, max_rate=0.1))
    loose = fold_oee(
        trace,
        ZERO,
        window,
        plan,
        spec(ideal_cycle_s=12.0, max_rate=0.1, micro_stop_s=like.micro_stop_s),
    )
    assert (strict.planned_ms, strict.unknown_ms) == (loose.planned_ms, loose.unknown_ms)
    if strict.run_ms:
        assert strict.oee == loose.oee


@given(
    st.lists(st.tuples(times, st.sampled_from(["left", "right"]), st.integers(0, 9)), max_size=40)
)
@settings(deadline=None)
def test_pairs_add_up_over_hours(pieces: list[tuple[int, str, int]]) -> None:
    pairs = spec(
        counting="pairs",
        max_rate=1e9,
        signals=("state", "count_left", "count_right", "reject_left", "reject_right"),
    )
    seen = {"left": 0, "right": 0}
    entries = [Entry(T0, "state", "running")]
    entries += [Entry(T0, f"{what}_{side}", 0) for what in ("count", "reject") for side in seen]
    for t, side, more in sorted(pieces):
        seen[side] += more
        entries.append(Entry(t + 1, f"count_{side}", seen[side]))
    journal = Journal(log(entries))
    calendar = Calendar(SHANGHAI)
    ahead, good = ZERO, 0.0
    for hour in range(5):
        window = Window("hour", T0 + hour * HOUR, T0 + (hour + 1) * HOUR)
        plan = calendar.plan("main", window.start, window.end)
        found = fold_oee(journal, ahead, window, plan, pairs)
        assert found.good is not None
        good += found.good
        left = sum(m for t, s, m in pieces if s == "left" and t + 1 < window.end)
        right = sum(m for t, s, m in pieces if s == "right" and t + 1 < window.end)
        ahead = Fraction(left - right)
        assert good == min(left, right)
        assert found.kpi["unmatched_halves"] == abs(left - right)


@given(st.lists(st.tuples(times, st.integers(0, 500)), min_size=2, max_size=60), st.booleans())
@settings(deadline=None)
def test_electricity_adds_up_and_is_never_negative(
    readings: list[tuple[int, int]],
    limited: bool,  # noqa: FBT001
) -> None:
    like = spec(signals=("energy",), max_kw=60.0 if limited else None, moduli={"energy": 500.0})
    entries = [Entry(t, "energy", value / 10) for t, value in sorted(readings)]
    journal = Journal(entries)
    whole = fold_energy(journal, Window("shift", T0, T0 + SPAN), like)
    hours = [
        fold_energy(journal, Window("hour", T0 + n * HOUR, T0 + (n + 1) * HOUR), like)
        for n in range(4)
    ]
    assert all(hour.use is None or hour.use >= 0 for hour in hours)
    assert abs(sum(hour.use or 0 for hour in hours) - (whole.use or 0)) < 1e-9
    assert any(hour.estimated for hour in hours) == whole.estimated
    assert 0 <= whole.coverage <= 1


@given(
    st.sampled_from(ZONES),
    st.integers(0, 366 * 24 * 60),
    st.sampled_from(["quarter", "hour", "day"]),
)
@settings(deadline=None)
def test_clock_windows_tile_the_year_in_any_zone(zone: ZoneInfo, minute: int, kind: str) -> None:
    start = int(datetime(2026, 1, 1, tzinfo=zone).timestamp()) * 1000 + minute * MINUTE
    windows = list(clock_windows(kind, start, start + 3 * 24 * HOUR, zone))
    assert windows[0].start <= start < windows[0].end
    for window, after in itertools.pairwise(windows):
        assert window.end == after.start
        again = next(clock_windows(kind, window.end - 1, window.end, zone))
        assert again == window, "asked from its last ms it is the same window"
        shown = datetime.fromtimestamp(window.end // 1000, zone)
        assert shown.minute % 15 == 0 or shown.minute == 1
