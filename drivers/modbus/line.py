"""A serial line, or what a serial server makes of one: an answer must belong to its question.

A line carries no transaction id, so an answer that comes after its time-out could become the value
of the next question that looks alike. It never does:

- A question that got no answer leaves its unit in doubt. What comes late is taken off the line and
  counted, whoever is asked meanwhile, and ends the doubt.
- A unit in doubt is asked for nothing until it has answered a probe: "return query data" (function
  8) with a number never used before, which no late answer can look like. A device answers in order,
  so what it owed is done with then. One that knows no such function says so, which does as well.
- A device that is silent to probes is asked again once `max_delay` has passed since the last
  question that it owed an answer to: the longest that the site file says any of its answers takes.

Own questions that come back (RS-485 without echo suppression) are taken off the front, exactly
once. Between frames the line is left silent for 3.5 characters.

Source: Modbus over Serial Line V1.02, 2.5.1.1; Application Protocol V1.1b3, 6.8.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, cast

from drivers.modbus.client import SILENCES, loopback
from drivers.modbus.frames import MOST
from drivers.modbus.messages import exception
from gateway.errors import ConnectionLost, DecodeError, RequestRefused, RequestTimeout
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.modbus.client import Answer, Query
    from drivers.modbus.frames import Framing
    from drivers.modbus.ports import Line
    from gateway.clock import Clock

_EXCEPTION = 0x80
_SHOWN = 16


class Wire(asyncio.Protocol):
    """One opening of a line, to its end.

    Args:
        heard: takes what comes in.
        lost: told of the end, with the reason.

    Attributes:
        transport: None once it is over.
        closed: done when it is over.
    """

    def __init__(self, heard: Callable[[bytes], None], lost: Callable[[Wire, str], None]) -> None:
        self._heard = heard
        self._lost = lost
        self.transport: asyncio.WriteTransport | None = None
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand on what came in."""
        self._heard(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.transport = None
        self.closed.set_result(None)
        self._lost(self, str(exc) if exc is not None else _("it was closed"))


class _Owed(NamedTuple):
    """A question that got no answer in time."""

    query: Query
    asked_s: float


class LineLink:
    """One line, shared by the devices on it.

    Attributes:
        url: as the site file writes it.
        endpoint: the port or `host:port`, for messages.
        late: answers that came after their question's time-out.
        rejected: stretches of bytes that were no answer to anything asked.
    """

    def __init__(self, line: Line, framing: Framing, clock: Clock) -> None:
        self.url = line.url
        self.endpoint = line.endpoint
        self.clock = clock
        self.late = 0
        self.rejected = 0
        self._line = line
        self._pace = line.pace
        self._framing = framing
        self._wire: Wire | None = None
        self._opening = asyncio.Lock()
        self._turn = asyncio.Lock()
        self._buffer = bytearray()
        self._owed: dict[int, list[_Owed]] = {}
        self._dumb: set[int] = set()
        self._probed: set[int] = set()
        self._asked: Query | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._request = b""
        self._echoes = False
        self._quiet_s = 0.0
        self._number = 0
        self._silences = 0
        self._reason = ""

    @property
    def is_open(self) -> bool:
        """True while requests can be sent."""
        return self._wire is not None and self._wire.transport is not None

    async def open(self) -> None:
        """Open the port or connect; at once when already open.

        Raises:
            ConnectionLost: no such port, no right to it, held by another program, or refused.
        """
        async with self._opening:
            if self.is_open:
                return
            self._wire = await self._line.connect(lambda: Wire(self._hear, self._end))
            self._buffer.clear()
            self._silences = 0

    async def close(self) -> None:
        """Release it; safe to call twice. A question under way ends with `ConnectionLost`."""
        wire = self._wire
        self._drop(_("closed"))
        if wire is not None:
            await wire.closed

    async def ask(self, query: Query, timeout_s: float) -> Answer:
        """Send one question and wait for its answer.

        Args:
            query: made by `client.query`.
            timeout_s: the device's own; what question and answer take on the line comes on top.

        Raises:
            ConnectionLost: not open, or lost while waiting.
            RequestTimeout: no answer in time.
            RequestRefused: the device answered with an exception.
            DecodeError: it confirms something else than was written.
        """
        async with self._turn:
            if query.unit not in self._owed:
                return await self._put(query, timeout_s)
            is_waited_out = await self._settle(query.unit, timeout_s)
            answer = await self._put(query, timeout_s)
            if is_waited_out:
                self._dumb.add(query.unit)
            return answer

    def cost(self, query: Query) -> tuple[int, int, float]:
        """Bytes sent, bytes received, and how long the line is taken, pauses included."""
        sent, received = len(self._framing.wrap(query.body)), self._framing.size(query)
        pace = self._pace
        return sent, received, pace.seconds(sent + received) + pace.turn_s + 2 * pace.silence_s

    async def _settle(self, unit: int, timeout_s: float) -> bool:
        """Make sure that a unit owes no answer any more.

        Returns:
            Whether that is so only because of the time that has passed.

        Raises:
            RequestTimeout: it answers no probe.
        """
        if unit not in self._dumb | self._probed:
            self._number = (self._number + 1) & 0xFFFF
            self._probed.add(unit)
            with suppress(RequestRefused):  # it knows no such function, and says so
                await self._put(loopback(self._number, unit), timeout_s)
            self._trust(unit)
            return False
        owed_to_s = max((one.asked_s for one in self._owed[unit]), default=0.0)
        await self._pause(owed_to_s + self._pace.max_delay_s)
        self._trust(unit)
        return True

    def _trust(self, unit: int) -> None:
        self._owed.pop(unit, None)
        self._probed.discard(unit)

    async def _pause(self, until_s: float) -> None:
        if (wait_s := until_s - self._now_s()) > 0:
            await asyncio.sleep(wait_s)

    async def _put(self, query: Query, timeout_s: float) -> Answer:
        await self._pause(self._quiet_s)
        wire = self._wire
        if wire is None or wire.transport is None:
            raise ConnectionLost(_("{endpoint}: not connected.").format(endpoint=self.endpoint))
        self._clear()
        loop = asyncio.get_running_loop()
        self._request = self._framing.wrap(query.body)
        self._asked, self._answer = query, loop.create_future()
        sent_s = self._now_s() + self._pace.seconds(len(self._request))
        self._quiet_s = sent_s + self._pace.silence_s
        wire.transport.write(self._request)
        answer_s = self._pace.seconds(self._framing.size(query))
        timer = loop.call_at(sent_s + timeout_s + answer_s, self._expire, timeout_s, sent_s)
        try:
            return await self._answer
        finally:
            timer.cancel()
            self._asked = self._answer = None

    def _hear(self, data: bytes) -> None:
        """Take what came in: late answers off first, then the answer that is waited for."""
        self._silences = 0
        self._quiet_s = self._now_s() + self._pace.silence_s
        self._buffer += data
        self._take_late()
        query, answer = self._asked, self._answer
        if query is None or answer is None or answer.done():
            self._clear()
            return
        if not self._strip(query):
            return
        found = self._framing.find(self._buffer, query)
        if found is None:
            del self._buffer[: max(0, len(self._buffer) - MOST)]
            return
        self.rejected += found.start > 0
        del self._buffer[: found.end]
        self._give(answer, query, found.pdu)

    def _take_late(self) -> None:
        """Take answers off that came too late, and end the doubt about who gave them."""
        for unit, owed in list(self._owed.items()):
            for one in list(owed):
                found = self._framing.find(self._buffer, one.query)
                if found is None:
                    continue
                del self._buffer[: found.end]
                self.late += 1
                owed.remove(one)
            if not owed:
                self._trust(unit)

    def _strip(self, query: Query) -> bool:
        """Take the own question off the front where it comes back; False: more of it may come."""
        request = self._request
        if not request:
            return True
        is_like_answer = query.echo == query.body[1:]
        if is_like_answer and not self._echoes:
            return True
        if self._buffer.startswith(request):
            del self._buffer[: len(request)]
            self._request = b""
            self._echoes = True
        elif is_like_answer and request.startswith(self._buffer):
            return False
        elif not request.startswith(self._buffer):
            self._request = b""
            self._echoes = False
        return True

    def _give(self, answer: asyncio.Future[Answer], query: Query, pdu: bytes) -> None:
        if pdu[0] == query.function | _EXCEPTION:
            answer.set_exception(RequestRefused(exception(pdu[1]), pdu[1]))
        elif query.echo and pdu != query.echo:
            self.rejected += 1
            text = _("it confirmed something else than was written")
            answer.set_exception(DecodeError(text, pdu))
        else:
            data = pdu[1:] if query.echo else pdu[2:]
            answer.set_result((data, self.clock.wall_ns(), self.clock.mono_ns()))

    def _expire(self, timeout_s: float, asked_s: float) -> None:
        """End a question that got no answer; its unit is in doubt from now on."""
        query, answer = self._asked, self._answer
        if query is None or answer is None or answer.done():
            return
        self._owed.setdefault(query.unit, []).append(_Owed(query, asked_s))
        text = _("no answer within {timeout:g} s").format(timeout=timeout_s)
        if self._buffer:
            heard = bytes(self._buffer[:_SHOWN]).hex(" ")
            text = _("{text}; what came was no answer: {heard}").format(text=text, heard=heard)
            self.rejected += 1
        answer.set_exception(RequestTimeout(text))
        self._silences += 1
        if self._silences >= SILENCES and not self._pace.is_bus:
            self._drop(_("silent"))

    def _clear(self) -> None:
        """Forget what came in and belongs to nobody."""
        self.rejected += bool(self._buffer)
        self._buffer.clear()

    def _end(self, wire: Wire, reason: str) -> None:
        if wire is self._wire:
            self._fail(self._reason or reason)

    def _drop(self, reason: str) -> None:
        wire = self._wire
        self._reason = reason
        if wire is not None and wire.transport is not None:
            wire.transport.abort()
        self._fail(reason)

    def _fail(self, reason: str) -> None:
        self._wire, self._reason = None, ""
        if self._answer is not None and not self._answer.done():
            text = _("{endpoint}: connection lost: {reason}.")
            text = text.format(endpoint=self.endpoint, reason=reason)
            self._answer.set_exception(ConnectionLost(text))

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()
