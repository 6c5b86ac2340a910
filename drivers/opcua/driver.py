"""One device at a server: asks for its nodes, and says which device it was when none answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.opcua import messages, status
from drivers.opcua.cost import costs
from drivers.opcua.decode import Reader
from drivers.opcua.plan import UaPlan
from drivers.opcua.resolve import resolve
from drivers.opcua.settings import Reading
from gateway.errors import ConnectionLost, DecodeError, RequestRefused, RequestTimeout
from gateway.model import Batch, Quality

if TYPE_CHECKING:
    from drivers.opcua.columns import Columns
    from drivers.opcua.link import UaLink
    from drivers.opcua.plan import Read, Seat
    from drivers.opcua.server import Server
    from gateway.clock import Clock
    from gateway.driver import Cost, Plan
    from gateway.model import Device, Tag, Value

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
        self._reading = Reading.of(device.options)

    def prepare(self, tags: tuple[Tag, ...]) -> UaPlan:
        """Find the nodes of a group of tags; once."""
        return UaPlan.of(tags)

    async def read(self, plan: Plan) -> Batch:
        """Return one batch, one value per tag, in the order of the tags.

        Raises:
            ConnectionLost: the link is closed or broke, or the session is over.
            RequestTimeout: the server is silent.
            RequestRefused: the server can't answer now.
        """
        own = _own(plan)
        server = self._link.server
        try:
            await self._resolve(own, server)
            return await self._poll(own, server)
        except RequestTimeout as error:
            raise RequestTimeout(self._failed(str(error))) from error
        except DecodeError as error:
            server.session.drop(str(error))
            raise ConnectionLost(f"{self._link.endpoint}: {error}.") from error
        except RequestRefused as error:
            raise RequestRefused(self._failed(str(error)), error.code) from error

    def costs(self, plan: Plan) -> tuple[Cost, ...]:
        """What each request of one poll takes, about: how long ids are is the server's to say."""
        return costs(_own(plan), self._link.endpoint)

    async def _resolve(self, plan: UaPlan, server: Server) -> None:
        """Find the nodes that are to be found now."""
        now_ns = self._clock.mono_ns()
        seats = plan.unresolved(server, now_ns)
        if not seats:
            return
        nodes = [seat.node for seat in seats]
        found = await resolve(server, nodes, self._device.timeout_s)
        plan.resolved(seats, found, now_ns)

    async def _poll(self, plan: UaPlan, server: Server) -> Batch:
        """Ask until nothing is left to ask."""
        row = _Row(len(plan.tags))
        todo = list(reversed(plan.requests(server.limits.read, self._link.endpoint)))
        kept: list[Read] = []
        probes = PROBES
        time_ns = mono_ns = 0
        while todo:
            read = todo.pop()
            try:
                answer = await server.session.ask(read.question, self._device.timeout_s)
            except RequestRefused as error:
                if error.code in status.TOO_MANY and len(read.seats) > 1:
                    server.limits.read = min(server.limits.read, (len(read.seats) + 1) // 2)
                elif error.code not in status.OF_A_NODE:
                    raise
                probes -= 1
                if probes < 0:
                    raise
                if len(read.seats) == 1:
                    plan.set_aside(read.seats[0], error.code, self._clock.mono_ns())
                else:
                    todo += reversed(self._halves(plan, read))
                continue
            time_ns, mono_ns = answer.time_ns, answer.mono_ns
            reader = Reader(answer.data, answer.pos)
            reader.expect(len(read.seats))
            held = read.rows.read(reader, len(read.seats))
            reader.finish()
            row.take(read, held)
            kept.append(read)
        plan.reads = kept
        self._condemn(plan, row)
        if not time_ns:
            time_ns, mono_ns = self._clock.wall_ns(), self._clock.mono_ns()
        lacking = plan.lacking(self._link.endpoint)
        row.refused.update(lacking)
        plan.refused = row.refused
        quality = tuple(row.quality) if any(row.quality) else None
        return Batch(
            self._device.name,
            plan.tags,
            tuple(row.values),
            quality,
            time_ns,
            mono_ns,
            tuple(row.sources),
            tuple(row.servers),
        )

    def _halves(self, plan: UaPlan, read: Read) -> list[Read]:
        middle = (len(read.seats) + 1) // 2
        parts = (read.seats[:middle], read.seats[middle:])
        return [plan.request(part, self._link.endpoint) for part in parts]

    def _condemn(self, plan: UaPlan, row: _Row) -> None:
        """Set nodes aside that the server says it hasn't."""
        for seat, code in row.gone:
            plan.set_aside(seat, code, self._clock.mono_ns())

    def _failed(self, reason: str) -> str:
        """Name the device, where the link knows only the server."""
        device = self._device
        return messages.failed(device.name, self._link.endpoint, reason, device.where)


class _Row:
    """One poll's values as they come, in the order of the tags."""

    def __init__(self, size: int) -> None:
        self.values: list[Value] = [None] * size
        self.quality = [Quality.BAD] * size
        self.sources = [0] * size
        self.servers = [0] * size
        self.refused: dict[str, str] = {}
        self.gone: list[tuple[Seat, int]] = []

    def take(self, read: Read, held: Columns) -> None:
        """Put one answer's values where they belong."""
        values, quality, refused = read.shape.values(held)
        self.refused.update(refused)
        for index, place in enumerate(read.places):
            self.values[place] = values[index]
            self.quality[place] = Quality.GOOD if quality is None else quality[index]
            seat = read.shape.seats[index]
            self.sources[place] = held.sources[seat]
            self.servers[place] = held.servers[seat]
        if held.statuses is not None:
            self.gone += [
                (seat, code)
                for seat, code in zip(read.seats, held.statuses, strict=True)
                if code in status.GONE
            ]


def _own(plan: Plan) -> UaPlan:
    if not isinstance(plan, UaPlan):
        raise TypeError(f"not a plan of this driver: {plan!r}")
    return plan
