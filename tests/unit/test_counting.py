"""Counting rules: factors, rejects at start-up, rework, what is entered, counters that disagree."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from gateway.model import Entry
from tests.folds import fold_oee
from tests.kpi_traces import HOUR, MINUTE, T0, always, close, counted, log, spec, states, window

if TYPE_CHECKING:
    from gateway.figures.oee import OeeFigures
    from gateway.kpi import KpiSpec

ZERO = Fraction(0)
WIN = window(60, kind="hour")
HALF = T0 + 30 * MINUTE
RUNNING = states((T0, "running"))
PRESS = spec(
    counting="multiplied",
    signals=("state", "count", "reject", "moulds", "cavities"),
    multipliers={"moulds": 4.0, "cavities": 2.0},
    ideal_cycle_s=30.0,
)


def fold(like: KpiSpec, *parts: list[Entry], until: int | None = None) -> OeeFigures:
    return fold_oee(log(RUNNING, *parts), ZERO, WIN, always(WIN), like, until)


def test_a_count_is_as_many_pieces_as_its_factors_give_at_that_time() -> None:
    found = fold(
        PRESS,
        counted("count", T0, HALF, 60),
        counted("count", HALF, WIN.end, 60, base=60)[1:],
        [Entry(T0, "moulds", 4), Entry(HALF, "moulds", 3)],
        [Entry(T0, "reject", 0), Entry(T0 + 50 * MINUTE, "reject", 6)],
    )
    assert (found.total, found.scrap) == (60 * 8 + 60 * 6, 6)
    assert close(found.p, Fraction(1)), "a mould that is missing is no speed loss"
    assert close(found.kpi["station_loss_time"], Fraction(60 * 30, 4))
    assert close(found.q, 1 - Fraction(6 * 5, 120 * 30)), "such a piece takes 30 s / 6"


def test_more_than_nominal_is_no_loss_and_without_a_nominal_there_is_none() -> None:
    more = fold(PRESS, counted("count", T0, WIN.end, 100), [Entry(T0, "cavities", 3)])
    assert (more.total, more.kpi["station_loss_time"]) == (1200, 0)
    free = spec(
        counting="multiplied",
        signals=("state", "count", "plies"),
        multipliers={"plies": None},
        quality="none",
    )
    told = fold(free, counted("count", T0, WIN.end, 10), [Entry(T0, "plies", 40)])
    assert (told.total, told.kpi["station_loss_time"]) == (400, 0)


def test_all_pieces_of_one_count_may_be_rejected_at_once() -> None:
    """A charge of 500 kg each 20 min: 30 kg rejected within a minute are believed, 2000 kg not."""
    furnace = spec(
        counting="multiplied",
        signals=("state", "count", "reject", "charge"),
        multipliers={"charge": 500.0},
        ideal_cycle_s=1200.0,
        max_rate=3 / 1200,
    )
    late = T0 + 50 * MINUTE
    for told, scrap in ((30, 30), (2000, 0)):
        rejected = [Entry(late, "reject", 100), Entry(late + MINUTE, "reject", 100 + told)]
        found = fold(furnace, counted("count", T0, WIN.end, 3), rejected)
        assert (found.total, found.scrap) == (1500, scrap)
    heavy = [Entry(T0, "charge", 2400)]
    found = fold(furnace, counted("count", T0, WIN.end, 3), rejected, heavy)
    assert (found.total, found.scrap) == (7200, 2000)


def test_what_a_count_stands_for_is_not_guessed() -> None:
    free = spec(
        counting="multiplied", signals=("state", "count", "reject"), multipliers={"plies": None}
    )
    found = fold(free, counted("count", T0, WIN.end, 10))
    assert (found.total, found.p, found.q, found.reason) == (None, None, None, "no_counter")
    none = fold(free)
    assert (none.total, none.reason) == (0, "no_pieces")


def test_start_up_rejects_are_a_loss_of_their_own() -> None:
    like = spec(signals=("state", "count", "reject", "reject_startup"), ideal_cycle_s=20.0)
    found = fold(
        like,
        counted("count", T0, WIN.end, 120),
        counted("reject", T0, WIN.end, 12),
        counted("reject_startup", T0, WIN.end, 5),
    )
    losses = [found.kpi[f"{which}_reject_loss_time"] for which in ("startup", "process")]
    assert losses == [100, 140]
    assert found.kpi["productive_time"] == 108 * 20
    other = fold(spec(), counted("count", T0, WIN.end, 9), counted("reject", T0, WIN.end, 2))
    assert "startup_reject_loss_time" not in other.kpi, "nobody tells them apart"


def test_rework_makes_good_pieces_and_no_first_passes() -> None:
    like = spec(signals=("state", "count", "reject", "rework"), ideal_cycle_s=20.0)
    found = fold(
        like,
        counted("count", T0, WIN.end, 100),
        counted("reject", T0, WIN.end, 10),
        counted("rework", T0, WIN.end, 4),
    )
    assert (found.good, found.scrap, found.q) == (94, 6, 0.94)
    assert found.kpi["first_pass_yield"] == 0.9
    assert found.kpi["rework_ratio"] == 0.04
    later = fold(like, [Entry(T0, "rework", 0), Entry(T0 + 1, "rework", 1)])
    assert (later.good, later.q) == (1, None), "a piece of an earlier window is good in this one"


@pytest.mark.parametrize(("good", "off"), [(95, None), (97, -2), (90, 5)])
def test_counters_that_disagree_are_reported_and_total_and_reject_are_believed(
    good: int, off: int | None
) -> None:
    found = fold(
        spec(signals=("state", "count", "reject", "good")),
        counted("count", T0, WIN.end, 100),
        counted("reject", T0, WIN.end, 5),
        counted("good", T0, WIN.end, good),
    )
    assert (found.total, found.good, found.scrap) == (100, 95, 5)
    assert found.kpi.get("counter_disagreement") == off


def test_good_pieces_that_are_entered_are_the_good_ones_of_those_counted() -> None:
    like = spec(signals=("state", "count"), quality="none")
    count = counted("count", T0, WIN.end, 100)
    found = fold(
        like, count, [Entry(T0 + 5, "good_entered", 60), Entry(T0 + 6, "good_entered", 30)]
    )
    assert (found.good, found.scrap, found.q, found.basis["quality"]) == (90, 10, 0.9, "entered")
    both = fold(like, count, [Entry(T0, "good_entered", 60), Entry(T0, "reject_entered", 3)])
    assert (both.good, both.scrap) == (97, 3)
    assert fold(like, count).good is None


def test_a_shop_with_nothing_else_counts_what_is_entered() -> None:
    like = spec(signals=("state",), quality="none", ideal_cycle_s=30.0)
    found = fold(like, [Entry(T0, "good_entered", 57), Entry(T0, "reject_entered", 3)])
    assert (found.total, found.good, found.scrap, found.p, found.q) == (60, 57, 3, 0.5, 0.95)
    assert fold(like, [Entry(T0, "reject_entered", 3)]).total is None
    assert fold(like, [Entry(T0 + 2 * HOUR, "good_entered", 3)]).reason == "no_counter"


def test_rejected_pairs_that_are_entered_were_a_left_and_a_right_one() -> None:
    like = spec(
        counting="pairs",
        signals=("state", "count_left", "count_right"),
        quality="none",
        ideal_cycle_s=30.0,
    )
    halves = [counted(f"count_{side}", T0, WIN.end, n) for side, n in (("left", 50), ("right", 48))]
    found = fold(like, *halves, [Entry(T0, "reject_entered", 3)])
    assert (found.good, found.scrap, found.kpi["unmatched_halves"]) == (45, 3, 2)
    assert close(found.q, Fraction(92, 98))
