"""What a server tells of a plan: a subscription from its making to its end.

The last value of each tag is held here and given at each poll, as long as the server is heard
(`publisher.py`). A message that was missed is asked for again; one that the server has no more is
a gap: nobody knows what was in it, so every tag is unknown from the last message on, and the next
poll reads all of them anew.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from drivers.opcua import monitor
from drivers.opcua.columns import Columns, Rows
from gateway.errors import DecodeError, DriverError, RequestRefused
from gateway.model import Batch, Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivers.opcua.monitor import Created, Published
    from drivers.opcua.plan import UaPlan
    from drivers.opcua.server import Server
    from drivers.opcua.shape import Shape
    from gateway.model import Value

NAMESPACES = 0x7FFF_FFFF
"""The handle of the item that watches the namespaces; node-opcua tells of 0xFFFFFFFF as of 0."""
MOST_MISSED = 100
"""Messages that are asked for again; behind more, all values are read anew instead."""
_SHAPES = 32
"""Sets of tags that changed together whose preparation is kept."""
_LAST = 0xFFFF_FFFF


class Told:
    """A subscription of one plan, in one session.

    Args:
        device: whose tags they are.
        plan: with its nodes found.
        server: in whose session it is.
        made: as the server made it.
        take: gets what changes.

    Attributes:
        plan, server: as given.
        is_over: the server ended it, or a message is lost: to be made anew.
        heard_ns: monotonic, when it was last heard of.
    """

    def __init__(
        self,
        device: str,
        plan: UaPlan,
        server: Server,
        made: Created,
        take: Callable[[Batch], None],
    ) -> None:
        self.id = made.id
        self.server = server
        self.silence_s = made.publishing_ms / 1000 * made.keep_alive
        self.is_over = False
        self.heard_ns = 0
        self._time_ns = 0
        self._device = device
        self.plan = plan
        self._take = take
        self._expected = 1
        self._turn = asyncio.Lock()
        self._rows = Rows(with_handles=True)
        self._shapes: dict[tuple[int, ...], tuple[tuple[int, ...], Shape]] = {}
        self._values: list[Value] = []
        self._quality: list[Quality] = []
        self._sources: list[int] = []
        self._servers: list[int] = []

    def begin(self, batch: Batch) -> None:
        """Take what holds at the beginning."""
        size = len(batch.tags)
        self._values = list(batch.values)
        self._quality = list(batch.quality or (Quality.GOOD,) * size)
        self._sources = list(batch.source_ns or (0,) * size)
        self._servers = list(batch.server_ns or (0,) * size)
        self._time_ns, self.heard_ns = batch.time_ns, batch.mono_ns

    def batch(self) -> Batch:
        """What holds now, as of when the server was last heard."""
        return Batch(
            self._device,
            self.plan.tags,
            tuple(self._values),
            tuple(self._quality) if any(self._quality) else None,
            self._time_ns,
            self.heard_ns,
            tuple(self._sources),
            tuple(self._servers),
        )

    def is_overdue(self, now_ns: int, timeout_s: float) -> bool:
        """Whether the server should have been heard by now, were it only to say: no news."""
        return now_ns - self.heard_ns > (1.5 * self.silence_s + timeout_s) * 1e9

    def lose(self) -> None:
        """Take nodes for bad that the server hasn't."""
        for seat in self.plan.aside:
            for place in seat.tags:
                self._values[place], self._quality[place] = None, Quality.BAD
        self.plan.refused.update(self.plan.lacking(self.server.session.endpoint))

    async def hear(self, message: Published, time_ns: int, mono_ns: int, timeout_s: float) -> None:
        """Take a message, after those that were missed before it."""
        async with self._turn:
            if self.is_over:
                return
            await self._catch_up(message.sequence, timeout_s)
            if self.is_over:
                return
            if message.status is not None:
                self.is_over = True
                return
            if message.parts and message.sequence == self._expected:
                self._count_on()
                self._changed(message, time_ns, mono_ns)
            self._time_ns, self.heard_ns = time_ns, mono_ns

    async def _catch_up(self, sequence: int, timeout_s: float) -> None:
        """Ask again for what was missed before a message."""
        missed = (sequence - self._expected) % _LAST
        if missed > _LAST // 2:
            return  # it came twice
        if missed > MOST_MISSED:
            self._lose_all()
        while not self.is_over and self._expected != sequence:
            question = monitor.republish(self.id, self._expected)
            try:
                answer = await self.server.session.ask(question, timeout_s)
                again = monitor.republished(answer, self.id)
            except RequestRefused:
                self._lose_all()
            except DriverError:
                self.is_over = True
            else:
                if again.sequence != self._expected:  # asyncua's servers answer with nothing
                    self._lose_all()
                    return
                self._count_on()
                self._changed(again, answer.time_ns, answer.mono_ns)

    def _count_on(self) -> None:
        self._expected = 1 if self._expected == _LAST else self._expected + 1

    def _lose_all(self) -> None:
        """Mark the gap: from the last message on nobody knows what was."""
        self.is_over = True
        size = len(self.plan.tags)
        self._values, self._quality = [None] * size, [Quality.BAD] * size
        self._take(self.batch())

    def _changed(self, message: Published, time_ns: int, mono_ns: int) -> None:
        """Hand on what a message tells."""
        try:
            for reader, count in message.changes():
                held = self._rows.read(reader, count)
                for batch in self._batches(held, time_ns, mono_ns):
                    self._take(batch)
        except DecodeError as error:
            self.is_over = True
            self.server.session.drop(str(error))

    def _batches(self, held: Columns, time_ns: int, mono_ns: int) -> list[Batch]:
        """Changes as batches: several where an item is in it several times, the oldest first."""
        if NAMESPACES in held.handles:
            held = self._without_namespaces(held)
        if not held.handles:
            return []
        if len(set(held.handles)) == len(held.handles):
            return [self._batch(held, time_ns, mono_ns)]
        rounds: list[list[int]] = []
        times: dict[int, int] = {}
        for row, handle in enumerate(held.handles):
            turn = times[handle] = times.get(handle, -1) + 1
            if turn == len(rounds):
                rounds.append([])
            rounds[turn].append(row)
        newest = max(held.sources)
        batches = []
        for rows in rounds:
            some = _chosen(held, rows)
            # How long before the newest it was is the server's word, when that was is ours.
            ago = newest - max(some.sources) if min(some.sources) > 0 else 0
            early_ns = min(max(ago, 0), max(time_ns - self._time_ns, 0))
            batches.append(self._batch(some, time_ns - early_ns, mono_ns - early_ns))
        return batches

    def _batch(self, held: Columns, time_ns: int, mono_ns: int) -> Batch:
        """One change of each tag at most."""
        places, shape = self._shaped(held.handles)
        values, quality, refused = shape.values(held)
        for place in places if self.plan.refused else ():
            self.plan.refused.pop(self.plan.tags[place].name, None)
        self.plan.refused.update(refused)
        marks = quality or (Quality.GOOD,) * len(places)
        sources = [held.sources[seat] for seat in shape.seats]
        servers = [held.servers[seat] for seat in shape.seats]
        for place, value, mark, source, server in zip(
            places, values, marks, sources, servers, strict=True
        ):
            self._values[place] = value
            self._quality[place] = mark
            self._sources[place] = source
            self._servers[place] = server
        is_all = len(places) == len(self.plan.tags)  # in their order, as `_shaped` has it
        return Batch(
            self._device,
            self.plan.tags,
            tuple(values),
            tuple(quality) if quality else None,
            time_ns,
            mono_ns,
            tuple(sources),
            tuple(servers),
            None if is_all else places,
        )

    def _shaped(self, handles: tuple[int, ...]) -> tuple[tuple[int, ...], Shape]:
        """The tags of some items, and what is done to their values."""
        found = self._shapes.get(handles)
        if found is None:
            if len(self._shapes) >= _SHAPES:
                self._shapes.clear()
            found = self._shapes[handles] = self.plan.shape(
                [self.plan.seats[handle] for handle in handles], self.server.session.endpoint
            )
        return found

    def _without_namespaces(self, held: Columns) -> Columns:
        """See whether the namespaces are those of the session's beginning; else it is over."""
        for handle, value in zip(held.handles, held.values, strict=True):
            if handle == NAMESPACES and isinstance(value, list):
                self.server.see_namespaces(value)
        if not self.server.session.is_alive:
            self.is_over = True
            return _chosen(held, [])
        rows = [row for row, handle in enumerate(held.handles) if handle != NAMESPACES]
        return _chosen(held, rows)


def _chosen(held: Columns, rows: Sequence[int]) -> Columns:
    """Some rows of an answer."""
    statuses = held.statuses
    return Columns(
        tuple(held.types[row] for row in rows),
        [held.values[row] for row in rows],
        None if statuses is None else tuple(statuses[row] for row in rows),
        [held.sources[row] for row in rows],
        [held.servers[row] for row in rows],
        tuple(held.handles[row] for row in rows),
    )
