"""The wire: one TCP connection, and answers that must belong to their questions.

pymodbus builds and cuts frames; its client is not used: it unpacks register by register, formats
debug text for each frame and waits with `wait_for`, together two thirds of what a request cost.

An answer is accepted when transaction id, unit and function are those of a question that still
waits, and the data is as long as was asked for. Anything else never becomes a value: an answer to
a question that timed out is counted as late, one from another unit or of another function as
rejected, and a header that makes no sense ends the connection, because where the next frame
begins can't be known any more.

Source: Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3 and 4.4.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, cast

from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU

from drivers.lines.sockets import CONNECT_S, dial, reason_of
from drivers.lines.tls import unheard
from drivers.modbus.config import certificates, endpoint
from drivers.modbus.queries import EXCEPTION
from drivers.modbus.refusals import exception
from gateway.errors import ConnectionLost, DecodeError, RequestRefused, RequestTimeout
from gateway.words import _

if TYPE_CHECKING:
    from drivers.modbus.queries import Query
    from gateway.clock import Clock

ROUND_S = 0.01
"""What a PLC on the same network takes for an answer, about; plans reckon with it."""
SILENCES = 3
"""Time-outs in a row, with not one byte heard, after which the connection is taken for dead."""
STRAYS = 16
"""Frames in a row that nobody asked for, after which the connection is given up."""

_HEADER = struct.Struct(">HHH")
_SHORTEST, _LONGEST = 3, 254
"""What the length field can say: unit id and a PDU of 2 (an exception) to 253 bytes."""
_TIDS = 1 << 16

Answer = tuple[bytes, int, int]
"""Data without its byte count, and the instant of its arrival on both clocks, in ns."""


class TcpLink:
    """One connection, shared by the devices behind it.

    One question is under way at a time, since many devices hold only one, but for `ask_beside`.

    Attributes:
        url: as the site file writes it.
        endpoint: `host:port`, for messages.
        late: answers that came after their question's time-out.
        rejected: answers from another unit, of another function or of another length.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        self._where = endpoint(url)
        self._certificates = certificates(url)
        self.endpoint = str(self._where)
        self.clock = clock
        self.late = 0
        self.rejected = 0
        self._connection: _Connection | None = None
        self._opening = asyncio.Lock()
        self._turn = asyncio.Lock()
        self._tid = 0

    @property
    def is_encrypted(self) -> bool:
        """Whether it is made by TLS."""
        return self._certificates is not None

    @property
    def is_open(self) -> bool:
        """True while requests can be sent."""
        return self._connection is not None and self._connection.is_alive

    async def open(self) -> None:
        """Connect; at once when already open.

        Raises:
            ConnectionLost: refused, unreachable, unknown host, or no answer within `CONNECT_S`.
        """
        async with self._opening:
            if self.is_open:
                return
            self._connection = await dial(
                lambda: _Connection(self), self._where, self._certificates
            )

    async def close(self) -> None:
        """Hang up; safe to call twice. A question under way ends with `ConnectionLost`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop(_("closed"))
            await connection.closed

    async def ask(self, query: Query, timeout_s: float) -> Answer:
        """Send one question and wait for its answer.

        The time-out counts from sending, not from queueing behind others.

        Raises:
            ConnectionLost: not open, or lost while waiting.
            RequestTimeout: no answer in time.
            RequestRefused: the device answered with an exception.
            DecodeError: the answer holds more or less data than was asked for, or confirms
                something else than was written.
        """
        async with self._turn:
            return await self.ask_beside(query, timeout_s)

    async def ask_beside(self, query: Query, timeout_s: float) -> Answer:
        """As `ask`, while others wait for their answers."""
        connection = self._connection
        if connection is None or not connection.is_alive:
            raise ConnectionLost(_("{endpoint}: not connected.").format(endpoint=self.endpoint))
        self._tid = tid = (self._tid + 1) % _TIDS
        return await connection.ask(tid, query, timeout_s)

    def cost(self, query: Query) -> tuple[int, int, float]:
        """Bytes sent, bytes received, and how long the connection is taken: one round trip."""
        return len(query.tail) + 2, len(query.echo) + 7 if query.echo else query.size + 9, ROUND_S


class _Pending:
    """A question under way."""

    __slots__ = ("future", "odd", "query")

    def __init__(self, query: Query, future: asyncio.Future[Answer]) -> None:
        self.query = query
        self.future = future
        self.odd = ""


class _Connection(asyncio.Protocol):
    """One socket from its opening to its end; a new one starts with nothing remembered."""

    def __init__(self, link: TcpLink) -> None:
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._framer = FramerSocket(DecodePDU(is_server=False))
        self._pending: dict[int, _Pending] = {}
        self._rest = b""
        self._silences = 0
        self._strays = 0
        self._reason = ""
        self._transport: asyncio.Transport
        self._is_new = link.is_encrypted
        self.closed = self._loop.create_future()
        self.is_alive = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.is_alive = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_alive = False
        self.closed.set_result(None)
        self._fail_all(self._reason or self._end(exc))

    def _end(self, exc: Exception | None) -> str:
        """Why it is over, where it wasn't ended here."""
        if exc is not None:
            return reason_of(exc, CONNECT_S)
        return unheard() if self._is_new else _("the device hung up")

    async def ask(self, tid: int, query: Query, timeout_s: float) -> Answer:
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._pending[tid] = _Pending(query, future)
        timer = self._loop.call_later(timeout_s, self._expire, tid, timeout_s)
        self._transport.write(tid.to_bytes(2, "big") + query.tail)
        try:
            return await future
        finally:
            timer.cancel()
            self._pending.pop(tid, None)

    def data_received(self, data: bytes) -> None:
        self._silences = 0
        self._is_new = False
        if self._rest:
            data = self._rest + data
        while len(data) >= _HEADER.size:
            _tid, protocol, length = _HEADER.unpack_from(data)
            if protocol or not _SHORTEST <= length <= _LONGEST:
                self.drop(
                    _("the answer's header makes no sense: {data}").format(data=data[:8].hex(" "))
                )
                return
            used, unit, tid, pdu = self._framer.decode(data)
            if not used:
                break
            data = data[used:]
            self._take(tid, unit, pdu)
        self._rest = data

    def drop(self, reason: str) -> None:
        """End the connection now; whatever waits gets the reason."""
        if self.is_alive:
            self.is_alive = False
            self._reason = reason
            self._transport.abort()
            self._fail_all(reason)

    def _take(self, tid: int, unit: int, pdu: bytes) -> None:
        """Give an answer to its question, if it is one's."""
        pending = self._pending.get(tid)
        if pending is None or pending.future.done():
            self._link.late += 1
            self._stray()
            return
        query = pending.query
        if unit != query.unit:
            pending.odd = _("an answer from unit {unit} was rejected").format(unit=unit)
        elif pdu[0] == query.function:
            self._strays = 0
            is_read = not query.echo and pdu[1] == query.size == len(pdu) - 2
            if is_read or pdu == query.echo or query.length(pdu) == len(pdu):
                clock = self._link.clock
                pending.future.set_result((pdu[2:], clock.wall_ns(), clock.mono_ns()))
                return
            self._link.rejected += 1
            pending.future.set_exception(
                DecodeError(
                    _("it confirmed something else than was written")
                    if query.echo
                    else _("{got} bytes of data where {size} were asked for").format(
                        got=len(pdu) - 2, size=query.size
                    ),
                    pdu,
                )
            )
            return
        elif pdu[0] == query.function | EXCEPTION and len(pdu) == 2:  # noqa: PLR2004 - V1.1b3, 7
            self._strays = 0
            pending.future.set_exception(RequestRefused(exception(pdu[1]), pdu[1]))
            return
        else:
            pending.odd = _("an answer of function {function} was rejected").format(function=pdu[0])
        self._link.rejected += 1
        self._stray()

    def _stray(self) -> None:
        self._strays += 1
        if self._strays >= STRAYS:
            self.drop(_("{count} answers in a row to questions not asked").format(count=STRAYS))

    def _expire(self, tid: int, timeout_s: float) -> None:
        """End a question that got no answer; after some in silence, the connection too."""
        pending = self._pending.pop(tid)
        if pending.future.done():
            return
        text = _("no answer within {timeout:g} s").format(timeout=timeout_s)
        text = f"{text}; {pending.odd}" if pending.odd else text
        pending.future.set_exception(RequestTimeout(text))
        self._silences += 1
        if self._rest:
            # The rest of a frame that was cut short may never come, and the next answer would be
            # taken for it: a new connection is the only way to be in step again.
            self.drop(_("an answer was cut short"))
        elif self._silences >= SILENCES:
            self.drop(_("silent"))

    def _fail_all(self, reason: str) -> None:
        for pending in self._pending.values():
            if not pending.future.done():
                pending.future.set_exception(
                    ConnectionLost(
                        _("{endpoint}: connection lost: {reason}.").format(
                            endpoint=self._link.endpoint, reason=reason
                        )
                    )
                )
