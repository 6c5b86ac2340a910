"""Everything that a node says to its broker, packet by packet, taken down on the way."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from gateway.publishers.sparkplug.schema import Payload

if TYPE_CHECKING:
    from types import TracebackType

CONNECT, PUBLISH, SUBSCRIBE, DISCONNECT = 1, 3, 8, 14
NAMESPACE = "spBv1.0/"


@dataclass
class Said:
    """One PUBLISH, or a Will."""

    topic: str
    payload: bytes
    qos: int
    retain: bool

    @property
    def levels(self) -> list[str]:
        return self.topic.split("/")

    @property
    def kind(self) -> str:
        """NBIRTH, DDATA …; "" outside the namespace."""
        return self.levels[2] if self.topic.startswith(NAMESPACE) else ""

    @property
    def device(self) -> str:
        return self.levels[4] if len(self.levels) > 4 else ""

    @property
    def message(self) -> Any:  # noqa: ANN401 - a generated class
        made = Payload()
        made.ParseFromString(self.payload)
        return made


@dataclass
class Talk:
    """One connection of a node, by what it said."""

    version: int = 0
    clean: bool = False
    expiry: int = 0
    will: Said | None = None
    subscribed: list[tuple[str, int]] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    goodbye: int | None = None
    """Reason of its DISCONNECT; None: there was none."""
    behind: int = 0
    """Messages said before anything was subscribed to."""
    opened_s: float = 0.0
    closed_s: float = float("inf")
    """On the monotonic clock."""

    @property
    def sparkplug(self) -> list[Said]:
        return [said for said in self.said if said.kind]

    def of(self, *kinds: str) -> list[Said]:
        return [said for said in self.said if said.kind in kinds]


class Tap:
    """A relay to a broker on this machine."""

    def __init__(self, port: int) -> None:
        self._broker = port
        self.port = 0
        self.talks: list[Talk] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()

    @property
    def nodes(self) -> list[Talk]:
        """Connections that were accepted far enough to have a Will."""
        return [talk for talk in self.talks if talk.will is not None]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        talk = Talk(opened_s=time.monotonic())
        self.talks.append(talk)
        try:
            await self._relay(talk, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            talk.closed_s = time.monotonic()
            writer.close()

    async def _relay(
        self, talk: Talk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there, out = await asyncio.open_connection("127.0.0.1", self._broker)
        back = asyncio.create_task(_pass_on(there, writer))
        try:
            while True:
                head = await reader.readexactly(1)
                length, spelt = await _length(reader)
                body = await reader.readexactly(length)
                _take(talk, head[0], body)
                out.write(head + spelt + body)
                await out.drain()
        finally:
            out.close()
            back.cancel()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _length(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    spelt = b""
    while not spelt or spelt[-1] & 0x80:
        spelt += await reader.readexactly(1)
    return _number(spelt, 0)[0], spelt


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer, and where it ends."""
    value = place = 0
    while True:
        value |= (data[at] & 0x7F) << place
        at += 1
        place += 7
        if not data[at - 1] & 0x80:
            return value, at


def _text(data: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(data[at : at + 2], "big")
    return data[at + 2 : at + 2 + size], at + 2 + size


def _take(talk: Talk, head: int, body: bytes) -> None:
    match head >> 4:
        case 1:
            _take_connect(talk, body)
        case 3:
            topic, at = _text(body, 0)
            qos = head >> 1 & 3
            at += 2 if qos else 0
            if talk.version == 5:
                size, at = _number(body, at)
                at += size
            talk.said.append(Said(topic.decode(), body[at:], qos, bool(head & 1)))
        case 8:
            at = 2
            if talk.version == 5:
                size, at = _number(body, at)
                at += size
            while at < len(body):
                topic, at = _text(body, at)
                talk.subscribed.append((topic.decode(), body[at] & 3))
                at += 1
            talk.behind = talk.behind or len(talk.said)
        case 14:
            talk.goodbye = body[0] if body else 0


def _take_connect(talk: Talk, body: bytes) -> None:
    _name, at = _text(body, 0)
    talk.version, flags, at = body[at], body[at + 1], at + 4
    talk.clean = bool(flags & 2)
    if talk.version == 5:
        size, at = _number(body, at)
        properties, at = body[at : at + size], at + size
        talk.expiry = _expiry(properties)
    _client, at = _text(body, at)
    if flags & 4:
        if talk.version == 5:
            size, at = _number(body, at)
            at += size
        topic, at = _text(body, at)
        payload, at = _text(body, at)
        talk.will = Said(topic.decode(), payload, flags >> 3 & 3, bool(flags & 0x20))


def _expiry(properties: bytes) -> int:
    """Session Expiry Interval, which has the identifier 0x11; others have 2 or 4 bytes too."""
    at = 0
    while at < len(properties):
        size = {0x11: 4, 0x21: 2, 0x27: 4, 0x22: 2}[properties[at]]
        if properties[at] == 0x11:
            return int.from_bytes(properties[at + 1 : at + 5], "big")
        at += 1 + size
    return 0
