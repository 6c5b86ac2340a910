"""The process's own window: a Unix socket that tells what is going on.

A connection begins with a line that says what it wants: `watch` gets one JSON snapshot a second,
a line each; `reload` has the site file read again and gets what came of it. The socket lies in
the store's folder, with the store's permissions. Its path may be longer than the 108 bytes that a
socket address holds, so it is reached through a descriptor of the folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

SOCKET = "nxgate.sock"
PERIOD_S = 1.0
WATCH, RELOAD = b"watch\n", b"reload\n"


async def serve(
    folder: Path,
    snapshot: Callable[[], dict[str, object]],
    reload: Callable[[], Awaitable[dict[str, object]]],
) -> None:
    """Serve until cancelled.

    Args:
        folder: the store's.
        snapshot: what is going on now.
        reload: reads the site file again, and gives what came of it.
    """

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A stream task that ends cancelled makes asyncio 3.11 log a traceback.
        with contextlib.suppress(ConnectionError, ValueError, asyncio.CancelledError):
            wanted = await reader.readline()
            if wanted == RELOAD:
                writer.write(orjson.dumps(await reload()) + b"\n")
                await writer.drain()
            while wanted == WATCH and not writer.is_closing():
                writer.write(orjson.dumps(snapshot()) + b"\n")
                await writer.drain()
                await asyncio.sleep(PERIOD_S)
        writer.close()

    with _address(folder) as address:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)  # noqa: PTH108 - left by a killed process; one inode, no waiting
        server = await asyncio.start_unix_server(tell, address)
    async with server:
        await server.serve_forever()


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
