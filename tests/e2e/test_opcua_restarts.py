"""A server that restarts, with its namespaces in another order: data back, never on a wrong tag.

Two namespaces hold nodes of the same names and values of their own: a node of the wrong namespace
would give a value of the wrong range. One device is polled, one is told.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pytest
from asyncua import ua

from gateway.clock import SystemClock
from gateway.health import Health
from gateway.links import connect
from gateway.model import Batch, Device, Group, Kind
from gateway.poller import Poller
from tests.opcua_kit import PLAIN, Foreign, make

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gateway.model import Tag

RESTARTS = int(os.environ.get("NXGATE_UA_RESTARTS", "100"))
SPACES = ("urn:maker:left", "urn:maker:right")
TAGS = 5
BACK_S = 10.0
DEVICES: dict[str, dict[str, object]] = {"asked": {}, "told": {"mode": "subscribe"}}


def tags(device: str) -> tuple[Tag, ...]:
    """By URI, by browse path, in both namespaces; each says by its place which values are its."""
    found = []
    for side, uri in enumerate(SPACES):
        for number in range(TAGS):
            name = f"{'lr'[side]}{number}"
            at = f"nsu={uri};s=n{number}"
            if number == 0:
                at = f"/Objects/nsu={uri};n{number}"
            found.append(make(name, at, Kind.U32, device=device))
    return tuple(found)


def first(tag: Tag) -> int:
    """The lowest of a tag's values; there are a thousand of each."""
    return 1_000_000 * "lr".index(tag.name[0]) + 1000 * int(tag.name[1:])


@dataclass
class Judge:
    """Takes batches; notes values on wrong tags, and since when each device gives all its own."""

    wrong: list[str] = field(default_factory=list)
    whole: dict[str, float] = field(default_factory=dict)
    state: dict[str, dict[str, object]] = field(default_factory=dict)
    is_whole: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, batch: Batch) -> None:
        state = self.state.setdefault(batch.device, {})
        places = range(len(batch.tags)) if batch.present is None else batch.present
        for place, value in zip(places, batch.values, strict=True):
            tag = batch.tags[place]
            state[tag.name] = value
            if value is not None and not 0 <= int(value) - first(tag) < 1000:
                self.wrong.append(f"{batch.device}.{tag.name}: {value}")
        if len(state) == len(batch.tags) and None not in state.values():
            self.whole.setdefault(batch.device, time.monotonic())
        else:
            self.whole.pop(batch.device, None)
        if len(self.whole) == len(DEVICES):
            self.is_whole.set()

    def forget(self) -> None:
        """Wait for all devices anew."""
        self.whole.clear()
        self.is_whole.clear()

    def room(self) -> Awaitable[None] | None:
        return None


def served(port: int, *, is_swapped: bool) -> Foreign:
    order = SPACES[::-1] if is_swapped else SPACES
    server = Foreign(before=("urn:other",) * is_swapped + order, port=port)
    for side, uri in enumerate(SPACES):
        values = {
            f"n{number}": (1_000_000 * side + 1000 * number, ua.VariantType.UInt32)
            for number in range(TAGS)
        }
        server.add(values, uri)
    return server


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def devices(port: int) -> list[Device]:
    url = f"opc.tcp://127.0.0.1:{port}/?{PLAIN}"
    return [
        Device(name, url, 1.0, (Group(name, "default", 0.25, tags(name)),), options)
        for name, options in DEVICES.items()
    ]


async def campaign(restarts: int) -> None:
    port = free_port()
    loop = asyncio.get_running_loop()
    server = await loop.run_in_executor(None, partial(served, port, is_swapped=False))
    judge = Judge()
    units = connect(devices(port), {"opc.tcp": "drivers.opcua:plugin"}, SystemClock())
    poller = Poller(units, judge, SystemClock(), Health())
    running = loop.create_task(poller.run())
    slowest = 0.0
    try:
        await _whole(judge)
        for number in range(restarts):
            is_swapped = number % 2 == 0
            await loop.run_in_executor(None, server.stop)
            await asyncio.sleep(0.3)
            server = await loop.run_in_executor(None, partial(served, port, is_swapped=is_swapped))
            judge.forget()
            up = time.monotonic()
            await _whole(judge)
            slowest = max(slowest, max(judge.whole.values()) - up)
    finally:
        running.cancel()
        await asyncio.wait([running])
        await loop.run_in_executor(None, server.stop)
    print(f"{restarts} restarts, back after {slowest:.1f} s at most")
    assert not judge.wrong
    assert slowest < BACK_S


async def _whole(judge: Judge) -> None:
    async with asyncio.timeout(3 * BACK_S):
        await judge.is_whole.wait()


def test_a_restart() -> None:
    asyncio.run(campaign(1))


@pytest.mark.soak
def test_a_hundred_restarts() -> None:
    asyncio.run(campaign(RESTARTS))
