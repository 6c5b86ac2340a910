"""One meter: asks item by item or block by block, and says which meter it was when none answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from drivers.dlt645 import frames, messages
from drivers.dlt645.config import Settings
from drivers.dlt645.plan import PreparedPlan, Read
from drivers.dlt645.poll import Poll
from gateway.driver import Cost, Reading
from gateway.errors import DecodeError, RequestRefused, RequestTimeout
from gateway.model import Batch
from gateway.words import _

if TYPE_CHECKING:
    from drivers.dlt645.frames import Query
    from drivers.lines.link import Answer
    from gateway.clock import Clock
    from gateway.driver import Plan
    from gateway.errors import DriverError
    from gateway.model import Device, Tag


class Asks(Protocol):
    """What a driver needs of its link."""

    endpoint: str

    async def ask(self, query: Query, timeout_s: float) -> Answer:
        """Send one question and wait for its answer."""

    def cost(self, query: Query) -> tuple[int, int, float]:
        """Bytes sent, bytes received, and how long the line is taken by it."""


class Dlt645Driver:
    """A meter on a line.

    Args:
        link: shared with the other meters of the same line.
        device: its address comes from its options, see `config.Settings`.
        clock: for the age of a refusal, and the time of a poll that got no answer.
    """

    def __init__(self, link: Asks, device: Device, clock: Clock) -> None:
        self._link = link
        self._device = device
        self._clock = clock
        self._settings = Settings.of(device.options)
        self._address = self._settings.address

    def prepare(self, tags: tuple[Tag, ...]) -> PreparedPlan:
        """Turn a group of tags into questions and a decoder; once."""
        return PreparedPlan(tags, self._settings)

    async def read(self, plan: Plan) -> Batch:
        """Return one batch, one value per tag, in the order of the tags.

        Raises:
            ConnectionLost: the line is closed or broke.
            RequestTimeout: the meter is silent.
        """
        return await self._poll(_own(plan), None)

    async def inspect(self, plan: Plan) -> tuple[Batch, tuple[Reading, ...]]:
        """Read once, as `read` does, and keep the bytes beside each value."""
        own = _own(plan)
        heard: list[_Heard] = []
        batch = await self._poll(own, heard)
        return batch, _readings(own, batch, heard)

    def costs(self, plan: Plan) -> tuple[Cost, ...]:
        """What each request of one poll takes of the line, in order."""
        own = _own(plan)
        found = []
        for read in own.reads:
            names = tuple(own.tags[one.tag].name for one in read.wanted)
            query = frames.read(self._address or "0" * 12, read.di, read.sizes[0])
            found.append(Cost(f"{read.di:08X}", names, *self._link.cost(query)))
        return tuple(found)

    async def _poll(self, plan: PreparedPlan, heard: list[_Heard] | None) -> Batch:
        """Ask until nothing is left to ask; `heard` collects the answers, where they are wanted."""
        clock = self._clock
        if plan.retry_ns and clock.mono_ns() >= plan.retry_ns:
            plan.retry()
        if not self._address:
            self._address = await self._learn()
        poll = Poll(plan)
        time_ns = mono_ns = 0
        while poll.todo:
            read = poll.todo.pop()
            asked_ns = clock.mono_ns()
            try:
                data, time_ns, mono_ns = await self._fetch(read)
                poll.answered(read, data)
            except RequestTimeout as error:
                self._address = self._settings.address  # another meter may stand there now
                raise RequestTimeout(self._failed(read, error)) from error
            except (RequestRefused, DecodeError) as error:
                poll.refused(read, error, self._peer)
                continue
            if heard is not None:
                heard.append(_Heard(read, data, (mono_ns - asked_ns) / 1e9))
        if not time_ns:
            time_ns, mono_ns = clock.wall_ns(), clock.mono_ns()
        values, quality = poll.finish(mono_ns)
        return Batch(self._device.name, plan.tags, values, quality, time_ns, mono_ns)

    async def _fetch(self, read: Read) -> Answer:
        """Ask for an item or a block, and for what its answer says is still to come.

        Raises:
            DecodeError: the answer never ends.
        """
        timeout_s = self._device.timeout_s
        query = frames.read(self._address, read.di, read.sizes[0])
        part, time_ns, mono_ns = await self._link.ask(query, timeout_s)
        data = part[1:]
        number = 0
        while part[0] & frames.MORE:
            number += 1
            if number > frames.MOST_FRAMES:
                raise DecodeError(_("its answer never ends"), data)
            following = frames.more(query, number)
            part, time_ns, mono_ns = await self._link.ask(following, timeout_s)
            data += part[1:]
        return data, time_ns, mono_ns

    async def _learn(self) -> str:
        """Ask the only meter on the line for its address.

        Raises:
            RequestTimeout: none answered, or several at once.
        """
        try:
            answer, *_times = await self._link.ask(frames.whoever(), self._device.timeout_s)
        except (RequestTimeout, RequestRefused) as error:
            device = self._device
            text = messages.unfound(device.name, self._link.endpoint, str(error), device.where)
            raise RequestTimeout(text) from error
        return frames.spelled(answer[1:7])

    @property
    def _peer(self) -> str:
        return _("meter {address}, {endpoint}").format(
            address=self._address, endpoint=self._link.endpoint
        )

    def _failed(self, read: Read, error: DriverError) -> str:
        """Name the meter, where the link knows only the wire."""
        asked, device = f"{read.di:08X}", self._device
        return messages.failed(device.name, asked, self._peer, str(error), device.where)


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
    """Each tag with the bytes that it was made from, the highest first, as people read them."""
    found: dict[int, Reading] = {}
    for read, data, round_trip_s in heard:
        for one in read.wanted:
            tag = plan.tags[one.tag]
            raw = tuple(data[one.start : one.end][::-1])
            error = messages.valueless(tag) if batch.values[one.tag] is None else ""
            found[one.tag] = Reading(tag, raw, f"{read.di:08X}", round_trip_s, error, digits=2)
    return tuple(
        found.get(index) or Reading(tag, (), "", 0.0, plan.refused.get(tag.name, ""))
        for index, tag in enumerate(plan.tags)
    )
