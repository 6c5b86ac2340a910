"""An edge node under a broker that is killed, lines that are cut and restarts of its own.

The host listens as a SCADA system does: when it is there it says so in STATE. It must get every
value that was made, and everything that any connection carried keeps the standard's order.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from gateway.publishers.sparkplug.node import Node
from tests.e2e.mosquitto import Mosquitto, Subscriber
from tests.e2e.mqtt_rig import Rig, open_store
from tests.e2e.sparkplug_payload_rules import (
    aliases,
    births_tell_of_all_that_comes,
    values_come_in_time_order,
)
from tests.e2e.sparkplug_rules import births_come_first, rounds
from tests.e2e.sparkplug_story import BIRTHS, DATA, Story
from tests.e2e.sparkplug_tap import Said, Tap
from tests.e2e.test_sparkplug import STATE, meta, node_settings, now_ms, values

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import paho.mqtt.client as paho

    from gateway.settings import MqttSettings

ASSETS = ("press-1", "press-2", "press-3")


class Host(Subscriber):
    """Says that it is online as often as it comes back."""

    def _subscribe(self, client: paho.Client, *told: Any) -> None:  # noqa: ANN401
        super()._subscribe(client, *told)
        state = json.dumps({"online": True, "timestamp": time.time_ns() // 1_000_000})
        client.publish(STATE, state, 1, retain=True)


class Machines:
    """Makes values that are never made again: one count over all assets."""

    def __init__(self, rig: Rig, chance: random.Random, count: int) -> None:
        self.rig = rig
        self.count = count
        self._chance = chance

    async def work(self) -> None:
        while True:
            await asyncio.sleep(0.004)
            self.count += 1
            self.rig.make(values(self._chance.choice(ASSETS), good=self.count))


@pytest.mark.parametrize(
    ("seed", "turns"),
    [(1, 5), *(pytest.param(seed, 15, marks=pytest.mark.soak) for seed in range(2, 6))],
)
def test_nothing_is_lost_and_the_order_is_kept(tmp_path: Path, seed: int, turns: int) -> None:
    chance = random.Random(seed)
    story = Story([], mark=now_ms())
    with Mosquitto(tmp_path) as broker, Host(broker.port, "#") as host:
        count = asyncio.run(suffer(broker, tmp_path, chance, turns, story))
        heard = counts(Said(h.topic, h.payload, 0, retain=False) for h in host.heard)
    missing = set(range(1, count + 1)) - heard
    assert not missing
    for rule in (
        births_come_first,
        births_tell_of_all_that_comes,
        aliases,
        values_come_in_time_order,
    ):
        rule(story)
    rounds(story)
    born = [talk for talk in story.talks if talk.of("NBIRTH")]
    numbers = [talk.will.message.metrics[0].long_value for talk in born if talk.will is not None]
    assert len(numbers) > turns // 2
    assert all(0 < (after - before) % 256 < 128 for before, after in pairwise(numbers))


class Gateway:
    """A node with its machines, started over the same folder again and again."""

    def __init__(self, folder: Path, settings: MqttSettings, chance: random.Random) -> None:
        self._folder = folder
        self._settings = settings
        self._chance = chance
        self._count = 0
        self.start()

    def start(self) -> None:
        self.rig = Rig(open_store(self._folder / "store"), self._settings, form=Node)
        self.rig.publisher.listen(ignore)
        if not self._count:
            self.rig.make(*(meta(asset) for asset in ASSETS))
        self.machines = Machines(self.rig, self._chance, self._count)
        self._running = asyncio.create_task(self.rig.publisher.run())
        self._working = asyncio.create_task(self.machines.work())

    async def rest(self) -> None:
        """No more values."""
        self._working.cancel()
        await asyncio.wait([self._working])
        self._count = self.machines.count

    async def kill(self) -> None:
        """End it without a goodbye."""
        await self.rest()
        self._running.cancel()
        await asyncio.wait([self._running])
        await self.rig.store.close()


async def suffer(
    broker: Mosquitto, folder: Path, chance: random.Random, turns: int, story: Story
) -> int:
    """Break something again and again; return how many values were made."""
    async with Tap(broker.port) as tap:
        gateway = Gateway(folder, node_settings(tap.port, "5"), chance)
        for turn in range(turns):
            await gateway.rig.connected()
            await asyncio.sleep(chance.uniform(0.1, 0.4))
            match turn % 3:
                case 0:
                    gateway.rig.publisher.cut(chance.uniform(0.0, 0.4))
                    await asyncio.sleep(0.05)
                case 1:
                    await asyncio.to_thread(broker.kill)
                    await asyncio.sleep(chance.uniform(0.0, 0.5))
                    await asyncio.to_thread(broker.start)
                case _:
                    await gateway.kill()
                    gateway.start()
        await gateway.rig.connected()
        await gateway.rest()
        outbox = gateway.rig.publisher.status
        await gateway.rig.until(lambda: outbox().outbox == 0, "all delivered", 60)
        story.talks = tap.nodes
        await gateway.rig.publisher.stop()
        await gateway.kill()
        await asyncio.sleep(0.3)
    return gateway.machines.count


def ignore(publisher: str, topic: str, payload: bytes, *, retained: bool) -> None:
    del publisher, topic, payload, retained


def counts(heard: Iterable[Said]) -> set[int]:
    """Every count that a host understands, by the births that it got."""
    names: dict[int, str] = {}
    found: set[int] = set()
    for said in heard:
        if said.kind not in {*BIRTHS, *DATA}:
            continue
        for metric in said.message.metrics:
            if said.kind in BIRTHS:
                names[metric.alias] = metric.name
            if not metric.is_null and names.get(metric.alias) == "good":
                found.add(metric.long_value)
    return found
