"""Several questions under way to one device: a server that answers only once it has them all."""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from drivers.modbus import plugin
from gateway.clock import SystemClock
from gateway.errors import RequestTimeout
from gateway.model import Device, Kind, Quality, Tag
from tests.e2e.test_foreign_modbus import libmodbus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.driver import Driver

AT_ONCE, BLOCKS = 3, 7
TAGS = tuple(
    Tag("m", f"r{n}", Kind.U16, f"holding:{100 * n}", (3, 100 * n, None)) for n in range(BLOCKS)
)


class Server:
    """Holds answers back until so many questions wait, and gives them in the other order.

    Attributes:
        most: questions that waited at once.
        refused: start addresses that get exception 2.
        mute: answers nothing any more.
    """

    def __init__(self) -> None:
        self.most = 0
        self.asked = 0
        self.refused: set[int] = set()
        self.mute = False
        self.awaited = AT_ONCE

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting: list[bytes] = []
        while True:
            try:
                async with asyncio.timeout(0.1):
                    frame = await reader.readexactly(12)
            except TimeoutError:
                frame = b""
            except asyncio.IncompleteReadError:
                writer.close()
                return
            if frame:
                waiting.append(frame)
                self.asked += 1
                self.most = max(self.most, len(waiting))
            if self.mute or (frame and len(waiting) < self.awaited):
                continue
            for one in reversed(waiting):
                tid, _protocol, _length, unit, function, start, count = struct.unpack(
                    ">HHHBBHH", one
                )
                data = struct.pack(f">{count}H", *range(start, start + count))
                pdu = bytes((function, len(data))) + data
                if start in self.refused:
                    pdu = bytes((function | 0x80, 2))
                writer.write(struct.pack(">HHHB", tid, 0, len(pdu) + 1, unit) + pdu)
            waiting.clear()


@asynccontextmanager
async def driven(url: str, at_once: int = AT_ONCE) -> AsyncIterator[Driver]:
    clock = SystemClock()
    link = plugin.link(url, clock)
    options = {"unit": 1, "gap": 0, "at_once": at_once}
    await link.open()
    yield plugin.driver(link, Device("m", url, 0.5, (), options), clock)
    await link.close()


@asynccontextmanager
async def served() -> AsyncIterator[tuple[Server, str]]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listening:
        yield server, f"modbus+tcp://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def test_so_many_are_under_way_and_each_has_its_own_answer() -> None:
    async def run() -> None:
        async with served() as (server, url), driven(url) as driver:
            plan = driver.prepare(TAGS)
            for _turn in range(3):
                batch = await driver.read(plan)
                assert batch.values == tuple(100 * n for n in range(BLOCKS))
                assert batch.quality is None
            assert (server.most, server.asked) == (AT_ONCE, 3 * BLOCKS)

    asyncio.run(run())


def test_a_refused_one_is_bad_alone() -> None:
    async def run() -> None:
        async with served() as (server, url), driven(url) as driver:
            server.refused = {200, 600}
            batch = await driver.read(driver.prepare(TAGS))
            assert [v for v in batch.values if v is not None] == [0, 100, 300, 400, 500]
            assert batch.quality is not None
            assert [n for n, mark in enumerate(batch.quality) if mark is Quality.BAD] == [2, 6]

    asyncio.run(run())


def test_a_device_that_falls_silent_leaves_nothing_behind() -> None:
    async def run() -> None:
        async with served() as (server, url), driven(url) as driver:
            plan = driver.prepare(TAGS)
            server.mute = True
            with pytest.raises(RequestTimeout, match="asked for holding 0"):
                await driver.read(plan)
            assert server.asked == AT_ONCE
            assert len(asyncio.all_tasks()) <= 2 + 1  # this one, the server's, a new connection's

    asyncio.run(run())


def test_one_at_a_time_where_nothing_else_is_declared() -> None:
    async def run() -> None:
        async with served() as (server, url), driven(url, at_once=1) as driver:
            server.awaited = 1
            await driver.read(driver.prepare(TAGS))
            assert server.most == 1

    asyncio.run(run())


def test_libmodbus_takes_several() -> None:
    async def run(url: str) -> None:
        async with driven(url, at_once=8) as driver:
            batch = await driver.read(driver.prepare(TAGS))
            assert batch.values == tuple(100 * n for n in range(BLOCKS))

    with libmodbus(struct.pack(">700H", *range(700))) as url:
        asyncio.run(run(url))
