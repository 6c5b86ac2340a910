"""Alarms: hysteresis, delays, chatter, doubt, maintenance, acknowledgement, restarts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from gateway import words
from gateway.alarms.board import Alarms
from gateway.alarms.watch import CHATTER_S, Watch
from gateway.model import (
    AlarmSpec,
    Asset,
    Batch,
    Binding,
    Device,
    Draft,
    Group,
    Kind,
    Place,
    Quality,
    Tag,
)
from gateway.model import Record as Stored
from gateway.pipeline import Pipeline
from gateway.records import mark
from tests.kpi_traces import T0, spec
from tests.ledger_rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.model import Value

GOOD, UNCERTAIN, BAD = Quality.GOOD, Quality.UNCERTAIN, Quality.BAD
SECOND = 1_000_000_000
T0_MS = 1_790_000_000_000
HOT = AlarmSpec(
    "hot", 2, {"zh": "炉温过高", "en": "too hot"}, "heat", "plc", "temp", above=185, clear=180
)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    before = words.chosen()
    words.choose("en")
    yield
    words.choose(before)


class Scene:
    """One alarm, fed value by value, a second apart."""

    def __init__(self, spec: AlarmSpec = HOT) -> None:
        self.watch = Watch("main", "oven", spec)
        self.second = 0.0

    def read(self, *values: Value, quality: Quality = GOOD, step: float = 1) -> list[Any]:
        """Feed values and return what was told of each, None where nothing was."""
        return [self._one(value, quality, step) for value in values]

    def wait(self, seconds: float) -> Any:  # noqa: ANN401
        self.second += seconds
        return _body(self.watch.check(round(self.second * SECOND), self._ms))

    def _one(self, value: Value, quality: Quality, step: float) -> Any:  # noqa: ANN401
        self.second += step
        return _body(self.watch.read(value, quality, round(self.second * SECOND), self._ms))

    @property
    def _ms(self) -> int:
        return T0_MS + round(self.second * 1000)


def _body(draft: Draft | None) -> Any:  # noqa: ANN401
    return None if draft is None else orjson.loads(draft.body)


def test_it_is_raised_beyond_its_limit_and_over_behind_clear() -> None:
    scene = Scene()
    low, hot, still, between, over, again = scene.read(185.0, 185.1, 190.0, 181.0, 180.0, 184.0)
    assert (low, still, between, again) == (None,) * 4
    assert hot == {
        "alarm": "hot", "sev": 2, "active": True, "acked": False, "raised": T0_MS + 2000,
        "cleared": None, "text": "too hot", "value": 185.1, "limit": 185,
    }  # fmt: skip
    assert over == hot | {"active": False, "cleared": T0_MS + 5000, "value": 180.0}


def test_below_is_its_mirror() -> None:
    scene = Scene(AlarmSpec("cold", 3, {}, "heat", "plc", "temp", below=5, clear=8))
    told = scene.read(5.0, 4.9, 7.9, 8.0, 5.0)
    assert [t and t["active"] for t in told] == [None, True, None, False, None]
    assert told[1]["text"] == "cold"


@pytest.mark.parametrize(
    ("equals", "values"),
    [(True, (False, True, False)), (4, (3, 4, 5)), ("E102", ("", "E102", "ok"))],
)
def test_equals_is_over_when_the_value_is_another(equals: Value, values: tuple[Value, ...]) -> None:
    scene = Scene(AlarmSpec("fault", 1, {}, "word", "plc", "word", equals=equals))
    told = scene.read(*values)
    assert [t and t["active"] for t in told] == [None, True, False]


@pytest.mark.parametrize("value", [None, math.nan])
def test_what_is_not_known_moves_nothing(value: Value) -> None:
    scene = Scene()
    quality = BAD if value is None else GOOD
    assert scene.read(value, quality=quality) == [None]
    scene.read(190.0)
    assert scene.read(value, value, quality=quality) == [None, None]
    assert scene.watch.active
    assert scene.read(20.0, quality=BAD) == [None], "a value that is marked bad isn't looked at"


def test_doubt_raises_and_never_clears() -> None:
    scene = Scene()
    assert scene.read(3000.0, quality=UNCERTAIN)[0]["active"]
    assert scene.read(-3000.0, quality=UNCERTAIN) == [None]
    assert scene.read(20.0)[0]["active"] is False


def test_delays_are_of_time_and_not_of_readings() -> None:
    scene = Scene(replace(HOT, delay_s=5, clear_delay_s=10))
    assert scene.read(190.0, 190.0, step=2) == [None, None]
    assert scene.wait(2.5) is None
    raised = scene.wait(0.5)
    assert raised["raised"] == T0_MS + 7000
    assert scene.read(20.0) == [None]
    assert scene.wait(9) is None
    assert scene.wait(1)["active"] is False


def test_a_value_that_comes_back_begins_its_delay_anew() -> None:
    scene = Scene(replace(HOT, delay_s=5))
    assert scene.read(190.0, 184.0, 190.0, step=3) == [None] * 3
    assert scene.read(190.0, step=4) == [None]
    assert scene.read(190.0, step=1)[0]["active"]


def test_a_reading_that_fails_stops_no_delay_and_ends_none() -> None:
    scene = Scene(replace(HOT, delay_s=5))
    scene.read(190.0)
    scene.read(None, quality=BAD, step=6)
    assert scene.wait(60) is None, "nobody knows whether it is still hot"
    assert scene.read(190.0)[0]["active"]


def test_chatter_is_bounded() -> None:
    scene = Scene(replace(HOT, clear=None))
    told = [t for t in scene.read(*([190.0, 20.0] * 600)) if t]
    assert len(told) == 5, "three times up, two times down, and then it stays up"
    assert scene.watch.active
    scene.read(20.0)
    assert scene.wait(CHATTER_S - 2) is None
    assert scene.wait(2)["active"] is False


def test_maintenance_silences_what_begins_and_not_what_ends() -> None:
    scene = Scene()
    scene.read(190.0)
    scene.watch.in_service = False
    assert scene.read(20.0)[0]["active"] is False
    assert scene.read(190.0, 190.0, 20.0, 190.0) == [None] * 4
    assert scene.watch.silenced == 2
    scene.watch.in_service = True
    assert scene.wait(1)["active"], "what still stands afterwards is told then"


def test_acknowledged_once_per_raise() -> None:
    scene = Scene()
    assert scene.watch.acknowledge("ann", T0_MS) is None, "there is nothing to acknowledge"
    scene.read(190.0)
    body = _body(scene.watch.acknowledge("ann", T0_MS))
    assert (body["active"], body["acked"], body["by"]) == (True, True, "ann")
    assert scene.watch.acknowledge("bob", T0_MS) is None
    over, raised = scene.read(20.0, 190.0)
    assert (over["acked"], over["by"]) == (True, "ann")
    assert raised["acked"] is False
    assert "by" not in raised
    scene.read(20.0)
    body = _body(scene.watch.acknowledge("bob", T0_MS))
    assert (body["active"], body["acked"]) == (False, True), "also after it is over"


TEMP = Tag("plc", "temp", Kind.F32, "D1", None)
TAGS = (TEMP,)
DEVICE = Device("plc", "fake://", 1, (Group("plc", "default", 1, TAGS),), {})
OVEN = Asset("oven", "main", "oven", {}, (), None, alarms=(HOT,))
REST = Asset("plc", "_dev", "device", {}, (Binding("temp", TEMP, "", None, high=300.0),), None)

Current = dict[Place, Stored]


def stored(*drafts: Draft) -> Current:
    return {
        (d.line, d.asset, d.cls): Stored(key, d.cls, d.line, d.asset, d.ts_ms, d.body)
        for key, d in enumerate(drafts, 1)
    }


def heated(alarms: Alarms, value: Value, second: int = 0) -> list[Any]:
    """What a pipeline tells of alarms for one value."""
    pipeline = Pipeline(None, 300, alarms)  # type: ignore[arg-type]
    pipeline.prepare((OVEN, REST), (DEVICE,), {"oven": "1", "plc": "2"})
    at = T0_MS * 1_000_000 + second * SECOND
    batch = Batch("plc", TAGS, (value,), None, at, second * SECOND)
    return [draft for draft in pipeline.take(batch) if draft.cls.startswith("alarm/")]


def test_an_alarm_may_watch_a_tag_that_another_asset_tells() -> None:
    alarms = Alarms()
    assert alarms.plan((OVEN, REST), {}, T0_MS) == []
    assert heated(alarms, 150.0) == []
    (draft,) = heated(alarms, 900.0, 1)
    assert (draft.cls, draft.line, draft.asset) == ("alarm/hot", "main", "oven")
    assert [watch.spec.name for watch in alarms.standing()] == ["hot"]


def test_a_restart_goes_on_where_the_record_says() -> None:
    first = Alarms()
    first.plan((OVEN,), {}, T0_MS)
    (draft,) = heated(first, 190.0)
    second = Alarms()
    assert second.plan((OVEN,), stored(draft), T0_MS) == [], "told already"
    assert Alarms().plan((OVEN,), stored(mark(draft)), T0_MS) == [], "at an uncertain time"
    assert heated(second, 190.0, 9) == []
    (over,) = heated(second, 20.0, 10)
    body = orjson.loads(over.body)
    assert (body["active"], body["raised"]) == (False, T0_MS)
    assert body["cleared"] == T0_MS + 10_000


def test_what_changes_in_the_site_file_is_told_of_an_alarm_that_stands() -> None:
    first = Alarms()
    first.plan((OVEN,), {}, T0_MS)
    (draft,) = heated(first, 190.0)
    grave = replace(OVEN, alarms=(replace(HOT, severity=1),))
    (told,) = Alarms().plan((grave,), stored(draft), T0_MS + 5)
    assert orjson.loads(told.body)["sev"] == 1
    assert orjson.loads(told.body)["raised"] == T0_MS
    moved = replace(OVEN, line="other")
    alarms = Alarms()
    (told,) = alarms.plan((moved,), stored(draft), T0_MS + 5)
    assert told.line == "other"
    assert not alarms.stands(("main", "oven", "alarm/hot"))
    assert alarms.stands(("other", "oven", "alarm/hot"))
    assert not alarms.stands(("other", "oven", "alarm/cold"))
    assert alarms.stands(("main", "oven", "meta"))
    (over,) = heated(first, 20.0, 9)
    assert Alarms().plan((grave,), stored(over), T0_MS) == [], "what is over is left as it is"


def test_an_asset_that_comes_back_to_its_line_says_how_its_alarm_stands_by_now() -> None:
    first = Alarms()
    first.plan((OVEN,), {}, T0_MS)
    (raised,) = heated(first, 190.0)
    (over,) = heated(first, 20.0, 9)
    elsewhere = replace(over, line="other")
    (told,) = Alarms().plan((OVEN,), stored(raised, elsewhere), T0_MS + 20)
    assert told.line == "main"
    assert orjson.loads(told.body)["active"] is False


def test_a_new_plan_leaves_delays_of_the_same_alarms_under_way() -> None:
    patient = replace(OVEN, alarms=(replace(HOT, delay_s=10),))
    alarms = Alarms()
    alarms.plan((patient,), {}, T0_MS)
    assert heated(alarms, 190.0) == []
    alarms.plan((patient, REST), {}, T0_MS)
    assert alarms.advance(9 * SECOND, T0_MS) == []
    assert len(alarms.advance(10 * SECOND, T0_MS)) == 1


def state(word: str, **more: str) -> Draft:
    return Draft("state", "main", "oven", T0_MS, orjson.dumps({"state": word, "since": 1, **more}))


def test_a_stop_for_maintenance_takes_its_machine_out_of_service() -> None:
    alarms = Alarms()
    alarms.plan((OVEN,), stored(state("planned_stop", reason="Maintenance")), T0_MS)
    assert heated(alarms, 190.0) == [], "known from the store after a restart"
    assert alarms.silenced == 1
    alarms.follow([state("planned_stop", reason="break")])
    assert len(alarms.advance(SECOND, T0_MS)) == 1, "a break is no maintenance"


def test_what_a_platform_says_of_maintenance_reaches_the_alarms() -> None:
    """The words of `cmd/context` become a state record, and that is what alarms follow."""
    rig = Rig.of(spec(signals=("state", "count")))
    machine = replace(rig.assets[0], alarms=(HOT,))
    alarms = Alarms()
    alarms.plan((machine,), {}, T0_MS)
    (watch,) = alarms.of_tag("plc", "temp")
    rig.poll(T0, state="running", count=1)
    said: dict[str, Value] = {"planned_stop": True, "reason": "maintenance"}
    alarms.follow(rig.ledger.enter("m1", T0 + 1000, said, T0 + 1000)[0])
    assert not watch.in_service
    alarms.follow(rig.poll(T0 + 2000, state="fault", count=1))
    assert not watch.in_service, "whatever the machine says meanwhile"
    alarms.follow(rig.ledger.enter("m1", T0 + 3000, {"planned_stop": False}, T0 + 3000)[0])
    assert watch.in_service


def test_acknowledging_what_is_not_there_says_so() -> None:
    alarms = Alarms()
    alarms.plan((OVEN,), {}, T0_MS)
    with pytest.raises(LookupError, match="oven has no alarm cold"):
        alarms.acknowledge("oven", "cold", "ann", T0_MS)
    assert alarms.acknowledge("oven", "hot", "ann", T0_MS) == []
    heated(alarms, 190.0)
    (draft,) = alarms.acknowledge("oven", "hot", "ann", T0_MS)
    assert orjson.loads(draft.body)["acked"] is True
