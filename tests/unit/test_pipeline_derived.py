"""What is derived of an asset's signals, on its way to figures, platforms and alarms."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import orjson

from gateway.alarms.board import Alarms
from gateway.derivation import Derivation, DerivedSignal, Levels, StateRule
from gateway.model import AlarmSpec, Asset, Quality
from gateway.pipeline import Pipeline
from tests.unit.test_pipeline import DEVICE, SHOTS, SPEC, STATE, Figures, batch, bound, pipeline

if TYPE_CHECKING:
    from gateway.model import Draft


def press(derivation: Derivation) -> Asset:
    feeds = (bound("running", STATE), bound("shots", SHOTS))
    kpi = dataclasses.replace(SPEC, signals=("state", "count"))
    return Asset("press", "main", "press", {}, feeds, kpi, derived=derivation)


def told(drafts: list[Draft]) -> list[dict[str, object]]:
    bodies = [orjson.loads(draft.body) for draft in drafts if draft.cls == "telemetry"]
    return [row for body in bodies for row in body["rows"]]


def test_what_is_derived_is_told_and_goes_to_the_figures() -> None:
    double = DerivedSignal("double", "int", "shots * 2", unit="shot", high=100)
    state = DerivedSignal("state", "string", "running")
    rule = StateRule("bits", ("running",), ("running",), "idle")
    derivation = Derivation((double, state), {"double": "shots * 2"}, state=rule)
    made, figures = pipeline(press(derivation))
    assert told(made.take(batch((1, 40, 0.0)))) == [
        {"t": 1_790_000_000_000, "m": {"double": 80, "state": "running"}},
        {"t": 1_790_000_000_000, "m": {"running": 1, "shots": 40}},
    ]
    again = told(made.take(batch((1, 60, 0.0), 1)))
    assert again[0] == {"t": 1_790_000_001_000, "m": {"double": 120}, "q": {"double": 1}}
    bad = (Quality.GOOD, Quality.BAD, Quality.GOOD)
    lost = [
        orjson.loads(draft.body)["rows"][0] for draft in made.take(batch((1, None, 0.0), 2, bad))
    ]
    assert lost[0] == {"t": 1_790_000_002_000, "m": {"double": None}, "q": {"double": 2}}
    assert [seen[2]["state"] for seen in figures.seen] == ["running"] * 3
    assert {(s.signal, s.value) for s in made.shown("press")} == {
        ("running", 1), ("shots", None), ("double", None), ("state", "running"),
    }  # fmt: skip


def test_an_alarm_watches_what_is_derived() -> None:
    asset = dataclasses.replace(
        press(Derivation((DerivedSignal("double", "int", ""),), {"double": "shots * 2"})),
        alarms=(AlarmSpec("many", 2, {"en": "Many"}, "double", "press", "double", above=100),),
    )
    alarms = Alarms()
    alarms.plan([asset], {}, 0)
    made = Pipeline(Figures(), 300, alarms)  # type: ignore[arg-type]
    made.prepare((asset,), (DEVICE,), {"press": "rev"})
    assert not [draft for draft in made.take(batch((1, 50, 0.0))) if draft.cls == "alarm/many"]
    assert [draft for draft in made.take(batch((1, 51, 0.0), 1)) if draft.cls == "alarm/many"]


def test_a_deriver_goes_on_where_a_changed_site_file_leaves_it() -> None:
    levels = Levels((("run", 5.0),), dwell_ms=3000)
    power = DerivedSignal("power", "float", "shots", unit="kW")
    signals = (power, DerivedSignal("level", "string", ""))
    asset = press(Derivation(signals, {"power": "shots"}, levels))
    made, figures = pipeline(asset)
    for second, shots in enumerate((1, 9, 9)):
        made.take(batch((1, shots, 0.0), second))
    made.rewire((asset,), (DEVICE,), {"press": "another"}, (DEVICE,))
    assert asset.derived is not None
    longer = dataclasses.replace(asset.derived, silence_ms=9000)
    changed = dataclasses.replace(asset, derived=longer)
    made.take(batch((1, 9, 0.0), 3))
    made.rewire((changed,), (DEVICE,), {"press": "a third"}, (DEVICE,))
    made.take(batch((1, 9, 0.0), 4))
    seen = {t: values["level"] for _asset, t, values in figures.seen if "level" in values}
    assert list(seen.values()) == ["off", "run", "run", "run", "run"]
    assert list(seen)[1] == 1_790_000_001_000
