"""Every group of every device is polled at its own fixed rate, links in parallel.

A due job (see `cadence.py`) goes to its link's queue, and one worker a link takes them in the
order in which they fell due, so no device can starve another. A job that falls due while it still
waits or runs is counted as missed and not queued again: a slow device gives fewer values, never
older ones.

Back-off is per device: after two failures in a row its polls are put off, doubling up to a cap
that keeps a silent device's time-outs to a twentieth of a shared link. A link that can't be
opened backs off by itself; its devices are told without a new attempt.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from gateway.cadence import Cadence
from gateway.errand import Errand
from gateway.errors import ConnectionLost, DriverError
from gateway.links import medium, tell
from gateway.model import Batch, Quality
from gateway.recognising import forget
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence

    from gateway.clock import Clock
    from gateway.driver import Driver, Link, Plan, Subscribes
    from gateway.health import DeviceHealth, Health
    from gateway.model import Device

T = TypeVar("T")

log = logging.getLogger("nxgate.poller")

LINK_RETRY_FIRST_S = 0.5
LINK_RETRY_CAP_S = 5.0
DEVICE_RETRY_CAP_S = 10.0
MOST_TOLD = 3
SILENT_SHARE = 0.05
"""Share of a shared link's time that one silent device may cost: its time-outs, and what its
questions take of the line."""


class Sink(Protocol):
    """Where batches go: taken at once; `room` holds the poller back while the store is full."""

    def take(self, batch: Batch) -> None:
        """Take one batch."""

    def room(self) -> Awaitable[None] | None:
        """None while there is room, else something to await before the next poll."""


@dataclass(slots=True, eq=False)
class _Unit:
    """One device on its lane: the back-off shared by its groups."""

    device: Device
    driver: Driver
    health: DeviceHealth
    failures: int = 0
    retry_ns: int = 0
    gone: bool = False


@dataclass(slots=True, eq=False)
class _Job:
    """One group's polls."""

    unit: _Unit
    lane: _Lane
    plan: Plan
    period_ns: int
    due_ns: int = 0
    waiting: bool = False


@dataclass(slots=True, eq=False)
class _Lane:
    """One link, its worker and the worker's queue, and the link's own back-off.

    Attributes:
        busy: whose poll is under way.
        turned: set when it ends.
        held: back, until the store has room again.
        turns: how many polls and errands have ended.
    """

    link: Link
    units: list[_Unit] = field(default_factory=list)
    ready: deque[_Job] = field(default_factory=deque)
    errands: deque[tuple[_Unit, Errand[Any]]] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    worker: asyncio.Task[None] | None = None
    busy: _Unit | None = None
    turned: asyncio.Event = field(default_factory=asyncio.Event)
    turns: int = 0
    held: bool = False
    failures: int = 0
    retry_ns: int = 0
    error: str = ""
    fault: str = ""


class Poller:
    """Polls every device of a plant until cancelled.

    Args:
        units: each device with its link and driver, links shared as objects.
        sink: where batches go.
        clock: both clocks.
        health: counters to keep.
    """

    def __init__(
        self,
        units: Sequence[tuple[Device, Link, Driver]],
        sink: Sink,
        clock: Clock,
        health: Health,
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._health = health
        self._lanes: list[_Lane] = []
        self._cadence: Cadence[_Job] = Cadence(clock, self._fell_due)
        self._tasks: asyncio.TaskGroup | None = None
        self._first = self._take_on(units)

    @property
    def links(self) -> dict[str, Link]:
        """The links in use, by their URL."""
        return {lane.link.url: lane.link for lane in self._lanes}

    def progress(self) -> Iterator[tuple[str, bool, object]]:
        """What of each link, and of the schedule: is it due, what changes once it is done."""
        for lane in self._lanes:
            name = _("polls of {name}").format(name=lane.link.url)
            yield name, bool(lane.busy or lane.ready or lane.errands), lane.turns
        yield _("the schedule of polls"), *self._cadence.overdue()

    async def run(self) -> None:
        """Poll until cancelled, then close every link."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                first, self._first = self._first, []
                self._begin(first)
                await asyncio.Event().wait()  # a site without devices is up all the same
        finally:
            self._cadence.stop()
            for lane in self._lanes:
                await lane.link.close()

    def add(self, units: Sequence[tuple[Device, Link, Driver]]) -> None:
        """Poll these too, from now on, while it runs."""
        self._begin(self._take_on(units))

    async def remove(self, names: Collection[str]) -> None:
        """Poll these devices no more.

        On return no poll of theirs is under way. A link stays open, also one that nobody is left
        on: see `prune`.
        """
        gone: list[_Unit] = []
        for lane in self._lanes:
            leaving = [unit for unit in lane.units if unit.device.name in names]
            gone += leaving
            for unit in leaving:
                unit.gone = True
            lane.units = [unit for unit in lane.units if not unit.gone]
            lane.ready = deque(job for job in lane.ready if not job.unit.gone)
        self._cadence.drop(lambda job: job.unit.gone)
        for lane in self._lanes:
            while lane.busy is not None and lane.busy.gone:
                lane.turned.clear()
                await lane.turned.wait()
        for unit in gone:
            if hasattr(unit.driver, "leave"):
                await cast("Subscribes", unit.driver).leave()

    async def errand(
        self, device: str, act: Callable[[Driver], Awaitable[T]], deadline_ns: int
    ) -> T:
        """Do something on a device's link, between two polls; see `errand.py`."""
        errand = Errand(device, act, deadline_ns, self._clock)
        for lane in self._lanes:
            for unit in lane.units:
                if unit.device.name == device:
                    lane.errands.append((unit, errand))
                    lane.wake.set()
                    return await errand.result()
        errand.no_device()
        return await errand.result()

    async def prune(self) -> None:
        """Close links that no device is on any more."""
        idle = [lane for lane in self._lanes if not lane.units]
        self._lanes = [lane for lane in self._lanes if lane.units]
        for lane in idle:
            if lane.worker is not None:
                lane.worker.cancel()
                await asyncio.wait([lane.worker])
            await lane.link.close()

    def _take_on(self, units: Sequence[tuple[Device, Link, Driver]]) -> list[_Job]:
        """Make the jobs of devices, each on its link's lane."""
        lanes = {id(lane.link): lane for lane in self._lanes}
        jobs: list[_Job] = []
        for device, link, driver in units:
            lane = lanes.get(id(link))
            if lane is None:
                lane = lanes[id(link)] = _Lane(link)
                self._lanes.append(lane)
            unit = _Unit(device, driver, self._health.device(device.name))
            lane.units.append(unit)
            for group in device.groups:
                if not group.tags:
                    continue
                plan = driver.prepare(group.tags)
                jobs.append(_Job(unit, lane, plan, round(group.period_s * 1e9)))
                if hasattr(driver, "listen"):
                    take = partial(self._told, lane, unit)
                    cast("Subscribes", driver).listen(plan, group.period_s, take)
        return jobs

    def _told(self, lane: _Lane, unit: _Unit, batch: Batch) -> None:
        """Take what a device tells by itself; while the store is full its next poll has to do."""
        if lane.held:
            unit.health.missed += 1
        elif not unit.gone:
            self._sink.take(batch)

    def _begin(self, jobs: Sequence[_Job]) -> None:
        """Poll these at once, then at their pace, spread over the period."""
        if self._tasks is None:
            self._first += jobs
            return
        for lane in self._lanes:
            if lane.worker is None:
                lane.worker = self._tasks.create_task(self._serve(lane))
        for job in jobs:
            self._enqueue(job)
        self._cadence.add(jobs)

    def _fell_due(self, job: _Job, missed: int) -> None:
        job.unit.health.missed += missed
        if job.waiting:
            job.unit.health.missed += 1
        else:
            self._enqueue(job)

    def _enqueue(self, job: _Job) -> None:
        job.waiting = True
        job.lane.ready.append(job)
        job.lane.wake.set()

    async def _serve(self, lane: _Lane) -> None:
        """Work off one link's queue, one request sequence at a time."""
        while True:
            while lane.ready or lane.errands:
                if lane.errands:
                    await self._attend(lane, *lane.errands.popleft())
                if not lane.ready:
                    continue
                job = lane.ready.popleft()
                lane.busy = job.unit
                await self._poll(lane, job)
                lane.busy = None
                lane.turns += 1
                lane.turned.set()
                job.waiting = False
                room = self._sink.room()
                if room is not None:
                    lane.held = True
                    await room
                    lane.held = False
            lane.wake.clear()
            await lane.wake.wait()

    async def _attend(self, lane: _Lane, unit: _Unit, errand: Errand[Any]) -> None:
        """Do an errand; what goes wrong is told to whoever waits for it, and puts no poll off."""
        if unit.gone:
            errand.no_device()
        elif errand.begin():
            lane.busy = unit
            try:
                if not lane.link.is_open:
                    await self._open(lane, self._clock.mono_ns())
            except ConnectionLost as error:
                errand.fail(ConnectionLost(tell(error, unit.device)))
            else:
                await errand.run(unit.driver)
            lane.busy = None
            lane.turns += 1
            lane.turned.set()

    async def _poll(self, lane: _Lane, job: _Job) -> None:
        """One poll: a good batch, or a bad one with the time of the attempt."""
        started_ns = self._clock.mono_ns()
        unit = job.unit
        if started_ns < unit.retry_ns:
            self._tell_bad(job)
            return
        try:
            if not lane.link.is_open:
                await self._open(lane, started_ns)
            batch = await unit.driver.read(job.plan)
        except DriverError as error:
            self._failed(lane, job, error, started_ns)
            return
        except Exception as error:  # a driver's own mistake stops that device, not the others
            log.exception("%s", unit.device.name)
            self._failed(lane, job, DriverError(f"{unit.device.name}: {error!r}"), started_ns)
            return
        unit.failures = 0
        unit.retry_ns = 0
        bad = 0 if batch.quality is None else batch.quality.count(Quality.BAD)
        if unit.health.succeeded(
            batch.time_ns // 1_000_000, (batch.mono_ns - started_ns) / 1e6, bad
        ):
            log.info(_("{device}: answering").format(device=unit.device.name))
        refused = job.plan.refused
        if refused or unit.health.refused:
            _complain(unit, unit.health.told_no((tag.name for tag in job.plan.tags), refused))
        self._sink.take(batch)

    async def _open(self, lane: _Lane, now_ns: int) -> None:
        """Open the link, unless it failed a moment ago."""
        if now_ns < lane.retry_ns:
            raise ConnectionLost(lane.error, lane.fault)
        try:
            await lane.link.open()
        except ConnectionLost as error:
            lane.failures += 1
            lane.error, lane.fault = str(error), error.fault
            delay_s = min(LINK_RETRY_CAP_S, LINK_RETRY_FIRST_S * 2 ** min(lane.failures - 1, 10))
            lane.retry_ns = self._clock.mono_ns() + round(delay_s * 1e9)
            raise
        lane.failures = 0
        lane.retry_ns = 0
        for unit in lane.units:
            forget(unit.driver)

    def _sharers(self, lane: _Lane) -> int:
        """How many devices share the line that a lane's link goes over."""
        name = medium(lane.link)
        return sum(len(one.units) for one in self._lanes if medium(one.link) == name)

    def _failed(self, lane: _Lane, job: _Job, error: DriverError, started_ns: int) -> None:
        """Note the failure, put the device off, and say that its values are not known."""
        unit = job.unit
        now_ns = self._clock.mono_ns()
        if not (isinstance(error, ConnectionLost) and now_ns < lane.retry_ns):
            unit.failures += 1
            if unit.failures > 1:
                cap_s = DEVICE_RETRY_CAP_S
                if self._sharers(lane) > 1 and not isinstance(error, ConnectionLost):
                    cap_s = max(cap_s, (now_ns - started_ns) / 1e9 / SILENT_SHARE)
                steps = min(unit.failures - 2, 10)
                delay_s = min(cap_s, job.period_ns / 1e9 * 2**steps)
                unit.retry_ns = now_ns + round(delay_s * 1e9) - job.period_ns // 2
        text = tell(error, unit.device)
        if unit.health.fell(self._clock.wall_ns() // 1_000_000, text, error.fault):
            log.warning("%s", text)
        self._tell_bad(job)

    def _tell_bad(self, job: _Job) -> None:
        """Hand on a batch of bad values; the pipeline reports it by exception."""
        tags = job.plan.tags
        self._sink.take(
            Batch(
                device=job.unit.device.name,
                tags=tags,
                values=(None,) * len(tags),
                quality=(Quality.BAD,) * len(tags),
                time_ns=self._clock.wall_ns(),
                mono_ns=self._clock.mono_ns(),
            )
        )


def _complain(unit: _Unit, news: Sequence[str]) -> None:
    """Log what is newly refused; where it is half a map, say so instead of quoting all of it."""
    for text in news[:MOST_TOLD]:
        log.warning("%s", text)
    if len(news) > MOST_TOLD:
        text = _("{device}: refuses {count} more tags. Is its template that of this very device?")
        log.warning(text.format(device=unit.device.name, count=len(news) - MOST_TOLD))
