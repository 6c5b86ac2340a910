"""Hostile messages by the thousand through a real broker, and kills at the worst moments."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from tests.e2e.commands_rig import PLC, commanded
from tests.e2e.mosquitto import Mosquitto
from tests.forgery import hostile
from tests.modbus_peer import Peer

if TYPE_CHECKING:
    from tests.e2e.commands_rig import Plant


class Device:
    """A Modbus device in a thread of its own that remembers each write it carried out."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self.peer = Peer()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.peer.start(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.peer.stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def writes(self) -> list[int]:
        """Values written to the set point, in order."""
        return [r.count for r in list(self.peer.requests) if r.function == 6 and r.start == 40]

    @property
    def polls(self) -> int:
        """How often the set point was asked for."""
        return sum(r.function == 3 and r.start == 40 for r in list(self.peer.requests))


def resident_kib(made: Plant) -> int:
    assert made.gateway is not None
    status = Path(f"/proc/{made.gateway.pid}/status").read_text("utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


def campaign(folder: Path, count: int) -> None:
    """Hostile messages as fast as the broker takes them, a good one now and then."""
    with (
        Mosquitto(folder) as broker,
        Device() as device,
        commanded(folder, broker.port, link=device.peer.url) as made,
    ):
        made.start()
        done: list[tuple[str, bytes]] = []

        def good(value: int) -> None:
            sent = made.maker.command(PLC, "write", {"tag": "setpoint", "value": value})
            made.publish(*sent)
            assert made.reply(json.loads(sent[1])["cid"])["code"] == "ok"
            done.append(sent)

        good(1)
        chance = random.Random(9)
        messages = hostile(made.maker, PLC, {"tag": "setpoint", "value": 666}, done, chance)
        wanted, resident, part = [1], 0, max(50, count // 50)
        polled, began = device.polls, time.monotonic()
        for number, one in enumerate(itertools.islice(messages, count), 1):
            made.publish(one.topic, one.payload, retain=one.retained, qos=number % 2)
            if number % part == 0:
                good(number // part + 1)  # it comes behind all those before
                wanted.append(number // part + 1)
                if number // part == 10:
                    resident = resident_kib(made)
        took = time.monotonic() - began
        assert device.writes == wanted
        polls = device.polls - polled - 2 * (len(wanted) - 1)  # each write reads it twice
        # The device shares an interpreter with whoever sends all this, so it is slow itself.
        assert polls > 0.4 * took / 0.1 - 2, f"{polls} polls in {took:.1f} s"
        grown = resident_kib(made) - resident
        print(f"{count} messages in {took:.1f} s, {polls} polls, {grown} KiB more")
        assert grown < 2048
        made.end()
        audited = made.audited()
        assert [line["cid"] for line in audited if line["what"] == "received"] == [
            json.loads(payload)["cid"] for _topic, payload in done
        ]
        summed = [line["counts"] for line in audited if "counts" in line]
        refused = sum(sum(counts.values()) for counts in summed)
        refused += sum("reason" in line for line in audited)
        assert refused > 0.7 * count  # a part went to other topics
        assert made.audit("--verify").returncode == 0
        size = sum(path.stat().st_size for path in (folder / "store/commands").iterdir())
        assert size < 200_000


def test_hostile_messages_through_the_broker(tmp_path: Path) -> None:
    campaign(tmp_path, 800)


@pytest.mark.soak
def test_a_hundred_thousand_through_the_broker(tmp_path: Path) -> None:
    campaign(tmp_path, int(os.environ.get("NXGATE_FORGED", "100000")))


def kills(folder: Path, count: int, seed: int) -> None:
    """SIGKILL in a stream of commands; each is sent again and again, and done at most once."""
    chance = random.Random(seed)
    values = itertools.count(1000)
    with (
        Mosquitto(folder) as broker,
        Device() as device,
        commanded(folder, broker.port, link=device.peer.url) as made,
    ):
        sent: list[tuple[str, bytes]] = []
        for _round in range(count):
            made.start()
            for old in sent[-10:]:
                made.publish(*old)
            for _command in range(chance.randrange(3, 20)):
                args = {"tag": "setpoint", "value": next(values)}
                sent.append(made.maker.command(PLC, "write", args))
                made.publish(*sent[-1])
                time.sleep(chance.random() * 0.02)
            made.end(signal.SIGKILL)
        made.start()
        ask_until_answered(made, sent)
        writes = device.writes
        assert len(writes) == len(set(writes)), "a command was carried out twice"
        told = {
            body["cid"]
            for heard in made.platform.heard
            if "/reply/" in heard.topic and (body := json.loads(heard.payload))["code"] == "ok"
        }
        values_of = {cid_of(p): json.loads(p)["args"]["value"] for _t, p in sent}
        assert {values_of[cid] for cid in told} <= set(writes), "told as done, and wasn't"
        made.end()
        assert made.audit("--verify").returncode == 0


def ask_until_answered(made: Plant, sent: list[tuple[str, bytes]]) -> None:
    """Send again what has no reply yet, as a platform does: replies to repeats are few a second."""
    deadline = time.monotonic() + 60
    while waiting := [one for one in sent if cid_of(one[1]) not in replies(made)]:
        assert time.monotonic() < deadline, f"{len(waiting)} commands were never answered"
        for old in waiting:
            made.publish(*old)
        time.sleep(2)


def cid_of(payload: bytes) -> str:
    return str(json.loads(payload)["cid"])


def replies(made: Plant) -> set[str]:
    return {h.topic.rpartition("/")[2] for h in made.platform.heard if "/reply/" in h.topic}


def test_a_kill_never_makes_it_happen_twice(tmp_path: Path) -> None:
    kills(tmp_path, 2, seed=3)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
def test_many_kills(tmp_path: Path, seed: int) -> None:
    kills(tmp_path, 20, seed)
