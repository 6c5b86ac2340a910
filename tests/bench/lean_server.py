"""Modbus TCP devices that cost next to nothing: canned blocks, one port per device, one process.

Every answer comes from the next of 256 prepared blocks, in which every register differs, so that
all values change at every poll. The last two registers of a device are overwritten with the time
of the answer, in µs since 1970 modulo 2^32 (71 minutes), high word first: at a poll of a second
these change as well, and the subscriber can tell how long a value was on its way.

Run as `python -m tests.bench.lean_server DEVICES REGISTERS`: prints the ports on one line, then
serves until SIGTERM, and then prints how many requests it answered.
"""

from __future__ import annotations

import asyncio
import signal
import struct
import sys
import time
from typing import cast

import uvloop

BLOCKS = 256
HEAD = struct.Struct(">HHHBBHH")
"""Transaction, protocol, length, unit, function, address, quantity: one read request."""
REPLY = struct.Struct(">HHHBBB")
STAMP = struct.Struct(">I")
READ_HOLDING = 3


class Device(asyncio.Protocol):
    """One client of one device."""

    answered = 0

    def __init__(self, registers: int, blocks: list[bytes]) -> None:
        self._size = registers * 2
        self._blocks = blocks
        self._next = 0
        self._pending = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._pending:
            data = self._pending + data
        at = 0
        while len(data) - at >= HEAD.size:
            self._answer(*HEAD.unpack_from(data, at))
            at += HEAD.size
        self._pending = data[at:]

    def _answer(
        self, tid: int, _protocol: int, _length: int, unit: int, function: int, at: int, count: int
    ) -> None:
        start, stop = at * 2, (at + count) * 2
        Device.answered += 1
        if function != READ_HOLDING or stop > self._size:
            self._transport.write(REPLY.pack(tid, 0, 3, unit, function | 0x80, 2))
            return
        self._next = (self._next + 1) % BLOCKS
        data = self._blocks[self._next][start:stop]
        if stop == self._size:
            now = time.time_ns() // 1000 & 0xFFFF_FFFF
            data = data[: -STAMP.size] + STAMP.pack(now)
        length = stop - start
        head = REPLY.pack(tid, 0, 3 + length, unit, function, length)
        self._transport.write(head + data)


def blocks(registers: int) -> list[bytes]:
    """Prepare blocks of which any two differ in every register."""
    return [
        struct.pack(
            f">{registers}H", *((block * 257 + at * 31) & 0xFFFF for at in range(registers))
        )
        for block in range(BLOCKS)
    ]


async def serve(devices: int, registers: int) -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    canned = blocks(registers)
    servers = [
        await loop.create_server(lambda: Device(registers, canned), "127.0.0.1", 0)
        for _ in range(devices)
    ]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await stop.wait()
    print(Device.answered, flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1]), int(sys.argv[2])))
