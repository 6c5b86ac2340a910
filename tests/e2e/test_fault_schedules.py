"""Faults at random on a line and on connections, several at once: never a wrong value.

`make soak` takes five minutes of it and sees every device come back; NXGATE_FAULTS_S and
NXGATE_SEED take others.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest

from drivers.modbus import plugin
from gateway.clock import SystemClock
from gateway.health import Health
from gateway.model import Device, Group, Kind, Tag
from gateway.poller import Poller
from simulators.faults import COUNTING, Fault, FaultKind
from simulators.pdu import answer
from simulators.place import MODBUS
from simulators.server import Link
from tests.modbus_line import told
from tests.unit.test_simulator_lines import WITH_VALUES, filled, place_of

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from gateway.model import Batch

UNITS = (1, 2, 3)
BLOCKS = {"low": range(100, 104), "high": range(700, 704)}
"""Two groups whose answers are equally long, so that only the question tells them apart."""
LONGEST_S = 0.25
"""The lines say that no answer takes longer than 400 ms; a time-out is 100 ms."""


class Judge:
    """Takes batches, and holds each value against what the register holds."""

    def __init__(self) -> None:
        self.good: dict[str, int] = {}
        self.bad = 0
        self.wrong: list[tuple[str, str, object]] = []

    def take(self, batch: Batch) -> None:
        for tag, value in zip(batch.tags, batch.values, strict=True):
            at = int(tag.name[1:])
            unit = int(tag.device.rpartition("-")[2])
            if value is None:
                self.bad += 1
            elif value == int.from_bytes(told(unit, 3, at), "big"):
                self.good[tag.device] = self.good.get(tag.device, 0) + 1
            else:
                self.wrong.append((tag.device, tag.name, value))

    def room(self) -> Awaitable[None] | None:
        return None


def device(scheme: str, unit: int, url: str) -> Device:
    name = f"{scheme.partition('+')[2]}-{unit}"
    groups = tuple(
        Group(
            name,
            block,
            0.05,
            tuple(Tag(name, f"t{at}", Kind.U16, f"holding:{at}", (3, at, None)) for at in span),
        )
        for block, span in BLOCKS.items()
    )
    return Device(name, url, 0.1, groups, {"unit": unit})


async def trouble(link: Link, random: Random, until_s: float) -> None:
    """Faults of any kind on any unit, one after the other, until it is time."""
    loop = asyncio.get_running_loop()
    kinds = [
        kind
        for kind in FaultKind
        if Fault(kind).fits(link.place.scheme)
        and kind not in {*WITH_VALUES, *COUNTING, FaultKind.NONE}
    ]
    while loop.time() < until_s:
        await asyncio.sleep(random.uniform(0, 0.3))
        unit, share = random.choice(UNITS), random.choice((0.2, 0.5, 1.0))
        by_s = random.uniform(0.05, LONGEST_S)
        fault = Fault(random.choice(kinds), by_s, random.choice((4, 5, 6, 11)), share)
        await link.begin(unit, fault)
        await asyncio.sleep(random.uniform(0.1, 1.0))
        await link.end(unit, fault)


async def suffer(scheme: str, folder: Path, seed: int, seconds: float, judge: Judge) -> None:
    """Poll three units of one link while two schedules of faults run on it."""
    random = Random(f"{seed}:{scheme}")
    served = Link(
        place_of(scheme, folder, f"line-{scheme}"),
        {unit: partial(answer, filled(unit)) for unit in UNITS},
        seed=seed,
    )
    await served.open()
    clock, url = SystemClock(), str(served.place)
    link = plugin.link(url, clock)
    units = [
        (one, link, plugin.driver(link, one, clock))
        for one in (device(scheme, unit, url) for unit in UNITS)
    ]
    polling = asyncio.create_task(Poller(units, judge, clock, Health()).run())
    until_s = asyncio.get_running_loop().time() + seconds
    await asyncio.gather(*(trouble(served, random, until_s) for _schedule in "ab"))
    if seconds > 10:  # longer than a device is put off
        judge.good = {name: 0 for name in judge.good if scheme.partition("+")[2] not in name}
        await asyncio.sleep(15)
    polling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await polling
    await served.close()


def campaign(folder: Path, seconds: float, seed: int) -> Judge:
    judge = Judge()

    async def go() -> None:
        await asyncio.gather(*(suffer(one, folder, seed, seconds, judge) for one in MODBUS))

    asyncio.run(go())
    good, wrong = sum(judge.good.values()), len(judge.wrong)
    print(f"seed {seed}: good {good}, bad {judge.bad}, wrong {wrong}")
    assert judge.wrong == []
    return judge


def test_faults_at_random(tmp_path: Path) -> None:
    judge = campaign(tmp_path, 3, 1)
    assert sum(judge.good.values()) > 100
    assert judge.bad > 50


@pytest.mark.soak
def test_faults_at_random_for_long(tmp_path: Path) -> None:
    seconds = float(os.environ.get("NXGATE_FAULTS_S", "300"))
    judge = campaign(tmp_path, seconds, int(os.environ.get("NXGATE_SEED", "7")))
    assert len(judge.good) == len(MODBUS) * len(UNITS), "all are back"
