"""An alarm from a register to a foreign subscriber, through a kill, a broker that forgot, a reload.

Beside it what else a platform hears of: the gateway as an asset, energy of a medium, events. Every
message is held to the contract.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any

from tests.e2e.asyncapi_judge import Judge
from tests.e2e.mosquitto import Mosquitto, Subscriber
from tests.e2e.workshop import NXGATE, ROOT
from tests.modbus_peer import Peer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SITE = """
site: {{cluster: c, enterprise: e, site: s, gateway: gw-01, timezone: Asia/Shanghai,
       industry: shoes, extensions: [x.yaml]}}
devices:
  plc-1:
    link: {link}
    poll: 100ms
    tags:
      temp: {{at: "holding:0", kind: i16, scale: 0.1, unit: °C}}
      litres: {{at: "holding:1", kind: u16, unit: L}}
assets:
  oven-1:
    bind: {{oven_temp: plc-1.temp}}
    alarms: {alarms}
  water-1:
    type: water-meter
    bind: {{water: plc-1.litres}}
    parameters: {{max_water: {most}}}
publish:
  cluster: {{kind: mqtt, url: "mqtt://127.0.0.1:{port}", spread: 0s}}
store: {{path: store, commit: 50ms}}
"""
HOT = (
    "{hot: {on: oven_temp, above: 185, clear: 180, severity: 2, text: {zh: 炉温过高, en: too hot}}}"
)
ROOT_TOPIC = "cii/v1/c/e/s"
ALARM = f"{ROOT_TOPIC}/main/oven-1/alarm/hot"
SELF = f"{ROOT_TOPIC}/_gw/gw-01"


class Scene:
    """The gateway as its user starts it, over a peer whose registers the test sets."""

    def __init__(self, folder: Path, peer: Peer, broker: Mosquitto, subscriber: Subscriber) -> None:
        self.folder = folder
        self.peer = peer
        self.broker = broker
        self.subscriber = subscriber
        self.gateway: subprocess.Popen[bytes] | None = None

    def write(self, alarms: str = HOT, most: int = 20) -> None:
        text = SITE.format(link=self.peer.url, port=self.broker.port, alarms=alarms, most=most)
        (self.folder / "site.yaml").write_text(text, "utf-8")
        (self.folder / "x.yaml").write_text(
            "extends: shoes\ntypes: {water-meter: {interim: 1s}}\n", "utf-8"
        )

    def start(self) -> None:
        with (self.folder / "gateway.log").open("ab") as log:
            command = [*NXGATE, "--lang", "en", "run", str(self.folder / "site.yaml")]
            self.gateway = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def end(self, how: signal.Signals) -> None:
        assert self.gateway is not None
        self.gateway.send_signal(how)
        self.gateway.wait(20)
        self.gateway = None

    def heat(self, celsius: float) -> None:
        self.peer.tables[3][0] = round(celsius * 10)

    def told(self, topic: str) -> list[dict[str, Any]]:
        heard = [one for one in list(self.subscriber.heard) if one.topic == topic]
        return [json.loads(one.payload) for one in heard if one.payload]

    async def until(self, condition: Callable[[], object], what: str) -> None:
        try:
            async with asyncio.timeout(20):
                while not condition():  # noqa: ASYNC110 - another thread fills the list
                    await asyncio.sleep(0.02)
        except TimeoutError:
            log = (self.folder / "gateway.log").read_text("utf-8")
            raise AssertionError(f"not within 20 s: {what}\n{log}") from None

    async def kept(self, topic: str) -> dict[str, Any] | None:
        """What mosquitto's own client is told of as retained; None where there is nothing."""
        process = await asyncio.create_subprocess_exec(
            "mosquitto_sub", "-p", str(self.broker.port), "-t", topic, "-q", "1",
            "--retained-only", "-C", "1", "-W", "1", stdout=subprocess.PIPE,
        )  # fmt: skip
        told, _error = await process.communicate()
        found: dict[str, Any] | None = json.loads(told) if told.strip() else None
        return found


async def _an_alarm(scene: Scene) -> None:
    scene.heat(150)
    scene.write()
    scene.start()
    await scene.until(lambda: scene.told(f"{SELF}/telemetry/live"), "the gateway tells of itself")
    meta = scene.told(f"{ROOT_TOPIC}/main/oven-1/meta")[-1]
    (about,) = meta["alarms"]
    assert about["desc"] == {"zh": "炉温过高", "en": "too hot"}
    assert (about["on"], about["above"], about["clear"]) == ("oven_temp", 185, 180)
    assert scene.told(ALARM) == []

    scene.heat(190)
    await scene.until(lambda: scene.told(ALARM), "the alarm is raised")
    (raised,) = scene.told(ALARM)
    assert raised["active"]
    assert (raised["value"], raised["limit"], raised["sev"]) == (190, 185, 2)
    assert raised["text"] == "too hot"
    assert (await scene.kept(ALARM) or {})["id"] == raised["id"]

    # The gateway is killed, and the broker forgets what it kept.
    scene.end(signal.SIGKILL)
    scene.broker.stop()
    scene.broker.start()
    scene.subscriber.back()
    scene.start()
    await scene.until(lambda: len(scene.told(ALARM)) > 1, "it is stated again")
    assert [body["id"] for body in scene.told(ALARM)] == [raised["id"]] * 2
    assert (await scene.kept(ALARM) or {})["active"]
    starts = [body["data"] for body in scene.told(f"{SELF}/event/gateway")]
    assert [start["after"] for start in starts] == ["first", "crash"]

    # Within the hysteresis nothing happens; behind it the alarm is over, and stays told as such.
    scene.heat(182)
    telemetry = f"{ROOT_TOPIC}/main/oven-1/telemetry/live"
    await scene.until(lambda: scene.told(telemetry)[-1]["rows"][-1]["m"]["oven_temp"] == 182, "182")
    assert scene.told(ALARM)[-1]["active"]
    scene.heat(170)
    await scene.until(lambda: not scene.told(ALARM)[-1]["active"], "the alarm is over")
    over = scene.told(ALARM)[-1]
    assert over["raised"] == raised["raised"]
    assert over["cleared"] >= raised["raised"]
    assert (await scene.kept(ALARM) or {})["id"] == over["id"]


async def _a_change(scene: Scene) -> None:
    """The alarm is taken out of the site file, and a limit of a figure changes."""
    scene.peer.tables[3][1] = 500
    water = f"{ROOT_TOPIC}/main/water-1/energy/water"
    await scene.until(lambda: scene.told(water), "water is told of")
    body = scene.told(water)[-1]
    assert (body["u"], body["final"]) == ("m3", False)
    scene.write(alarms="{}", most=30)
    config = f"{ROOT_TOPIC}/main/water-1/event/config"
    await scene.until(lambda: scene.told(config), "the change is told")
    data = scene.told(config)[-1]["data"]
    assert data["path"] == "assets.water-1.parameters.max_water"
    assert (data["old"], data["new"], data["by"]) == (20, 30, "file")
    empty = [one for one in scene.subscriber.heard if one.topic == ALARM and not one.payload]
    assert len(empty) == 1, "what the broker kept of the alarm is cleared"
    assert await scene.kept(ALARM) is None

    await scene.peer.stop()
    await scene.until(lambda: scene.told(f"{SELF}/event/device"), "the device is lost")
    lost = scene.told(f"{SELF}/event/device")[-1]["data"]
    assert (lost["device"], lost["state"]) == ("plc-1", "lost")
    assert "plc-1" in lost["error"]
    scene.end(signal.SIGTERM)
    await scene.until(
        lambda: scene.told(f"{SELF}/event/gateway")[-1]["data"]["what"] == "stop", "it says goodbye"
    )


def test_what_a_platform_is_told_besides_figures(tmp_path: Path) -> None:
    asyncio.run(_what_a_platform_is_told(tmp_path))


async def _what_a_platform_is_told(folder: Path) -> None:
    with Mosquitto(folder) as broker, Subscriber(broker.port) as subscriber:
        async with Peer() as peer:
            scene = Scene(folder, peer, broker, subscriber)
            try:
                await _an_alarm(scene)
                await _a_change(scene)
            finally:
                with contextlib.suppress(AttributeError):
                    scene.gateway.kill()  # type: ignore[union-attr]
                    scene.gateway.wait()  # type: ignore[union-attr]
        judge, seen = Judge(), set()
        for heard in list(subscriber.heard):
            if heard.payload:
                judged = judge.judge(heard.topic, heard.payload, retained=heard.retained)
                kind = judged.levels.get("type") or judged.levels.get("medium") or ""
                seen.add(f"{judged.channel}/{kind}" if kind else judged.channel)
    assert seen == {
        "status", "meta", "telemetry", "alarm", "energy/water",
        "event/gateway", "event/device", "event/config",
    }  # fmt: skip
