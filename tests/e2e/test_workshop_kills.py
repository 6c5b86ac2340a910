"""The whole gateway under load: broker down, gateway killed; nothing committed is lost."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from gateway.clock import SystemClock
from gateway.model import record_id
from gateway.store import Store
from tests.e2e.asyncapi_judge import Judge
from tests.e2e.mosquitto import Mosquitto, Subscriber, wait_for
from tests.e2e.mqtt_rig import by_id, order_of
from tests.e2e.relay import Relay
from tests.e2e.workshop import Workshop, bodies, workshop

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
    """Let the gateway say goodbye with nothing left to deliver."""
    time.sleep(3)
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
        time.sleep(10)
        outbox_empty(subscriber, made)
        records = stored(folder)
        check(subscriber, records)
        late = subscriber.on("/telemetry/hist")
        assert len(late) > 5 * seconds, "the outage's values came later, marked"
    return len(records)


def kills(folder: Path, count: int, seed: int) -> int:
    chance = random.Random(seed)
    with (
        Mosquitto(folder) as broker,
        Subscriber(broker.port) as subscriber,
        workshop(folder, broker.port, poll="100ms") as made,
    ):
        for _kill in range(count):
            before = len(subscriber.heard)
            made.start()
            wait_for(lambda n=before: len(subscriber.heard) > n + 60, "values come")  # type: ignore[misc]
            time.sleep(chance.uniform(0.0, 1.5))
            made.end(signal.SIGKILL)
        made.start()
        wait_for(lambda: bodies(subscriber, "/status")[-1]["online"], "online again")
        outbox_empty(subscriber, made)
        statuses = bodies(subscriber, "/status")
        epochs = [status["epoch"] for status in statuses]
        assert epochs == sorted(epochs)
        assert len(set(epochs)) == count + 1
        assert sum(status.get("reason") == "lwt" for status in statuses) >= count
        records = stored(folder)
        check(subscriber, records)
    return len(records)


def test_a_broker_away_for_a_moment_and_a_gateway_killed_twice(tmp_path: Path) -> None:
    for name in ("outage", "kills"):
        (tmp_path / name).mkdir()
    assert outage(tmp_path / "outage", 4) > 100
    assert kills(tmp_path / "kills", 2, 3) > 100


@pytest.mark.soak
def test_a_broker_away_for_a_minute(tmp_path: Path) -> None:
    print(f"\n{outage(tmp_path, 60)} records through a minute without a broker")


@pytest.mark.soak
def test_a_gateway_killed_twenty_times(tmp_path: Path) -> None:
    seed = time.time_ns() % 1_000_000
    print(f"\nseed {seed}: {kills(tmp_path, 20, seed)} records over 20 kills")
