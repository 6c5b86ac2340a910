"""One Modbus device: asks block by block, and says which device it was when none answers."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

from drivers.modbus import messages, writing
from drivers.modbus.ahead import Ahead
from drivers.modbus.client import TcpLink
from drivers.modbus.config import Settings
from drivers.modbus.plan import spans, worth
from drivers.modbus.poll import Poll
from drivers.modbus.prepared import PreparedPlan
from gateway.driver import Cost, Reading, Written, has_rival
from gateway.errors import (
    DecodeError,
    DriverError,
    RequestRefused,
    RequestTimeout,
    Rival,
    TooLate,
)
from gateway.model import Batch
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from drivers.modbus.client import Answer
    from drivers.modbus.prepared import Read
    from drivers.modbus.queries import Query
    from gateway.clock import Clock
    from gateway.driver import Plan
    from gateway.model import Device, Tag, Value

_NOT_NOW = {5, 6, 0x0A, 0x0B}
"""Exceptions of the whole device, which backs off: busy, or not there behind its gateway."""


class Asks(Protocol):
    """What a driver needs of its link: a TCP connection, or a line."""

    endpoint: str

    async def open(self) -> None:
        """Open it; at once when already open."""

    async def ask(self, query: Query, timeout_s: float) -> Answer:
        """Send one question and wait for its answer."""

    def cost(self, query: Query) -> tuple[int, int, float]:
        """Bytes sent, bytes received, and how long the link is taken by it."""


class ModbusDriver:
    """A device on a link.

    Args:
        link: shared with the other devices behind the same address.
        device: limits and unit id come from its options, see `config.Settings`.
        clock: for the age of a refusal, and the time of a poll that got no answer.
    """

    def __init__(self, link: Asks, device: Device, clock: Clock) -> None:
        self._link = link
        self._device = device
        self._clock = clock
        self._settings = worth(Settings.of(device.options), link.cost)
        self._peer = _("unit {unit}, {endpoint}").format(
            unit=self._settings.unit, endpoint=link.endpoint
        )

    def prepare(self, tags: tuple[Tag, ...]) -> PreparedPlan:
        """Turn a group of tags into block reads and a decoder; once."""
        return PreparedPlan(tags, self._settings)

    async def read(self, plan: Plan) -> Batch:
        """Return one batch, one value per tag, in the order of the tags.

        Raises:
            ConnectionLost: the link is closed or broke.
            RequestTimeout: the device is silent.
            RequestRefused: the device is busy, or not there behind its gateway.
        """
        return await self._poll(_own(plan), None)

    async def inspect(self, plan: Plan) -> tuple[Batch, tuple[Reading, ...]]:
        """Read once, as `read` does, and keep the registers beside each value."""
        own = _own(plan)
        heard: list[_Heard] = []
        batch = await self._poll(own, heard)
        return batch, _readings(own, batch, heard)

    def costs(self, plan: Plan) -> tuple[Cost, ...]:
        """What each request of one poll takes of the link, in order."""
        own = _own(plan)
        found = []
        for read in own.reads:
            names = tuple(own.tags[index].name for index in read.block.tags)
            found.append(Cost(messages.request(read.block), names, *self._link.cost(read.query)))
        return tuple(found)

    def check(self, tag: Tag, value: Value) -> None:
        """Raise `Unwritable` where the tag can't take the value exactly; sends nothing."""
        writing.prepare(tag, value, self._settings)

    async def write(self, tag: Tag, value: Value, deadline_ns: int) -> Written:
        """Read the tag, write it, and read it back; see `gateway.driver.Writes`.

        A device that can't be read isn't written to: what a silent one did could not be told.
        """
        prepared = writing.prepare(tag, value, self._settings)
        if has_rival(self._link):
            raise Rival(messages.rival(self._device.name, self._link.endpoint))
        read = self.prepare((tag,)).reads[0]
        before = await self._peek(read)
        if self._clock.mono_ns() >= deadline_ns:
            raise TooLate(_("{device}: the time was over").format(device=self._device.name))
        doubt = ""
        try:
            await self._link.ask(prepared.query, self._device.timeout_s)
        except RequestRefused as error:
            text = writing.refused(tag, prepared, self._peer, str(error), error.code)
            raise RequestRefused(text, error.code) from error
        except DriverError as error:
            doubt = str(error)
        return Written(before, prepared.asked, await self._look(read), prepared.request, doubt)

    async def _look(self, read: Read) -> Value:
        """Read back after a write, over a new connection where the old one broke; None: can't."""
        try:
            await self._link.open()
            return await self._peek(read)
        except DriverError:
            return None

    async def _peek(self, read: Read) -> Value:
        """Read one tag."""
        try:
            data, _time_ns, _mono_ns = await self._link.ask(read.query, self._device.timeout_s)
        except RequestRefused as error:
            raise RequestRefused(self._failed(read, error), error.code) from error
        except (RequestTimeout, DecodeError) as error:
            raise RequestTimeout(self._failed(read, error)) from error
        values: list[Value] = []
        read.decode(data, values)
        return values[0]

    async def _poll(self, plan: PreparedPlan, heard: list[_Heard] | None) -> Batch:
        """Read all of a plan; `heard` collects the answers, where they are wanted."""
        clock = self._clock
        if plan.retry_ns and clock.mono_ns() >= plan.retry_ns:
            plan.retry()
        poll = Poll(plan)
        if self._settings.at_once > 1 and isinstance(self._link, TcpLink):
            async with Ahead(self._link, poll.todo, self._settings.at_once) as ahead:
                time_ns, mono_ns = await self._work_off(poll, ahead.ask, heard)
        else:
            time_ns, mono_ns = await self._work_off(poll, self._link.ask, heard)
        if not time_ns:
            time_ns, mono_ns = clock.wall_ns(), clock.mono_ns()
        values, quality = poll.finish(mono_ns)
        return Batch(self._device.name, plan.tags, values, quality, time_ns, mono_ns)

    async def _work_off(
        self,
        poll: Poll,
        ask: Callable[[Query, float], Awaitable[Answer]],
        heard: list[_Heard] | None,
    ) -> tuple[int, int]:
        """Ask until nothing is left to ask; when the last answer came, on both clocks, or 0."""
        clock, timeout_s = self._clock, self._device.timeout_s
        time_ns = mono_ns = 0
        while poll.todo:
            read = poll.todo.pop()
            asked_ns = 0 if heard is None else clock.mono_ns()
            try:
                data, came_ns, came_mono_ns = await ask(read.query, timeout_s)
            except RequestTimeout as error:
                raise RequestTimeout(self._failed(read, error)) from error
            except (RequestRefused, DecodeError) as error:
                if isinstance(error, RequestRefused) and error.code in _NOT_NOW:
                    raise RequestRefused(self._failed(read, error), error.code) from error
                poll.refused(read, error, self._peer)
                continue
            if came_mono_ns > mono_ns:
                time_ns, mono_ns = came_ns, came_mono_ns
            poll.answered(read, data)
            if heard is not None:
                heard.append(_Heard(read, data, (came_mono_ns - asked_ns) / 1e9))
        return time_ns, mono_ns

    def _failed(self, read: Read, error: DriverError) -> str:
        """Name the device, where the link knows only the wire."""
        return messages.failed(
            self._device.name, read.block, self._peer, str(error), self._device.where
        )


class _Heard(NamedTuple):
    """One answer as it came."""

    read: Read
    data: bytes
    round_trip_s: float


def _own(plan: Plan) -> PreparedPlan:
    if not isinstance(plan, PreparedPlan):
        raise TypeError(f"not a plan of this driver: {plan!r}")
    return plan


def _readings(plan: PreparedPlan, batch: Batch, heard: list[_Heard]) -> tuple[Reading, ...]:
    """Each tag with the registers (or the bit) that it was made from."""
    found: dict[int, Reading] = {}
    for read, data, round_trip_s in heard:
        block = read.block
        asked = f"{messages.request(block)} (FC{block.function:02d}, unit {read.query.unit})"
        if block.function.is_bits:
            words = tuple(data[bit >> 3] >> (bit & 7) & 1 for bit in range(block.count))
        else:
            words = struct.unpack(f">{block.count}H", data)
        for span in spans(plan.tags, block.tags):
            tag = plan.tags[span.tag]
            raw = words[span.start - block.start : span.end - block.start]
            error = messages.valueless(tag) if batch.values[span.tag] is None else ""
            found[span.tag] = Reading(tag, raw, asked, round_trip_s, error)
    return tuple(
        found.get(index) or Reading(tag, (), "", 0.0, plan.refused.get(tag.name, ""))
        for index, tag in enumerate(plan.tags)
    )
