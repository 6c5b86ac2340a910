"""A subscription made for a plan: what is tried, what the server refuses, and what is done then."""

from __future__ import annotations

import contextlib
import logging
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from drivers.opcua import monitor, status
from drivers.opcua.monitor import Item
from drivers.opcua.plan import NAMESPACE_ARRAY
from drivers.opcua.publisher import Publisher
from drivers.opcua.settings import CONNECT_S
from drivers.opcua.told import NAMESPACES, Told
from gateway.errors import RequestRefused
from gateway.model import Kind
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivers.opcua.node import Node
    from drivers.opcua.plan import Seat, UaPlan
    from drivers.opcua.server import Server
    from drivers.opcua.settings import Reading
    from gateway.clock import Clock
    from gateway.model import Batch, Device

log = logging.getLogger("nxgate.opcua")

KEEP_ALIVE_S = 2.0
"""A server that has no news says so as often, about."""
LIFE_S = 60.0
"""A server keeps a subscription so long that nobody asks for."""
_FILTERS = {0x80430000, 0x80440000, 0x80450000, 0x808E0000}
"""BadMonitoredItemFilterInvalid, …Unsupported, BadFilterNotAllowed, BadDeadbandFilterInvalid."""
_UNSUPPORTED = 0x80440000
_TOO_MANY_ITEMS = 0x80DB0000


@dataclass(slots=True)
class Known:
    """What was found out about a server, which holds in its next session too.

    Attributes:
        takes_deadbands: False once it said that it has no such filters.
        undamped: nodes of which it refused one.
    """

    takes_deadbands: bool = True
    undamped: set[Node] = field(default_factory=set)


class Listens(Protocol):
    """Who is told of a plan's changes, and at which pace."""

    period_s: float
    take: Callable[[Batch], None]


class TooMany(Exception):  # noqa: N818 - the server's word
    """The server monitors no more items."""


class Subscribing:
    """Makes the subscriptions of one device.

    Args:
        device: for its name and time-out.
        reading: sampling, queue, and what is discarded.
        known: of the server.
        clock: for the age of a refusal.
    """

    def __init__(self, device: Device, reading: Reading, known: Known, clock: Clock) -> None:
        self._clock = clock
        self._device = device
        self._reading = reading
        self._known = known
        self._timeout_s = max(device.timeout_s, CONNECT_S)  # a server has much to do for these

    async def make(
        self, plan: UaPlan, server: Server, listener: Listens, batch: Batch
    ) -> Told | None:
        """Make a subscription and its items; None where the server makes none.

        Args:
            plan: with its nodes found.
            server: in whose session.
            listener: at which pace, and who gets what is told.
            batch: what held a moment ago.

        Raises:
            DriverError: the server did not answer.
        """
        period_s = listener.period_s
        keep_alive = max(1, math.ceil(KEEP_ALIVE_S / period_s))
        lifetime = max(3 * keep_alive, math.ceil(LIFE_S / period_s))
        question = monitor.create(period_s * 1000, lifetime, keep_alive)
        try:
            made = monitor.created(await server.session.ask(question, self._timeout_s))
        except RequestRefused as error:
            self._say(server, str(error))
            return None
        told = Told(self._device.name, plan, server, made, listener.take)
        told.begin(batch)
        if server.publisher is None:
            server.publisher = Publisher(server.session, self._timeout_s)
        server.publisher.add(told)
        watch = Item(NAMESPACE_ARRAY, NAMESPACES, *self._reading.item(period_s))
        await self._ask(server, told, [watch])
        seats = [seat for seat in plan.seats if seat.id is not None]
        try:
            await self.monitor(told, seats, period_s)
        except TooMany:
            self._say(server, status.name(_TOO_MANY_ITEMS))
            await self.end(told)
            return None
        return told

    async def monitor(self, told: Told, seats: Sequence[Seat], period_s: float) -> None:
        """Have some nodes monitored; those that the server hasn't are set aside.

        Raises:
            TooMany: the server monitors no more.
            DriverError: it did not answer.
        """
        plan, server = told.plan, told.server
        handles = {id(seat): index for index, seat in enumerate(plan.seats)}
        todo = list(seats)
        while todo:
            some, todo = todo[: server.limits.monitor], todo[server.limits.monitor :]
            items = [self._of(plan, seat, handles[id(seat)], period_s) for seat in some]
            codes = await self._ask(server, told, items)
            if codes is None:
                todo = some + todo
                continue
            for seat, item, code in zip(some, items, codes, strict=True):
                if code in _FILTERS and item.deadband:
                    self._known.undamped.add(seat.node)
                    self._known.takes_deadbands &= code != _UNSUPPORTED
                    todo.append(seat)
                elif code == _TOO_MANY_ITEMS:
                    raise TooMany
                elif code & status.BAD:
                    plan.set_aside(seat, code, self._clock.mono_ns())
        plan.settle()
        told.lose()

    async def end(self, told: Told) -> None:
        """End a subscription, where it is still there."""
        if told.server.publisher is not None:
            told.server.publisher.remove(told)
        if told.server.session.is_alive and not told.is_over:
            with contextlib.suppress(RequestRefused):
                await told.server.session.ask(monitor.delete([told.id]), self._timeout_s)
        told.is_over = True

    async def _ask(self, server: Server, told: Told, items: Sequence[Item]) -> list[int] | None:
        """Have items made; None where it was too many at once, and less will be tried."""
        try:
            question = monitor.monitor(told.id, items)
            answer = await server.session.ask(question, self._timeout_s)
        except RequestRefused as error:
            if error.code in status.TOO_MANY and len(items) > 1:
                server.limits.monitor = (len(items) + 1) // 2
                return None
            return [error.code] * len(items)
        return monitor.monitored(answer, len(items))

    def _of(self, plan: UaPlan, seat: Seat, handle: int, period_s: float) -> Item:
        node = seat.id or b""
        return Item(node, handle, *self._reading.item(period_s), self._deadband(plan, seat))

    def _deadband(self, plan: UaPlan, seat: Seat) -> float:
        """The least change that the server is to tell, as it counts; 0: any."""
        tag = plan.tags[seat.tags[0]]
        if (
            len(seat.tags) > 1
            or plan.parts[seat.tags[0]]
            or tag.kind in {Kind.BIT, Kind.STRING, Kind.BITFIELD}
            or not self._known.takes_deadbands
            or (plan.server is not None and plan.server.vendor.filters is False)
            or seat.node in self._known.undamped
        ):
            return 0.0
        return tag.deadband / abs(tag.scale)

    def _say(self, server: Server, reason: str) -> None:
        text = _("{device}: {endpoint} tells no changes ({reason}), so it is asked for them.")
        log.warning(
            text.format(device=self._device.name, endpoint=server.session.endpoint, reason=reason)
        )
