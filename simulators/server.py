"""A Modbus server of its own: one port or line, several units, many clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, NamedTuple, Protocol

from simulators import pdu
from simulators.faults import FaultKind, delay_s, refusal, spoil, twist
from simulators.framing import Senseless, framing
from simulators.ports import port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulators.faults import Fault
    from simulators.framing import Request
    from simulators.place import Place
    from simulators.ports import Peer

NO_TARGET = 0x0B
"""What a gateway answers for a unit that isn't there: "target device failed to respond"."""

ORDER_S = 0.001
"""Between two answers of one device, so that timers keep their order."""

_WHOLE_LINK = {FaultKind.REFUSED, FaultKind.UNPLUGGED}


class Answer(NamedTuple):
    """What goes out.

    Attributes:
        delay_s: how long to wait first.
        frame: the bytes.
        hangs_up: whether the connection ends with it.
    """

    delay_s: float
    frame: bytes
    hangs_up: bool = False


class Meters(Protocol):
    """What speaks for the DL/T 645 meters of a line."""

    def take(self, data: bytes) -> list[tuple[float, bytes]]:
        """Hear bytes; give what goes out, and after how many seconds each."""


Answers = Callable[[bytes], bytes | None]
"""What speaks for a unit: a request's PDU → its answer's; None where it says nothing."""


class Link:
    """One port or line, and the units behind it.

    Attributes:
        requests: answered so far, for those who measure.
    """

    def __init__(
        self,
        place: Place,
        units: Mapping[int, Answers],
        before: Callable[[], None] = lambda: None,
        answered: Callable[[int, bytes], None] | None = None,
        seed: int = 0,
        meters: Meters | None = None,
    ) -> None:
        """Make a link; nothing listens yet.

        Args:
            place: where it answers.
            units: unit id → what speaks for it.
            before: called ahead of every request, to bring the machines up to the moment.
            answered: called after every request that was answered as it should be, with the unit
                and the request's PDU.
            seed: for the bits that a garbled answer loses, and which requests a fault hits.
            meters: those on the same line that speak DL/T 645.
        """
        self.requests = 0
        self._port = port(place, self._take)
        self._framing = framing(place.scheme)
        self._units = units
        self._before = before
        self._answered = answered
        self._random = Random(f"{seed}:{place.host}:{place.port}{place.path}")
        self._faults: dict[int | str, list[Fault]] = {}
        self._meters = meters
        self._free_s = 0.0
        self._owed_s: dict[int | None, float] = {}

    @property
    def place(self) -> Place:
        """Where it really is, free ports filled in."""
        return self._port.place

    @property
    def is_open(self) -> bool:
        """True while it can be reached."""
        return self._port.is_open

    @property
    def peers(self) -> set[Peer]:
        """Who is connected."""
        return self._port.peers

    async def open(self) -> None:
        """Be there; raises `OSError` when the port or the line's name is taken."""
        await self._port.open()

    async def close(self) -> None:
        """Be there no more, and reset what is connected; safe to call twice."""
        await self._port.close()

    async def begin(self, unit: int | str, fault: Fault) -> None:
        """Give a unit a fault, until `end`; a meter, by its name, has its own faults itself."""
        self._faults.setdefault(unit, []).append(fault)
        if fault.kind in _WHOLE_LINK:
            await self._port.leave()
        if fault.kind is FaultKind.HALF_OPEN:
            for peer in self.peers:
                peer.is_mute = True

    async def end(self, unit: int | str, fault: Fault) -> None:
        """Take a fault away again; raises `ValueError` when the unit doesn't have it."""
        self._faults.get(unit, []).remove(fault)
        if not self.is_open and not self._is_gone:
            await self.open()

    def answer(self, request: Request) -> Answer | None:
        """Answer one request; None where nothing goes out."""
        self._before()
        self.requests += 1
        unit, asked = request.unit, request.pdu
        every = self._faults.get(unit, ())
        faults = [fault for fault in every if fault.share >= 1 or self._hits(fault)]
        kinds = {fault.kind for fault in faults}
        if FaultKind.DROPPED in kinds:
            return None
        if FaultKind.EXCEPTION in kinds and unit in self._units:
            found: bytes | None = pdu.refuse(asked[0], refusal(faults))
        else:
            found = self._ask(unit, pdu.shift(asked) if FaultKind.SHIFTED in kinds else asked)
        if found is None:
            return None
        if self._answered is not None and found[0] == asked[0] and not faults:
            self._answered(unit, asked)
        body = twist(bytes([unit]) + found, kinds)
        reply = self._framing.wrap(body, request)
        reply = spoil(reply, kinds, request, self._framing, self._random)
        return Answer(delay_s(faults), reply, FaultKind.CUT in kinds)

    def _ask(self, unit: int, asked: bytes) -> bytes | None:
        """The answer's PDU; on a line nobody speaks for a unit that isn't there."""
        answers = self._units.get(unit)
        if answers is not None:
            return answers(asked)
        return None if self.place.is_line else pdu.refuse(asked[0], NO_TARGET)

    def _hits(self, fault: Fault) -> bool:
        return self._random.random() < fault.share

    @property
    def _is_gone(self) -> bool:
        every = (fault for faults in self._faults.values() for fault in faults)
        return any(fault.kind in _WHOLE_LINK for fault in every)

    def _take(self, peer: Peer, data: bytes) -> None:
        """Answer what came in from a peer."""
        if self._meters is not None:
            self._before()
            for delay_s, frame in self._meters.take(data):
                self._send(peer, None, len(data), Answer(delay_s, frame))
        if self._meters is not None and not self._units:
            return
        now_s = asyncio.get_running_loop().time()
        if now_s - peer.heard_s > self._framing.patience_s:
            peer.pending.clear()
        peer.heard_s = now_s
        peer.pending += data
        try:
            requests = self._framing.cut(peer.pending)
        except Senseless:
            peer.hang_up()  # as a real stack does
            return
        for request in requests:
            answer = self.answer(request)
            if answer is not None:
                self._send(peer, request.unit, len(request.frame), answer)

    def _send(self, peer: Peer, unit: int | None, asked: int, answer: Answer) -> None:
        """Send when the device has thought, and its line has passed question and answer.

        A device answers in order: what it owes since before goes out first.
        """
        place, loop = self.place, asyncio.get_running_loop()
        now_s = loop.time()
        at_s = now_s + answer.delay_s + place.turn_s
        if place.byte_s:
            asked_s = max(self._free_s, now_s + place.byte_s * asked)
            at_s += asked_s - now_s + place.byte_s * len(answer.frame)
            self._free_s = at_s - answer.delay_s
        if (owed_s := self._owed_s.get(unit, 0.0)) > now_s:
            at_s = max(at_s, owed_s + ORDER_S)
        self._owed_s[unit] = at_s
        if at_s > now_s:
            loop.call_at(at_s, _give, peer, answer)
        else:
            _give(peer, answer)


def _give(peer: Peer, answer: Answer) -> None:
    peer.send(answer.frame)
    if answer.hangs_up:
        peer.hang_up()
