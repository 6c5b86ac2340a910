"""An edge node at a real broker: every requirement of the standard, over all that it said."""

from __future__ import annotations

import asyncio
import csv
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from gateway.model import Draft
from gateway.publishers.sparkplug.node import Node
from gateway.publishers.sparkplug.schema import Payload
from gateway.settings import CommandSettings, SparkplugSettings
from tests.e2e.mosquitto import Mosquitto, Subscriber
from tests.e2e.mqtt_rig import Rig, config, draft, running
from tests.e2e.sparkplug_payload_rules import RULES as ON_PAYLOADS
from tests.e2e.sparkplug_rules import RULES as ON_SESSIONS
from tests.e2e.sparkplug_story import Story
from tests.e2e.sparkplug_tap import Tap
from tests.e2e.test_sparkplug_foreign import decoded

if TYPE_CHECKING:
    from gateway.settings import MqttSettings

ROOT = Path(__file__).parents[2]
RULES = {**ON_SESSIONS, **ON_PAYLOADS}
REQUIREMENTS = [
    row["id"]
    for row in csv.DictReader(
        (ROOT / "docs/contract/sparkplug_edge.csv").read_text("utf-8").splitlines()
    )
]
STATE = "spBv1.0/STATE/scada"
CMD = "spBv1.0/e1.s1/{kind}/gw-01"
META = {
    "rev": "1",
    "asset": {
        "id": "press-1",
        "name": {"en": "Press 1", "zh": "一号冲床"},
        "kind": "press",
        "profile": "x@1",
    },
    "tags": [
        {"n": "spindle_kw", "t": "float", "u": "kW", "lo": 0, "hi": 50, "desc": {"en": "Power"}},
        {"n": "good", "t": "int", "src": {"device": "plc-1", "tag": "good"}},
        {"n": "on", "t": "bool"},
        {"n": "recipe", "t": "string"},
    ],
    "alarms": [{"n": "overtemp", "sev": 2}],
    "kpis": [{"n": "nee"}],
    "reasons": [{"n": "jam", "loss": "fault", "codes": ["E1"], "desc": {"en": "Jam"}}],
}


def node_settings(port: int, version: str, **more: Any) -> MqttSettings:  # noqa: ANN401
    return config(
        f"mqtt://127.0.0.1:{port}",
        format="sparkplug",
        version=version,
        sparkplug=SparkplugSettings(primary_host="scada"),
        commands=CommandSettings(key=None, allow=(), unsigned=True),
        **more,
    )


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def meta(asset: str, line: str = "l1", **more: Any) -> Draft:  # noqa: ANN401
    about = {**META, "asset": {"id": asset, "name": {"en": asset}, "kind": "press"}, **more}
    return Draft("meta", line, asset, now_ms(), orjson.dumps(about))


def values(asset: str, line: str = "l1", q: dict[str, int] | None = None, **told: Any) -> Draft:  # noqa: ANN401
    row = {"t": now_ms(), "m": told, **({"q": q} if q else {})}
    body = orjson.dumps({"rev": "1", "rows": [row]})
    return Draft("telemetry", line, asset, now_ms(), body)


def says_state(sub: Subscriber, *, online: bool, ms: int | None = None) -> None:
    sub.publish(STATE, json.dumps({"online": online, "timestamp": ms or now_ms()}).encode())


def order(sub: Subscriber, kind: str, *metrics: dict[str, Any], device: str = "") -> bytes:
    made = Payload(timestamp=now_ms())
    for metric in metrics:
        made.metrics.add(**metric)
    topic = CMD.format(kind=kind) + (f"/{device}" if device else "")
    sub.say(topic, made.SerializeToString())
    return bytes(made.SerializeToString())


REBIRTH = {"name": "Node Control/Rebirth", "boolean_value": True}


async def live(rig: Rig, sub: Subscriber, tap: Tap, story: Story) -> None:
    """A first session, from the primary host's absence to a broken line."""
    waiting = rig.publisher.status
    await rig.until(lambda: waiting().note, "waiting for its host")
    rig.make(
        Draft("meta", "l1", "press-1", now_ms(), orjson.dumps(META)),
        meta("press-2"),
        meta("gw-01", "_gw", tags=[{"n": "cpu", "t": "float", "u": "%"}]),
    )
    sub.publish("spBv1.0/STATE/other", b'{"online":true,"timestamp":1}')
    says_state(sub, online=False, ms=now_ms() - 1000)
    await asyncio.sleep(0.2)
    story.waited = len(tap.nodes[0].said)
    says_state(sub, online=True)
    await rig.connected()
    sent = rig.make(
        values("press-1", spindle_kw=7.3, good=4410, on=True, recipe="A17"),
        values("press-1", good=-3),
        values("gw-01", "_gw", cpu=3.5),
        *(draft(name) for name in ("state", "oee", "energy", "event", "alarm")),
        Draft("oee", "l1", "_line", now_ms(), draft("oee").body),
    )
    for count in range(300):
        sent += rig.make(values("press-1", good=count))
    sent += rig.make(
        values("press-1", spindle_kw=99.0, q={"spindle_kw": 1}),
        values("press-1", spindle_kw=7.0),
        values("press-1", extra=1),
        values("press-2", spindle_kw=None, good=None, q={"spindle_kw": 2, "good": 2}),
    )
    await rig.delivered(sent)
    await rig.until(lambda: tap.nodes[0].of("DDEATH"), "a device that can't be read is told dead")
    sent = rig.make(values("press-2", spindle_kw=1.0, good=2))
    await rig.delivered(sent)
    story.rebirths.append((0, len(tap.nodes[0].said)))
    order(sub, "NCMD", REBIRTH)
    await rig.until(lambda: len(tap.nodes[0].of("NBIRTH")) > 1, "born again")
    await rig.until(lambda: tap.nodes[0].said[-1].kind in {"DBIRTH", ""}, "all of them")
    alias = next(
        metric.alias
        for said in tap.nodes[0].of("DBIRTH")
        for metric in said.message.metrics
        if said.device == "press-1" and metric.name == "good"
    )
    order(
        sub,
        "DCMD",
        {"name": "good", "datatype": 3, "int_value": (1 << 32) - 7},
        {"name": "spindle_kw", "double_value": 7.5},
        {"alias": alias, "long_value": 12},
        device="press-1",
    )
    await rig.until(lambda: len(story.taken) == 3, "commands")


async def tell(port: int, version: str, folder: Path, story: Story) -> None:
    """Everything at one server."""
    sub = Subscriber(port, "#")

    def take(publisher: str, topic: str, payload: bytes, *, retained: bool) -> None:
        del publisher
        assert not retained
        story.taken.append((topic, orjson.loads(payload)))

    with sub:
        async with Tap(port) as tap:
            settings = node_settings(tap.port, version)
            async with running(folder / "store", settings, Node, take=take) as rig:
                await live(rig, sub, tap, story)
                rig.publisher.cut(0.3)
                await rig.until(lambda: not rig.publisher.status().connected, "broken")
                late = [
                    record
                    for count in range(5)
                    for record in rig.make(values("press-1", good=count))
                ]
                await rig.connected()
                await rig.delivered(late)
            async with running(folder / "store", settings, Node, take=take) as rig:
                await rig.connected()
                await rig.delivered(rig.make(values("press-1", good=9), values("press-3", x=1)))
            story.talks = tap.nodes
            sub.forget(STATE)


async def walk(ports: tuple[int, int], version: str, folder: Path, story: Story) -> None:
    """The primary host comes and goes, at two servers."""
    with Subscriber(ports[0], "#") as here, Subscriber(ports[1], "#") as there:
        async with Tap(ports[0]) as first, Tap(ports[1]) as second:
            settings = node_settings(first.port, version)
            urls = (f"mqtt://127.0.0.1:{first.port}", f"mqtt://127.0.0.1:{second.port}")
            begun = now_ms()
            says_state(here, online=True, ms=begun)
            says_state(there, online=False, ms=begun)

            def said() -> tuple[int, int]:
                count = [
                    len([s for t in tap.nodes for s in t.of("NBIRTH")]) for tap in (first, second)
                ]
                return count[0], count[1]

            async with running(folder / "walk", replace(settings, brokers=urls), Node) as rig:
                await rig.connected()
                story.steps["born"] = said()
                says_state(here, online=False, ms=begun - 60_000)
                await asyncio.sleep(0.2)
                story.steps["old news"] = said()
                assert rig.publisher.status().connected
                says_state(here, online=False, ms=begun + 1)
                await rig.until(lambda: second.nodes, "the next server")
                story.steps["gone"] = said()
                says_state(there, online=True, ms=begun + 2)
                await rig.until(
                    lambda: rig.publisher.status().connected and second.nodes[-1].of("NBIRTH"),
                    "born elsewhere",
                )
                story.steps["elsewhere"] = said()
            story.walk = (first.nodes, second.nodes)


@pytest.fixture(scope="module", params=["5", "3.1.1"])
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("sparkplug")
    (folder / "two").mkdir()
    told = Story([], mark=now_ms())
    with Mosquitto(folder) as broker, Mosquitto(folder / "two") as other:
        asyncio.run(tell(broker.port, request.param, folder, told))
        asyncio.run(walk((broker.port, other.port), request.param, folder, told))
    return told


@pytest.mark.parametrize("requirement", sorted(RULES))
def test_requirement(requirement: str, story: Story) -> None:
    RULES[requirement](story)


def test_every_requirement_is_tested_or_argued() -> None:
    page = (ROOT / "docs/sparkplug.md").read_text("utf-8")
    argued = {name for name in REQUIREMENTS if f"`{name}`" in page}
    assert argued | RULES.keys() == set(REQUIREMENTS)
    assert not argued & RULES.keys()


def test_no_template_is_sent(story: Story) -> None:
    told = [metric for _said, metric in story.metrics("NBIRTH", "DBIRTH", "NDATA", "DDATA")]
    assert told
    assert not any(metric.datatype == 19 or metric.HasField("template_value") for metric in told)


def test_sparkplug_payload_of_npm_reads_every_message(story: Story) -> None:
    said = story.said("NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH")
    for told, one in zip(decoded([one.payload for one in said]), said, strict=True):
        assert told.get("seq") == (str(one.message.seq) if one.kind != "NDEATH" else None)
        names = [metric.name for metric in one.message.metrics]
        assert [metric.get("name", "") for metric in told.get("metrics", [])] == names
