"""Energy by order and product, cut within a minute: the same whatever else the log happens to hold.

A register is surely in the log at full minutes; more of it is there by chance.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.figures.counter import Limits
from gateway.figures.course import Course
from gateway.figures.journal import Journal
from tests.kpi_traces import MINUTE, T0, clock_calendar, spec
from tests.ledger_rig import Rig

if TYPE_CHECKING:
    from gateway.model import Value

Poll = tuple[int, dict[str, "Value"]]
CALENDAR = clock_calendar("00:10", "00:30")
SPEC = spec(
    signals=("state", "count", "product", "order", "energy", "reactive_energy"),
    windows=("quarter", "shift", "order", "product"),
    quality="none",
    max_rate=1.0,
    max_kw=500.0,
    moduli={"energy": 1000.0},
    silence_s=60.0,
    kpis=("kwh_per_good", "idle_kwh", "nonproductive_kwh", "power_factor", "kvarh"),
)
POLL_MS, METER_MS = 7_000, 3_000
METERS = ("energy", "reactive_energy")
KW = {"running": 400, "idle": 30, "fault": 3}

stretches = st.lists(
    st.tuples(
        st.integers(1, 25),  # polls
        st.sampled_from(sorted(KW)),
        st.sampled_from(["", "a", "b", "c"]),  # product
        st.sampled_from(["", "o1", "o2"]),  # order
        st.integers(0, 9).map(lambda n: n == 0),  # the meter is reset before
    ),
    min_size=1,
    max_size=15,
)


def polls_of(parts: list[tuple[int, str, str, str, bool]]) -> list[Poll]:
    """Readings of everything; it ends with the machine running, without an order."""
    polls: list[Poll] = []
    t, wh, count = T0 + 9 * MINUTE, 999_000_000, 0
    for length, state, product, order, is_new in [*parts, (30, "running", "", "", False)]:
        wh = 0 if is_new else wh
        for n in range(length):
            # No two readings rise alike.
            wh = (wh + KW[state] * POLL_MS * (1 + n % 3) // 3600) % 1_000_000_000
            count += state == "running"
            values: dict[str, Value] = {"state": state, "product": product, "order": order}
            meters = {"energy": wh / 1e6, "reactive_energy": 9000 + wh // 7 / 1e6}
            polls.append((t, {**values, **meters, "count": count}))
            t += POLL_MS
    return polls


def told(polls: list[Poll], restarts: frozenset[int], late: frozenset[int]) -> dict[Any, Any]:
    """The energy of each window in the end, where some are restarts and some come late."""
    rig = Rig.of(SPEC, CALENDAR)
    waiting: list[Poll] = []
    for place, (t, values) in enumerate(polls):
        if place in restarts:
            rig.restart(t - 500, graceful=True)
        rig.poll(t, **{name: value for name, value in values.items() if name not in METERS})
        rig.tick(t + 200)
        meters = t + METER_MS, {name: values[name] for name in METERS}
        if place in late and place < len(polls) - 10:
            waiting.append(meters)
        else:
            rig.poll(meters[0], **meters[1])
        if place % 9 == 8 or place == len(polls) - 1:
            for old, readings in waiting:
                rig.poll(old, **readings)
            waiting = []
        rig.tick(t + 3200)
    for passed in range(1000, 3_000_000, 30_000):
        rig.tick(polls[-1][0] + passed)
    revs = {(r.cls, r.subject): body["rev"] for r, body in rig.bodies("energy/electricity")}
    assert late or not any(revs.values()), "nothing is told before all that it hangs on is there"
    return {key: body for key, body in rig.finals().items() if key[0].startswith("energy/")}


CHANGE = [(40, "running", "a", "o1", False), (50, "idle", "b", "o2", False)]


@given(stretches, st.frozensets(st.integers(1, 250), max_size=6))
@example(CHANGE, frozenset({41}))
@example(CHANGE, frozenset({39, 42}))
@settings(deadline=None, max_examples=40)
def test_restarts_change_no_energy_of_an_order_or_product(
    parts: list[tuple[int, str, str, str, bool]], restarts: frozenset[int]
) -> None:
    polls = polls_of(parts)
    assert told(polls, restarts, frozenset()) == told(polls, frozenset(), frozenset())


@given(stretches, st.frozensets(st.integers(1, 250), max_size=6))
@example(CHANGE, frozenset({41}))
@settings(deadline=None, max_examples=40)
def test_late_readings_of_a_meter_change_none_either(
    parts: list[tuple[int, str, str, str, bool]], late: frozenset[int]
) -> None:
    polls = polls_of(parts)
    assert told(polls, frozenset(), late) == told(polls, frozenset(), frozenset())


@given(
    st.lists(st.integers(0, 90), min_size=8, max_size=40),
    st.frozensets(st.integers(0, 40)),
    st.integers(0, 200_000),
    st.integers(0, 200_000),
)
@settings(deadline=None)
def test_readings_within_a_minute_are_of_no_account(
    steps: list[int], spared: frozenset[int], one: int, other: int
) -> None:
    readings, kwh = [], 0
    for place, step in enumerate(steps):
        kwh += step
        readings.append((T0 + place * POLL_MS, kwh / 100))
    first, last = readings[0], readings[-1]
    start, end = sorted((T0 + one, T0 + other + 1))

    def course(kept: set[int]) -> Course:
        journal = Journal()
        for place, (t, value) in enumerate(readings):
            if place in kept:
                journal.put(t, "energy", value)
        limits = Limits(None, None)
        return Course(journal.numbers["energy"], limits, 2 * MINUTE, start, end)

    full = range(len(readings))
    edges = {
        place for place in full
        if readings[place] in (first, last)
        or any(readings[place + n][0] // MINUTE != readings[place][0] // MINUTE for n in (-1, 1))
    }  # fmt: skip
    some, whole = course(edges | (spared & set(full))), course(set(full))
    assert some.rise(start, end) == whole.rise(start, end)
    assert some.ends(start, end) == whole.ends(start, end)
    begin, over = whole.ends(start, end)
    if begin is not None and over is not None:
        assert over - begin == whole.rise(start, end)
    middle = (start + end) // 2
    assert whole.rise(start, middle) + whole.rise(middle, end) == whole.rise(start, end)
    assert whole.rise(first[0], last[0]) <= Fraction(kwh, 100)
