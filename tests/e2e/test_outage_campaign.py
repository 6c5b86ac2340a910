"""A weekend without a broker, a thousand times as fast: bounded, declared, and made up for.

Real store, real publisher, real mosquitto, heard by mosquitto_sub; only the clock leaps.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import resource
import subprocess
import sys
import time
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest

from gateway.clock import SystemClock
from gateway.ids import make_key
from gateway.model import Draft
from gateway.store import Store
from tests.e2e.mosquitto import Mosquitto, wait_for
from tests.e2e.mqtt_rig import IDENTITY, Rig, config

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.model import Record
    from gateway.publishers.mqtt import MqttPublisher

MACHINES = 10
VALUES = 50
POLL_S = 10
LIVE_S = 0.1
UNDER_WAY = 100
"""What was sent when its segment was declared lost may arrive after all."""
FASTEST = 1500
"""How many times as fast as time the outage is run at most; the disk is to keep up."""


class LeapingClock(SystemClock):
    """Both clocks ahead by what the outage has taken so far."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead_ns = 0

    def wall_ns(self) -> int:
        return super().wall_ns() + self.ahead_ns

    def mono_ns(self) -> int:
        return super().mono_ns() + self.ahead_ns


@dataclass
class Campaign:
    """What was seen."""

    keys: array[int] = field(default_factory=lambda: array("q"))
    """Of every record; packed, as resident memory is measured beside it."""
    classes: list[str] = field(default_factory=list)
    outage_s: float = 0.0
    most_disk: int = 0
    rss_before: int = 0
    rss_after: int = 0
    drain_s: float = 0.0
    values: int = 0
    live: list[float] = field(default_factory=list)

    def note(self, records: Sequence[Record]) -> None:
        """Remember what was made."""
        self.keys.extend(record.key for record in records)
        self.classes.extend(sys.intern(record.cls) for record in records)


def machine(number: int, turn: int, ts_ms: int) -> Draft:
    """What one poll of one machine says: every value has changed."""
    m = {f"signal_{n:02}": turn * 7 + n for n in range(VALUES)}
    body = orjson.dumps({"rev": "r1", "rows": [{"t": ts_ms, "m": m}]})
    return Draft("telemetry", "l1", f"press-{number}", ts_ms, body)


def state(number: int, ts_ms: int) -> Draft:
    body = orjson.dumps({"t": ts_ms, "state": "running", "prev": "idle"})
    return Draft("state", "l1", f"press-{number}", ts_ms, body)


def rss() -> int:
    """Bytes resident now."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - no file of ours
        return int(file.read().split()[1]) * resource.getpagesize()


def disk(folder: Path) -> int:
    total = 0
    for entry in os.scandir(folder):
        with contextlib.suppress(FileNotFoundError):
            total += entry.stat().st_size
    return total


def open_bounded(folder: Path, bound: int, clock: LeapingClock) -> Store:
    return Store.open(
        folder / "store",
        IDENTITY.gateway,
        size_bytes=bound,
        keep_s={"telemetry": 1e8, "kpi": 1e8},
        commit_s=0.2,
        clock=clock,
        segment_bytes=max(256 << 10, bound // 64),
    )


@contextlib.contextmanager
def listener(folder: Path, broker: Mosquitto) -> Iterator[None]:
    """Start the broker, and a foreign client that writes down all it hears.

    Both block: the publisher, on the caller's loop, can't be back before somebody listens.
    """
    command = ["mosquitto_sub", "-p", str(broker.port), "-q", "1", "-t", "cii/#", "-F", "%U %t %p"]
    with broker, (folder / "heard").open("wb") as heard:
        judge = subprocess.Popen(command, stdout=heard)
        try:
            wait_for(lambda: "Sending SUBACK" in broker.log.read_text("utf-8"), "heard")
            yield
        finally:
            judge.terminate()
            judge.wait()


async def outage(rig: Rig, clock: LeapingClock, hours: float, seen: Campaign, folder: Path) -> None:
    """Make what comes of so many hours, at up to `FASTEST` times the speed."""
    turns = round(hours * 3600 / POLL_S)
    began = time.monotonic()
    for turn in range(turns):
        clock.ahead_ns += POLL_S * 1_000_000_000
        ts_ms = clock.wall_ns() // 1_000_000
        drafts = [machine(number, turn, ts_ms) for number in range(MACHINES)]
        if turn % 30 == 0:
            drafts += [state(number, ts_ms) for number in range(MACHINES)]
        rig.make(*drafts)
        if rig.store.full:
            await rig.store.room()
        if turn % 20 == 0:
            ahead_s = (turn + 1) * POLL_S / FASTEST - (time.monotonic() - began)
            await asyncio.sleep(max(0.001, ahead_s))
            seen.most_disk = max(seen.most_disk, disk(folder / "store"))
        if turn == turns // 10:
            seen.rss_before = rss()
    await rig.store.flush()
    seen.rss_after = rss()
    seen.outage_s = time.monotonic() - began


async def drain(rig: Rig, clock: LeapingClock, seen: Campaign, folder: Path) -> None:
    """Deliver all that is left, beside live data."""
    await rig.connected()
    began, goal = time.monotonic(), rig.store.last_key
    for turn in itertools.count():
        if rig.store.position("cluster").low >= goal:
            break
        rig.make(machine(turn % MACHINES, turn, clock.wall_ns() // 1_000_000))
        await asyncio.sleep(LIVE_S)
        seen.most_disk = max(seen.most_disk, disk(folder / "store"))
        assert time.monotonic() - began < 900, rig.publisher.status()
    seen.drain_s = time.monotonic() - began
    await rig.store.flush()
    await rig.until(lambda: not rig.publisher.status().outbox, "nothing left", 60)


async def campaign(folder: Path, hours: float, bound: int, rate: float) -> Campaign:
    seen, clock, broker = Campaign(), LeapingClock(), Mosquitto(folder)
    store = open_bounded(folder, bound, clock)
    rig = Rig(store, config(f"mqtt://127.0.0.1:{broker.port}", backlog=rate), clock)
    rig.noted = seen.note
    task = asyncio.create_task(rig.publisher.run())
    await outage(rig, clock, hours, seen, folder)
    assert not rig.publisher.status().connected
    with listener(folder, broker):
        cast("MqttPublisher", rig.publisher)._hurry.set()
        await drain(rig, clock, seen, folder)
        await rig.publisher.stop()
        await task
        await store.close()
        await asyncio.sleep(0.5)
    judge_all(folder / "heard", seen, clock.ahead_ns / 1e9)
    return seen


def judge_all(path: Path, seen: Campaign, ahead_s: float) -> None:
    """Every id made was heard, or is in a gap's range and count; none came with another body."""
    heard: dict[int, int] = {}
    gaps: list[dict[str, Any]] = []
    with path.open("rb") as lines:
        for line in lines:
            at, topic, payload = line.rstrip(b"\n").split(b" ", 2)
            body = orjson.loads(payload)
            if "id" not in body:
                continue
            key = key_of(body["id"])
            late = body.pop("hist")
            digest = hash(orjson.dumps(body))
            assert heard.setdefault(key, digest) == digest, f"{body['id']} with two bodies"
            if topic.endswith(b"/event/gap"):
                gaps.append(body["data"])
            if topic.endswith((b"/live", b"/hist")):
                seen.values += len(body["rows"][0]["m"])
            if topic.endswith(b"/live"):
                assert not late
                seen.live.append(float(at) + ahead_s - body["ts"] / 1e3)
    made = zip(seen.keys, seen.classes, strict=True)
    missing = {key: cls for key, cls in made if key not in heard}
    declared = 0
    for gap in gaps:
        first, last = key_of(gap["from"]), key_of(gap["to"])
        inside = [k for k, c in missing.items() if first <= k <= last and c == gap["class"]]
        late = gap["count"] - len(inside)
        assert 0 <= late <= UNDER_WAY, f"{late} of {gap} came all the same"
        for key in inside:
            del missing[key]
        declared += len(inside)
    assert not missing, f"{len(missing)} neither heard nor declared"
    print(
        f"\n{len(seen.keys)} records, {declared} of them dropped and declared in {len(gaps)} gaps"
    )


def key_of(name: str) -> int:
    _gateway, epoch, seq = name.split(":")
    return make_key(int(epoch), int(seq))


def report(hours: float, bound: int, seen: Campaign) -> None:
    live = sorted(seen.live)
    print(
        f"{hours:g} h at {hours * 3600 / seen.outage_s:.0f} times the speed; disk at most"
        f" {seen.most_disk / bound:.1%} of its bound; resident {seen.rss_before >> 20} MiB, then"
        f" {seen.rss_after >> 20} MiB; drained in {seen.drain_s:.0f} s,"
        f" {seen.values / seen.drain_s:.0f} values/s; live p50 {live[len(live) // 2] * 1e3:.0f} ms,"
        f" p95 {live[len(live) * 95 // 100] * 1e3:.0f} ms of {len(live)}"
    )


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_hour_without_a_broker(tmp_path: Path) -> None:
    bound = 2 << 20
    seen = asyncio.run(campaign(tmp_path, 1.0, bound, 5000.0))
    report(1.0, bound, seen)
    assert seen.most_disk < 3 * bound, "the least segments are a good part of so small a bound"


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_three_days_without_a_broker(tmp_path: Path) -> None:
    hours = float(os.environ.get("NXGATE_OUTAGE_HOURS", "72"))
    rate = float(os.environ.get("NXGATE_BACKLOG", "2000"))
    bound = int(hours * 2_000_000)
    seen = asyncio.run(campaign(tmp_path, hours, bound, rate))
    report(hours, bound, seen)
    assert hours * 3600 / seen.outage_s >= 1000
    assert seen.most_disk <= bound * 1.05
    assert seen.rss_after - seen.rss_before < 12 << 20
    assert seen.drain_s < 300
    assert sorted(seen.live)[len(seen.live) * 95 // 100] < 2.0
