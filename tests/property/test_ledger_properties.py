"""The ledger, for any day: what it leaves out of the log, restarts and lateness change nothing."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.figures.media import ELECTRICITY
from gateway.figures.statement import energy_fields, oee_fields
from gateway.figures.windows import QUARTER_MS, Window
from gateway.ledger import GRACE_MS
from gateway.model import Entry
from tests.folds import fold_energy, fold_oee
from tests.kpi_traces import T0, clock_calendar, spec
from tests.ledger_rig import Rig

if TYPE_CHECKING:
    from gateway.model import Value

POLL_MS = 10_000
SILENCE_MS = 30_000
SETTLE_MS = 300_000
SPEC = spec(
    signals=("state", "count", "reject", "energy"),
    windows=("quarter", "hour", "shift"),
    micro_stop_s=45.0,
    ideal_cycle_s=11.0,
    max_rate=1.0,
    max_kw=500.0,
    silence_s=SILENCE_MS / 1000,
    kpis=("nee", "microstop_count", "mtbf_s", "oee_by_count", "kwh_per_good", "kgce"),
)
CALENDAR = clock_calendar("00:10", "02:00", ("00:40", "00:50"))
GAP = "gap"


@dataclass(frozen=True)
class Poll:
    """One reading of everything, and how many polls later it arrives."""

    t_ms: int
    values: dict[str, Value]


@dataclass(frozen=True)
class Stretch:
    """Some polls alike: a word (None: unreadable, `gap`: not polled), a piece each so many."""

    polls: int
    word: str | None
    each: int
    rejects: bool = False
    resets: bool = False


BEGIN, CLOSE = Stretch(2, "running", 1), Stretch(14, "running", 1)


stretches = st.lists(
    st.builds(
        Stretch,
        polls=st.integers(1, 40),
        word=st.sampled_from(["running", "running", "fault", "idle", "planned_stop", None, GAP]),
        each=st.integers(1, 8),
        rejects=st.booleans(),
        resets=st.integers(0, 9).map(lambda n: n == 0),
    ),
    min_size=1,
    max_size=40,
)


def polls_of(parts: list[Stretch]) -> list[Poll]:
    """The readings of a day; it begins and ends with the machine running."""
    parts = [BEGIN, *parts, CLOSE]
    polls: list[Poll] = []
    t, count, reject, kwh = T0 - 2 * POLL_MS, 100, 7, 5000
    for part in parts:
        if part.resets:
            count = reject = 0
        for n in range(part.polls):
            if part.word == "running" and n % part.each == 0:
                count += 1
                reject += part.rejects and n % 3 == 0
            kwh += 3 if part.word == "running" else n % 2
            if part.word != GAP:
                values: dict[str, Value] = {
                    "state": part.word,
                    "count": count,
                    "reject": reject,
                    "energy": kwh / 100,
                }
                polls.append(Poll(t, values))
            t += POLL_MS
    return polls


def play(
    polls: list[Poll], restarts: frozenset[int] = frozenset(), *, graceful: bool = False
) -> Rig:
    """Poll in order, tick each time, and let everything settle."""
    rig = Rig.of(SPEC, CALENDAR)
    for place, poll in enumerate(polls):
        if place in restarts:
            rig.restart(poll.t_ms, graceful=graceful)
        rig.poll(poll.t_ms, **poll.values)
        rig.tick(poll.t_ms + 200)
    return rig


def settle(rig: Rig, end_ms: int) -> Rig:
    """Time goes on after the last poll."""
    for passed in range(1000, SETTLE_MS + 1, 5000):
        rig.tick(end_ms + passed)
    return rig


def raw_entries(polls: list[Poll]) -> list[Entry]:
    """Every reading, none left out, with the silences between good states and after them."""
    entries = [
        Entry(poll.t_ms, name, value)
        for poll in polls
        for name, value in poll.values.items()
        if value is not None or name == "state"
    ]
    good = [poll.t_ms for poll in polls if poll.values["state"] is not None]
    for before, after in itertools.pairwise(good):
        if after - before > SILENCE_MS:
            entries.append(Entry(before, "silence", after))
    return [*entries, Entry(good[-1], "silence", None)]


@given(stretches)
@example([Stretch(1, GAP, 1), Stretch(1, "fault", 1), Stretch(1, "running", 1)])
@settings(deadline=None, max_examples=80)
def test_what_is_left_out_of_the_log_no_figure_misses(parts: list[Stretch]) -> None:
    polls = polls_of(parts)
    rig = settle(play(polls), polls[-1].t_ms)
    entries = raw_entries(polls)
    told = rig.finals()
    ended = (polls[-1].t_ms + SETTLE_MS - GRACE_MS - T0) // QUARTER_MS + 1
    assert sum(subject.startswith("quarter") for _cls, subject in told) == 2 * ended
    for (cls, _subject), body in told.items():
        window = Window(**body["win"])
        plan = CALENDAR.plan("main", window.start, window.end)
        figures = fold_oee(entries, Fraction(0), window, plan, SPEC)
        if cls == "oee":
            fields = oee_fields(window, figures, SPEC)
        else:
            fields = energy_fields(
                window, fold_energy(entries, window, SPEC, figures.good), SPEC, ELECTRICITY
            )
        assert {"final": True, **fields} == body


@given(stretches, st.frozensets(st.integers(1, 400), max_size=6))
@settings(deadline=None, max_examples=40)
def test_orderly_restarts_change_nothing(parts: list[Stretch], restarts: frozenset[int]) -> None:
    polls = polls_of(parts)
    end = polls[-1].t_ms
    never = settle(play(polls), end)
    often = settle(play(polls, restarts, graceful=True), end)
    assert often.finals() == never.finals()
    assert [r for r in often.told("state") if r["state"] != "offline"] == [
        r for r in never.told("state") if r["state"] != "offline"
    ]


@given(
    stretches,
    st.lists(st.tuples(st.integers(1, 400), st.integers(0, 3), st.booleans()), max_size=6),
)
@settings(deadline=None, max_examples=40)
def test_accounts_begun_anew_while_it_runs_change_nothing(
    parts: list[Stretch], changes: list[tuple[int, int, bool]]
) -> None:
    """Whether they take over or the old ones go on after all, and however long it takes."""
    polls = polls_of(parts)
    end = polls[-1].t_ms
    rig = Rig.of(SPEC, CALENDAR)
    begins = {place: (place + takes, done) for place, takes, done in changes}
    ends: tuple[int, bool] | None = None
    for place, poll in enumerate(polls):
        if ends is None and place in begins:
            rig.withdraw()
            ends = begins[place]
        rig.poll(poll.t_ms, **poll.values)
        if ends is not None and place >= ends[0]:
            if ends[1]:
                rig.begin_anew(poll.t_ms + 100)
            else:
                rig.take_back()
            ends = None
        rig.tick(poll.t_ms + 200)
    if ends is not None:
        rig.begin_anew(end + 300)
    never = settle(play(polls), end)
    often = settle(rig, end)
    assert often.finals() == never.finals()
    assert [r for r in often.told("state") if r["state"] != "offline"] == [
        r for r in never.told("state") if r["state"] != "offline"
    ]


@given(stretches, st.frozensets(st.integers(1, 400), max_size=6))
@example(
    [
        Stretch(1, GAP, 1, resets=True),
        Stretch(7, "running", 1, resets=True),
        Stretch(33, GAP, 1),
        Stretch(4, "fault", 1),
        *[Stretch(1, "running", 1, resets=True)] * 3,
    ],
    frozenset([13]),
)
@settings(deadline=None, max_examples=40)
def test_crashes_change_no_oee_and_little_energy(
    parts: list[Stretch], restarts: frozenset[int]
) -> None:
    """A crash forgets the meter's readings since the last full minute, and no energy."""
    polls = polls_of(parts)
    end = polls[-1].t_ms
    never = settle(play(polls), end).finals()
    often = settle(play(polls, restarts), end).finals()
    assert never.keys() == often.keys()
    for key, body in never.items():
        if key[0] == "oee":
            assert often[key] == body
        else:
            assert abs((often[key]["use"] or 0) - (body["use"] or 0)) <= 0.18


@given(stretches, st.lists(st.integers(0, 60), min_size=1, max_size=30))
@example([Stretch(3, GAP, 1)], [0, 5, 0])
@example([Stretch(86, "running", 1), Stretch(5, "fault", 1)], [3])
@example(
    [Stretch(89, "running", 1), Stretch(3, "fault", 1), Stretch(6, "running", 1)],
    [0] * 12 + [3, 2, 0, 0],
)
@settings(deadline=None, max_examples=80)
def test_late_readings_give_the_same_figures_in_the_end(
    parts: list[Stretch], delays: list[int]
) -> None:
    polls = polls_of(parts)
    in_time = play(polls)
    rig = Rig.of(SPEC, CALENDAR)
    # The first come in time: from them on the asset exists.
    late = [0, 0, *itertools.islice(itertools.cycle(delays), len(polls) - 2)]
    arrivals = sorted(
        (poll.t_ms + late_by * POLL_MS, place)
        for place, (poll, late_by) in enumerate(zip(polls, late, strict=True))
    )
    for now, place in arrivals:
        rig.poll(polls[place].t_ms, **polls[place].values)
        rig.tick(now + 200)
    settle(rig, arrivals[-1][0])
    settle(in_time, arrivals[-1][0])
    assert rig.ledger.refused() == {}
    assert rig.finals() == in_time.finals()
