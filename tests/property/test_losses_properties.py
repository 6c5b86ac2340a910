"""Elements and losses tile, whatever is said and counted; retests make no pieces."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.figures.calendar import Calendar
from gateway.figures.counting import count_pieces
from gateway.figures.intervals import total
from gateway.figures.journal import Journal
from gateway.figures.kpis import losses_of
from gateway.figures.oee import sum_up
from gateway.figures.states import KNOWN
from gateway.figures.stops import reach
from gateway.figures.windows import Window
from gateway.model import Entry
from tests.folds import fold_oee
from tests.kpi_traces import HOUR, MINUTE, SHANGHAI, T0, cycles, log, spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.kpi import KpiSpec

ZERO = Fraction(0)
SPAN = 4 * HOUR
WORDS = st.sampled_from([*sorted(KNOWN), None])
LOSSES = ("planned", "setup", "breakdown", "waiting", "idle", "quality", "personnel", "utility")
REASONS = {word: word for word in (*LOSSES, "minor", "unknown")}
times = st.integers(0, SPAN // 1000).map(lambda second: T0 + second * 1000)
said = st.sampled_from([*REASONS, "never heard of"])
WHOLE = Window("shift", T0, T0 + SPAN)
RULES = {
    "direct": ("count", "reject", "reject_startup", "rework"),
    "multiplied": ("count", "reject", "reject_startup", "cavities"),
    "stations": ("count", "reject", "mounted"),
    "pairs": ("count_left", "count_right", "reject_left", "reject_right"),
    "tests": ("serial", "result"),
}


def like_of(rule: str, micro_s: float | None) -> KpiSpec:
    return spec(
        counting=rule,
        signals=("state", "product", *RULES[rule]),
        micro_stop_s=micro_s,
        ideal_cycle_s=12.0,
        products=cycles(A=7.5),
        stations=8,
        multipliers={"cavities": 4.0} if rule == "multiplied" else {},
        reasons=REASONS,
        max_rate=1.0,
    )


@st.composite
def days(draw: Callable[..., list[int]], rule: str) -> list[Entry]:
    """Four hours of states, reasons, products, counters and tests at any times."""
    entries: list[Entry] = []

    def some(signal: str, values: st.SearchStrategy[object], most: int = 12) -> None:
        moments = sorted(set(draw(st.lists(times, max_size=most))))
        chosen = draw(st.lists(values, min_size=len(moments), max_size=len(moments)))
        entries.extend(Entry(t, signal, v) for t, v in zip(moments, chosen, strict=True))

    some("state", WORDS, 30)
    some("reason", said)
    some("product", st.sampled_from(["A", "B", ""]), 3)
    for signal in RULES[rule]:
        if signal in {"mounted", "cavities"}:
            some(signal, st.integers(0, 9), 4)
        elif signal not in {"serial", "result"}:
            moments = sorted(set(draw(st.lists(times, max_size=20))))
            steps = draw(st.lists(st.integers(0, 9), min_size=len(moments), max_size=len(moments)))
            entries += [Entry(t, signal, sum(steps[: n + 1]) % 40) for n, t in enumerate(moments)]
    if rule == "tests":
        some("test", st.sampled_from(["+1", "-1", "?1", "+2", "P2", "F3", "P3", "p3", "-4"]), 30)
    return log(entries)


@st.composite
def worlds(draw: Callable[..., object]) -> tuple[list[Entry], KpiSpec]:
    rule = draw(st.sampled_from(sorted(RULES)))
    micro_s = draw(st.sampled_from([None, 60.0, 600.0]))
    trace = draw(days(str(rule)))
    return trace, like_of(str(rule), micro_s)  # type: ignore[return-value, arg-type]


@given(worlds())
@settings(deadline=None)
def test_elements_and_losses_tile_known_planned_time_exactly(
    world: tuple[list[Entry], KpiSpec],
) -> None:
    trace, like = world
    plan = Calendar(SHANGHAI).plan("main", WHOLE.start, WHOLE.end)
    sums = sum_up(Journal(trace), WHOLE.start, WHOLE.end, plan, like)
    spent, output = sums.times, count_pieces(sums.counts, like)
    assert spent.planned + spent.planned_stop == total(plan.busy)
    assert spent.told + spent.untold == (
        spent.delay + spent.idle + spent.setup + spent.planned_stop - said_by_state(trace)
    )
    lost = [spent.breakdown, spent.waiting, spent.standing]
    lost += [spent.quality, spent.personnel, spent.utility]
    assert sum(lost) == spent.down
    assert min(*lost, spent.setup, spent.micro, spent.run - spent.micro) >= 0
    losses = losses_of(spent, output)
    if output.counted and output.timed:
        known = Fraction(spent.planned - spent.unknown, 1000)
        assert sum(losses.values()) + Fraction(spent.micro, 1000) == known
        assert all(value >= 0 for name, value in losses.items() if name != "speed_loss_time")


def said_by_state(trace: list[Entry]) -> int:
    """Time of set-up and planned stops as the machine itself told them."""
    states = [entry for entry in trace if entry.signal == "state"]
    ends = [*(entry.t_ms for entry in states[1:]), WHOLE.end]
    return sum(
        max(min(end, WHOLE.end) - entry.t_ms, 0)
        for entry, end in zip(states, ends, strict=False)
        if entry.value in {"setup", "planned_stop"}
    )


@given(worlds(), times, said)
@settings(deadline=None)
def test_a_reason_changes_nothing_beyond_the_stop_that_it_reaches(
    world: tuple[list[Entry], KpiSpec], t_ms: int, word: str
) -> None:
    trace, like = world
    more = Journal([*trace, Entry(t_ms, "reason", word)])
    before = Journal(trace)
    start, end = reach(before, t_ms, like)
    plan = Calendar(SHANGHAI).plan("main", WHOLE.start, WHOLE.end)
    for first in range(T0, T0 + SPAN, 15 * MINUTE):
        last = first + 15 * MINUTE
        if last <= start or end <= first:
            parts = [sum_up(one, first, last, plan, like) for one in (before, more)]
            assert parts[0] == parts[1]


@given(worlds(), st.lists(times, min_size=2, max_size=5))
@settings(deadline=None)
def test_counts_never_fall_and_good_ones_are_of_them(
    world: tuple[list[Entry], KpiSpec], until: list[int]
) -> None:
    trace, like = world
    journal = Journal(trace)
    calendar = Calendar(SHANGHAI)
    before = 0.0
    for moment in sorted(until):
        window = Window("shift", T0, moment + 1)
        plan = calendar.plan("main", window.start, window.end)
        found = fold_oee(journal, ZERO, window, plan, like)
        counted = found.total or 0.0
        assert counted >= before
        before = counted
        first = found.kpi.get("first_pass_yield")
        assert first is None or 0 <= first <= 1
        assert found.q is None or 0 <= found.q <= 1
        if like.counting not in {"direct", "pairs"} and found.good is not None:
            assert found.good <= counted, "nothing is rejected before it is made, nor reworked"


@given(worlds())
@settings(deadline=None)
def test_no_ratio_comes_of_nothing(world: tuple[list[Entry], KpiSpec]) -> None:
    trace, like = world
    plan = Calendar(SHANGHAI).plan("main", WHOLE.start, WHOLE.end)
    found = fold_oee(trace, ZERO, WHOLE, plan, like)
    of_pieces = ("scrap_ratio", "first_pass_yield", "rework_ratio")
    if not found.total:
        assert {found.kpi.get(name) for name in of_pieces} == {None}
    if not found.kpi["failures"]:
        assert {found.kpi[name] for name in ("mtbf_s", "mttr_s", "mttf_s")} == {None}
    if found.delay_ms + found.idle_ms + found.setup_ms + found.planned_stop_ms == 0:
        assert found.kpi["unexplained_ratio"] is None
    of_orders = ("allocation_ratio", "production_process_ratio", "throughput_per_min")
    assert {found.kpi[name] for name in of_orders} == {None}


@given(days("tests"), st.lists(st.tuples(times, st.sampled_from("PF")), max_size=8))
@settings(deadline=None)
def test_retests_make_no_pieces_and_no_first_passes(
    trace: list[Entry], again: list[tuple[int, str]]
) -> None:
    like = like_of("tests", None)
    plan = Calendar(SHANGHAI).plan("main", WHOLE.start, WHOLE.end)
    plain = [entry for entry in trace if entry.signal != "test" or entry.value[0] in "PF"]  # type: ignore[index]
    first: dict[str, int] = {}
    for entry in plain:
        if entry.signal == "test":
            first.setdefault(str(entry.value)[1:], entry.t_ms)
    taken = {entry.t_ms for entry in plain if entry.signal == "test"}
    more = [
        Entry(t_ms, "test", f"{mark}{serial}")
        for t_ms, mark in again
        for serial, tested in first.items()
        if t_ms > tested and t_ms not in taken and not taken.add(t_ms)  # type: ignore[func-returns-value]
    ]
    one, two = (fold_oee(log(t), ZERO, WHOLE, plan, like) for t in (plain, [*plain, *more]))
    assert (one.total, one.kpi.get("first_pass_yield")) == (
        two.total,
        two.kpi.get("first_pass_yield"),
    )
    assert one.unplaced == two.unplaced
