"""What a link is reached by: a listening TCP port, or a pseudo-terminal with a name of its own."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulators.place import Place

CHUNK = 4096


class Peer(Protocol):
    """Whoever is at the other end: a client's connection, or whatever opened the port."""

    pending: bytearray
    """For whoever takes what comes in: what is no whole request yet."""
    heard_s: float
    """When the latest of that came, by the loop's clock."""
    is_mute: bool
    """Whether nothing is ever sent to it again."""

    def send(self, data: bytes) -> None:
        """Send, where there still is somebody."""

    def hang_up(self) -> None:
        """End the connection, once what was sent is out."""

    def reset(self) -> None:
        """End the connection at once."""


class Port(Protocol):
    """One way of being reached."""

    place: Place
    """Where it is, free ports filled in once it is open."""
    peers: set[Peer]
    """Who is there."""

    @property
    def is_open(self) -> bool:
        """Whether it can be reached."""

    async def open(self) -> None:
        """Listen; raises `OSError`."""

    async def leave(self) -> None:
        """Be out of reach until it is opened again."""

    async def close(self) -> None:
        """Be there no more; safe to call twice."""


class Listener:
    """A TCP port with many clients."""

    def __init__(self, place: Place, take: Callable[[Peer, bytes], None]) -> None:
        self.place = place
        self.peers: set[Peer] = set()
        self.take = take
        self._server: asyncio.Server | None = None
        self._kept: socket.socket | None = None
        self._turn = asyncio.Lock()  # faults of a link may begin and end at the same moment

    @property
    def is_open(self) -> bool:
        """True while it listens."""
        return self._server is not None

    async def open(self) -> None:
        """Listen, at once when it does; raises `OSError` when the port is taken."""
        async with self._turn:
            if self._server is not None:
                return
            kept, self._kept = self._kept, None
            self._server = await asyncio.get_running_loop().create_server(
                lambda: _Connection(self), sock=kept or _bound(self.place.host, self.place.port)
            )
            self.place = self.place.at_port(self._server.sockets[0].getsockname()[1])

    async def leave(self) -> None:
        """Be out of reach, and keep the port: else it may be a client's own by the time it is back.

        A port that is bound and not listened on refuses every connection.
        """
        async with self._turn:
            if self._server is not None:
                self._server.close()
                self._kept = _bound(self.place.host, self.place.port)  # before anybody else runs
                await self._end()

    async def close(self) -> None:
        """Stop listening and reset what is connected; safe to call twice."""
        async with self._turn:
            if self._kept is not None:
                self._kept.close()
                self._kept = None
            await self._end()

    async def _end(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
            for peer in tuple(self.peers):
                peer.reset()
            await server.wait_closed()


def _bound(host: str, port: int) -> socket.socket:
    """A socket that has the port; raises `OSError` when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


class _Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.pending = bytearray()
        self.heard_s = 0.0
        self.is_mute = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._listener.peers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._listener.peers.discard(self)

    def data_received(self, data: bytes) -> None:
        self._listener.take(self, data)

    def pause_writing(self) -> None:
        # A client that asks and never reads must not fill our memory with answers.
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()

    def send(self, data: bytes) -> None:
        if not self.is_mute and not self.transport.is_closing():
            self.transport.write(data)

    def hang_up(self) -> None:
        self.transport.close()

    def reset(self) -> None:
        self.transport.abort()


class Line:
    """A pseudo-terminal under a name of its own, as a USB adapter has one under by-id.

    Opened anew it is another device of the kernel's.
    """

    is_mute = False

    def __init__(self, place: Place, take: Callable[[Peer, bytes], None]) -> None:
        self.place = place
        self.peers: set[Peer] = set()
        self.pending = bytearray()
        self.heard_s = 0.0
        self._take = take
        self._path = Path(place.path)
        self._last = ""
        self._ends: tuple[int, int] | None = None

    @property
    def is_open(self) -> bool:
        """True while the port is there."""
        return self._ends is not None

    async def open(self) -> None:
        """Make the port; raises `OSError` where its name is taken."""
        import tty  # noqa: PLC0415 - absent on Windows, which has no such thing

        if self._path.is_symlink() and not self._path.exists():  # left by one that was killed
            self._path.unlink()
        master, slave = self._another()
        tty.setraw(slave)
        os.set_blocking(master, False)
        try:
            self._path.symlink_to(os.ttyname(slave))
        except OSError:
            os.close(master)
            os.close(slave)
            raise
        self._ends = master, slave
        self.peers.add(self)
        asyncio.get_running_loop().add_reader(master, self._read)

    def _another(self) -> tuple[int, int]:
        """Both ends of another device than last time; the kernel gives the lowest number free."""
        ends = os.openpty()
        if os.ttyname(ends[1]) == self._last:
            first, ends = ends, os.openpty()
            for end in first:
                os.close(end)
        self._last = os.ttyname(ends[1])
        return ends

    async def leave(self) -> None:
        """As an adapter that is pulled out."""
        await self.close()

    async def close(self) -> None:
        """Take the port away; safe to call twice."""
        ends, self._ends = self._ends, None
        if ends is None:
            return
        asyncio.get_running_loop().remove_reader(ends[0])
        self.peers.clear()
        self.pending.clear()
        self._path.unlink(missing_ok=True)
        for end in ends:
            os.close(end)

    def send(self, data: bytes) -> None:
        """Put bytes on the line; what nobody reads is lost, as on any line."""
        if self._ends is not None:
            with suppress(BlockingIOError):
                os.write(self._ends[0], data)

    def hang_up(self) -> None:
        """There is no connection to end."""

    def reset(self) -> None:
        """There is none."""

    def _read(self) -> None:
        if self._ends is not None:
            with suppress(BlockingIOError):
                self._take(self, os.read(self._ends[0], CHUNK))


def port(place: Place, take: Callable[[Peer, bytes], None]) -> Port:
    """Make what a place is reached by; nothing is opened yet.

    Args:
        place: where.
        take: told of a peer and what came in from it.
    """
    return Line(place, take) if place.is_line else Listener(place, take)


def free_ports(host: str, first: int, count: int) -> int | None:
    """The lowest of `count` ports in a row that nobody listens on, from `first`; None: none."""
    for base in range(first, first + 2000, count):
        with ExitStack() as held, suppress(OSError):
            for port in range(base, base + count):
                held.enter_context(socket.create_server((host, port)))
            return base
    return None
