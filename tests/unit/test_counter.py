"""Counters: rise, rollover, reset, jump; case P06."""

from __future__ import annotations

import itertools
from array import array
from typing import TYPE_CHECKING

import pytest

from gateway.figures.counter import Change, Limits, growth
from gateway.figures.journal import Series
from tests.kpi_traces import cases

if TYPE_CHECKING:
    from collections.abc import Sequence

P06 = cases()["P06"]["inputs"]
STEP_MS = 1000


def series(values: Sequence[float], step_ms: int = STEP_MS) -> Series[float]:
    made: Series[float] = Series(array("d"))
    for place, value in enumerate(values):
        made.put(place * step_ms, value)
    return made


def limits(step: float = P06["max_plausible_step"], modulus: float | None = 65536) -> Limits:
    """Believe a step of so many in a second: that is elapsed x rate + one count."""
    return Limits(modulus, (step - 1) / STEP_MS)


@pytest.mark.parametrize("name", ["rollover", "reset", "still"])
def test_p06(name: str) -> None:
    readings = P06["series"][name]
    wanted = expected_p06()
    found = growth(series(readings), limits(), 0, 10 * STEP_MS, ())
    assert found.placed == wanted[f"{name}_total"]
    log = [str(limits().step(a, b, STEP_MS)[1]) for a, b in itertools.pairwise(readings)]
    assert log == wanted.get(f"{name}_log", ["up"] * 3)


def expected_p06() -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in cases()["P06"]["expected"].items():
        found[name] = value if isinstance(value, list) else value["value"]
    return found


def test_a_leap_up_is_not_believed() -> None:
    found = growth(series([100, 60000, 60001, 60003]), limits(), 0, 9999, ())
    assert (found.placed, found.jumps) == (3, 1)


@pytest.mark.parametrize("garbled", [0, 60000, 65535])
def test_a_garbled_reading_invents_no_piece_and_hides_none(garbled: int) -> None:
    readings = [8448, 8449, 8450, garbled, 8451, 8452]
    made = series(readings)
    found = growth(made, limits(), 0, 9999, ())
    assert found.placed == 4
    # Wherever a window is cut, the parts are those of the whole.
    for cut in range(6):
        edge = cut * STEP_MS + 500
        parts = [growth(made, limits(), 0, edge, ()), growth(made, limits(), edge, 9999, ())]
        assert parts[0].placed + parts[1].placed == found.placed


def test_a_drop_that_is_neither_rollover_nor_reset_adds_nothing() -> None:
    assert limits().step(40000, 20000, STEP_MS) == (0.0, Change.JUMP)
    assert limits(modulus=None).step(40000, 3, STEP_MS) == (3, Change.RESET)
    assert limits().step(5, -1, STEP_MS) == (0.0, Change.JUMP)


def test_one_count_is_believed_at_any_speed() -> None:
    slow = Limits(None, 1 / 60_000)
    assert slow.step(10, 11, 1) == (1, Change.UP)
    assert slow.step(10, 12, 1) == (0.0, Change.JUMP)
    coarse = Limits(None, 1 / 3_600_000, one=40.0)
    assert coarse.step(4000, 4040, 5000) == (40, Change.UP)


def test_without_a_rate_rises_are_believed_and_drops_add_nothing() -> None:
    open_ended = Limits(1_000_000, None)
    assert open_ended.step(10, 999_999, 1) == (999_989, Change.UP)
    assert open_ended.step(999_999, 3, 1) == (0.0, Change.JUMP)


def test_an_increment_belongs_to_the_time_it_was_seen() -> None:
    readings = series([0, 1, 2, 3, 4])
    assert growth(readings, limits(), 1000, 3000, ()).placed == 2
    assert growth(readings, limits(), 0, 1000, ()).placed == 0
    assert growth(readings, limits(), 4000, 4001, ()).placed == 1


def test_growth_across_unknown_time_is_unplaced() -> None:
    readings = series([0, 1, 3, 6])
    found = growth(readings, limits(), 0, 9999, [(1500, 1600)])
    assert (found.placed, found.unplaced) == (4, 2)
    # Unknown up to the reading, or from it on, does not touch the other step.
    found = growth(readings, limits(), 0, 9999, [(1000, 2000)])
    assert (found.placed, found.unplaced) == (4, 2)


def test_readings_that_came_out_of_order() -> None:
    made = series([])
    for t, value in ((3000, 3.0), (1000, 1.0), (2000, 2.0), (2000, 2.5)):
        made.put(t, value)
    assert list(made.times) == [1000, 2000, 3000]
    assert list(made.values) == [1.0, 2.5, 3.0]
