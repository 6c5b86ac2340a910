"""What a publisher hears of commands, and what hearing them can't do to it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, cast

import pytest

from gateway.publishers.inbox import Inbox, Topic
from gateway.settings import CommandSettings
from tests.e2e.mosquitto import Mosquitto, Subscriber
from tests.e2e.mqtt_rig import ROOT, Rig, config, draft, running

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.publishers.mqtt import MqttPublisher

COMMANDS = CommandSettings(None, (), unsigned=True)
TOPIC = f"{ROOT}/l1/press-1/cmd/write"


class Heard(list[tuple[str, str, bytes, bool]]):
    """A taker that keeps what it gets."""

    def take(self, publisher: str, topic: str, payload: bytes, *, retained: bool) -> None:
        self.append((publisher, topic, payload, retained))


def listening(rig: Rig) -> Heard:
    heard = Heard()
    rig.publisher.listen(heard.take)
    return heard


def publish(subscriber: Subscriber, topic: str, payload: bytes, *, retain: bool = False) -> None:
    subscriber._client.publish(topic, payload, 1, retain).wait_for_publish(20)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_commands_arrive_over_each_connection(tmp_path: Path, version: str) -> None:
    async def main(broker: Mosquitto) -> None:
        url = f"mqtt://127.0.0.1:{broker.port}"
        settings = config(url, version=version, commands=COMMANDS)
        with Subscriber(broker.port) as platform:
            publish(platform, TOPIC, b"kept", retain=True)
            async with running(tmp_path / "store", settings) as rig:
                heard = listening(rig)
                await rig.connected()
                await asyncio.sleep(0.5)
                # MQTT 5 isn't even sent what is kept; 3.1.1 is, and can tell.
                kept = [] if version == "5" else [("cluster", TOPIC, b"kept", True)]
                assert heard == kept
                publish(platform, TOPIC, b"live")
                publish(platform, f"{ROOT}/l1/press-1/state", b"no command")
                await rig.until(lambda: ("cluster", TOPIC, b"live", False) in heard, "it arrives")
                broker.kill()
                broker.start()
                platform.back()
                await rig.until(lambda: rig.publisher.status().connected, "connected again", 30)
                await asyncio.sleep(0.5)
                publish(platform, TOPIC, b"again")
                await rig.until(lambda: ("cluster", TOPIC, b"again", False) in heard, "again")
                assert {topic for _name, topic, _payload, _retained in heard} == {TOPIC}

    with Mosquitto(tmp_path) as broker:
        asyncio.run(main(broker))


def test_nothing_is_subscribed_to_where_no_commands_are_taken(tmp_path: Path) -> None:
    async def main(broker: Mosquitto) -> None:
        with Subscriber(broker.port) as platform:
            async with running(
                tmp_path / "store", config(f"mqtt://127.0.0.1:{broker.port}")
            ) as rig:
                heard = listening(rig)
                await rig.connected()
                publish(platform, TOPIC, b"live")
                await rig.delivered(rig.make(draft("state")))
                assert not heard
        assert "/+/+/cmd/+" not in broker.log.read_text()

    with Mosquitto(tmp_path) as broker:
        asyncio.run(main(broker))


def test_a_huge_command_does_not_end_the_connection(tmp_path: Path) -> None:
    async def main(broker: Mosquitto) -> None:
        settings = config(f"mqtt://127.0.0.1:{broker.port}", commands=COMMANDS)
        with Subscriber(broker.port, topic="nothing") as platform:
            async with running(tmp_path / "store", settings) as rig:
                heard = listening(rig)
                await rig.connected()
                await asyncio.sleep(0.3)
                since = rig.publisher.status().since_ms
                for _turn in range(3):
                    publish(platform, TOPIC, bytes(3 << 20))
                publish(platform, TOPIC, b"small")
                await rig.until(lambda: heard, "what comes behind it arrives")
                assert heard == [("cluster", TOPIC, b"small", False)]
                assert rig.publisher.status().since_ms == since

    with Mosquitto(tmp_path) as broker:
        asyncio.run(main(broker))


def test_replies_that_are_denied_pile_up_nowhere(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text(f"topic deny {ROOT}/l1/press-1/reply/#\ntopic readwrite #\n")

    async def main(broker: Mosquitto) -> None:
        settings = config(f"mqtt://127.0.0.1:{broker.port}", commands=COMMANDS)
        async with running(tmp_path / "store", settings) as rig:
            await rig.connected()
            for number in range(300):
                rig.publisher.reply(f"{ROOT}/l1/press-1/reply/cid-{number:05d}", b"{}")
            await rig.delivered(rig.make(draft("state")))
            await rig.until(lambda: rig.publisher.status().in_flight == 0, "all answered")
            assert not rig.publisher.status().held
            assert not cast("MqttPublisher", rig.publisher)._delivery._urgent

    with Mosquitto(tmp_path, f"acl_file {acl}") as broker:
        asyncio.run(main(broker))


def test_replies_wait_for_a_connection_and_come_once(tmp_path: Path) -> None:
    async def main(broker: Mosquitto) -> None:
        settings = config(f"mqtt://127.0.0.1:{broker.port}", commands=COMMANDS)
        with Subscriber(broker.port) as platform:
            async with running(tmp_path / "store", settings) as rig:
                rig.publisher.reply(f"{ROOT}/l1/press-1/reply/cid-00001", b'{"a":1}')
                await rig.connected()
                await rig.until(lambda: platform.on("/reply/cid-00001"), "the reply")
                await asyncio.sleep(0.2)
                (reply,) = platform.on("/reply/cid-00001")
                assert (json.loads(reply.payload), reply.retained) == ({"a": 1}, False)

    with Mosquitto(tmp_path) as broker:
        asyncio.run(main(broker))


def test_a_refused_subscription_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """Mosquitto grants every subscription and lets nothing through; others say no."""
    inbox = Inbox("cluster", (Topic("cii/v1/+/cmd/+"),), Heard().take)
    for why in ("Not authorized", "Not authorized", "", "Not authorized"):
        inbox.granted(why)
    told = [r.getMessage() for r in caplog.records if "commands don't arrive" in r.getMessage()]
    assert len(told) == 2
    assert "cii/v1/+/cmd/+ is refused: Not authorized" in told[0]
