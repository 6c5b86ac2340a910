"""Live, restart, crash, late, entered late, reloaded, clock set: always the fold over the log."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.figures_life import STEP_S, Life, Statements, Terms, is_nothing
from tests.kpi_traces import clock_calendar, cycles, spec

if TYPE_CHECKING:
    from gateway.model import Value

REASONS = {"保养": "planned", "换模": "setup", "12": "breakdown", "缺料": "waiting"}
BASE = spec(
    reasons=REASONS,
    signals=("state", "count", "energy"),
    states={"1": "running", "2": "fault", "3": "idle", "4": "planned_stop"},
    windows=("quarter", "hour", "shift", "order", "product"),
    quality="none",
    micro_stop_s=45.0,
    ideal_cycle_s=11.0,
    products=cycles(a=9.0, b=14.0),
    max_rate=1.0,
    max_kw=500.0,
    interim_s=300.0,
    kpis=(
        "nee",
        "microstop_count",
        "oee_by_count",
        "kwh_per_good",
        "failures",
        "waiting_loss_time",
        "demand_sliding_max_kw",
        "nonproductive_kwh",
        "base_load_kw",
    ),
)
NARROW = clock_calendar("00:10", "02:00", ("00:40", "00:50"))
WIDE = clock_calendar("00:10", "02:00", ("00:25", "00:30"), ("01:00", "01:20"))
TERMS: tuple[Terms, ...] = (
    (BASE, NARROW),
    (dataclasses.replace(BASE, ideal_cycle_s=7.0, profile="test@2.0.0+1111"), NARROW),
    (BASE, WIDE),
    (dataclasses.replace(BASE, micro_stop_s=None, interim_s=None), NARROW),
    (dataclasses.replace(BASE, states={"1": "running", "2": "waiting", "3": "setup"}), WIDE),
)


@dataclass(frozen=True)
class Polls:
    """So many polls alike, a piece each so many, each read so late; committed after so many."""

    polls: int
    raw: int | None
    each: int = 1
    late: int = 0
    resets: bool = False
    commits: int = 6


@dataclass(frozen=True)
class Silence:
    """So many polls are left out; without a tick the process is suspended."""

    polls: int
    ticks: bool = True


@dataclass(frozen=True)
class Restart:
    """The process ends, and begins again with these settings after a while."""

    terms: int
    orderly: bool
    down_s: int


@dataclass(frozen=True)
class Reload:
    """Other settings are taken while it runs, or not after all."""

    terms: int
    held: int
    done: bool = True


@dataclass(frozen=True)
class Say:
    """Somebody says something of the asset, of a time before."""

    name: str
    value: Value
    late_s: int


@dataclass(frozen=True)
class Clock:
    """The clock is set, to so much ahead of the right time."""

    ahead_s: int


Act = Polls | Silence | Restart | Reload | Say | Clock

polls = st.builds(
    Polls,
    st.integers(1, 60),
    st.sampled_from([1, 1, 1, 2, 3, 4, 9, None]),
    st.integers(1, 6),
    st.sampled_from([0, 0, 0, 0, 1, 5, 40]),
    st.integers(0, 9).map(lambda n: n == 0),
    st.integers(1, 12),
)
quiet = st.one_of(
    polls,
    polls,
    polls,
    st.builds(Silence, st.integers(1, 60), st.booleans()),
    st.builds(Restart, st.integers(0, len(TERMS) - 1), st.booleans(), st.integers(0, 1800)),
    st.builds(Restart, st.just(0), st.booleans(), st.integers(0, 60)),
    st.builds(Reload, st.integers(0, len(TERMS) - 1), st.integers(0, 4), st.booleans()),
    st.builds(Say, st.just("product"), st.sampled_from(["a", "b", "c", ""]), st.integers(0, 5000)),
    st.builds(Say, st.just("planned_stop"), st.booleans(), st.integers(0, 5000)),
    st.builds(Say, st.just("reject"), st.integers(0, 9), st.integers(0, 5000)),
    st.builds(Say, st.just("good"), st.integers(0, 9), st.integers(0, 5000)),
    st.builds(Say, st.just("reason"), st.sampled_from([*REASONS, "?"]), st.integers(0, 5000)),
    st.builds(Say, st.just("order"), st.sampled_from(["o1", "o2", ""]), st.integers(0, 5000)),
)
any_act = st.one_of(quiet, quiet, quiet, quiet, st.builds(Clock, st.integers(-5400, 5400)))


class Player:
    """Has a machine of one sort or another run through acts."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self._count, self._kwh = 100, 5000
        self._polled = 0

    async def play(self, act: Act) -> None:
        if isinstance(act, Polls):
            await self._poll(act)
        elif isinstance(act, Silence):
            for _poll in range(act.polls if act.ticks else 0):
                self.life.tick()
            if not act.ticks:
                self.life.machine.advance(act.polls * STEP_S)
        elif isinstance(act, Restart):
            await self.life.restart(TERMS[act.terms], orderly=act.orderly, down_s=act.down_s)
        elif isinstance(act, Reload):
            held = [self._values(1, 1, n) for n in range(act.held)]
            if act.done:
                await self.life.reload(TERMS[act.terms], held)
            else:
                self.life.take_back(held)
        elif isinstance(act, Say):
            self.life.enter({act.name: act.value}, act.late_s)
        else:
            self.life.set_clock(act.ahead_s)

    async def _poll(self, act: Polls) -> None:
        if act.resets:
            self._count = 0
        for number in range(act.polls):
            self.life.tick()
            # Some come as late as it is said, and the others in time.
            late_s = act.late * STEP_S + 1 if number % 3 == 2 and act.late else 0
            self.life.poll(self._values(act.raw, act.each, number), late_s)
            self._polled += 1
            if self._polled % act.commits == 0:
                await self.life.commit()

    def _values(self, raw: int | None, each: int, number: int) -> dict[str, Value]:
        if raw == 1 and number % each == 0:
            self._count += 1
        self._kwh += 3 if raw == 1 else number % 2
        return {"state": raw, "count": self._count, "energy": self._kwh / 100}


async def live(acts: list[Act], folder: Path) -> None:
    """Play, let all settle, and compare with the log.

    An order that was told and goes on after all is told again once it ends: in the end all do.
    """
    life = Life(folder, TERMS[0])
    player = Player(life)
    try:
        for act in (Polls(8, 1), *acts, Polls(8, 1), Say("order", "", 0)):
            await player.play(act)
        for _minute in range(25):
            for _poll in range(6):
                life.tick()
        await life.commit()
        told = await life.told()
        finals = judge(told, was_set=life.was_set)
        expected = life.fold()
        for key, body in expected.items():
            body.pop("rev")
            assert finals[key] == body, key
        if not life.was_set:
            assert expected.keys() <= finals.keys()
            gone = [body for key, body in finals.items() if key not in expected]
            assert all(map(is_nothing, gone)), "an order or a product that was none after all"
    finally:
        await life.store.close()


def judge(told: list[tuple[str, str, dict[str, object]]], *, was_set: bool) -> Statements:
    """Revisions of a window rise by one, and final stays final; what counts of each."""
    finals: Statements = {}
    for cls, subject, body in told:
        before = finals.get((cls, subject))
        assert body["final"] or before is None, f"{subject} was final"
        if body["final"]:
            rev = 0 if before is None else before["rev"] + 1
            assert body["rev"] == rev, f"{subject}: a step a restatement"
            found = dict(body)
            found.pop("clock", None)
            alike = before is not None and {**before, "rev": rev} == found
            assert was_set or not alike, f"{subject}: told again, and the same"
            finals[cls, subject] = found
    for body in finals.values():
        body.pop("rev")
    return finals


def run(acts: list[Act]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live(acts, Path(folder)))


@given(st.lists(quiet, min_size=1, max_size=25))
@example([Say("product", "a", 141)])
@example(
    [
        Say("order", "o1", 0),
        Polls(1, 1, commits=1),
        Say("order", "o2", 0),
        Polls(1, 1, commits=1),
        Say("order", "o1", 10),
    ]
)
@example([Polls(90, 1), Polls(3, 1, late=30, commits=1), Restart(0, orderly=False, down_s=5)])
@example([Polls(90, 1), Restart(1, orderly=False, down_s=5), Polls(3, 1, late=30)])
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_told_is_a_fold_over_the_durable_log(acts: list[Act]) -> None:
    run(acts)


@given(st.lists(any_act, min_size=1, max_size=25))
@example(
    [
        Restart(2, orderly=True, down_s=679),
        Restart(3, orderly=False, down_s=264),
        Restart(2, orderly=True, down_s=1174),
        Clock(587),
    ]
)
@example([Clock(-3740)])
@example([Restart(0, orderly=False, down_s=395), Polls(41, 1), Clock(3), Say("product", "a", 50)])
@example([Polls(2, 1), Clock(657), Polls(40, None, late=40), Polls(1, None), Clock(0)])
@example([Polls(2, 1), Clock(1590), Polls(5, 1), Silence(1, ticks=False), Polls(1, 1), Clock(0)])
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_so_it_is_where_the_clock_is_set(acts: list[Act]) -> None:
    run(acts)


LONG = settings(
    deadline=None,
    max_examples=int(os.environ.get("NXGATE_LIVES", "2000")),
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.soak
@given(st.lists(quiet, min_size=1, max_size=60))
@LONG
def test_so_it_is_in_a_long_life(acts: list[Act]) -> None:
    run(acts)


@pytest.mark.soak
@given(st.lists(any_act, min_size=1, max_size=60))
@LONG
def test_so_it_is_in_any_life(acts: list[Act]) -> None:
    run(acts)
