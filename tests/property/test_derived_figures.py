"""Figures of a machine that only its power tells of don't depend on restarts."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.derivation import CountRule, Derivation, Levels, StateRule
from gateway.deriving.deriver import Deriver
from tests.kpi_traces import HOUR, MINUTE, T0, spec
from tests.ledger_rig import SECOND, Rig

if TYPE_CHECKING:
    from typing import Any

LEVELS = Levels((("idle", 2.0), ("run", 6.0)), 0.5, 5 * SECOND)
DERIVED = Derivation(
    (),
    levels=LEVELS,
    state=StateRule("level", ("level",)),
    count=CountRule("power", above=8, below=6.5, dwell_ms=2 * SECOND),
)
KPI = spec(
    signals=("state", "count", "level", "power"),
    states={"run": "running", "idle": "idle", "off": "idle"},
    quality="none",
    silence_s=35.0,
    windows=("quarter",),
)
Finals = dict[tuple[str, str], "dict[str, Any]"]


def powers(dice: random.Random) -> list[float]:
    """A quarter of an hour of one sample a second, each power held for some seconds."""
    rows: list[float] = []
    while len(rows) < 900:
        rows += [dice.choice([0.0, 1.8, 2.2, 3.0, 7.0, 9.0])] * dice.randint(1, 40)
    return rows


def figures(rows: list[float], restarts: dict[int, bool]) -> Finals:
    """Final oee records after these samples.

    Args:
        rows: kW, one a second from five minutes before a quarter on.
        restarts: sample before which the gateway starts anew → whether it was stopped orderly.
    """
    rig = Rig.of(KPI)
    deriver = Deriver(DERIVED)
    start = T0 + 10 * MINUTE
    for second, power in enumerate(rows):
        t_ms = start + second * SECOND
        if second in restarts:
            if restarts[second]:
                for at, values in deriver.rest():
                    rig.poll(at, **values)
            else:
                rig.commit()
            rig.restart(t_ms, graceful=restarts[second])
            deriver = Deriver(DERIVED, rig.ledger.derived("m1"))
        for at, values in deriver.take(t_ms, {"power": power}):
            rig.poll(at, **values)
        rig.tick(t_ms)
    rig.tick(start + len(rows) * SECOND + HOUR)
    return {key: body for key, body in rig.finals().items() if key[0] == "oee"}


@given(st.integers(0, 1 << 32))
@settings(max_examples=12, deadline=None)
def test_restarts_change_no_figure(seed: int) -> None:
    dice = random.Random(seed)
    rows = powers(dice)
    restarts = {dice.randrange(1, len(rows)): dice.random() < 0.5 for _n in range(4)}
    assert figures(rows, restarts) == figures(rows, {})
