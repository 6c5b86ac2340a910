"""A broker of a few lines that misbehaves to order; MQTT 5, one connection at a time."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PINGREQ = 1, 3, 8, 10, 12
CONNACK = bytes((0x20, 3, 0, 0, 0))
PINGRESP = bytes((0xD0, 0))


class ScriptedBroker:
    """Accepts connections, grants no subscription, and acknowledges at its own pace.

    Args:
        acknowledges: False: nothing is.
        rate: acknowledgements in a second, one after another.
        limit: bytes of a packet; a larger one ends the connection with 0x95.

    Attributes:
        packets: (type, first byte and body) of all that came, per connection.
        writer: of the present connection.
    """

    def __init__(
        self, *, acknowledges: bool = True, rate: float = 1e6, limit: int = 1 << 28
    ) -> None:
        self._acknowledges = acknowledges
        self._rate = rate
        self._limit = limit
        self._server: asyncio.Server | None = None
        self.packets: list[list[tuple[int, bytes]]] = []
        self.writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"mqtt://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def published(self) -> list[bytes]:
        """Bodies of every PUBLISH packet, over all connections."""
        return [body for packets in self.packets for kind, body in packets if kind == PUBLISH]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        packets: list[tuple[int, bytes]] = []
        self.packets.append(packets)
        due: asyncio.Queue[bytes] = asyncio.Queue()
        answering = asyncio.create_task(self._answer(due, writer))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readexactly(1))[0]
                length = await _length(reader)
                body = await reader.readexactly(length)
                packets.append((head >> 4, bytes((head,)) + body))
                match head >> 4:
                    case 1:
                        writer.write(CONNACK)
                    case 3 if length > self._limit:
                        writer.write(bytes((0xE0, 1, 0x95)))
                        await writer.drain()
                        break
                    case 3 if head & 0x06 and self._acknowledges:
                        topic = body[0] << 8 | body[1]
                        due.put_nowait(bytes((0x40, 2)) + body[2 + topic : 4 + topic])
                    case 8:
                        writer.write(bytes((0x90, 4)) + body[:2] + bytes((0, 0x87)))
                    case 10:
                        writer.write(bytes((0xB0, 4)) + body[:2] + bytes((0, 0)))
                    case 12:
                        writer.write(PINGRESP)
        answering.cancel()
        writer.close()

    async def _answer(self, due: asyncio.Queue[bytes], writer: asyncio.StreamWriter) -> None:
        while True:
            puback = await due.get()
            if self._rate < 1e6:
                await asyncio.sleep(1 / self._rate)
            writer.write(puback)


async def _length(reader: asyncio.StreamReader) -> int:
    length, shift = 0, 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 127) << shift
        if not byte & 128:
            return length
        shift += 7
