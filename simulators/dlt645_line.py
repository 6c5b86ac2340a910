"""Simulated meters where a driver can reach them: behind a TCP port, or on a pseudo-terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import termios
import tty
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from simulators.dlt645 import Party

_CHUNK = 1024


class TcpMeters:
    """Meters behind a serial server.

    Attributes:
        port: that it listens on; 0 until it does, where any free one will do.
    """

    def __init__(self, party: Party, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        self._party = party
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()

    async def open(self) -> None:
        """Listen; raises `OSError` when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self._party, self._open), self.host, self.port
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def hang_up(self) -> None:
        """End all connections."""
        for connection in tuple(self._open):
            connection.transport.abort()

    async def close(self) -> None:
        """Stop listening and end all connections; safe to call twice."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            self.hang_up()
            await server.wait_closed()


class _Connection(asyncio.Protocol):
    def __init__(self, party: Party, opened: set[_Connection]) -> None:
        self._voice = _Voice(party, self._write)
        self._opened = opened
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._opened.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._opened.discard(self)

    def data_received(self, data: bytes) -> None:
        self._voice.hear(data)

    def _write(self, frame: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(frame)


class PortMeters:
    """Meters on a port of this machine, which is a pseudo-terminal under a name of one's choice."""

    def __init__(self, party: Party, path: Path) -> None:
        self.path = path
        self._voice = _Voice(party, self._write)
        self._ends: tuple[int, int] | None = None

    def open(self) -> None:
        """Make the port; raises `OSError` where its name is taken."""
        near, far = pty.openpty()
        self._ends = near, far
        tty.setraw(far, termios.TCSANOW)
        self.path.symlink_to(os.ttyname(far))
        asyncio.get_running_loop().add_reader(near, self._read)

    def close(self) -> None:
        """Take the port away; safe to call twice."""
        ends, self._ends = self._ends, None
        if ends is None:
            return
        asyncio.get_running_loop().remove_reader(ends[0])
        self.path.unlink(missing_ok=True)
        for end in ends:
            os.close(end)

    def _read(self) -> None:
        if self._ends is not None:
            self._voice.hear(os.read(self._ends[0], _CHUNK))

    def _write(self, frame: bytes) -> None:
        if self._ends is not None:
            os.write(self._ends[0], frame)


class _Voice:
    """What the meters of a line say, one answer after the other."""

    def __init__(self, party: Party, write: Callable[[bytes], None]) -> None:
        self._party = party
        self._write = write
        self._free_s = 0.0

    def hear(self, data: bytes) -> None:
        """Answer what was asked, each question after the ones before."""
        loop = asyncio.get_running_loop()
        for delay_s, frame in self._party.take(data):
            self._free_s = max(self._free_s, loop.time()) + delay_s
            loop.call_at(self._free_s, self._write, frame)
