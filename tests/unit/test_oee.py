"""The published and worked cases P01 to P10, each driven through the fold by a trace."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gateway.figures.calendar import PlannedTime
from gateway.figures.journal import Journal
from gateway.figures.oee import OeeFigures, figures, sum_up
from gateway.figures.windows import Window
from gateway.kpi import ProductTerms
from gateway.model import Entry
from tests.folds import fold_energy, fold_oee
from tests.kpi_traces import (
    HOUR,
    MINUTE,
    T0,
    always,
    at_clock,
    cases,
    clock_calendar,
    close,
    counted,
    cycles,
    expected,
    in_turn,
    log,
    spec,
    states,
    window,
)

ZERO = Fraction(0)

RATIOS = {"availability": "a", "effectiveness": "p", "quality_ratio": "q", "oee": "oee"}


def check(found: OeeFigures, wanted: dict[str, Fraction | None]) -> None:
    """Every expectation that the figures have a name for."""
    for name, value in wanted.items():
        figure = getattr(found, RATIOS[name]) if name in RATIOS else found.kpi[name]
        assert close(figure, value), (name, figure, value)


def test_p01_published_shift() -> None:
    inputs = cases()["P01"]["inputs"]
    calendar = clock_calendar("08:00", "16:00", ("12:00", "13:00"))
    (shift,) = calendar.windows("shift", "main", T0, T0 + 24 * HOUR)
    assert shift.end - shift.start == inputs["shift"] * MINUTE
    down = at_clock("10:00")
    entries = log(
        states(
            (shift.start, "running"), (down, "fault"), (down + inputs["down"] * MINUTE, "running")
        ),
        counted("count", shift.start, shift.end, inputs["pq"]),
        counted("reject", shift.start, shift.end, inputs["reject"]),
    )
    plan = calendar.plan("main", shift.start, shift.end)
    found = fold_oee(entries, ZERO, shift, plan, spec(ideal_cycle_s=1.0))
    check(found, expected("P01"))
    assert found.planned_stop_ms == 60 * MINUTE
    assert (found.total, found.good, found.scrap) == (19271, 18848, 423)


def test_p02_published_calculator() -> None:
    inputs = cases()["P02"]["inputs"]
    win = window(inputs["pbt"])
    entries = log(
        in_turn(T0, ("running", inputs["apt"] * 60), ("fault", 3600)),
        counted("count", T0, win.end, inputs["pq"]),
        counted("reject", T0, win.end, inputs["pq"] - inputs["gq"]),
    )
    check(fold_oee(entries, ZERO, win, always(win), spec(ideal_cycle_s=60.0)), expected("P02"))


def test_p03_sums_of_two_machines_not_the_mean() -> None:
    machines = cases()["P03"]["inputs"]["machines"]
    like = spec(ideal_cycle_s=60.0)
    sums = []
    for machine in machines:
        win = window(machine["pbt"])
        entries = log(
            in_turn(T0, ("running", machine["apt"] * 60), ("fault", 86400)),
            counted("count", T0, win.end, machine["pq"]),
            counted("reject", T0, win.end, machine["pq"] - machine["gq"]),
        )
        sums.append(sum_up(Journal(entries), win.start, win.end, always(win), like))
    wanted = expected("P03")
    wrong = wanted.pop("wrong_simple_mean")
    check(figures(sums[0] + sums[1], like, "running"), wanted)
    each = [figures(one, like, "running").oee or 0.0 for one in sums]
    assert close(sum(each) / 2, wrong)


def test_p04_all_time_elements() -> None:
    inputs = cases()["P04"]["inputs"]
    calendar = clock_calendar("08:00", "16:00")
    day = Window("day", T0, T0 + inputs["calendar"] * MINUTE)
    entries = log(
        in_turn(
            at_clock("08:00"),
            ("running", inputs["apt"] * 60),
            ("setup", inputs["aust"] * 60),
            ("fault", inputs["adet"] * 60),
            ("idle", 86400),
        ),
        counted("count", at_clock("08:00"), at_clock("16:00"), inputs["pq"]),
        counted("reject", at_clock("08:00"), at_clock("16:00"), inputs["pq"] - inputs["gq"]),
    )
    found = fold_oee(
        entries, ZERO, day, calendar.plan("main", day.start, day.end), spec(ideal_cycle_s=30.0)
    )
    wanted = expected("P04")
    # Of an order, not of a day: they need its start and end (AOET).
    of_order = {
        name: wanted.pop(name)
        for name in ("allocation_ratio", "production_process_ratio", "throughput_per_min")
    }
    aupt, aubt = wanted.pop("aupt"), wanted.pop("aubt")
    assert (found.run_ms + found.setup_ms) / MINUTE == aupt
    assert (found.run_ms + found.setup_ms + found.delay_ms) / MINUTE == aubt
    check(found, wanted)
    assert {found.kpi[name] for name in of_order} == {None}
    order = Window("order", at_clock("07:00"), at_clock("07:00") + inputs["aoet"] * MINUTE)
    plan = calendar.plan("main", order.start, order.end)
    check(fold_oee(entries, ZERO, order, plan, spec(ideal_cycle_s=30.0)), of_order)


def test_p05_ideal_cycle_by_product() -> None:
    inputs = cases()["P05"]["inputs"]
    first, second = inputs["runs"]
    change = T0 + first["apt_s"] * 1000
    end = T0 + inputs["pbt"] * 1000
    done = change + second["apt_s"] * 1000
    entries = log(
        [Entry(T0, "product", "A"), Entry(change, "product", "B")],
        states((T0, "running"), (done, "idle")),
        counted("count", T0, change, first["pq"]),
        counted("count", change, done, second["pq"], base=first["pq"])[1:],
        counted("reject", T0, change, first["pq"] - first["gq"]),
        counted("reject", change, done, second["pq"] - second["gq"], base=8)[1:],
    )
    by_product = spec(ideal_cycle_s=60.0, products=cycles(A=30.0, B=45.0))
    win = Window("shift", T0, end)
    found = fold_oee(entries, ZERO, win, always(win), by_product)
    wanted = expected("P05")
    assert close(found.a, wanted["availability"])
    assert close(found.p, wanted["effectiveness"])
    assert close(found.q, wanted["quality_ratio_time_weighted"])
    assert close(found.oee, wanted["oee"])
    assert close(found.kpi["quality_ratio_piece"], wanted["quality_ratio_piece"])
    assert found.basis["ideal"] == "nameplate"
    assert found.ideal_cycle_s is None
    for name, start, stop in (("A", T0, change), ("B", change, done)):
        part = Window("order", start, stop)
        one = fold_oee(entries, ZERO, part, always(part), by_product)
        assert close(one.p, wanted[f"effectiveness_{name}"])


def test_a_product_without_its_own_cycle_is_flagged() -> None:
    win = window(60)
    entries = log(
        [Entry(T0, "product", "new")],
        states((T0, "running")),
        counted("count", T0, win.end, 100),
        counted("reject", T0, win.end, 0),
    )
    found = fold_oee(entries, ZERO, win, always(win), spec(products=cycles(A=30.0)))
    assert found.basis["ideal"] == "default"
    assert close(found.p, Fraction(100, 3600))


def test_a_cycle_that_changes_holds_from_its_date_within_a_window_too() -> None:
    win = window(60)
    half = T0 + 30 * MINUTE
    terms = (ProductTerms(T0 - HOUR, 36.0), ProductTerms(half, 18.0))
    entries = log(
        [Entry(T0, "product", "A")],
        states((T0, "running")),
        counted("count", T0, half, 50),
        counted("count", half, win.end, 100, base=50)[1:],
        counted("reject", T0, win.end, 0),
    )
    found = fold_oee(entries, ZERO, win, always(win), spec(products={"A": terms}))
    assert close(found.p, Fraction(1))
    assert found.basis["ideal"] == "nameplate"
    early = Window("hour", T0 - 2 * HOUR, T0)
    entries = log([Entry(early.start, "product", "A")], states((early.start, "running")))
    entries = log(entries, counted("count", early.start, early.end, 60))
    before = fold_oee(entries, ZERO, early, always(early), spec(products={"A": terms}))
    assert before.basis["ideal"] == "default", "half of it was made before any terms held"


def test_p07_micro_stops() -> None:
    inputs = cases()["P07"]["inputs"]
    win = Window("shift", T0, T0 + inputs["pbt"] * 1000)
    turns: list[tuple[str, float]] = []
    for stop in inputs["stops"]:
        turns += [("running", 900), ("fault", stop)]
    entries = log(
        in_turn(T0, *turns, ("running", 86400)),
        counted("count", T0, win.end, inputs["pq"]),
        counted("reject", T0, win.end, inputs["pq"] - inputs["gq"]),
    )
    judged = spec(ideal_cycle_s=float(inputs["pri"]), micro_stop_s=float(inputs["threshold"]))
    found = fold_oee(entries, ZERO, win, always(win), judged)
    wanted = expected("P07")
    whole = wanted.pop("oee_if_all_stops_were_downtime")
    check(found, wanted)
    strict = fold_oee(entries, ZERO, win, always(win), spec(ideal_cycle_s=10.0))
    assert close(strict.oee, whole)
    assert strict.delay_ms == sum(inputs["stops"]) * 1000


@pytest.mark.parametrize("cleaning", ["break", "state"])
def test_p08_planned_stop_wins(cleaning: str) -> None:
    inputs = cases()["P08"]["inputs"]
    lunch, clean = inputs["planned"]
    breaks = [lunch, clean] if cleaning == "break" else [lunch]
    calendar = clock_calendar(*inputs["shift"], *breaks)
    (shift,) = calendar.windows("shift", "main", T0, T0 + 24 * HOUR)
    changes: list[tuple[int, str | None]] = [(shift.start, "running")]
    for word, spans in (("setup", inputs["setup"]), ("fault", inputs["breakdown"])):
        for start, end in spans:
            changes += [(at_clock(start), word), (at_clock(end), "running")]
    if cleaning == "state":
        changes.append((at_clock(clean[0]), "planned_stop"))
    entries = log(
        states(*changes),
        counted("count", shift.start, shift.end, inputs["pq"]),
        counted("reject", shift.start, shift.end, inputs["pq"] - inputs["gq"]),
    )
    plan = calendar.plan("main", shift.start, shift.end)
    found = fold_oee(entries, ZERO, shift, plan, spec(ideal_cycle_s=45.0))
    wanted = expected("P08")
    times = {
        "pbt": found.planned_ms,
        "aust": found.setup_ms,
        "adet": found.delay_ms,
        "apt": found.run_ms,
    }
    for name, ms in times.items():
        assert Fraction(ms, MINUTE) == wanted.pop(name)
    check(found, wanted)
    assert found.planned_stop_ms == 80 * MINUTE


def test_p09_nothing_comes_of_nothing() -> None:
    wanted = expected("P09")
    inputs = cases()["P09"]["inputs"]["cases"]
    for name, case in inputs.items():
        win = window(480)
        plan = always(win) if case["pbt"] else PlannedTime(())
        entries = log(
            in_turn(
                T0, *([("running", case["apt"] * 60)] if case["apt"] else []), ("fault", 86400)
            ),
            counted("count", T0, win.end, case["pq"]),
            counted("reject", T0, win.end, case["pq"] - case["gq"]),
        )
        found = fold_oee(entries, ZERO, win, plan, spec(ideal_cycle_s=60.0))
        case_wants = {
            key.split(".")[1]: value for key, value in wanted.items() if key.startswith(f"{name}.")
        }
        check(found, case_wants)
        assert (found.reason == "no_plan") == (name == "no_plan")
        assert found.total == case["pq"]


def test_p10_pairs_from_halves() -> None:
    inputs = cases()["P10"]["inputs"]
    win = window(480)
    entries = log(
        states((T0, "running")),
        counted("count_left", T0, win.end, inputs["left_count"]),
        counted("count_right", T0, win.end, inputs["right_count"]),
        counted("reject_left", T0, win.end, inputs["left_reject"]),
        counted("reject_right", T0, win.end, inputs["right_reject"]),
        [Entry(T0, "energy", 1000.0), Entry(win.end, "energy", 1000.0 + float(inputs["kwh"]))],
    )
    pairs = spec(
        counting="pairs",
        piece="pair",
        ideal_cycle_s=50.0,
        signals=("state", "count_left", "count_right", "reject_left", "reject_right", "energy"),
    )
    found = fold_oee(entries, ZERO, win, always(win), pairs)
    wanted = expected("P10")
    assert found.good == wanted["good_pairs"]
    assert found.kpi["unmatched_halves"] == wanted["unmatched_halves"]
    assert close(found.q, wanted["quality_ratio_halves"])
    # Each half is half the ideal cycle, whichever side is ahead.
    assert close(found.p, Fraction(988 * 25, 480 * 60))
    energy = fold_energy(entries, win, pairs, found.good)
    assert close(energy.kpi["kwh_per_good"], wanted["kwh_per_good_pair"])
    assert energy.use is not None
    per_half = energy.use / (979 / 2)
    assert close(per_half, wanted["kwh_per_pair_if_halves_div_2"])


def test_pairs_match_over_windows() -> None:
    """What is left over in one window becomes whole in the next."""
    pairs = spec(
        counting="pairs",
        signals=("state", "count_left", "count_right", "reject_left", "reject_right"),
    )
    entries = log(
        states((T0, "running")),
        [
            Entry(T0, name, 0)
            for name in ("count_left", "count_right", "reject_left", "reject_right")
        ],
        [Entry(T0 + 10, "count_left", 10), Entry(T0 + 10, "count_right", 4)],
        [Entry(T0 + HOUR + 10, "count_left", 11), Entry(T0 + HOUR + 10, "count_right", 12)],
    )
    first, second = Window("hour", T0, T0 + HOUR), Window("hour", T0 + HOUR, T0 + 2 * HOUR)
    one = fold_oee(entries, ZERO, first, always(first), pairs)
    assert (one.good, one.kpi["unmatched_halves"]) == (4, 6)
    two = fold_oee(entries, Fraction(6), second, always(second), pairs)
    assert (two.good, two.kpi["unmatched_halves"]) == (7, 1)
    both = Window("shift", T0, T0 + 2 * HOUR)
    assert fold_oee(entries, ZERO, both, always(both), pairs).good == 11
