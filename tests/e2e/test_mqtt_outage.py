"""Lines cut, brokers and gateways killed under load: nothing committed lost or changed."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.ids import record_id
from tests.e2e.asyncapi_judge import Judge
from tests.e2e.gateway_like import ASSETS, make
from tests.e2e.mosquitto import Mosquitto, Subscriber, wait_for
from tests.e2e.mqtt_rig import by_id, config, draft, expected, open_store, order_of, running
from tests.e2e.relay import Relay

if TYPE_CHECKING:
    from gateway.model import Record

ROOT = Path(__file__).parents[2]


def stored(folder: Path) -> list[Record]:
    """Everything that is committed in a store."""

    async def read() -> list[Record]:
        store = open_store(folder)
        try:
            return await store.read(0, store.committed_key, 1_000_000)
        finally:
            await store.close()

    return asyncio.run(read())


def check(subscriber: Subscriber, records: list[Record]) -> None:
    """Everything stored was heard, unchanged and in order, and all of it by the contract."""
    wanted = {record_id("gw-01", record.key): expected(record) for record in records}
    wait_for(lambda: wanted.keys() <= by_id(subscriber.heard).keys(), "everything heard")
    arrived = by_id(subscriber.heard)
    for name, bodies in arrived.items():
        assert all(body == bodies[0] for body in bodies), f"{name} changed between deliveries"
        assert bodies[0] == wanted.get(name, bodies[0]), f"{name} is not what was stored"
    for (topic, late, retained), keys in order_of(subscriber.heard).items():
        assert keys == sorted(keys), f"{topic} (late {late}, retained {retained})"
    judge = Judge()
    for heard in subscriber.heard:
        judge.judge(heard.topic, heard.payload, retained=heard.retained)


def test_a_line_cut_at_random_under_load(tmp_path: Path) -> None:
    chance = random.Random(7)

    async def scenario(relay: Relay) -> None:
        async with running(tmp_path / "store", config(f"mqtt://127.0.0.1:{relay.port}")) as rig:
            rig.make(draft("meta", "press-1"))
            await rig.connected()
            for turn in range(600):
                make(rig, turn)
                await asyncio.sleep(0.002)
                match chance.randrange(60):
                    case 0:
                        relay.swallow()
                        make(rig, turn)
                        await asyncio.sleep(0.005)
                        relay.cut()
                    case 1:
                        relay.cut()
            await rig.store.flush()
            position = rig.store.position("cluster")
            await rig.until(lambda: not position.pending(rig.store.last_key), "all delivered", 60)

    with Mosquitto(tmp_path) as broker, Subscriber(broker.port) as subscriber:
        with Relay(broker.port) as relay:
            asyncio.run(scenario(relay))
        records = stored(tmp_path / "store")
        check(subscriber, records)
    heard = sum(map(len, by_id(subscriber.heard).values()))
    print(f"\n{len(records)} records, {heard} deliveries")


def test_a_broker_killed_and_restarted_under_load(tmp_path: Path) -> None:
    async def scenario(broker: Mosquitto, relay: Relay, subscriber: Subscriber) -> None:
        async with running(tmp_path / "store", config(f"mqtt://127.0.0.1:{relay.port}")) as rig:
            await rig.connected()
            turns = iter(range(10_000))

            async def load(seconds: float) -> None:
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    make(rig, next(turns))
                    await asyncio.sleep(0.005)

            for _kill in range(3):
                await load(0.5)
                broker.kill()
                relay.shut()
                await load(0.5)
                await asyncio.to_thread(broker.start)
                await asyncio.to_thread(subscriber.back)
                relay.open()
                await rig.connected()
            await rig.store.flush()
            position = rig.store.position("cluster")
            await rig.until(lambda: not position.pending(rig.store.last_key), "all delivered", 60)

    with (
        Mosquitto(tmp_path) as broker,
        Relay(broker.port) as relay,
        Subscriber(broker.port) as subscriber,
    ):
        asyncio.run(scenario(broker, relay, subscriber))
        check(subscriber, stored(tmp_path / "store"))
    online = [json.loads(h.payload) for h in subscriber.on("/status")]
    conns = [status["conn"] for status in online if status["online"]]
    assert conns == sorted(conns)
    assert len(set(conns)) >= 4


def start(folder: Path, port: int) -> subprocess.Popen[str]:
    """Start a gateway under load, and wait until its store is open."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("gateway_like.py")), str(folder), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert int(process.stdout.readline()) > 0
    return process


def test_a_gateway_killed_under_load_leaves_its_will_and_loses_nothing(tmp_path: Path) -> None:
    chance = random.Random(11)
    folder = tmp_path / "store"
    with (
        Mosquitto(tmp_path) as broker,
        Relay(broker.port) as relay,
        Subscriber(broker.port) as subscriber,
    ):
        for turn in range(4):
            process = start(folder, relay.port)
            time.sleep(chance.uniform(0.5, 1.2))
            if turn == 1:
                broker.kill()
                relay.shut()
                time.sleep(0.3)
            relay.swallow()
            time.sleep(0.3)
            process.kill()
            process.wait()
            relay.cut()
            for stream in (process.stdin, process.stdout):
                assert stream is not None
                stream.close()
            if turn == 1:
                broker.start()
                subscriber.back()
                relay.open()
        last = start(folder, relay.port)
        last.communicate("stop\n", timeout=90)
        assert last.returncode == 0
        check(subscriber, stored(folder))
    told = [json.loads(heard.payload) for heard in subscriber.on("/status")]
    assert sum(status.get("reason") == "lwt" for status in told) == 3, "one was cut off"
    order = [(status["epoch"], status["conn"]) for status in told]
    assert order == sorted(order)
    assert not told[-1]["online"]
    assert len({epoch for epoch, _conn in order}) == 5


def test_a_gateway_killed_while_topics_are_denied_and_granted_loses_nothing(
    tmp_path: Path,
) -> None:
    chance = random.Random(13)
    folder, acl = tmp_path / "store", tmp_path / "acl"
    places = [f"{asset}/{tail}" for asset in ASSETS for tail in ("telemetry/#", "state", "event/#")]

    def grant(denied: list[str]) -> None:
        lines = [f"topic deny cii/v1/c1/e1/s1/l1/{place}" for place in denied]
        acl.write_text("\n".join([*lines, "topic readwrite #", ""]))

    grant([])
    with Mosquitto(tmp_path, f"acl_file {acl}") as broker, Subscriber(broker.port) as subscriber:
        for _turn in range(5):
            grant(chance.sample(places, 5))
            broker.reload()
            process = start(folder, broker.port)
            time.sleep(chance.uniform(0.4, 0.9))
            grant(chance.sample(places, 5))
            broker.reload()
            time.sleep(chance.uniform(0.2, 0.5))
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                assert stream is not None
                stream.close()
        grant([])
        broker.reload()
        last = start(folder, broker.port)
        last.communicate("stop\n", timeout=90)
        assert last.returncode == 0
        wanted = {record_id("gw-01", record.key): expected(record) for record in stored(folder)}
        wait_for(lambda: wanted.keys() <= by_id(subscriber.heard).keys(), "everything heard")
        for name, bodies in by_id(subscriber.heard).items():
            assert all(body == wanted.get(name, body) for body in bodies), name
    denials = broker.log.read_text().count("Denied PUBLISH")
    print(f"\n{len(wanted)} records, {denials} denials")
    assert denials > 20
