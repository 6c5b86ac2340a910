"""The whole gateway under load: broker down, gateway killed; nothing committed is lost."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from gateway.clock import SystemClock
from gateway.ids import record_id
from gateway.store import Store
from tests.e2e.asyncapi_judge import Judge
from tests.e2e.mosquitto import Mosquitto, Subscriber, wait_for
from tests.e2e.mqtt_rig import by_id, order_of
from tests.e2e.relay import Relay
from tests.e2e.workshop import Workshop, bodies, snapshot, workshop

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.model import Record

GATEWAY = "gw-01"


def stored(folder: Path) -> list[Record]:
    """Everything that is committed in the workshop's store."""

    async def read() -> list[Record]:
        store = Store.open(
            folder / "store", GATEWAY, size_bytes=256 << 20,
            keep_s={"telemetry": 1e6, "kpi": 1e6}, commit_s=0.5, clock=SystemClock(),
        )  # fmt: skip
        try:
            return await store.read(0, store.committed_key, 10_000_000)
        finally:
            await store.close()

    return asyncio.run(read())


def check(subscriber: Subscriber, records: list[Record]) -> None:
    """Every committed record was heard, each id with one body, in order, by the contract."""
    wanted = {record_id(GATEWAY, record.key) for record in records}
    wait_for(lambda: wanted <= by_id(subscriber.heard).keys(), "everything committed heard", 60)
    arrived = by_id(subscriber.heard)
    assert all(body == same[0] for same in arrived.values() for body in same)
    for (topic, late, retained), keys in order_of(subscriber.heard).items():
        assert keys == sorted(keys), f"{topic} (late {late}, retained {retained})"
    judge = Judge()
    for heard in [heard for heard in list(subscriber.heard) if heard.payload]:
        judge.judge(heard.topic, heard.payload, retained=heard.retained)


def outbox_empty(subscriber: Subscriber, made: Workshop) -> None:
    """Let the gateway say goodbye with nothing left to deliver: the machines go silent before."""
    assert made.simulator is not None
    made.simulator.terminate()
    made.simulator.wait(30)
    time.sleep(1.5)  # what was read last is committed, and the links are told of as lost
    wait_for(lambda: not snapshot(made)["publishers"]["cluster"]["outbox"], "all delivered", 60)
    assert made.end() == 0, made.log()
    wait_for(lambda: not bodies(subscriber, "/status")[-1]["online"], "status offline")


def outage(folder: Path, seconds: float) -> int:
    with (
        Mosquitto(folder) as broker,
        Relay(broker.port) as relay,
        Subscriber(broker.port) as subscriber,
        workshop(folder, relay.port, poll="100ms") as made,
    ):
        made.start()
        wait_for(lambda: len(subscriber.heard) > 100, "values come")
        broker.kill()
        relay.shut()
        time.sleep(seconds)
        broker.start()
        subscriber.back()
        relay.open()
        wait_for(lambda: len(bodies(subscriber, "/status")) > 1, "the gateway is back", 90)
        wait_for(
            lambda: len(subscriber.on("/telemetry/hist")) > 5 * seconds,
            "the outage's values, later and marked",
            60,
        )
        outbox_empty(subscriber, made)
        records = stored(folder)
        check(subscriber, records)
    return len(records)


def kills(folder: Path, count: int, seed: int) -> str:
    """Kill the gateway or its broker so often, at moments of chance; return what was seen."""
    chance = random.Random(seed)
    starts = 1
    with (
        Mosquitto(folder) as broker,
        Relay(broker.port) as relay,
        Subscriber(broker.port) as subscriber,
        workshop(folder, relay.port, poll="100ms") as made,
    ):
        made.start()
        for _kill in range(count):
            before = len(subscriber.heard)
            wait_for(lambda n=before: len(subscriber.heard) > n + 30, "values come", 90)  # type: ignore[misc]
            time.sleep(chance.uniform(0.0, 1.5))
            if chance.random() < 0.5:
                broker.kill()
                relay.shut()
                time.sleep(chance.uniform(0.0, 1.5))
                broker.start()
                subscriber.back()
                relay.open()
            else:
                made.end(signal.SIGKILL)
                made.start()
                starts += 1
        wait_for(lambda: bodies(subscriber, "/status")[-1]["online"], "online again", 90)
        outbox_empty(subscriber, made)
        statuses = bodies(subscriber, "/status")
        order = [(status["epoch"], status["conn"]) for status in statuses]
        assert order == sorted(order)
        assert len({epoch for epoch, _conn in order}) == starts
        records = stored(folder)
        check(subscriber, records)
        deliveries = sum(map(len, by_id(subscriber.heard).values()))
    return (
        f"{len(records)} records over {starts - 1} kills of the gateway and {count - starts + 1} of"
        f" the broker, {deliveries} deliveries"
    )


def test_gateway_or_broker_killed_three_times(tmp_path: Path) -> None:
    print(f"\n{kills(tmp_path, 3, 3)}")


@pytest.mark.soak
def test_a_broker_away_for_a_minute(tmp_path: Path) -> None:
    print(f"\n{outage(tmp_path, 60)} records through a minute without a broker")


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_gateway_or_broker_killed_many_times(tmp_path: Path) -> None:
    count = int(os.environ.get("NXGATE_KILLS", "20"))
    seed = int(os.environ.get("NXGATE_SEED", str(time.time_ns() % 1_000_000)))
    print(f"\nseed {seed}: {kills(tmp_path, count, seed)}")
