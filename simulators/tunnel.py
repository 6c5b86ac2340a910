"""A port that passes everything on to another one, unless it is to be late, silent or closed."""

from __future__ import annotations

import asyncio
import contextlib

_LARGEST = 1 << 16


class Tunnel:
    """Connections to a port, each passed on.

    Attributes:
        to: the port behind it; 0: there is none.
        delay_s: what answers wait.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.to = 0
        self.delay_s = 0.0
        self._server: asyncio.Server | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self._pairs: dict[asyncio.StreamWriter, asyncio.StreamWriter] = {}
        self._silent: set[asyncio.StreamWriter] = set()

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    async def open(self) -> None:
        """Listen; raises `OSError` when the port is taken."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, self.host, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Listen no more, and reset what is connected."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.hang_up()
        if self._jobs:
            await asyncio.wait(self._jobs)

    def hang_up(self) -> None:
        """Reset what is connected."""
        for writer, back in tuple(self._pairs.items()):
            writer.transport.abort()
            back.transport.abort()

    def fall_silent(self) -> None:
        """Nothing comes out of what is connected now, for good."""
        self._silent |= set(self._pairs)

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        job = asyncio.get_running_loop().create_task(self._connect(reader, writer))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            behind, back = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.transport.abort()
            return
        self._pairs[writer] = back
        ways = [
            asyncio.ensure_future(self._pass(reader, back, writer)),
            asyncio.ensure_future(self._pass(behind, writer, writer, is_answer=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)
            self._pairs.pop(writer, None)
            self._silent.discard(writer)
            writer.transport.abort()
            back.transport.abort()

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        to: asyncio.StreamWriter,
        who: asyncio.StreamWriter,
        *,
        is_answer: bool = False,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_LARGEST):
                if who in self._silent:
                    await asyncio.Event().wait()
                if is_answer and self.delay_s:
                    await asyncio.sleep(self.delay_s)
                to.write(data)
                await to.drain()
