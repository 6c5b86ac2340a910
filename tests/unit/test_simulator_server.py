"""The simulators' server over real sockets: framing, units, clients, faults, garbage."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, cast

import pytest

from simulators.encode import u16
from simulators.faults import Fault, FaultKind
from simulators.framing import Request
from simulators.memory import Area, Memory, Table
from simulators.pdu import answer
from simulators.place import Place
from simulators.server import Link

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FREE = Place.of("modbus+tcp://127.0.0.1:0")
READ = bytes.fromhex("0007 0000 0006 01 03 0000 0002")
ANSWER = bytes.fromhex("0007 0000 0007 01 03 04 1234 0001")


def memory(first: int) -> Memory:
    kept = Memory((Area(Table.HOLDING, 0, 125), Area(Table.COIL, 0, 2000)))
    kept.put(Table.HOLDING, 0, u16(first) + u16(1))
    return kept


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Link]:
    units = {1: partial(answer, memory(0x1234)), 2: partial(answer, memory(0x5678))}
    link = Link(FREE, units)
    await link.open()
    try:
        yield link
    finally:
        await link.close()


class Client:
    """A client that knows nothing but bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, frame: bytes, timeout_s: float = 2.0) -> bytes:
        """Return the next frame that arrives; raises `TimeoutError`, or at the end of stream."""
        self.writer.write(frame)
        async with asyncio.timeout(timeout_s):
            head = await self.reader.readexactly(6)
            return head + await self.reader.readexactly(int.from_bytes(head[4:6], "big"))


@contextlib.asynccontextmanager
async def client(link: Link) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", link.place.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


def test_an_answer_echoes_id_and_unit() -> None:
    async def go() -> None:
        async with serving() as link, client(link) as one:
            assert await one.ask(READ) == ANSWER
            other = READ[:6] + b"\x02" + READ[7:]
            assert (await one.ask(other))[6:] == bytes.fromhex("02 03 04 5678 0001")
            missing = READ[:6] + b"\x03" + READ[7:]
            assert (await one.ask(missing))[6:] == bytes.fromhex("03 83 0B")

    asyncio.run(go())


def test_requests_arrive_in_pieces_and_in_heaps() -> None:
    async def go() -> None:
        async with serving() as link, client(link) as one:
            for byte in READ[:-1]:
                one.writer.write(bytes((byte,)))
                await one.writer.drain()
                await asyncio.sleep(0)
            assert await one.ask(READ[-1:]) == ANSWER
            heap = b"".join(u16(number) + READ[2:] for number in range(50))
            assert await one.ask(heap) == u16(0) + ANSWER[2:]
            for number in range(1, 50):
                assert await one.ask(b"") == u16(number) + ANSWER[2:]

    asyncio.run(go())


def test_many_clients_at_once() -> None:
    async def one_of_many(link: Link, number: int) -> None:
        async with client(link) as one:
            for _ in range(10):
                assert await one.ask(u16(number) + READ[2:]) == u16(number) + ANSWER[2:]

    async def go() -> None:
        async with serving() as link:
            await asyncio.gather(*(one_of_many(link, number) for number in range(50)))
            assert link.requests == 500

    asyncio.run(go())


def test_machines_are_brought_up_to_the_moment_before_each_answer() -> None:
    kept = memory(0)
    asked = 0

    def before() -> None:
        nonlocal asked
        asked += 1
        kept.put(Table.HOLDING, 0, u16(asked))

    async def go() -> None:
        link = Link(FREE, {1: partial(answer, kept)}, before)
        await link.open()
        async with client(link) as one:
            assert (await one.ask(READ))[9:11] == u16(1)
            assert (await one.ask(READ))[9:11] == u16(2)
        await link.close()

    asyncio.run(go())


def test_late_dropped_and_exception_hit_one_unit_alone() -> None:
    async def go() -> None:
        async with serving() as link, client(link) as one, client(link) as two:
            other = READ[:6] + b"\x02" + READ[7:]
            late = Fault(FaultKind.LATE, by_s=0.2)
            await link.begin(1, late)
            loop = asyncio.get_running_loop()
            asked = loop.time()
            slow = asyncio.create_task(one.ask(READ))
            await two.ask(other)
            assert not slow.done(), "the other unit does not wait"
            assert await slow == ANSWER
            assert loop.time() - asked >= 0.19
            await link.end(1, late)

            dropped = Fault(FaultKind.DROPPED)
            await link.begin(1, dropped)
            with pytest.raises(TimeoutError):
                await one.ask(READ, timeout_s=0.1)
            await two.ask(other)
            await link.end(1, dropped)
            assert await one.ask(READ) == ANSWER, "the swallowed one is never answered"

            busy = Fault(FaultKind.EXCEPTION, code=6)
            await link.begin(1, busy)
            assert (await one.ask(READ))[6:] == bytes.fromhex("01 83 06")
            assert (await two.ask(other))[7] == 3
            await link.end(1, busy)
            assert await one.ask(READ) == ANSWER

    asyncio.run(go())


def test_refused_resets_and_comes_back_on_the_same_port() -> None:
    async def go() -> None:
        async with serving() as link:
            port = link.place.port
            async with client(link) as one:
                assert await one.ask(READ) == ANSWER
                refused = Fault(FaultKind.REFUSED)
                await link.begin(1, refused)
                assert not link.is_open
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await one.ask(READ)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
            await link.end(1, refused)
            assert link.place.port == port
            async with client(link) as one:
                assert await one.ask(READ) == ANSWER

    asyncio.run(go())


def test_garbled_flips_one_bit_of_the_head() -> None:
    async def go() -> None:
        async with serving() as link:
            await link.begin(1, Fault(FaultKind.GARBLED))
            places = set()
            for _ in range(200):
                delivered = link.answer(Request(READ, 1, READ[7:]))
                assert delivered is not None
                changed = int.from_bytes(ANSWER, "big") ^ int.from_bytes(delivered[1], "big")
                assert changed.bit_count() == 1
                place = next(n for n in range(len(ANSWER)) if delivered[1][n] != ANSWER[n])
                places.add(place)
            assert places == set(range(9)), "id, protocol, length, unit, function, byte count"

    asyncio.run(go())


def test_a_stream_that_makes_no_sense_is_hung_up_on_and_the_rest_served() -> None:
    async def go() -> None:
        random = Random(3)
        async with serving() as link:
            sent = 0
            while sent < 2000:
                async with client(link) as one:
                    with contextlib.suppress(ConnectionError):
                        for _ in range(50):
                            if random.random() < 0.5:
                                frame = random.randbytes(random.randint(1, 300))
                            else:
                                broken = bytearray(READ)
                                broken[random.randrange(12)] ^= 1 << random.randrange(8)
                                frame = bytes(broken)
                            sent += 1
                            one.writer.write(frame)
                            await one.writer.drain()
                async with client(link) as one:
                    assert await one.ask(READ) == ANSWER

    asyncio.run(go())


def test_a_client_that_never_reads_is_read_no_further() -> None:
    async def go() -> None:
        async with serving() as link, client(link) as deaf, client(link) as one:
            question = bytes.fromhex("0001 0000 0006 01 01 0000 07D0")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    while True:
                        deaf.writer.write(question * 1000)
                        await deaf.writer.drain()
            answered = link.requests
            for _ in range(5):
                assert await one.ask(READ) == ANSWER
            assert link.requests == answered + 5
            buffered = [cast("Any", peer).transport.get_write_buffer_size() for peer in link.peers]
            assert max(buffered) < 64 << 20

    asyncio.run(go())


def test_a_device_that_is_away_keeps_its_port() -> None:
    """Else a client's own port could be the same by the time that the device is back."""

    async def check() -> None:
        async with serving() as link:
            fault, port = Fault(FaultKind.REFUSED), link.place.port
            await link.begin(1, fault)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
            with socket.socket() as taker, pytest.raises(OSError, match="in use"):
                taker.bind(("127.0.0.1", port))
            await link.end(1, fault)
            async with client(link) as one:
                assert await one.ask(READ) == ANSWER

    asyncio.run(check())


def test_faults_that_begin_and_end_together() -> None:
    async def check() -> None:
        async with serving() as link:
            both = [(1, Fault(FaultKind.REFUSED)), (2, Fault(FaultKind.LATE, 0.1))]
            for _turn in range(20):
                await asyncio.gather(*(link.begin(*one) for one in both))
                assert not link.is_open
                await asyncio.gather(*(link.end(*one) for one in both))
                assert link.is_open
            async with client(link) as one:
                assert await one.ask(READ) == ANSWER

    asyncio.run(check())
