"""The gateway as an asset: its readings, alarms, events, and what it remembers of its last run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest

from gateway import words
from gateway.alarms.board import Alarms
from gateway.clock import ManualClock
from gateway.health import Health
from gateway.itself import certificate, readings
from gateway.itself.basis import MOST, basis_of, changes
from gateway.itself.comings import Comings
from gateway.itself.gauges import MOST_DEVICES, PERIOD_S
from gateway.itself.itself import Itself, Parts
from gateway.itself.memory import FILE, LastRun, note, recall
from gateway.itself.trouble import LOOK_AGAIN_S, SILENT_S, specs_of
from gateway.kpi import KpiSpec
from gateway.model import Asset, Binding, Device, Group, Kind, Record, Tag
from gateway.pipeline import Pipeline
from gateway.plant import Plant
from gateway.publishers.base import PublisherStatus
from gateway.settings import Identity, MqttSettings, Roster, Rosters, Shift, StoreSettings, Tls
from gateway.store import StoreStatus
from tests.certify import certify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.model import Draft

STATUS = PublisherStatus(
    connected=True, url="mqtt://b", version="5", since_ms=0, error="", note="", outbox=3,
    in_flight=1, window=100, rtt_ms=0.5, answered_ms=0, acked=7, unheard=0, held={}, parked=0,
    aside=0,
)  # fmt: skip
HEALTHY = StoreStatus(1000, 9000, 0, 0, 5, 0, 9, None, 0, False, {}, 0, 0)  # noqa: FBT003


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    before = words.chosen()
    words.choose("en")
    yield
    words.choose(before)


@dataclass
class FakeStore:
    """As much of a store as is read."""

    fares: StoreStatus = HEALTHY
    epoch: int = 7

    def status(self) -> StoreStatus:
        return self.fares


@dataclass
class FakePublisher:
    fares: PublisherStatus = STATUS

    def status(self) -> PublisherStatus:
        return self.fares


@dataclass
class FakeRivals:
    is_there: bool = False


@dataclass
class FakeLink:
    url: str = "modbus+rtu:///dev/ttyUSB0"
    late: int = 2
    rejected: int = 3
    rivals: FakeRivals = field(default_factory=FakeRivals)
    ends: dict[str, int] = field(default_factory=dict)


class FakeLedger:
    def refused(self) -> dict[str, int]:
        return {"press": 4}


@dataclass
class Scene:
    """A gateway's own asset over parts that a test sets."""

    plant: Plant
    clock: ManualClock = field(default_factory=ManualClock)
    health: Health = field(default_factory=Health)
    store: FakeStore = field(default_factory=FakeStore)
    publisher: FakePublisher = field(default_factory=FakePublisher)
    alarms: Alarms = field(default_factory=Alarms)
    links: list[FakeLink] = field(default_factory=lambda: [FakeLink(), FakeLink()])

    def __post_init__(self) -> None:
        parts = Parts(
            clock=self.clock,
            health=self.health,
            ledger=cast("Any", FakeLedger()),
            alarms=self.alarms,
            store=cast("Any", self.store),
            links=lambda: cast("Any", self.links),
            publishers=lambda: cast("Any", {"cluster": self.publisher}),
        )
        self.itself = Itself(parts, self.plant)
        self.asset, self.device = self.itself.plan(self.plant)
        self.alarms.plan((self.asset,), {}, 0)
        self.pipeline = Pipeline(cast("Any", None), 300.0, self.alarms)
        self.pipeline.prepare((self.asset,), (self.device,), {"gw-01": "r1"})

    def second(self, seconds: float = 1) -> list[Draft]:
        """Let time pass and return all drafts, the readings' too."""
        self.clock.advance(seconds)
        now_ms = self.clock.wall_ns() // 1_000_000
        drafts, batch = self.itself.advance(self.clock.mono_ns(), now_ms)
        return drafts + (self.pipeline.take(batch) if batch else [])


def told(drafts: list[Draft], cls: str) -> list[Any]:
    return [orjson.loads(draft.body) for draft in drafts if draft.cls == cls]


def device(name: str) -> Device:
    tag = Tag(name, "shots", Kind.U32, "D1", None)
    return Device(name, f"fake://{name}", 1, (Group(name, "default", 1, (tag,)),), {})


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    settings = MqttSettings(("mqtt://b",), None, None, None, None, "5", 300, 500, 60)
    return Plant(
        identity=Identity("c", "e", "s", "gw-01"),
        timezone="Asia/Shanghai",
        rosters=Rosters(None, {}),
        publish={"cluster": settings},
        store=StoreSettings(tmp_path, 1 << 30, 1, 1, 0.5),
        devices=(device("plc-1"), device("plc-2")),
        assets=(),
        kpis={},
        drivers={},
        publishers={},
        files=(),
        notices=(),
    )


def test_the_readings_say_how_the_gateway_fares(plant: Plant) -> None:
    scene = Scene(plant)
    scene.health.device("plc-1").succeeded(0, 4.2, 1)
    scene.health.device("plc-2").fell(0, "no answer", "no-answer")
    (body,) = told(scene.second(), "telemetry")
    (row,) = body["rows"]
    values = row["m"]
    assert body["rev"] == "r1"
    assert values["polls_ok"] == 1
    assert values["polls_failed"] == values["devices_failing"] == values["tags_bad"] == 1
    assert values["answers_late"] == 4
    assert values["answers_rejected"] == 6
    assert values["readings_refused"] == 4
    assert values["round_trip"] == values["device.plc-1.round_trip"] == 4.2
    assert values["publish.cluster.connected"] is True
    assert values["outbox"] == values["publish.cluster.outbox"] == 3
    assert values["store_failing"] is False
    assert values["memory"] > 1
    assert values["descriptors"] > 2
    assert {tag.name for group in scene.device.groups for tag in group.tags} >= values.keys()
    assert not told(scene.second(PERIOD_S - 1), "telemetry")
    assert told(scene.second(1), "telemetry")


def test_every_tag_has_both_names_and_the_number_of_them_is_bounded(plant: Plant) -> None:
    many = replace(plant, devices=tuple(device(f"plc-{n}") for n in range(500)))
    asset, _device = Scene(many).itself.plan(many)
    named = [binding.tag.text for binding in asset.feeds()]
    assert all({"zh", "en"} <= text.keys() for text in named)
    assert len({binding.signal for binding in asset.feeds()}) == len(asset.loose) < 110
    ones = {b.signal.split(".")[1] for b in asset.feeds() if b.signal.startswith("device.")}
    assert ones == {f"plc-{n}" for n in range(MOST_DEVICES)}


def test_a_box_without_a_thermometer_has_no_such_tag(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "ZONES", tmp_path)
    assert "temperature" in readings.lacking()
    assert "temperature" not in {b.signal for b in Scene(plant).asset.feeds()}
    zone = tmp_path / "thermal_zone0"
    zone.mkdir()
    (zone / "temp").write_text("48500\n", "ascii")
    (row,) = told(Scene(plant).second(), "telemetry")[0]["rows"]
    assert row["m"]["temperature"] == 48.5


def test_a_silent_device_is_silent_until_it_is_polled_again(plant: Plant) -> None:
    first = Scene(plant)
    first.health.device("plc-2").fell(0, "no answer", "no-answer")
    first.second()
    (draft,) = [d for d in first.second(SILENT_S + 1) if d.cls.startswith("alarm/")]
    second = Scene(plant)
    record = Record(1, draft.cls, draft.line, draft.asset, draft.ts_ms, draft.body)
    second.alarms.plan((), {}, 0)
    second.alarms.plan((second.asset,), {(draft.cls, draft.line, draft.asset): record}, 0)
    second.health.device("plc-2")
    assert not told(second.second(), draft.cls), "after a restart nobody knows yet"
    second.health.device("plc-2").succeeded(0, 1, 0)
    assert told(second.second(), draft.cls)[0]["active"] is False


def test_a_device_that_is_silent_for_long_raises_an_alarm_of_its_own(plant: Plant) -> None:
    scene = Scene(plant)
    scene.second()
    scene.health.device("plc-2").fell(0, "plc-2: no answer. Set in site.yaml:9.", "no-answer")
    assert not told(scene.second(), "alarm/device_silent-plc-2")
    assert not told(scene.second(SILENT_S), "alarm/device_silent-plc-2")
    (raised,) = told(scene.second(), "alarm/device_silent-plc-2")
    assert raised["text"] == "plc-2: no answer. Set in site.yaml:9."
    assert (raised["active"], raised["value"], raised["limit"]) == (True, 301, 300)
    scene.health.device("plc-2").succeeded(0, 1, 0)
    (over,) = told(scene.second(), "alarm/device_silent-plc-2")
    assert over["active"] is False


@pytest.mark.parametrize(
    ("fares", "alarm"),
    [
        ({"cause": "credentials", "error": "refused"}, "broker_refuses"),
        ({"cause": "taken-over", "error": "another client"}, "client_id_taken"),
        ({"held": {"a/b": "Not authorized"}}, "topic_refused"),
        ({"aside": 1}, "record_aside"),
    ],
)
def test_what_a_broker_refuses_raises_an_alarm(
    plant: Plant, fares: dict[str, Any], alarm: str
) -> None:
    scene = Scene(plant)
    scene.second()
    scene.publisher.fares = replace(STATUS, **fares)
    (raised,) = told(scene.second() + scene.second(10), f"alarm/{alarm}-cluster")
    assert raised["active"]
    scene.publisher.fares = STATUS
    drafts = scene.second() + scene.second(600)
    assert told(drafts, f"alarm/{alarm}-cluster")[-1]["active"] is False


def test_a_network_that_is_down_is_no_refusal(plant: Plant) -> None:
    scene = Scene(plant)
    scene.publisher.fares = replace(STATUS, connected=False, cause="network", error="down")
    drafts = scene.second() + scene.second(3600)
    assert [draft.cls for draft in drafts if draft.cls.startswith("alarm")] == []


def test_another_master_on_a_line_raises_an_alarm(plant: Plant) -> None:
    scene = Scene(plant)
    assert not told(scene.second(), "alarm/second_master")
    scene.links[1].rivals.is_there = True
    (raised,) = told(scene.second(), "alarm/second_master")
    assert (raised["active"], raised["text"]) == (True, "modbus+rtu:///dev/ttyUSB0")
    scene.links[1].rivals.is_there = False
    assert told(scene.second() + scene.second(60), "alarm/second_master")[-1]["active"] is False


def test_a_refusing_disk_and_a_wrong_clock_raise_alarms(plant: Plant) -> None:
    scene = Scene(plant)
    scene.store.fares = replace(HEALTHY, failing="the disk is full")
    scene.clock.is_trusted = False
    scene.second()
    (raised,) = told(scene.second(10), "alarm/store_failing")
    assert (raised["text"], raised["sev"]) == ("the disk is full", 1)
    (raised,) = told(scene.second(300), "alarm/clock_unsync")
    assert (raised["value"], raised["limit"]) == (False, False)
    scene.clock.is_trusted = True
    assert told(scene.second(), "alarm/clock_unsync")[0]["active"] is False


def test_a_certificate_that_expires_soon_raises_an_alarm(plant: Plant, tmp_path: Path) -> None:
    cert, ca = certify(tmp_path, 20), certify(tmp_path, 40_000, "ca.pem")
    tls = Tls(ca, cert, tmp_path / "key.pem")
    scene = Scene(replace(plant, publish={"cluster": replace(plant.publish["cluster"], tls=tls)}))
    end_ms = certificate.expiry_ms(cert)
    assert end_ms is not None
    scene.clock.wall = (end_ms - 31 * 86_400_000) * 1_000_000
    assert not told(scene.second(), "alarm/certificate_expiring-cluster")
    scene.clock.step(2 * 86_400)
    (raised,) = told(scene.second(LOOK_AGAIN_S), "alarm/certificate_expiring-cluster")
    assert 28 < raised["value"] < 30 == raised["limit"]
    assert f"{cert} expires on 20" in raised["text"]
    cert.write_bytes(ca.read_bytes())
    drafts = scene.second(LOOK_AGAIN_S)
    assert told(drafts, "alarm/certificate_expiring-cluster")[0]["active"] is False


def test_a_device_that_comes_and_goes_makes_one_event_a_minute(plant: Plant) -> None:
    scene = Scene(plant)
    health = scene.health.device("plc-1")
    health.succeeded(1, 1, 0)
    assert not told(scene.second(), "event/device")
    health.fell(2, "no answer", "no-answer")
    (lost,) = told(scene.second(), "event/device")
    assert lost["data"] == {
        "device": "plc-1", "state": "lost", "since": 2, "losses": 1, "error": "no answer",
    }  # fmt: skip
    drafts: list[Draft] = []
    for turn in range(300):
        _ = health.succeeded(turn, 1, 0) if turn % 2 else health.fell(turn, "silent", "no-answer")
        drafts += scene.second()
    events = told(drafts, "event/device")
    assert 4 <= len(events) <= 5
    assert sum(event["data"]["losses"] for event in events) > 100
    health.succeeded(999, 1, 0)
    last = [*events, *told(scene.second(60), "event/device")][-1]
    assert last["data"]["state"] == "answering", "the newest state is told in the end"


def test_a_device_that_is_gone_is_forgotten() -> None:
    comings, health = Comings(), Health()
    health.device("plc-1").fell(0, "no answer", "no-answer")
    assert list(comings.look(health.devices, 0))
    assert not list(comings.look({}, 1))
    assert list(comings.look(health.devices, 2)), "told again of one that is new"


def test_a_start_tells_how_the_last_run_ended(plant: Plant) -> None:
    first = Scene(plant)
    (begun,) = told([first.itself.begin()], "event/gateway")
    assert begun["data"]["after"] == "first"
    first.itself.changed(plant, ())
    first.itself.remember(is_over=False)
    assert orjson.loads(Scene(plant).itself.begin().body)["data"]["after"] == "crash"
    first.itself.remember(is_over=True)
    assert orjson.loads(Scene(plant).itself.begin().body)["data"]["after"] == "stop"


SPEC = KpiSpec(
    piece="pair", counting="direct", signals=("state", "count"), moduli={}, states={"1": "running"},
    ideal_cycle_s=10.0, ideal_basis="nameplate", products={}, micro_stop_s=None, quality="none",
    max_rate=1.0, silence_s=10, windows=("hour",), interim_s=None, kpis=(), profile="x@1+aa",
    state_basis="plc",
)  # fmt: skip
SHOTS, TEMP = (Tag("plc-1", name, Kind.U32, at, None) for name, at in (("s", "D1"), ("t", "D2")))
PRESS = Asset(
    "press", "main", "press", {},
    (Binding("count", SHOTS, "N", None), Binding("heat", TEMP, "X", None)), SPEC,
)  # fmt: skip
DAY = Shift("day", 480, 1200, frozenset({0, 1}), ((720, 780),))


def names(plant: Plant) -> set[str]:
    return {asset.name for asset in plant.assets}


def config_events(before: Plant, now: Plant, folder: Path) -> list[tuple[str, Any]]:
    """What a second run tells, having been given what the first left on the disk."""
    note(folder, LastRun(basis_of(before, names(before), {})))
    last = recall(folder)
    assert last is not None
    drafts = changes(last.figures, basis_of(now, names(now), last.figures), now, 5)
    return [
        (f"{draft.line}/{draft.asset}", body["data"])
        for draft, body in zip(drafts, told(drafts, "event/config"), strict=True)
    ]


def test_what_figures_depend_on_is_told_where_it_changed(plant: Plant, tmp_path: Path) -> None:
    before = replace(plant, assets=(PRESS,), rosters=Rosters(Roster((DAY,)), {}))
    assert config_events(before, before, tmp_path) == []
    faster = replace(PRESS, kpi=replace(SPEC, ideal_cycle_s=8.0, max_rate=1.25))
    assert config_events(before, replace(before, assets=(faster,)), tmp_path) == [
        ("main/press", {"path": "assets.press.ideal_cycle", "old": 10.0, "new": 8.0,
                        "by": "file", "from": 5}),
    ]  # fmt: skip
    strict = replace(PRESS, kpi=replace(SPEC, max_rate=2.0, rate_given=True))
    assert config_events(before, replace(before, assets=(strict,)), tmp_path) == [
        ("main/press", {"path": "assets.press.parameters.max_rate", "old": None, "new": 2.0,
                        "by": "file", "from": 5}),
    ]  # fmt: skip
    late = replace(before, rosters=Rosters(Roster((replace(DAY, end=1260),)), {}))
    ((place, data),) = config_events(before, late, tmp_path)
    assert (place, data["path"]) == ("_gw/gw-01", "calendar")
    assert data["new"]["shifts"]["day"]["end"] == 1260
    other = SHOTS._replace(at="D9")
    rebound = replace(PRESS, bindings=(Binding("count", other, "N", None), PRESS.bindings[1]))
    ((place, data),) = config_events(before, replace(before, assets=(rebound,)), tmp_path)
    assert data["path"] == "assets.press.bind.count"
    assert data["old"] == "plc-1.s D1 u32 ABCD"
    assert data["new"] == "plc-1.s D9 u32 ABCD"
    version = replace(PRESS, kpi=replace(SPEC, profile="x@1+bb"))
    ((place, data),) = config_events(before, replace(before, assets=(version,)), tmp_path)
    assert (place, data["path"], data["new"]) == ("_gw/gw-01", "site.industry", "x@1+bb")


def test_bindings_that_a_reload_leaves_out_are_as_they_were(plant: Plant) -> None:
    whole = replace(plant, assets=(PRESS, replace(PRESS, name="press-2")))
    before = basis_of(whole, names(whole), {})
    lean = replace(whole, assets=tuple(replace(one, bindings=()) for one in whole.assets))
    assert basis_of(lean, (), before) == before
    assert "assets.press.bind.count" not in basis_of(lean, {"press"}, before)
    gone = replace(whole, assets=(PRESS,))
    assert not [path for path in basis_of(gone, {"press"}, before) if "press-2" in path]


def test_what_no_figure_depends_on_is_not_told(plant: Plant, tmp_path: Path) -> None:
    before = replace(plant, assets=(PRESS,))
    hotter = TEMP._replace(at="D77")
    bindings = (PRESS.bindings[0], Binding("heat", hotter, "X", None))
    same = replace(PRESS, text={"en": "Press"}, bindings=bindings)
    assert config_events(before, replace(before, assets=(same,)), tmp_path) == []
    new = replace(PRESS, name="press-2")
    assert config_events(before, replace(before, assets=(PRESS, new)), tmp_path) == []
    assert config_events(replace(before, assets=(PRESS, new)), before, tmp_path) == []


def test_a_flood_of_changes_is_bounded(plant: Plant, tmp_path: Path) -> None:
    many = tuple(replace(PRESS, name=f"press-{n}") for n in range(400))
    slower = tuple(replace(one, kpi=replace(SPEC, ideal_cycle_s=99.0)) for one in many)
    events = config_events(
        replace(plant, assets=many), replace(plant, assets=slower), tmp_path
    )  # fmt: skip
    assert len(events) == MOST + 1
    assert events[-1][1]["count"] == 400 - MOST


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"figures": 3, "is_over": true}', b"\xff"])
def test_a_spoilt_memory_is_as_good_as_none(tmp_path: Path, body: bytes) -> None:
    assert recall(tmp_path) is None
    (tmp_path / FILE).write_bytes(body)
    assert recall(tmp_path) is None
    note(tmp_path, LastRun({"a": 1}, is_over=True))
    assert recall(tmp_path) == LastRun({"a": 1}, is_over=True)


def test_a_disk_that_refuses_the_memory_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / f"{FILE}.new").mkdir()
    note(tmp_path, LastRun())
    assert recall(tmp_path) is None


def test_its_alarms_are_as_many_as_its_devices_and_publishers(plant: Plant) -> None:
    names = [spec.name for spec in specs_of(plant)]
    assert len(names) == len(set(names)) == 3 + 2 + 4
    assert all({"zh", "en"} <= spec.text.keys() for spec in specs_of(plant))
