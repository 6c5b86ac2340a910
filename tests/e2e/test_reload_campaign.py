"""Site files by the dozen, sound and broken, under load: nothing lost, nobody else disturbed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway import api
from tests.e2e.mosquitto import Mosquitto, Subscriber, wait_for
from tests.e2e.test_workshop_kills import check, outbox_empty, stored
from tests.e2e.workshop import Workshop, snapshot, workshop

LIMIT_S = 60.0
CALM = "plc-inj"
"""The device that no edit touches."""


def reload(made: Workshop) -> dict[str, Any]:
    outcome = asyncio.run(api.reload(made.folder / "store"))
    assert outcome is not None
    return outcome


@dataclass
class Site:
    """A site file that is edited at random, and whether it should run as it is."""

    path: Path
    text: str
    second_port: int
    chance: random.Random

    def draw(self) -> str:
        """Another sound version."""
        chance = self.chance
        text = self.text
        if chance.random() < 0.5:
            text = "# a line more\n" * chance.randint(1, 5) + text
        choices = {
            "    ideal_cycle: 1.9s # one pair": ["    ideal_cycle: 2.1s", "    ideal_cycle: 1.9s"],
            "  lasting-1:": ["  lasting-1:", "  lasting-9:"],
            "      reject_right: {at: D107, kind: u16}": [
                "      reject_right: {at: D107, kind: u16}",
                "      reject_right: {at: D106, kind: u16}",
                "      reject_right: {at: D107, kind: u16}\n      more: {at: D100, kind: u16}",
            ],
            "heartbeat: 30s": [
                "heartbeat: 30s",
                "heartbeat: 20s",
                "heartbeat: 30s, backlog: 900 records/s",
            ],
            "size: 256MiB": ["size: 256MiB", "size: 300MiB", "size: 256MiB, commit: 200ms"],
            "# brings all of the meter's tags\n    poll: 100ms": [
                "\n    poll: 100ms",
                "\n    poll: 200ms",
                "\n    poll: 100ms\n    groups: {slow: 3s}",
            ],
        }
        for old, news in choices.items():
            assert old in text, old
            text = text.replace(old, chance.choice(news))
        if chance.random() < 0.3:
            second = f'  second: {{kind: mqtt, url: "mqtt://127.0.0.1:{self.second_port}"}}\n'
            text = text.replace("publish:\n", "publish:\n" + second)
        return text

    def spoil(self) -> str:
        """A version that can't run, or not without a restart."""
        text = self.draw()
        return self.chance.choice(
            [
                text[: self.chance.randrange(40, len(text) // 2)].rsplit(":", 1)[0],
                text.replace("poll:", "pol:"),
                text.replace("D100", "D9000"),
                text.replace("plc-last.left", "plc-last.lef"),
                text.replace("site: plant-1", "site: plant-2"),
                text.replace("path: store", "path: elsewhere"),
                "",
                "\x00\x01",
            ]
        )

    def write(self, text: str) -> None:
        """In place, or as editors do, by a new file that takes the name."""
        if self.chance.random() < 0.5:
            self.path.write_text(text, "utf-8")
        else:
            beside = self.path.with_suffix(".tmp")
            beside.write_text(text, "utf-8")
            beside.replace(self.path)


@dataclass(frozen=True)
class Size:
    """Of the gateway's process."""

    kib: int
    descriptors: int


def size_of(pid: int) -> Size:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return Size(int(line.split()[1]), sum(1 for _open in Path(f"/proc/{pid}/fd").iterdir()))


def campaign(folder: Path, count: int, seed: int) -> list[Size]:
    """Change the site file so often; the sizes of the process from time to time."""
    chance = random.Random(seed)
    (folder / "second").mkdir()
    sizes: list[Size] = []
    with (
        Mosquitto(folder) as broker,
        Mosquitto(folder / "second") as second,
        Subscriber(broker.port) as subscriber,
        workshop(folder, broker.port, poll="100ms") as made,
    ):
        text = made.site.read_text("utf-8").replace("poll: 100ms", "poll: 1s", 1)
        made.site.write_text(text, "utf-8")
        site = Site(made.site, text, second.port, chance)
        made.start()
        wait_for(lambda: len(subscriber.heard) > 40, "values come")
        assert made.gateway is not None
        pid = made.gateway.pid
        before, began = snapshot(made)["devices"][CALM], time.monotonic()
        for turn in range(count):
            sound = chance.random() < 0.65
            site.write(site.draw() if sound else site.spoil())
            if chance.random() < 0.1:
                made.gateway.send_signal(signal.SIGHUP)
            outcome = reload(made)
            assert bool(outcome["faults"]) is not sound, (outcome, made.site.read_text("utf-8"))
            assert snapshot(made)["reload"]["faults"] == outcome["faults"]
            if turn % 10 == 9:
                sizes.append(size_of(pid))
        site.write(text)
        assert not reload(made)["faults"]
        after, lasted = snapshot(made)["devices"][CALM], time.monotonic() - began
        assert after["missed"] == before["missed"]
        assert after["failed"] == 0
        groups = 2
        assert after["polls"] - before["polls"] >= lasted - groups
        wait_for(lambda: snapshot(made)["publishers"]["cluster"]["outbox"] < 50, "delivered", 30)
        outbox_empty(subscriber, made)
        records = stored(folder)
        check(subscriber, records)
        assert "Traceback" not in made.log()
    print(f"\nseed {seed}: {count} site files in {lasted:.0f} s, {len(records)} records, {sizes}")
    return sizes


def test_a_few_site_files_under_load(tmp_path: Path) -> None:
    campaign(tmp_path, 4, 5)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_hundred_site_files_under_load(tmp_path: Path) -> None:
    count = int(os.environ.get("NXGATE_RELOADS", "200"))
    sizes = campaign(tmp_path, count, time.time_ns() % 1_000_000)
    warm, end = sizes[len(sizes) // 4], sizes[-1]
    assert end.descriptors <= warm.descriptors + 4
    assert end.kib <= warm.kib + 2048
