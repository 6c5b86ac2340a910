"""Questions on a line, or on what a serial server makes of one: an answer must belong to its own.

A line carries no transaction id, so an answer that comes after its time-out could become the value
of the next question that looks alike. It never does:

- A question that got no answer leaves its unit in doubt. What comes late is taken off the line and
  counted, whoever is asked meanwhile, and ends the doubt.
- A unit in doubt is asked for nothing until it has answered a probe, which no late answer can look
  like (of Modbus: "return query data", function 8, with a number never used before). A device
  answers in order, so what it owed is done with then. One that knows no such question says so,
  which does as well where a refusal names what it refuses.
- A device that is silent to probes, or whose refusal names nothing, is asked again once `max_delay`
  has passed since the last question that it owed an answer to: the longest that the site file says
  any of its answers takes.

Own questions that come back (RS-485 without echo suppression) are taken off the front, exactly
once. Between frames the line is left silent, as long as the protocol says.

Source: Modbus over Serial Line V1.02, 2.5.1.1; Application Protocol V1.1b3, 6.8. DL/T 645-2007 has
no rule for answers that come too late.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, NamedTuple

from drivers.lines.bus import shared
from drivers.lines.framing import Q
from drivers.lines.rivals import Rivals
from gateway.errors import ConnectionLost, DecodeError, RequestRefused, RequestTimeout
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Hashable

    from drivers.lines.framing import Framing
    from drivers.lines.ports import Line
    from gateway.clock import Clock

SILENCES = 3
"""Time-outs in a row, with not one byte heard, after which a connection is taken for dead."""
STALLED_S = 1.0
"""What all pauses within one answer may come to."""
TICK_S = 0.001
"""By so much a timer may come early."""
_SHOWN = 16

Answer = tuple[bytes, int, int]
"""What the answer says, and the instant of its arrival on both clocks, in ns."""


class _Owed(NamedTuple, Generic[Q]):
    """A question that got no answer in time."""

    query: Q
    asked_s: float


class LineLink(Generic[Q]):
    """One protocol on one line, shared by the devices that speak it.

    Attributes:
        url: as the site file writes it.
        line: how the line is to be.
        endpoint: the port or `host:port`, for messages.
        late: answers that came after their question's time-out.
        rejected: stretches of bytes that were no answer to anything asked.
        rivals: whether another master asks on it.
        medium: names the line itself, which links of other speeds and protocols may share.
    """

    def __init__(self, line: Line, framing: Framing[Q], clock: Clock) -> None:
        self.url = line.url
        self.line = line
        self.endpoint = line.endpoint
        self.clock = clock
        self.late = 0
        self.rejected = 0
        self._pace = line.pace
        self._framing = framing
        self.rivals = Rivals(framing.question, clock)
        self._bus = shared(line.key)
        self.medium = line.key
        self._buffer = bytearray()
        self._owed: dict[Hashable, list[_Owed[Q]]] = {}
        self._dumb: set[Hashable] = set()
        self._probed: set[Hashable] = set()
        self._asked: Q | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._request = self._sent = b""
        self._echoes = False
        self._heard_s = 0.0
        self._number = 0
        self._silences = 0
        self._timer: asyncio.TimerHandle

    @property
    def is_open(self) -> bool:
        """True while requests can be sent."""
        return self._bus.is_open_for(self)

    async def open(self) -> None:
        """Open the port or connect; at once when already open.

        Raises:
            ConnectionLost: no such port, no right to it, held by another program, or refused.
        """
        if self.is_open:
            return
        self._bus = shared(self.line.key)  # an adapter that came back may be another port now
        await self._bus.join(self)
        self._buffer.clear()
        self._silences = 0

    async def close(self) -> None:
        """Release it; safe to call twice. A question under way ends with `ConnectionLost`."""
        self.lost(_("closed"))
        await self._bus.leave(self)

    async def ask(self, query: Q, timeout_s: float) -> Answer:
        """Send one question and wait for its answer.

        Args:
            query: of this protocol.
            timeout_s: the device's own; what question and answer take on the line comes on top.

        Raises:
            ConnectionLost: not open, or lost while waiting.
            RequestTimeout: no answer in time.
            RequestRefused: the device answered with an exception.
            DecodeError: it confirms something else than was written.
        """
        async with self._bus.turn:
            if query.unit not in self._owed:
                return await self._put(query, timeout_s)
            is_waited_out = await self._settle(query.unit, timeout_s)
            answer = await self._put(query, timeout_s)
            if is_waited_out:
                self._dumb.add(query.unit)
            return answer

    def cost(self, query: Q) -> tuple[int, int, float]:
        """Bytes sent, bytes received, and how long the line is taken, pauses included."""
        sent, received = len(self._framing.wrap(query.body)), self._framing.size(query)
        pace = self._pace
        return sent, received, pace.seconds(sent + received) + pace.turn_s + 2 * pace.silence_s

    async def _settle(self, unit: Hashable, timeout_s: float) -> bool:
        """Make sure that a unit owes no answer any more.

        Returns:
            Whether that is so only because of the time that has passed.

        Raises:
            RequestTimeout: it answers no probe.
        """
        owed_to_s = max((one.asked_s for one in self._owed[unit]), default=0.0)
        if unit not in self._dumb | self._probed:
            self._number = (self._number + 1) & 0xFFFF
            self._probed.add(unit)
            refusal: RequestRefused | None = None
            try:
                await self._put(self._framing.probe(unit, self._number), timeout_s)
            except RequestRefused as error:  # it knows no such question, and says so
                refusal = error
            if refusal is None or self._framing.names_refused:
                self._trust(unit)
                return False
        wait_s = owed_to_s + self._pace.max_delay_s - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, wait_s))
        self._trust(unit)
        return True

    def _trust(self, unit: Hashable) -> None:
        self._owed.pop(unit, None)
        self._probed.discard(unit)

    async def _put(self, query: Q, timeout_s: float) -> Answer:
        await self._bus.ready(self)
        if not self.is_open:
            raise ConnectionLost(_("{endpoint}: not connected.").format(endpoint=self.endpoint))
        self._clear()
        loop = asyncio.get_running_loop()
        self._request = self._sent = self._framing.wrap(query.body)
        self._asked, self._answer = query, loop.create_future()
        sent_s = loop.time() + self._pace.seconds(len(self._request))
        self._bus.send(self._request)
        answer_s = self._pace.seconds(self._framing.size(query))
        until_s = sent_s + timeout_s + answer_s
        self._timer = loop.call_at(until_s, self._expire, timeout_s, sent_s, until_s + STALLED_S)
        try:
            return await self._answer
        finally:
            self._timer.cancel()
            self._asked = self._answer = None

    def hear(self, data: bytes) -> None:
        """Take what came in: late answers off first, then the answer that is waited for."""
        self._silences = 0
        self._heard_s = asyncio.get_running_loop().time()
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
            del self._buffer[: max(0, len(self._buffer) - self._framing.most)]
            return
        if found.start:
            self.rejected += 1
            self._overhear(self._buffer[: found.start])
        del self._buffer[: found.end]
        self._give(answer, query, found.pdu)

    def _take_late(self) -> None:
        """Take answers off that came too late, and end the doubt about who gave them."""
        for unit, owed in list(self._owed.items()):
            for one in list(owed):
                found = self._framing.find_late(self._buffer, one.query)
                if found is None:
                    continue
                del self._buffer[: found.end]
                self.late += 1
                owed.remove(one)
            if not owed:
                self._trust(unit)

    def _strip(self, query: Q) -> bool:
        """Take the own question off the front where it comes back; False: more of it may come."""
        request = self._request
        if not request:
            return True
        if query.mirrors and not self._echoes:
            return True
        if self._buffer.startswith(request):
            del self._buffer[: len(request)]
            self._request = b""
            self._echoes = True
        elif query.mirrors and request.startswith(self._buffer):
            return False
        elif not request.startswith(self._buffer):
            self._request = b""
            self._echoes = False
        return True

    def _give(self, answer: asyncio.Future[Answer], query: Q, pdu: bytes) -> None:
        try:
            data = self._framing.read(query, pdu)
        except (RequestRefused, DecodeError) as error:
            self.rejected += isinstance(error, DecodeError)
            answer.set_exception(error)
        else:
            answer.set_result((data, self.clock.wall_ns(), self.clock.mono_ns()))

    def _expire(self, timeout_s: float, asked_s: float, last_s: float) -> None:
        """End a question that got no answer; its unit is in doubt from now on.

        An answer that has begun is waited for while it pauses no longer than its protocol allows,
        up to `last_s`.
        """
        query, answer = self._asked, self._answer
        if query is None or answer is None or answer.done():
            return
        loop = asyncio.get_running_loop()
        more_s = min(self._heard_s + self._framing.stall_s, last_s)
        if self._buffer and loop.time() + TICK_S < more_s:
            self._timer = loop.call_at(more_s, self._expire, timeout_s, asked_s, last_s)
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
            self._bus.drop(_("silent"))

    def lost(self, reason: str) -> None:
        """The line is gone, or was left."""
        if self._answer is not None and not self._answer.done():
            text = _("{endpoint}: connection lost: {reason}.")
            text = text.format(endpoint=self.endpoint, reason=reason)
            self._answer.set_exception(ConnectionLost(text))

    def _clear(self) -> None:
        """Forget what came in and belongs to nobody."""
        if self._buffer:
            self.rejected += 1
            self._overhear(self._buffer)
        self._buffer.clear()

    def _overhear(self, data: bytearray) -> None:
        """Listen for another master in what is no answer; a device may repeat what it was asked."""
        self.rivals.hear(bytes(data).replace(self._sent, b""))
