"""What a deriver makes of readings: computed signals, states, levels, counts, restarts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.derivation import MEMORY, CountRule, Derivation, DerivedSignal, Levels, StateRule
from gateway.deriving.deriver import Deriver

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.model import Value

T0 = 1_790_000_000_000
S = 1000
POWER = Levels((("standby", 0.3), ("idle", 2.0), ("run", 5.5)), 0.4, 5 * S)
BY_LEVEL = StateRule("level", ("level",))


def derivation(
    *signals: tuple[str, str],
    levels: Levels | None = None,
    state: StateRule | None = None,
    count: CountRule | None = None,
    **formulas: str,
) -> Derivation:
    made = tuple(DerivedSignal(name, kind, "") for name, kind in signals)
    return Derivation(made, formulas, levels, state, count, silence_ms=30 * S)


def fed(
    deriver: Deriver, readings: Iterable[tuple[float, Mapping[str, Value]]]
) -> list[tuple[float, dict[str, Value]]]:
    """Take readings at seconds after T0; what comes out, without what is only for the log."""
    out: list[tuple[float, dict[str, Value]]] = []
    for second, values in readings:
        for t_ms, made in deriver.take(T0 + round(second * S), values):
            out.append(((t_ms - T0) / S, {n: v for n, v in made.items() if n != MEMORY}))
    return out


def powers(*kw: float | None, start: int = 0) -> list[tuple[float, dict[str, Value]]]:
    """One sample a second."""
    return [(start + n, {"power": value}) for n, value in enumerate(kw)]


def levels(out: list[tuple[float, dict[str, Value]]]) -> list[tuple[float, Value]]:
    return [(second, made["level"]) for second, made in out if "level" in made]


def test_a_signal_is_computed_where_an_input_came_from_the_last_values_of_the_others() -> None:
    spec = derivation(("sum", "float"), ("double", "int"), sum="a + b", double="sum * 2")
    out = fed(Deriver(spec), [(0, {"a": 1.5, "x": 0}), (1, {"b": 2}), (2, {"a": 3}), (3, {"x": 1})])
    assert out == [
        (0, {"a": 1.5, "x": 0}),  # b may still come
        (1, {"b": 2, "sum": 3.5, "double": 7.0}),
        (2, {"a": 3, "sum": 5, "double": 10}),
        (3, {"x": 1}),
    ]


def test_a_bad_or_silent_input_makes_it_bad() -> None:
    spec = derivation(("sum", "float"), sum="a + b")
    out = fed(
        Deriver(spec), [(0, {"a": 1, "b": 2}), (1, {"b": None}), (2, {"b": 2}), (31, {"b": 3})]
    )
    assert [made.get("sum") for _second, made in out] == [3, None, 3, None]


def test_an_input_that_never_comes_makes_it_bad_once_it_is_overdue() -> None:
    spec = derivation(("sum", "float"), sum="a + b")
    out = fed(Deriver(spec), [(0, {"a": 1}), (30, {"a": 1}), (31, {"a": 1})])
    assert ["sum" in made for _second, made in out] == [False, False, True]
    assert out[-1][1]["sum"] is None


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("float", "flag", 1),
        ("float", "word", None),
        ("bool", "number", True),
        ("bool", "word", None),
        ("string", "word", "x"),
        ("string", "number", None),
    ],
)
def test_a_computed_value_is_fitted_to_its_signal(kind: str, text: str, value: Value) -> None:
    spec = derivation(("made", kind), made=text)
    [(_t, made)] = Deriver(spec).take(T0, {"flag": True, "word": "x", "number": 2.5})
    assert made["made"] == value
    assert type(made["made"]) is type(value)


def test_a_late_reading_gives_what_follows_from_it_alone() -> None:
    rule = StateRule("bits", ("run",), ("running",), "idle")
    spec = derivation(("sum", "float"), ("both", "float"), state=rule, sum="a + 1", both="a + b")
    deriver = Deriver(spec)
    fed(deriver, [(5, {"a": 1, "b": 1, "run": True})])
    assert fed(deriver, [(3, {"a": 7})]) == [(3, {"a": 7, "sum": 8})]
    assert fed(deriver, [(4, {"run": False})]) == [(4, {"run": False, "state": "idle"})]
    assert fed(deriver, [(6, {"b": 2})])[0][1]["both"] == 3  # the late value stood for nothing


def test_inputs_that_cross_by_a_moment_are_taken_together() -> None:
    """Two devices answer at once; the one whose answer was stamped first may be taken second."""
    deriver = Deriver(derivation(("sum", "float"), sum="a + b"))
    out = fed(deriver, [(1, {"a": 1}), (0.9, {"b": 2})])
    assert out == [(1, {"a": 1}), (0.9, {"b": 2}), (1, {"sum": 3})]


BITS = StateRule("bits", ("alarm", "setup", "run"), ("fault", "setup", "running"), "idle")


@pytest.mark.parametrize(
    ("alarm", "setup", "run", "state"),
    [
        (True, True, True, "fault"),
        (False, True, True, "setup"),
        (0, 0, 1, "running"),
        (False, False, False, "idle"),
        (None, False, True, None),
        (False, None, False, None),
        (True, None, None, "fault"),
        (False, False, "x", None),
    ],
)
def test_the_first_true_bit_says_the_state(
    alarm: Value, setup: Value, run: Value, state: str | None
) -> None:
    values = {"alarm": alarm, "setup": setup, "run": run}
    [(_t, made)] = Deriver(derivation(state=BITS)).take(T0, values)
    assert made["state"] == state


@pytest.mark.parametrize(
    ("number", "mode", "state"),
    [
        (6, 1, "running"),
        (16, 1, "running"),
        ("Execute", 1, "running"),
        (11, 1, "fault"),
        (1, 1, "fault"),
        (5, 1, "waiting"),
        (4, 3, "idle"),
        (17, 1, "idle"),
        (6, 2, "planned_stop"),
        (6, 4, "setup"),
        (0, 1, None),
        (6.5, 1, None),
        (18, 1, None),
        (True, 1, None),
        (6, 0, None),
        (6, None, None),
        (None, 1, None),
        ("Dancing", 1, None),
    ],
)
def test_packml_says_the_state(number: Value, mode: Value, state: str | None) -> None:
    rule = StateRule("packml", ("number", "mode"), setup_modes=(4,))
    [(_t, made)] = Deriver(derivation(state=rule)).take(T0, {"number": number, "mode": mode})
    assert made["state"] == state


def test_packml_without_a_mode_is_in_production() -> None:
    [(_t, made)] = Deriver(derivation(state=StateRule("packml", ("n",)))).take(T0, {"n": 6})
    assert made["state"] == "running"


def test_a_machine_runs_while_it_counts() -> None:
    spec = derivation(state=StateRule("count", ("count",), within_ms=10 * S))
    rows = [
        (0, 7),
        (4, 7),
        (5, 8),
        (12, 9),
        (20, 9),
        (24, 9),
        (25, 10),
        (27, None),
        (28, 10),
        (40, 10),
    ]
    out = fed(Deriver(spec), [(second, {"count": count}) for second, count in rows])
    states = [(second, made["state"]) for second, made in out]
    assert states == [
        (0, None), (4, None), (5, "running"), (12, "running"), (20, "running"), (22, "idle"),
        (24, "idle"), (25, "running"), (27, None), (28, None), (38, "idle"), (40, "idle"),
    ]  # fmt: skip


def test_a_counter_that_stood_still_over_a_silence_is_idle_and_one_that_rose_runs() -> None:
    spec = derivation(state=StateRule("count", ("count",), within_ms=10 * S))
    out = fed(Deriver(spec), [(0, {"count": 1}), (1, {"count": 2}), (60, {"count": 2})])
    assert [(second, made["state"]) for second, made in out][-1] == (60, "idle")
    out = fed(Deriver(spec), [(0, {"count": 1}), (1, {"count": 2}), (60, {"count": 9})])
    assert [(second, made["state"]) for second, made in out][-1] == (60, "running")


def test_a_level_is_dated_from_when_it_was_first_crossed() -> None:
    out = fed(Deriver(derivation(levels=POWER, state=BY_LEVEL)), powers(3, 3, *[7] * 6))
    assert levels(out) == [
        (0, "idle"), (1, "idle"),
        (2, "run"), (3, "run"), (4, "run"), (5, "run"), (6, "run"), (7, "run"),
    ]  # fmt: skip
    assert out[2:8] == [(second, {"power": 7}) for second in range(2, 7)] + [
        (2, {"level": "run", "state": "run"})
    ]


def test_a_peak_shorter_than_the_dwell_is_no_level_and_costs_no_time() -> None:
    out = fed(Deriver(derivation(levels=POWER)), powers(3, 9, 9, 9, 3, 3))
    assert levels(out) == [(second, "idle") for second in (0, 1, 2, 3, 4, 5)]


def test_power_that_leaps_about_is_at_least_what_it_never_falls_below() -> None:
    out = fed(Deriver(derivation(levels=POWER)), powers(0, *[9, 3] * 8))
    assert levels(out)[:2] == [(0, "off"), (1, "idle")]
    assert {level for _second, level in levels(out)[1:]} == {"idle"}


def test_a_level_ends_below_the_hysteresis_only() -> None:
    out = fed(Deriver(derivation(levels=POWER)), powers(6, *[5.2] * 8, *[5.0] * 8))
    assert dict(levels(out))[8] == "run"
    assert dict(levels(out))[9] == "idle"


def test_a_rise_through_all_levels_is_told_step_by_step() -> None:
    out = fed(Deriver(derivation(levels=POWER)), powers(0, 1, *[3] * 7, *[7] * 7))
    told = dict(levels(out))
    assert [told[second] for second in (0, 1, 2, 8, 9)] == ["off", "standby", "idle", "idle", "run"]


def test_unknown_power_is_no_level_and_neither_is_silence() -> None:
    out = fed(Deriver(derivation(levels=POWER, state=BY_LEVEL)), powers(7, None, 7))
    assert [(second, made["state"]) for second, made in out] == [(0, "run"), (1, None), (2, "run")]
    out = fed(Deriver(derivation(levels=POWER)), [(0, {"power": 7}), (60, {"power": 0})])
    assert levels(out) == [(0, "run"), (0.001, None), (60, "off")]


def test_what_was_held_back_before_a_silence_is_the_level_before() -> None:
    readings = [*powers(3, 9, 9), *powers(9, start=60)]
    out = fed(Deriver(derivation(levels=POWER)), readings)
    assert levels(out) == [(0, "idle"), (1, "idle"), (2, "idle"), (2.001, None), (60, "run")]


STROKES = CountRule("power", above=8, below=3, dwell_ms=1 * S)


def counts(out: list[tuple[float, dict[str, Value]]]) -> list[Value]:
    return [made["count"] for _second, made in out if "count" in made]


def test_a_stroke_counts_where_it_ends() -> None:
    out = fed(
        Deriver(derivation(count=STROKES)), powers(1, 9, 9, 5, 9, 5, 2, 2, 9, 2, 2, 9, 9, 9, 1, 1)
    )
    assert counts(out) == [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2]


def test_an_unreadable_stroke_is_counted_once_it_is_certain_that_it_ended() -> None:
    high, low = [9, 9], [1, 1]
    out = fed(Deriver(derivation(count=STROKES)), powers(*low, *high, None, *low, None, *low))
    assert counts(out) == [0, 0, 0, 0, None, 0, 1, None, 1, 1]


def test_pulses_count_where_they_begin() -> None:
    readings = [(n, {"pulse": value}) for n, value in enumerate((1, 0, 1, 1, 0, None, 1, None, 1))]
    out = fed(Deriver(derivation(count=CountRule("pulse"))), readings)
    assert counts(out) == [0, 0, 1, 1, 1, None, 2, None, 2]


def test_a_count_that_is_derived_can_say_the_state() -> None:
    spec = derivation(
        count=CountRule("pulse"), state=StateRule("count", ("count",), within_ms=2 * S)
    )
    readings = [(n, {"pulse": value}) for n, value in enumerate((0, 1, 0, 0, 0))]
    out = fed(Deriver(spec), readings)
    assert [(second, made["state"]) for second, made in out] == [
        (0, None), (1, "running"), (2, "running"), (3, "idle"), (4, "idle"),
    ]  # fmt: skip


def test_times_follow_a_clock_that_is_set() -> None:
    deriver = Deriver(derivation(levels=POWER, count=STROKES))
    fed(deriver, powers(3, 3, 9, 9))
    deriver.move(T0, 100 * S)
    out = fed(deriver, powers(*[9] * 4, start=104))
    assert levels(out)[0] == (102, "run")


def test_what_it_must_know_is_told_only_where_it_changed() -> None:
    deriver = Deriver(derivation(levels=POWER))
    told = [
        str(made[MEMORY])
        for n in range(20)
        for _t, made in deriver.take(T0 + n * S, {"power": 9})
        if MEMORY in made
    ]
    assert len(told) == 20
    assert len(set(told)) == 1
    assert json.loads(told[0]).keys() == {"level"}


def test_memory_of_other_levels_is_not_taken() -> None:
    deriver = Deriver(derivation(levels=POWER))
    fed(deriver, powers(9))
    other = Deriver(derivation(levels=Levels((("run", 5.0),))), str(deriver.rest()[0][1][MEMORY]))
    assert levels(fed(other, powers(1, start=1))) == [(1, "off")]
