"""The process's own window: a Unix socket that tells what is going on.

A connection begins with a line that says what it wants: `watch` gets one JSON snapshot a second,
a line each; `reload` has the site file read again and gets what came of it; `enter` is followed by
a line with what people know of machines, `write` by one with a value for a tag, `prove` by one with
what is to be read or cut, and each gets what became of it; `record` gets all readings that figures
are made of, a line each, for as long as it reads them. The socket lies in
the store's folder, with the store's permissions. Its path may be longer than the 108 bytes that a
socket address holds, so it is reached through a descriptor of the folder.

Whoever may reach the socket costs the gateway a bounded number of descriptors, little memory and
one snapshot a second, however many look and however slowly they read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path

SOCKET = "nxgate.sock"
PERIOD_S = 1.0
WATCH, RELOAD, RECORD = b"watch\n", b"reload\n", b"record\n"
ENTER, WRITE, PROVE = b"enter\n", b"write\n", b"prove\n"
MOST_VISITORS = 32
Take = Callable[[bytes, str], Awaitable[dict[str, object]]]
"""Takes a request and the account that makes it, and gives what became of it."""
CREDENTIALS = struct.Struct("iII")
"""Process, user, group of who connected."""
PATIENCE_S = 10.0
"""For one who says nothing, or reads nothing."""


async def serve(
    folder: Path,
    snapshot: Callable[[], dict[str, object]],
    reload: Callable[[], Awaitable[dict[str, object]]],
    takers: Mapping[bytes, Take],
    listeners: list[Callable[[bytes], None]],
) -> None:
    """Serve until cancelled.

    Args:
        folder: the store's.
        snapshot: what is going on now.
        reload: reads the site file again, and gives what came of it.
        takers: who takes a request, by the line that comes ahead of it.
        listeners: those who get readings, as lines.
    """
    window = _Window(snapshot, reload, takers, listeners)
    with _address(folder) as address:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)  # noqa: PTH108 - left by a killed process; one inode, no waiting
        server = await asyncio.start_unix_server(window.visit, address)
    async with server:
        await server.serve_forever()


class _Window:
    """Those who look, and what they are shown.

    Args:
        snapshot: what is going on now.
        reload: reads the site file again, and gives what came of it.
        takers: who takes a request, by the line that comes ahead of it.
        listeners: those who get readings.
    """

    def __init__(
        self,
        snapshot: Callable[[], dict[str, object]],
        reload: Callable[[], Awaitable[dict[str, object]]],
        takers: Mapping[bytes, Take],
        listeners: list[Callable[[bytes], None]],
    ) -> None:
        self._snapshot = snapshot
        self._reload = reload
        self._takers = takers
        self._listeners = listeners
        self._visitors: dict[asyncio.StreamWriter, None] = {}
        self._line = b""
        self._taken_s = float("-inf")

    async def visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; where there are too many, the oldest makes room."""
        if len(self._visitors) >= MOST_VISITORS:
            oldest = next(iter(self._visitors))
            del self._visitors[oldest]
            oldest.transport.abort()
        self._visitors[writer] = None
        # A stream task that ends cancelled makes asyncio 3.11 log a traceback.
        with contextlib.suppress(OSError, ValueError, asyncio.CancelledError):
            await self._serve(reader, writer)
            writer.close()
            await self._sent(writer.wait_closed())
        writer.transport.abort()  # of one who reads nothing, a close would never end
        self._visitors.pop(writer, None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(PATIENCE_S):
            wanted = await reader.readline()
        if wanted == RELOAD:
            writer.write(orjson.dumps(await self._reload()) + b"\n")
        if wanted in self._takers:
            async with asyncio.timeout(PATIENCE_S):
                request = await reader.readline()
            answer = await self._takers[wanted](request, _account(writer))
            writer.write(orjson.dumps(answer) + b"\n")
        if wanted == RECORD:
            await self._record(writer)
        if wanted != WATCH:
            return
        line = self._look()
        while not writer.is_closing():
            writer.write(line)
            await self._sent(writer.drain())
            await asyncio.sleep(PERIOD_S)
            line = self._line if time.monotonic() < self._taken_s + PERIOD_S / 2 else self._look()

    async def _record(self, writer: asyncio.StreamWriter) -> None:
        """Hand on readings until the reader goes, or is too far behind."""
        news = asyncio.Event()
        waiting: list[bytes] = []

        def hear(lines: bytes) -> None:
            waiting.append(lines)
            news.set()

        self._listeners.append(hear)
        try:
            while not writer.is_closing():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PERIOD_S):
                        await news.wait()
                news.clear()
                told, waiting[:] = b"".join(waiting), []
                writer.write(told)
                await self._sent(writer.drain())
        finally:
            self._listeners.remove(hear)

    def _look(self) -> bytes:
        """Take a snapshot, which all who look within the next half second share."""
        self._line = orjson.dumps(self._snapshot()) + b"\n"
        self._taken_s = time.monotonic()
        return self._line

    async def _sent(self, sending: Awaitable[None]) -> None:
        """Wait for one who reads, but not for ever."""
        async with asyncio.timeout(PATIENCE_S):
            await sending


async def follow(folder: Path) -> AsyncIterator[dict[str, object]]:
    """Read snapshots of a running gateway.

    Raises:
        OSError: no gateway runs on this store.
    """
    async for line in _ask(folder, WATCH):
        yield orjson.loads(line)


async def reload(folder: Path) -> dict[str, object] | None:
    """Have a running gateway read its site file again; None where it ended meanwhile.

    Raises:
        OSError: no gateway runs on this store.
    """
    async for line in _ask(folder, RELOAD):
        outcome: dict[str, object] = orjson.loads(line)
        return outcome
    return None


async def request(folder: Path, what: bytes, said: bytes) -> dict[str, object] | None:
    """Have a running gateway take a request; None where it ended meanwhile.

    Args:
        folder: the store's.
        what: `ENTER`, `WRITE` or `PROVE`.
        said: one line of JSON, at most 64 KiB.

    Raises:
        OSError: no gateway runs on this store.
    """
    async for line in _ask(folder, what + said + b"\n"):
        outcome: dict[str, object] = orjson.loads(line)
        return outcome
    return None


async def record(folder: Path) -> AsyncIterator[bytes]:
    """Read what machines tell a running gateway, a line each, until it stops.

    Raises:
        OSError: no gateway runs on this store.
    """
    async for line in _ask(folder, RECORD):
        yield line


def _account(writer: asyncio.StreamWriter) -> str:
    """The account at the other end of the socket, as the system knows it."""
    import pwd  # noqa: PLC0415 - absent on Windows, which has no such socket

    peer = writer.get_extra_info("socket")
    _pid, uid, _gid = CREDENTIALS.unpack(
        peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    )
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


async def _ask(folder: Path, wanted: bytes) -> AsyncIterator[bytes]:
    with _address(folder) as address:
        reader, writer = await asyncio.open_unix_connection(address, limit=64 << 20)
    try:
        writer.write(wanted)
        while line := await reader.readline():
            yield line
    finally:
        writer.close()


@contextlib.contextmanager
def _address(folder: Path) -> Iterator[str]:
    """A short path to the socket, whatever the folder's length."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)
