"""The process's own window: a Unix socket that tells what is going on, read-only.

Each connection gets one JSON snapshot a second, a line each. The socket lies in the store's
folder, with the store's permissions. Its path may be longer than the 108 bytes that a socket
address holds, so it is reached through a descriptor of the folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

SOCKET = "nxgate.sock"
PERIOD_S = 1.0


async def serve(folder: Path, snapshot: Callable[[], dict[str, object]]) -> None:
    """Serve snapshots until cancelled."""

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        # A stream task that ends cancelled makes asyncio 3.11 log a traceback.
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while not writer.is_closing():
                writer.write(orjson.dumps(snapshot()) + b"\n")
                await writer.drain()
                await asyncio.sleep(PERIOD_S)

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
    with _address(folder) as address:
        reader, writer = await asyncio.open_unix_connection(address, limit=64 << 20)
    try:
        while line := await reader.readline():
            yield orjson.loads(line)
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
