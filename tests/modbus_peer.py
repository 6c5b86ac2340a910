"""A Modbus TCP server that does as it is told, right or wrong: struct and asyncio, nothing of ours.

It answers from `tables` unless `answer` is replaced; `requests` keeps what was asked.

Source: Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3; Modbus Application Protocol
V1.1b3, 6.1 to 6.4 and 7.
"""

from __future__ import annotations

import asyncio
import struct
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, cast

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Request:
    tid: int
    unit: int
    function: int
    start: int
    count: int
    rest: bytes = b""


def frame(tid: int, unit: int, pdu: bytes, protocol: int = 0, length: int | None = None) -> bytes:
    """Any frame at all, right by default."""
    size = len(pdu) + 1 if length is None else length
    return struct.pack(">HHHB", tid, protocol, size, unit) + pdu


def exception(request: Request, code: int) -> bytes:
    return frame(request.tid, request.unit, bytes((request.function | 0x80, code)))


class Peer:
    """Listens on a free port of the loopback.

    Attributes:
        tables: function code → address → register or bit; 0 where nothing was set.
        holes: (function code, address) that are refused with exception 2.
        max_count: more than so many at once is refused with exception 3.
        answer: request → bytes to send, b"" for silence; `correct` by default.
        raw: the latest request as it came.
    """

    def __init__(self) -> None:
        self.tables: dict[int, defaultdict[int, int]] = {
            function: defaultdict(int) for function in (1, 2, 3, 4)
        }
        self.holes: set[tuple[int, int]] = set()
        self.max_count = 2000
        self.answer: Callable[[Request], bytes] = self.correct
        self.requests: list[Request] = []
        self.raw = b""
        self.connections: set[_Connection] = set()
        self.port = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return f"modbus+tcp://127.0.0.1:{self.port}"

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), "127.0.0.1", self.port, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more and hang up."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            self.hang_up()
            await server.wait_closed()

    def hang_up(self) -> None:
        for connection in self.connections:
            connection.transport.abort()

    def send(self, data: bytes) -> None:
        """Say something that nobody asked for."""
        for connection in self.connections:
            connection.transport.write(data)

    def put(self, function: int, start: int, data: bytes) -> None:
        """Set registers from bytes in wire order."""
        words = struct.unpack(f">{len(data) // 2}H", data)
        self.tables[function].update(zip(range(start, start + len(words)), words, strict=True))

    def correct(self, request: Request) -> bytes:
        """What a device that keeps to the protocol answers."""
        function, start, count = request.function, request.start, request.count
        if function in {5, 6, 15, 16, 22}:
            return self._store(request)
        if function not in self.tables:
            return exception(request, 1)
        if count > self.max_count:
            return exception(request, 3)
        wanted = range(start, start + count)
        if any((function, address) in self.holes for address in wanted):
            return exception(request, 2)
        table = self.tables[function]
        if function <= 2:
            number = sum(table[address] << place for place, address in enumerate(wanted))
            data = number.to_bytes((count + 7) // 8, "little")
        else:
            data = struct.pack(f">{count}H", *(table[address] for address in wanted))
        return frame(request.tid, request.unit, bytes((function, len(data))) + data)

    def _store(self, request: Request) -> bytes:
        """Writes; for one register or coil `count` holds the value (V1.1b3, 6.5 to 6.16)."""
        function, start, value, rest = (
            request.function,
            request.start,
            request.count,
            request.rest,
        )
        table = 1 if function in {5, 15} else 3
        count = value if function in {15, 16} else 1
        if any((table, address) in self.holes for address in range(start, start + count)):
            return exception(request, 2)
        cells = self.tables[table]
        body = struct.pack(">HH", start, value)
        match function:
            case 5:
                cells[start] = int(value == 0xFF00)
            case 6:
                cells[start] = value
            case 15:
                bits = int.from_bytes(rest[1:], "little")
                cells.update({start + place: bits >> place & 1 for place in range(count)})
            case 16:
                words = struct.unpack(f">{count}H", rest[1:])
                cells.update(zip(range(start, start + count), words, strict=True))
            case 22:
                (put,) = struct.unpack(">H", rest)
                cells[start] = (cells[start] & value) | (put & ~value & 0xFFFF)
                body += rest
        return frame(request.tid, request.unit, bytes((function,)) + body)


class _Connection(asyncio.Protocol):
    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._rest = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._peer.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._peer.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while len(self._rest) >= 7:
            tid, _protocol, length, unit = struct.unpack(">HHHB", self._rest[:7])
            if len(self._rest) < 6 + length:
                return
            asked, self._rest = self._rest[: 6 + length], self._rest[6 + length :]
            function, start, count = struct.unpack(">BHH", asked[7:12].ljust(5, b"\0"))
            self._peer.raw = asked
            request = Request(tid, unit, function, start, count, asked[12:])
            self._peer.requests.append(request)
            if answer := self._peer.answer(request):
                self.transport.write(answer)
