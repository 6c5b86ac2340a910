"""One device at a server: asks for its nodes, and says which device it was when none answers."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from drivers.opcua import messages, settings, status, writing
from drivers.opcua.cost import costs
from drivers.opcua.decode import Reader
from drivers.opcua.plan import UaPlan
from drivers.opcua.resolve import register, resolve
from drivers.opcua.row import Row
from drivers.opcua.subscribing import Subscribing
from gateway.driver import Reading, Written
from gateway.errors import (
    ConnectionLost,
    DecodeError,
    DriverError,
    RequestRefused,
    RequestTimeout,
    TooLate,
)
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivers.opcua.exchange import Answer
    from drivers.opcua.link import UaLink
    from drivers.opcua.plan import Read, Seat
    from drivers.opcua.server import Server
    from drivers.opcua.told import Told
    from gateway.clock import Clock
    from gateway.driver import Cost, Plan
    from gateway.model import Batch, Device, Tag, Value

PROBES = 16
"""Halvings that one poll may spend on finding out which node a server can't take."""


class UaDriver:
    """A device on a link.

    Args:
        link: shared with the other devices at the same server.
        device: how its tags are read comes from its options, see `settings.Reading`.
        clock: for the age of a refusal, and the time of a poll that got no answer.
    """

    def __init__(self, link: UaLink, device: Device, clock: Clock) -> None:
        self._link = link
        self._device = device
        self._clock = clock
        self._reading = settings.Reading.of(device.options)
        self._subscribing = Subscribing(device, self._reading, link.known, clock)
        self._listeners: dict[int, _Listener] = {}

    def prepare(self, tags: tuple[Tag, ...]) -> UaPlan:
        """Find the nodes of a group of tags; once."""
        return UaPlan.of(tags)

    def listen(self, plan: Plan, period_s: float, take: Callable[[Batch], None]) -> None:
        """Have changes told from the next `read` on, where the site file wants it so."""
        if self._reading.is_told:
            self._listeners[id(plan)] = _Listener(period_s, take)

    async def leave(self) -> None:
        """End all subscriptions."""
        listeners, self._listeners = self._listeners, {}
        for listener in listeners.values():
            if listener.told is not None:
                with contextlib.suppress(DriverError):
                    await self._subscribing.end(listener.told)

    async def read(self, plan: Plan) -> Batch:
        """Return one batch, one value per tag, in the order of the tags.

        Raises:
            ConnectionLost: the link is closed or broke, or the session is over.
            RequestTimeout: the server is silent.
            RequestRefused: the server can't answer now.
        """
        own = _own(plan)
        server = self._link.server
        listener = self._listeners.get(id(plan))
        try:
            found = await self._resolve(own, server)
            if listener is None or listener.asks_in is server:
                return await self._poll(own, server)
            return await self._hear(own, server, listener, found)
        except RequestTimeout as error:
            raise RequestTimeout(self._failed(str(error))) from error
        except DecodeError as error:
            server.session.drop(str(error))
            raise ConnectionLost(f"{self._link.endpoint}: {error}.") from error
        except RequestRefused as error:
            raise RequestRefused(self._failed(str(error)), error.code) from error

    async def inspect(self, plan: Plan) -> tuple[Batch, tuple[Reading, ...]]:
        """Read once, as `read` does; the server's own words stand beside what it doesn't give."""
        own = _own(plan)
        asked_ns = self._clock.mono_ns()
        batch = await self.read(plan)
        took_s = (self._clock.mono_ns() - asked_ns) / 1e9
        return batch, tuple(
            Reading(tag, (), messages.place(tag), took_s, own.refused.get(tag.name, ""))
            for tag in own.tags
        )

    def costs(self, plan: Plan) -> tuple[Cost, ...]:
        """What each request of one poll takes, about: how long ids are is the server's to say."""
        return costs(_own(plan), self._link.endpoint)

    def check(self, tag: Tag, value: Value) -> None:
        """Raise `Unwritable` where the tag can't take the value exactly; sends nothing."""
        writing.check(tag, value)

    async def write(self, tag: Tag, value: Value, deadline_ns: int) -> Written:
        """Read the tag, write it, and read it back; see `gateway.driver.Writes`.

        A server that can't be read isn't written to: what a silent one did could not be told.
        """
        writing.check(tag, value)
        plan, server = self.prepare((tag,)), self._link.server
        before, kind = await self._peek(plan)
        prepared = writing.prepare(tag, value, plan.seats[0].id or b"", kind)
        if self._clock.mono_ns() >= deadline_ns:
            raise TooLate(_("{device}: the time was over").format(device=self._device.name))
        doubt = ""
        try:
            answer = await server.session.ask(prepared.question, self._device.timeout_s)
            code = writing.status_of(answer)
        except RequestRefused as error:
            text = messages.refused_write(tag, str(error), self._link.endpoint)
            raise RequestRefused(text, error.code) from error
        except DriverError as error:
            doubt, code = str(error), 0
        if code & status.BAD:
            text = messages.refused_write(tag, status.name(code), self._link.endpoint)
            raise RequestRefused(text, code)
        return Written(before, prepared.asked, await self._look(tag), messages.place(tag), doubt)

    async def _peek(self, plan: UaPlan) -> tuple[Value, int]:
        """Read the one tag of a plan; its value, and the type that the server has for it.

        Raises:
            RequestRefused: the server hasn't it.
        """
        batch = await self.read(plan)
        kinds = [kind for read in plan.reads or () for kind in read.shape.types if kind]
        if plan.seats[0].id is None or not kinds:
            (text,) = plan.refused.values()
            raise RequestRefused(text, max(plan.seats[0].code, 0))
        return batch.values[0], kinds[0]

    async def _look(self, tag: Tag) -> Value:
        """Read back after a write, over a new connection where the old one broke; None: can't."""
        try:
            await self._link.open()
            return (await self.read(self.prepare((tag,)))).values[0]
        except DriverError:
            return None

    async def _hear(
        self, plan: UaPlan, server: Server, listener: _Listener, found: Sequence[Seat]
    ) -> Batch:
        """What holds by what the server told; a subscription is made where there is none."""
        told = listener.told
        is_overdue = told is not None and told.is_overdue(
            self._clock.mono_ns(), self._device.timeout_s
        )
        if told is None or told.server is not server or told.is_over or is_overdue:
            try:
                batch = await self._poll(plan, server)
            except RequestTimeout:
                if is_overdue:  # neither news nor an answer: nobody is there
                    server.session.drop(_("it keeps silent"))
                raise
            if told is not None:
                await self._subscribing.end(told)
            listener.told = None
            made = await self._subscribing.make(plan, server, listener, batch)
            listener.told, listener.asks_in = made, None if made else server
            return batch
        if found:
            await self._subscribing.monitor(told, found, listener.period_s)
        if await server.learn(self._device.timeout_s):
            told.begin(await self._poll(plan, server))
        return told.batch()

    async def _resolve(self, plan: UaPlan, server: Server) -> list[Seat]:
        """Find the nodes that are to be found now; those that were."""
        now_ns = self._clock.mono_ns()
        seats = plan.unresolved(server, now_ns)
        if not seats:
            return []
        nodes = [seat.node for seat in seats]
        timeout_s = max(self._device.timeout_s, settings.CONNECT_S)
        found = await resolve(server, nodes, timeout_s)
        if server.vendor.registers and id(plan) not in self._listeners:
            await register(server, found, timeout_s)
        plan.resolved(seats, found, now_ns)
        return [seat for seat in seats if seat.id is not None]

    async def _poll(self, plan: UaPlan, server: Server) -> Batch:
        """Ask for all of a plan; once more, where types came that had to be learnt first."""
        batch = await self._ask_all(plan, server)
        if await server.learn(self._device.timeout_s):
            batch = await self._ask_all(plan, server)
        return batch

    async def _ask_all(self, plan: UaPlan, server: Server) -> Batch:
        """Ask until nothing is left to ask."""
        row = Row(len(plan.tags))
        todo = list(reversed(plan.requests(server.limits.read, self._link.endpoint)))
        kept: list[Read] = []
        probes = PROBES
        time_ns = mono_ns = 0
        while todo:
            read = todo.pop()
            try:
                answer = await server.session.ask(read.question, self._device.timeout_s)
            except RequestRefused as error:
                probes -= 1
                if probes < 0:
                    raise
                todo += reversed(self._refused(plan, server, read, error))
                continue
            time_ns, mono_ns = answer.time_ns, answer.mono_ns
            self._take(row, read, answer, server)
            kept.append(read)
        plan.reads = kept
        now_ns = self._clock.mono_ns()
        for seat, code in row.gone:
            plan.set_aside(seat, code, now_ns)
        plan.settle()
        plan.refused = row.refused | plan.lacking(self._link.endpoint)
        if not time_ns:
            time_ns, mono_ns = self._clock.wall_ns(), now_ns
        return row.batch(self._device.name, plan.tags, time_ns, mono_ns)

    def _take(self, row: Row, read: Read, answer: Answer, server: Server) -> None:
        """Read an answer, if it is one of today's namespaces."""
        reader = Reader(answer.data, answer.pos)
        reader.expect(len(read.seats) + read.is_last)
        held = read.rows.read(reader, len(read.seats))
        if read.is_last:
            spaces = reader.data_value().value
            server.see_namespaces(spaces if isinstance(spaces, list) else ())
            if not server.session.is_alive:
                raise server.session.lost()
        reader.finish()
        row.take(read, held)

    def _refused(
        self, plan: UaPlan, server: Server, read: Read, error: RequestRefused
    ) -> list[Read]:
        """What to ask instead of a request that the server refused as a whole.

        Raises:
            RequestRefused: it is about the server, and not about what was asked for.
        """
        count = len(read.seats)
        if error.code in status.TOO_MANY and count + read.is_last > 1:
            server.limits.read = min(server.limits.read, max(1, count // 2))
        elif error.code not in status.OF_A_NODE or not count:
            raise error
        elif count == 1:
            plan.set_aside(read.seats[0], error.code, self._clock.mono_ns())
            return []
        return plan.halves(read, self._link.endpoint)

    def _failed(self, reason: str) -> str:
        """Name the device, where the link knows only the server."""
        device = self._device
        return messages.failed(device.name, self._link.endpoint, reason, device.where)


class _Listener:
    """Who is told of a plan's changes.

    Attributes:
        told: the subscription, while there is one.
        asks_in: the server that makes none in its session of today, so it is asked.
    """

    def __init__(self, period_s: float, take: Callable[[Batch], None]) -> None:
        self.period_s = period_s
        self.take = take
        self.told: Told | None = None
        self.asks_in: Server | None = None


def _own(plan: Plan) -> UaPlan:
    if not isinstance(plan, UaPlan):
        raise TypeError(f"not a plan of this driver: {plan!r}")
    return plan
