"""What a deriver tells depends on the readings alone: not on restarts, and not on when it tells."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.derivation import MEMORY, CountRule, Derivation, DerivedSignal, Levels, StateRule
from gateway.deriving.deriver import Deriver

if TYPE_CHECKING:
    from gateway.model import Value

S = 1000
LEVELS = Levels((("standby", 1.0), ("idle", 3.0), ("run", 6.0)), 0.5, 4 * S)
SPEC = Derivation(
    (DerivedSignal("both", "float", ""),),
    {"both": "power + other"},
    LEVELS,
    StateRule("level", ("level",)),
    CountRule("power", above=6, below=2, dwell_ms=2 * S),
    silence_ms=60 * S,
)

Row = tuple[int, dict[str, "Value"]]

powers = st.one_of(st.sampled_from([0.0, 0.8, 1.2, 2.7, 3.3, 5.7, 6.2, 9.0]), st.none())
steps = st.integers(1, 3)


@st.composite
def readings(draw: st.DrawFn) -> list[Row]:
    rows: list[Row] = []
    t_ms = 0
    for _n in range(draw(st.integers(1, 60))):
        t_ms += draw(steps) * S
        values: dict[str, Value] = {"power": draw(powers)}
        if draw(st.booleans()):
            values["other"] = draw(powers)
        rows.append((t_ms, values))
    return rows


def told(deriver: Deriver, rows: list[Row]) -> list[Row]:
    return [one for t_ms, values in rows for one in deriver.take(t_ms, values)]


def without_memory(rows: list[Row]) -> list[Row]:
    return [(t, {n: v for n, v in values.items() if n != MEMORY}) for t, values in rows]


def newest(rows: list[Row], before: str = "") -> str:
    return next((str(v[MEMORY]) for _t, v in reversed(rows) if MEMORY in v), before)


def timeline(rows: list[Row]) -> list[tuple[int, Value]]:
    """When the level became another one."""
    changes: list[tuple[int, Value]] = []
    for t_ms, values in rows:
        if "level" in values and (not changes or changes[-1][1] != values["level"]):
            changes.append((t_ms, values["level"]))
    return changes


@given(readings(), st.integers(0, 60))
@settings(deadline=None)
def test_an_orderly_restart_changes_nothing(rows: list[Row], cut: int) -> None:
    whole = without_memory(told(Deriver(SPEC), rows))
    first = Deriver(SPEC)
    out = told(first, rows[:cut])
    second = Deriver(SPEC, newest(first.rest()))
    assert without_memory(out) + without_memory(told(second, rows[cut:])) == whole


@given(readings(), st.lists(st.integers(0, 60), max_size=4))
@settings(deadline=None)
def test_a_crash_changes_neither_levels_nor_counts(rows: list[Row], cuts: list[int]) -> None:
    """What was logged is there; readings held back and the last values are gone."""
    whole = told(Deriver(SPEC), rows)
    out: list[Row] = []
    memory = ""
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(rows)], strict=True):
        part = told(Deriver(SPEC, memory), rows[start:end])
        memory = newest(part, memory)
        out += part
    assert timeline(out) == timeline(whole)
    counts = [[v["count"] for _t, v in some if "count" in v] for some in (out, whole)]
    assert counts[0] == counts[1]


@given(readings())
@settings(deadline=None)
def test_readings_come_out_in_order_and_each_once(rows: list[Row]) -> None:
    out = told(Deriver(SPEC), rows)
    at = [t_ms for t_ms, values in out if "level" in values]
    assert at == sorted(set(at))
    assert set(at) <= {t_ms for t_ms, _values in rows}
    raw = [(t, {n: v for n, v in values.items() if n in {"power", "other"}}) for t, values in out]
    assert [one for one in raw if one[1]] == rows


@given(readings())
@settings(deadline=None)
def test_levels_are_those_that_a_look_back_finds(rows: list[Row]) -> None:
    """Each edge by itself, with all of the readings known: a crossing counts if it lasts."""
    out = [
        (t_ms, values["level"]) for t_ms, values in told(Deriver(SPEC), rows) if "level" in values
    ]
    for stretch in stretches(rows):
        times = [t_ms for t_ms, _power in stretch]
        sides = [crossed(stretch, edge) for _name, edge in LEVELS.edges]
        for t_ms, level in out:
            if level is None or not times[0] <= t_ms <= times[-1]:
                continue
            place = bisect_right(times, t_ms) - 1
            height = next((n for n, side in enumerate(sides) if not side[place]), len(sides))
            assert level == ("off", "standby", "idle", "run")[height]


def stretches(rows: list[Row]) -> list[list[tuple[int, float]]]:
    """Readings without an unreadable one between them."""
    found: list[list[tuple[int, float]]] = [[]]
    for t_ms, values in rows:
        power = values["power"]
        if power is None:
            found.append([])
        else:
            found[-1].append((t_ms, float(power)))
    return [stretch for stretch in found if stretch]


def crossed(stretch: list[tuple[int, float]], edge: float) -> list[bool]:
    """Of each reading, whether the edge is exceeded for good by then."""
    on = stretch[0][1] >= edge
    found: list[bool] = []
    for place, (t_ms, _power) in enumerate(stretch):
        for later, power in stretch[place:]:
            if (power >= (edge - LEVELS.hysteresis if on else edge)) == on:
                break
            if later - t_ms >= LEVELS.dwell_ms:
                on = not on
                break
        found.append(on)
    return found
