"""A hundred devices, one of them dead: the others keep their schedule.

`make soak` takes a minute of it; NXGATE_SLIP_S another time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

import pytest

from gateway.clock import SystemClock
from gateway.health import Health
from gateway.links import connect
from gateway.poller import Poller
from gateway.templates import load
from tests.e2e.test_rehearsal import HEAD, lines, simulated

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from gateway.model import Batch

DEVICES, PERIOD_S = 100, 1.0
TAGS = "tags: {a: {at: 'holding:0', kind: u16}, b: {at: 'holding:40', kind: f32}}"


class Sink:
    """When each device's values came, good ones alone."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    def take(self, batch: Batch) -> None:
        if batch.quality is None:
            self.times.setdefault(batch.device, []).append(batch.mono_ns / 1e9)

    def room(self) -> Awaitable[None] | None:
        return None


def slips(sink: Sink) -> list[float]:
    """How far behind its own grid each value came: the earliest of a device is on the grid."""
    found: list[float] = []
    for times in sink.times.values():
        # The first poll of all comes at once, apart from the grid.
        phases = [(at - times[1]) % PERIOD_S for at in times[1:]]
        phases = [phase - PERIOD_S if phase > PERIOD_S / 2 else phase for phase in phases]
        found += [phase - min(phases) for phase in phases]
    return sorted(found)


def measure(folder: Path, links: int, seconds: float) -> tuple[Sink, list[float]]:
    """Poll a hundred devices on so many links, the last of them dead."""
    text = [HEAD, "devices:\n"]
    for number in range(DEVICES):
        link = f"modbus+tcp://10.0.0.{number % links}:502"
        text.append(f'  d{number}: {{link: "{link}", unit: {number // links + 1}, {TAGS}}}\n')
    (folder / "site.yaml").write_text("".join(text), "utf-8")
    dead = f"timeline:\n  - {{at: 0s, on: d{DEVICES - 1}, fault: dropped}}\n"
    (folder / "dead.yaml").write_text(dead, "utf-8")
    sink = Sink()

    async def poll() -> None:
        plant = load(folder / "here.yaml")
        clock = SystemClock()
        units = connect(plant.devices, plant.drivers, clock)
        task = asyncio.create_task(Poller(units, sink, clock, Health()).run())
        await asyncio.sleep(seconds)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    with simulated(folder, "dead.yaml", "--site", "site.yaml", "--out", "here.yaml") as process:
        lines(process, DEVICES + 2)
        asyncio.run(poll())
    return sink, slips(sink)


def judge(sink: Sink, found: list[float], seconds: float) -> None:
    p99 = found[int(len(found) * 0.99)]
    print(
        f"{len(found)} values: slip p50 {found[len(found) // 2] * 1000:.1f} ms, "
        f"p99 {p99 * 1000:.1f} ms, most {found[-1] * 1000:.0f} ms"
    )
    assert len(sink.times) == DEVICES - 1, "all but the dead one"
    assert len(found) >= (DEVICES - 1) * (seconds / PERIOD_S - 2)
    assert p99 <= 0.05


def test_99_devices_beside_a_dead_one(tmp_path: Path) -> None:
    sink, found = measure(tmp_path, DEVICES, 3)
    judge(sink, found, 3)


@pytest.mark.soak
@pytest.mark.parametrize("links", [DEVICES, 10])
def test_99_devices_beside_a_dead_one_for_a_minute(links: int, tmp_path: Path) -> None:
    """Each on a link of its own; and ten behind each of ten gateways, one of which has it."""
    seconds = float(os.environ.get("NXGATE_SLIP_S", "60"))
    sink, found = measure(tmp_path, links, seconds)
    judge(sink, found, seconds)
