"""Energy, for any meter: parts add up however time is cut; restarts and lateness change nothing."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.figures.calendar import Calendar
from gateway.figures.course import Course
from gateway.figures.demand import FIXED, SLIDING
from gateway.figures.journal import Journal
from gateway.figures.media import ELECTRICITY
from gateway.figures.usage import SLOT, WORK, Usage, Used, epoch_of, register_limits
from gateway.metering import DAY_TYPES, MeterSpec, Tariff, TariffRule, TariffVersion
from gateway.settings import Roster, Rosters, Shift
from tests.kpi_traces import HOUR, MINUTE, SHANGHAI, T0, spec
from tests.ledger_rig import Rig

if TYPE_CHECKING:
    from gateway.model import Value

NIGHT = ((0, 20, "valley"), (20, 95, "peak"), (95, 1440, "flat"))
TARIFF = Tariff(
    "CNY",
    (
        TariffVersion(
            date(2026, 1, 1),
            (TariffRule(frozenset(range(1, 13)), frozenset(DAY_TYPES), frozenset(), NIGHT),),
            {"valley": 0.35, "peak": 1.3, "flat": 0.7},
        ),
    ),
)
CALENDAR = Calendar(
    SHANGHAI, Rosters(Roster((Shift("day", 10, 70, frozenset(range(7))),)), {})
)  # fmt: skip
KPIS = (
    "cost",
    "idle_kwh",
    "nonproductive_ratio",
    "base_load_kw",
    "demand_sliding_max_kw",
    "power_factor",
    "kvarh",
    "current_imbalance_mean",
    "current_imbalance_max",
    "specific_power",
    "load_ratio",
    "tariff_apportioned_kwh",
    "standby_kwh",
)
SPEC = spec(
    signals=(
        "state",
        "level",
        "energy",
        "reactive_energy",
        "compressed_air",
        "run_hours",
        "load_hours",
        "current_l1",
        "current_l2",
        "current_l3",
    ),
    counting="none",
    windows=("quarter", "hour"),
    max_kw=500.0,
    moduli={"energy": 1000.0},
    max_flow={"compressed_air": 10_000.0},
    silence_s=60.0,
    kpis=KPIS,
    metering=MeterSpec(tariff=TARIFF, scales={"energy": 1.0}),
)
LONG_MS = 2 * HOUR

readings = st.lists(
    st.tuples(
        st.integers(1_000, 400_000),  # ms after the one before
        st.sampled_from([0, 1, 5, 40, 300, -1, -2, -3]),  # hundredths; below 0: what happens to it
    ),
    min_size=2,
    max_size=60,
)
cuts = st.lists(st.integers(0, LONG_MS), max_size=12)


def log(steps: list[tuple[int, int]]) -> Journal:
    """A register with states beside it; -1 resets it, -2 exchanges it, -3 changes its scale."""
    journal = Journal()
    t, hundredths, scale = T0 - 90_000, 99_000, 1
    words = itertools.cycle(["running", "idle", None, "fault"])
    for place, (apart, step) in enumerate(steps):
        t += apart
        if step == -1:
            hundredths = 0
        elif step == -2:
            hundredths = (hundredths + 51_234) % 100_000
        elif step == -3:
            scale = 40 if scale == 1 else 1
            journal.put(t, epoch_of("energy"), float(scale))
            hundredths = hundredths * 3 % 100_000
        else:
            hundredths = (hundredths + step) % 100_000
        if place == 0:
            journal.put(t, epoch_of("energy"), float(scale))
        journal.put(t, "energy", hundredths / 100)
        if place % 3 == 0:
            journal.put(t, "state", next(words))
    return journal


@given(readings, cuts)
@settings(deadline=None, max_examples=120)
def test_parts_add_up_to_the_whole_however_time_is_cut(
    steps: list[tuple[int, int]], edges: list[int]
) -> None:
    journal, usage = log(steps), Usage(SPEC, CALENDAR, "main")
    whole = usage.of(journal, ELECTRICITY, T0, T0 + LONG_MS)
    points = sorted({0, LONG_MS, *edges})
    parts = Used()
    for start, end in itertools.pairwise(points):
        parts += usage.of(journal, ELECTRICITY, T0 + start, T0 + end)
    assert dataclasses.replace(parts, sums={}) == dataclasses.replace(whole, sums={})
    assert all(
        parts.part(kind) == whole.part(kind) for kind in (SLOT, "cost", "off", "apportioned")
    )
    for kind in (SLOT, WORK):
        assert sum(whole.part(kind).values(), Fraction(0)) == whole.use


@given(readings)
@settings(deadline=None, max_examples=120)
def test_the_highest_demand_is_that_of_all_blocks_looked_at_one_by_one(
    steps: list[tuple[int, int]],
) -> None:
    journal, usage = log(steps), Usage(SPEC, CALENDAR, "main")
    found = usage.of(journal, ELECTRICITY, T0, T0 + LONG_MS).tops
    block = 15 * MINUTE
    series, scales = journal.numbers["energy"], journal.numbers[epoch_of("energy")]
    limits = register_limits(SPEC)
    for kind, step in ((FIXED, block), (SLIDING, MINUTE)):
        seen = [
            course.rise(end - block, end) * HOUR / block
            for end in range(T0 + step, T0 + LONG_MS + 1, step)
            if (
                course := Course(series, limits, 120_000, end - block, end, scales)
            ).is_whole(end - block, end)
        ]  # fmt: skip
        assert (kind in found) == bool(seen)
        if seen:
            assert abs(found[kind] - max(seen)) < Fraction(1, 10**9)
    if FIXED in found:
        assert found[SLIDING] >= found[FIXED]


@given(readings, cuts)
@example(
    [
        *((51801, 0), (394937, 0), (9947, -2), (81248, 0), (24446, -3)),
        *((13012, 0), (9288, 0), (39332, -3), (99999, 300)),
    ],
    [0, 542986, 569449, LONG_MS],
)
@settings(deadline=None, max_examples=120)
def test_states_add_up_over_any_windows(steps: list[tuple[int, int]], edges: list[int]) -> None:
    journal, usage = log(steps), Usage(SPEC, CALENDAR, "main")
    whole = usage.of(journal, ELECTRICITY, T0, T0 + LONG_MS)
    parts = Used()
    for start, end in itertools.pairwise(sorted({0, LONG_MS, *edges})):
        parts += usage.of(journal, ELECTRICITY, T0 + start, T0 + end)
    amounts = {word: kwh for word, kwh in whole.part(WORK).items() if kwh}
    assert {word: kwh for word, kwh in parts.part(WORK).items() if kwh} == amounts


# Through the ledger


stretches = st.lists(
    st.tuples(
        st.integers(3, 40),  # polls
        st.sampled_from(["run", "idle", "standby", "off", "gap"]),
        st.booleans(),  # the meter is exchanged before
    ),
    min_size=1,
    max_size=12,
)
POLL_MS = 20_000
POWER = {"run": 40, "idle": 9, "standby": 1, "off": 0, "gap": 20}


def polls_of(parts: list[tuple[int, str, bool]]) -> list[tuple[int, dict[str, Value]]]:
    """Readings of everything; it begins and ends with the machine running."""
    polls: list[tuple[int, dict[str, Value]]] = []
    t, wh, varh, air, hours = T0 - POLL_MS, 9_900_000, 0, 0, 0
    for count, level, is_new in [(6, "run", False), *parts, (24, "run", False)]:
        wh = 0 if is_new else wh
        for n in range(count):
            step = POWER[level] * 1000 * POLL_MS // HOUR
            wh, varh, air = wh + step + n % 3, varh + step // 2, air + step * 9
            hours += level != "off"
            if level != "gap":
                values: dict[str, Value] = {
                    "state": "running" if level == "run" else "idle",
                    "level": level,
                    "energy": wh / 10_000 % 1000,
                    "reactive_energy": varh / 10_000,
                    "compressed_air": air / 1000,
                    "run_hours": hours / 180,
                    "load_hours": hours / 360,
                    **{f"current_l{n}": 40 + (t // 7000 + 5 * n) % 11 for n in (1, 2, 3)},
                }
                polls.append((t, values))
            t += POLL_MS
    return polls


def play(
    polls: list[tuple[int, dict[str, Value]]],
    restarts: frozenset[int] = frozenset(),
    late: frozenset[int] = frozenset(),
) -> Rig:
    """Poll in order, the late ones ten polls later, and let everything settle."""
    rig = Rig.of(SPEC, CALENDAR)
    end = polls[-1][0]
    waiting: dict[int, list[tuple[int, dict[str, Value]]]] = {}
    for place, (t, values) in enumerate(polls):
        if place in restarts:
            rig.restart(t, graceful=True)
        if place in late:
            waiting.setdefault(min(place + 10, len(polls) - 1), []).append((t, values))
        else:
            rig.poll(t, **values)
        for old, told in waiting.pop(place, ()):
            rig.poll(old, **told)
        rig.tick(t + 200)
    for passed in range(1000, 300_000, 5000):
        rig.tick(end + passed)
    return rig


def energy_of(rig: Rig) -> dict[tuple[str, str], dict[str, object]]:
    return {key: body for key, body in rig.finals().items() if key[0].startswith("energy/")}


@given(stretches, st.frozensets(st.integers(1, 200), max_size=5))
@settings(deadline=None, max_examples=25)
def test_orderly_restarts_change_no_energy(
    parts: list[tuple[int, str, bool]], restarts: frozenset[int]
) -> None:
    polls = polls_of(parts)
    assert energy_of(play(polls, restarts)) == energy_of(play(polls))


@given(stretches, st.frozensets(st.integers(1, 120), max_size=8))
@settings(deadline=None, max_examples=25)
def test_late_readings_give_what_readings_in_time_give(
    parts: list[tuple[int, str, bool]], late: frozenset[int]
) -> None:
    polls = polls_of(parts)
    last = len(polls) - 14
    found = energy_of(play(polls, late=frozenset(place for place in late if place < last)))
    assert found == energy_of(play(polls))
