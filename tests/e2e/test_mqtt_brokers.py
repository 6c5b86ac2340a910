"""Names, lists of brokers, several publishers: the way to a broker, and to the next one."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
import time
from typing import TYPE_CHECKING

from gateway.clock import SystemClock
from gateway.publishers.dial import Dialer
from gateway.publishers.mqtt import MqttPublisher
from tests.e2e.mosquitto import Mosquitto, Subscriber, free_port, wait_for
from tests.e2e.mqtt_rig import IDENTITY, by_id, config, draft, open_store, running
from tests.e2e.relay import Relay

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def hang(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Have the name `broker.example` resolved only once the event is set, or after 30 s."""
    answer = threading.Event()
    resolve = socket.getaddrinfo

    def wait(host: str, *rest: int) -> object:
        if host != "broker.example":
            return resolve(host, *rest)
        answer.wait(30)
        return resolve("127.0.0.1", *rest)

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    return answer


def test_a_hanging_name_server_holds_up_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = hang(monkeypatch)

    async def scenario(broker: Mosquitto) -> None:
        publish = config(f"mqtt://broker.example:{broker.port}")
        async with running(tmp_path / "store", publish) as rig:
            loop = asyncio.get_running_loop()
            late, records = 0.0, []
            for _turn in range(100):
                began = loop.time()
                await asyncio.sleep(0.005)
                late = max(late, loop.time() - began - 0.005)
                records += rig.make(draft("telemetry"))
            await rig.store.flush()
            assert late < 0.2
            assert not rig.publisher.status().connected
            answer.set()
            await rig.delivered(records)

    with Mosquitto(tmp_path) as broker:
        asyncio.run(scenario(broker))


def test_a_name_that_hangs_keeps_nobody_from_the_next_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = hang(monkeypatch)
    monkeypatch.setattr(Dialer.dial, "__defaults__", (0.5,))

    async def scenario(broker: Mosquitto) -> None:
        urls = (f"mqtt://broker.example:{broker.port}", f"mqtt://127.0.0.1:{broker.port}")
        async with running(tmp_path / "store", config(*urls)) as rig:
            await rig.delivered(rig.make(draft("telemetry")))
            assert rig.publisher.status().url == urls[1]
        answer.set()

    with Mosquitto(tmp_path) as broker:
        asyncio.run(scenario(broker))


def test_a_list_of_brokers_fails_over_and_loses_nothing(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()

    async def scenario(one: Mosquitto, two: Mosquitto) -> None:
        urls = [f"mqtt://127.0.0.1:{broker.port}" for broker in (one, two)]
        async with running(tmp_path / "store", config(*urls)) as rig:
            await rig.delivered(rig.make(draft("meta"), draft("telemetry")))
            assert rig.publisher.status().url == urls[0]
            one.kill()
            began = time.monotonic()
            await rig.delivered(rig.make(draft("telemetry"), draft("state")))
            assert rig.publisher.status().url == urls[1]
            assert time.monotonic() - began < 15.0
            one.start()
            await asyncio.sleep(0.5)
            assert rig.publisher.status().url == urls[1], "a good connection is kept"
            two.kill()
            await rig.delivered(rig.make(draft("telemetry")))
            assert rig.publisher.status().url == urls[0]

    with Mosquitto(folders[0]) as one, Mosquitto(folders[1]) as two:
        with Subscriber(two.port) as subscriber:
            asyncio.run(scenario(one, two))
            metas = subscriber.on("/meta")
        assert metas, "the stand-in is told what there is"
        assert metas[0].retained
        with Subscriber(one.port) as late:
            wait_for(lambda: late.on("/status"), "the first one's own status")
            assert json.loads(late.on("/status")[0].payload)["reason"] == "stop"


def test_one_publisher_down_is_no_concern_of_the_other(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()

    async def scenario(one: Mosquitto, two: Mosquitto) -> None:
        async with running(tmp_path / "store", config(f"mqtt://127.0.0.1:{one.port}")) as rig:
            second = MqttPublisher(
                name="second",
                config=config(f"mqtt://127.0.0.1:{two.port}"),
                store=rig.store,
                identity=IDENTITY,
                clock=SystemClock(),
            )
            task = asyncio.create_task(second.run())
            await rig.connected()
            await rig.until(lambda: second.status().connected, "both")
            one.kill()
            records = []
            for _turn in range(50):
                made = rig.make(draft("telemetry"), draft("state"))
                second.offer(made)
                records += made
            await rig.until(lambda: not second.status().outbox, "the second has all of it")
            assert rig.publisher.status().outbox >= len(records)
            one.start()
            await rig.delivered(records)
            await second.stop()
            await task

    with Mosquitto(folders[0]) as one, Mosquitto(folders[1]) as two, Subscriber(two.port) as heard:
        asyncio.run(scenario(one, two))
        wait_for(lambda: len(by_id(heard.heard)) == 100, "heard at the second")


def test_a_long_line_is_filled(tmp_path: Path) -> None:
    """40 ms there and back: a window of 100 would give 2,500 messages a second at most."""
    count = int(os.environ.get("NXGATE_LINE_RECORDS", "3000"))

    async def scenario(relay: Relay) -> float:
        store = open_store(tmp_path / "store")
        for _turn in range(count // 100):
            store.append([draft("telemetry", rows=[{"t": 1, "m": {"a": 1}}])] * 100)
        await store.flush()
        await store.close()
        publish = config(f"mqtt://127.0.0.1:{relay.port}", backlog=100_000.0)
        async with running(tmp_path / "store", publish) as rig:
            await rig.connected()
            began = time.monotonic()
            await rig.until(lambda: not rig.publisher.status().outbox, "drained", 120)
            rate = count / (time.monotonic() - began)
            status = rig.publisher.status()
            print(f"\n{rate:.0f} records/s, window {status.window}, rtt {status.rtt_ms:.0f} ms")
            assert status.window > 100
            return rate

    with Mosquitto(tmp_path) as broker, Relay(broker.port, 0.02) as relay:
        assert asyncio.run(scenario(relay)) > 250


def test_a_port_where_nobody_listens_is_named(tmp_path: Path) -> None:
    async def scenario() -> str:
        publish = config(f"mqtt://127.0.0.1:{free_port()}")
        async with running(tmp_path / "store", publish) as rig:
            await rig.until(lambda: rig.publisher.status().error, "refused")
            return rig.publisher.status().error

    assert "refused" in asyncio.run(scenario()).lower()
