"""A Modbus TCP server of its own: one listening port, several units, many clients.

Source: Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3 (the MBAP header).
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, cast

from simulators import pdu
from simulators.faults import FaultKind, delay_s, garble, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulators.faults import Fault
    from simulators.memory import Memory

Answer = tuple[float, bytes]
"""Seconds to wait, and the frame to send then."""

MBAP = 7
MIN_LENGTH, MAX_LENGTH = 2, 254
"""Unit id and a PDU of 1 to 253 bytes."""
NO_TARGET = 0x0B
"""What a gateway answers for a unit that isn't there: "target device failed to respond"."""


class Link:
    """One port and the units behind it.

    Attributes:
        port: 0 until opened, if any free port was asked for.
        requests: answered so far, for those who measure.
    """

    def __init__(
        self,
        host: str,
        port: int,
        units: Mapping[int, Memory],
        before: Callable[[], None] = lambda: None,
        answered: Callable[[int, bytes], None] | None = None,
        seed: int = 0,
    ) -> None:
        """Make a link; nothing listens yet.

        Args:
            host: address to listen on.
            port: port, or 0 for any free one.
            units: unit id → what it holds.
            before: called ahead of every request, to bring the machines up to the moment.
            answered: called after every request that was answered as it should be, with the unit
                and the request's PDU.
            seed: for the bits that a garbled answer loses.
        """
        self.host = host
        self.port = port
        self.requests = 0
        self.connections: set[_Connection] = set()
        self._units = units
        self._before = before
        self._answered = answered
        self._random = Random(f"{seed}:{host}:{port}")
        self._faults: dict[int, list[Fault]] = {}
        self._server: asyncio.Server | None = None

    @property
    def is_open(self) -> bool:
        """True while it listens."""
        return self._server is not None

    async def open(self) -> None:
        """Listen; raises `OSError` when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and reset what is connected; safe to call twice."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            for connection in tuple(self.connections):
                connection.transport.abort()
            await server.wait_closed()

    async def begin(self, unit: int, fault: Fault) -> None:
        """Give a unit a fault, until `end`."""
        self._faults.setdefault(unit, []).append(fault)
        if fault.kind is FaultKind.REFUSED:
            await self.close()

    async def end(self, unit: int, fault: Fault) -> None:
        """Take a fault away again; raises `ValueError` when the unit doesn't have it."""
        self._faults.get(unit, []).remove(fault)
        if self._server is None and not self._is_refusing:
            await self.open()

    def answer(self, frame: bytes) -> Answer | None:
        """Answer one frame, MBAP header included; None where nothing goes out."""
        self._before()
        self.requests += 1
        function, unit = frame[MBAP], frame[6]
        faults = self._faults.get(unit, [])
        kinds = {fault.kind for fault in faults}
        if FaultKind.DROPPED in kinds:
            return None
        memory = self._units.get(unit)
        if memory is None:
            body = pdu.refuse(function, NO_TARGET)
        elif FaultKind.EXCEPTION in kinds:
            body = pdu.refuse(function, refusal(faults))
        else:
            body = pdu.answer(memory, frame[MBAP:])
        if self._answered is not None and body[0] == function and not faults:
            self._answered(unit, frame[MBAP:])
        reply = frame[:4] + (1 + len(body)).to_bytes(2, "big") + frame[6:7] + body
        if FaultKind.GARBLED in kinds:
            reply = garble(reply, self._random)
        return delay_s(faults), reply

    @property
    def _is_refusing(self) -> bool:
        every = (fault for faults in self._faults.values() for fault in faults)
        return any(fault.kind is FaultKind.REFUSED for fault in every)


class _Connection(asyncio.Protocol):
    """One client: cuts the stream into frames, and no more."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._pending = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._link.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._link.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        data = self._pending + data
        start = 0
        while len(data) - start > MBAP:
            length = data[start + 4] << 8 | data[start + 5]
            protocol = data[start + 2] << 8 | data[start + 3]
            if protocol or not MIN_LENGTH <= length <= MAX_LENGTH:
                # Where the next frame begins can't be known any more; a real stack hangs up too.
                self.transport.close()
                return
            end = start + 6 + length
            if end > len(data):
                break
            self._send(self._link.answer(data[start:end]))
            start = end
        self._pending = data[start:]

    def pause_writing(self) -> None:
        # A client that asks and never reads must not fill our memory with answers.
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()

    def _send(self, answer: Answer | None) -> None:
        if answer is None:
            return
        delay_s, frame = answer
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, self._write, frame)
        else:
            self.transport.write(frame)

    def _write(self, frame: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(frame)
