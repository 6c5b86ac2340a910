"""From batches to drafts: naming, splitting, judging, reporting by exception."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import orjson

from gateway.kpi import KpiSpec
from gateway.model import Asset, Batch, Binding, Device, Draft, Group, Kind, Quality, Tag
from gateway.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.model import Value

SECOND = 1_000_000_000
GOOD, UNCERTAIN, BAD = Quality.GOOD, Quality.UNCERTAIN, Quality.BAD

SPEC = KpiSpec(
    piece="pair", counting="direct", signals=("state", "count"), moduli={}, states={},
    ideal_cycle_s=10, ideal_basis="nameplate", products={}, micro_stop_s=None, quality="none",
    max_rate=1, silence_s=10, windows=("hour",), interim_s=None, kpis=(), profile="x@1",
    state_basis="plc",
)  # fmt: skip


@dataclass
class Figures:
    """Stands where the ledger stands: notes what it is told."""

    seen: list[tuple[str, int, dict[str, Value]]] = field(default_factory=list)

    def observe(self, asset: str, t_ms: int, values: Mapping[str, Value]) -> list[Draft]:
        self.seen.append((asset, t_ms, dict(values)))
        return []

    def derived(self, asset: str) -> str:
        assert asset
        return ""


def tag(name: str, **more: object) -> Tag:
    return Tag("plc", name, Kind.U16, name, None)._replace(**more)  # type: ignore[arg-type]


def bound(signal: str, source: Tag, **more: object) -> Binding:
    return Binding(signal, source, "N", None)._replace(**more)  # type: ignore[arg-type]


STATE, SHOTS, TEMP = tag("run_state"), tag("shots"), tag("temp", deadband=0.5)
TAGS = (STATE, SHOTS, TEMP)
DEVICE = Device("plc", "fake://", 1, (Group("plc", "default", 1, TAGS),), {})
PRESS = Asset("press", "main", "press", {}, (bound("state", STATE), bound("count", SHOTS)), SPEC)
OVEN = Asset("oven", "main", "oven", {}, (bound("heat", TEMP, low=0, high=200),), None)
REST = Asset("plc", "_dev", "device", {}, (bound("shots", SHOTS),), None)


def pipeline(*assets: Asset, heartbeat_s: float = 300) -> tuple[Pipeline, Figures]:
    figures = Figures()
    made = Pipeline(figures, heartbeat_s)  # type: ignore[arg-type]
    made.prepare(assets, (DEVICE,), {asset.name: f"rev-{asset.name}" for asset in assets})
    return made, figures


def batch(values: tuple[Value, ...], second: int = 0, quality: tuple[Quality, ...] | None = None,
          present: tuple[int, ...] | None = None) -> Batch:  # fmt: skip
    at = 1_790_000_000 * SECOND + second * SECOND
    return Batch("plc", TAGS, values, quality, at, second * SECOND, present=present)


def rows(drafts: list[Draft]) -> dict[str, dict[str, object]]:
    return {draft.asset: orjson.loads(draft.body)["rows"][0] for draft in drafts}


def test_a_batch_is_split_by_asset_and_tags_take_their_signals_names() -> None:
    made, figures = pipeline(PRESS, OVEN, REST)
    drafts = made.take(batch((1, 40, 181.0)))
    told = rows(drafts)
    assert told["press"]["m"] == {"state": 1, "count": 40}
    assert told["oven"]["m"] == {"heat": 181.0}
    assert told["plc"]["m"] == {"shots": 40}
    assert {(d.cls, d.line) for d in drafts} == {("telemetry", "main"), ("telemetry", "_dev")}
    assert orjson.loads(drafts[0].body)["rev"] == "rev-press"
    assert figures.seen == [("press", 1_790_000_000_000, {"state": 1, "count": 40})]


def test_only_what_changed_is_told() -> None:
    made, figures = pipeline(PRESS)
    made.take(batch((1, 40, 0)))
    assert made.take(batch((1, 40, 0), 1)) == []
    assert rows(made.take(batch((1, 41, 0), 2)))["press"]["m"] == {"count": 41}
    assert len(figures.seen) == 3, "the figures see every batch, told or not"


def test_a_deadband_is_measured_from_the_value_last_told() -> None:
    made, _figures = pipeline(OVEN)
    made.take(batch((1, 1, 100.0)))
    assert made.take(batch((1, 1, 100.4), 1)) == []
    assert made.take(batch((1, 1, 100.5), 2)) == []
    assert rows(made.take(batch((1, 1, 100.6), 3)))["oven"]["m"] == {"heat": 100.6}
    assert made.take(batch((1, 1, 101.0), 4)) == []


def test_a_heartbeat_tells_everything() -> None:
    made, _figures = pipeline(PRESS, heartbeat_s=60)
    made.take(batch((1, 40, 0)))
    assert made.take(batch((1, 40, 0), 59)) == []
    assert rows(made.take(batch((1, 40, 0), 60)))["press"]["m"] == {"state": 1, "count": 40}


def test_a_value_that_could_not_be_read_is_null_and_bad_and_told_once() -> None:
    made, figures = pipeline(PRESS)
    made.take(batch((1, 40, 0)))
    row = rows(made.take(batch((None, 41, 0), 1, (BAD, GOOD, GOOD))))["press"]
    assert row["m"] == {"state": None, "count": 41}
    assert row["q"] == {"state": 2}
    assert made.take(batch((None, 41, 0), 2, (BAD, GOOD, GOOD))) == []
    assert rows(made.take(batch((1, 41, 0), 3)))["press"] == {
        "t": 1_790_000_003_000,
        "m": {"state": 1},
    }
    assert figures.seen[1][2] == {"state": None, "count": 41}


def test_an_implausible_value_is_uncertain_and_its_recovery_is_told() -> None:
    made, _figures = pipeline(OVEN)
    made.take(batch((1, 1, 100.0)))
    row = rows(made.take(batch((1, 1, 900.0), 1)))["oven"]
    assert row["m"] == {"heat": 900.0}
    assert row["q"] == {"heat": int(UNCERTAIN)}
    assert rows(made.take(batch((1, 1, 100.0), 2)))["oven"]["m"] == {"heat": 100.0}


def test_a_quality_change_alone_is_told() -> None:
    made, _figures = pipeline(PRESS)
    made.take(batch((1, 40, 0)))
    row = rows(made.take(batch((1, 40, 0), 1, (GOOD, UNCERTAIN, GOOD))))["press"]
    assert row == {"t": 1_790_000_001_000, "m": {"count": 40}, "q": {"count": 1}}


def test_a_batch_with_some_tags_leaves_the_others_as_they_were() -> None:
    made, _figures = pipeline(PRESS)
    made.take(batch((1, 40, 0)))
    told = rows(made.take(batch((41,), 1, present=(1,))))
    assert told["press"]["m"] == {"count": 41}
    assert [s.value for s in made.shown("press")] == [1, 41]


def test_a_device_made_anew_tells_nothing_again_of_assets_that_stay() -> None:
    made, _figures = pipeline(PRESS, OVEN)
    made.take(batch((1, 40, 181.0)))
    tags = tuple(one._replace(scale=1.0) for one in TAGS)  # equal, and other objects
    device = replace(DEVICE, groups=(replace(DEVICE.groups[0], tags=tags, period_s=2),))
    hot = replace(OVEN, bindings=(bound("heat", tags[2], low=0, high=150),))
    revs = {"press": "rev-press", "oven": "another"}
    made.rewire((replace(PRESS, bindings=PRESS.bindings), hot), (device,), revs, (device,))
    again = replace(batch((1, 40, 181.0), 1), tags=tags)
    (draft,) = made.take(again)
    assert (draft.asset, orjson.loads(draft.body)["rev"]) == ("oven", "another")
    assert rows([draft])["oven"]["q"] == {"heat": UNCERTAIN}
    (draft,) = made.take(replace(batch((2, 40, 181.0), 2), tags=tags))
    assert rows([draft])["press"]["m"] == {"state": 2}


def test_routes_of_devices_that_are_no_more_end() -> None:
    made, _figures = pipeline(PRESS)
    made.take(batch((1, 40, 181.0)))
    other = Device("new", "fake://", 1, (Group("new", "default", 1, (TEMP,)),), {})
    made.rewire((OVEN,), (), {}, (other,))
    assert list(made.shown("press")) == []


def test_what_is_shown_stays_when_a_device_is_made_anew() -> None:
    made, _figures = pipeline(PRESS)
    made.take(batch((1, 40, 181.0)))
    before = list(made.shown("press"))
    tags = tuple(one._replace(line=9) for one in TAGS)
    device = replace(DEVICE, groups=(replace(DEVICE.groups[0], tags=tags),))
    made.rewire((PRESS,), (device,), {"press": "rev-press"}, (device,))
    assert list(made.shown("press")) == before
