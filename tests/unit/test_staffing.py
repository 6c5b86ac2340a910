"""Standard time earned over time attended: line efficiency."""

from __future__ import annotations

from fractions import Fraction

from gateway.figures.calendar import PlannedTime
from gateway.figures.journal import Journal
from gateway.figures.oee import OeeFigures, Sums, figures, sum_up
from gateway.kpi import ProductTerms
from gateway.model import Entry
from tests.folds import fold_oee
from tests.kpi_traces import MINUTE, T0, always, close, counted, log, spec, states, window

WIN = window(60, kind="hour")
HALF = T0 + 30 * MINUTE
RUNNING = states((T0, "running"))
LINE = spec(
    signals=("state", "count", "product", "operators"),
    products={"TS": (ProductTerms(0, None, 780.0),), "PL": (ProductTerms(0, None, 1080.0),)},
    quality="none",
)
MADE = counted("count", T0, WIN.end, 60)


def fold(*parts: list[Entry], plan: PlannedTime | None = None) -> OeeFigures:
    return fold_oee(log(RUNNING, MADE, *parts), Fraction(0), WIN, plan or always(WIN), LINE)


def said(signal: str, *told: tuple[int, str | int]) -> list[Entry]:
    return [Entry(t_ms, signal, value) for t_ms, value in told]


def test_each_product_earns_its_standard_time_and_each_person_attends() -> None:
    found = fold(said("product", (T0, "TS"), (HALF, "PL")), said("operators", (T0, 20), (HALF, 26)))
    earned = found.kpi["earned_time"]
    assert found.kpi["attended_time"] == 30 * 60 * (20 + 26)
    assert earned is not None
    assert 60 * 780 < earned < 60 * 1080
    assert close(found.kpi["line_efficiency"], Fraction(earned) / (30 * 60 * 46))


def test_people_attend_in_planned_time_only() -> None:
    half = PlannedTime(((T0, HALF),))
    found = fold(said("product", (T0, "TS")), said("operators", (T0, 20)), plan=half)
    assert found.kpi["attended_time"] == 30 * 60 * 20


def test_without_standard_time_or_the_number_of_people_there_is_no_figure() -> None:
    for parts in (
        (said("product", (T0, "XX")), said("operators", (T0, 20))),
        (said("product", (T0, "TS")), said("operators", (HALF, 20))),
        (said("product", (T0, "TS")),),
    ):
        assert "line_efficiency" not in fold(*parts).kpi


def test_nobody_there_is_no_efficiency() -> None:
    found = fold(said("product", (T0, "TS")), said("operators", (T0, 0)))
    assert found.kpi["line_efficiency"] is None


def test_it_adds_up_over_quarters() -> None:
    journal = Journal(
        log(RUNNING, MADE, said("product", (T0, "TS")), said("operators", (T0, 20), (HALF, 23)))
    )
    quarters = [(T0 + n * 15 * MINUTE, T0 + (n + 1) * 15 * MINUTE) for n in range(4)]
    plan = always(WIN)
    whole = sum_up(journal, WIN.start, WIN.end, plan, LINE)
    parts = sum((sum_up(journal, *part, plan, LINE) for part in quarters), Sums())
    assert figures(parts, LINE, "running").kpi == figures(whole, LINE, "running").kpi
