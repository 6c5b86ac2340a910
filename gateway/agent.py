"""Wiring: builds one gateway from a plant, runs it, and stops it in order.

Start: store, figures restored from their log, metas made durable, then polling and publishing.
Stop: polling, then figures, then publishers (status offline), then the store.

A feature joins in at one of three places: `__init__` makes its part, `_each_second` asks it for
records, `_tasks` runs it beside the others. What it has to tell goes through `Records.keep`.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway import api
from gateway.alarms.board import Alarms
from gateway.commands.office import Commands
from gateway.correction import Correction
from gateway.destinations import Destinations
from gateway.errors import StoreError
from gateway.figures.calendar import Calendar
from gateway.health import Health
from gateway.heap import give_back
from gateway.itself.itself import Itself, Parts
from gateway.ledger import HORIZON_MS, Ledger
from gateway.links import connect
from gateway.pipeline import Pipeline
from gateway.poller import Poller
from gateway.proving.desk import Desk
from gateway.records import Records
from gateway.reloading import Reloading
from gateway.snapshot import Snapshot
from gateway.store import Store
from gateway.supervision.notify import Supervisor
from gateway.supervision.watchdog import Watchdog
from gateway.transition import Transition
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from gateway.clock import Clock
    from gateway.model import Batch, Draft
    from gateway.plant import Plant
    from gateway.signals import Signals
    from gateway.timekeeping.keeper import Timekeeper

log = logging.getLogger("nxgate.agent")

TICK_S = 1.0
API_RETRY_S = 60.0
CONFIRM_S = 5.0
"""How long a command's reply waits for the disk."""


class Agent:
    """One gateway.

    Args:
        plant: the site, resolved.
        clock: the time, and how far it is to be trusted.
        read_ns: wall clock before it was read; files that are newer are read again.
    """

    def __init__(self, plant: Plant, clock: Timekeeper, *, read_ns: int | None = None) -> None:
        self._clock = clock
        self._store = _open_store(plant, self._clock)
        self._ledger = Ledger(plant.assets, Calendar(ZoneInfo(plant.timezone), plant.rosters))
        self._alarms = Alarms()
        self._health = Health()
        self._pipeline = Pipeline(self._ledger, plant.heartbeat_s, self._alarms)
        self._destinations = Destinations(plant, self._store, self._clock)
        self._records = Records(self._store, self._ledger, self._destinations, self._clock)
        self._correction = Correction(
            self._clock,
            self._store,
            self._ledger,
            self._records,
            [self._pipeline.move, self._alarms.move],
        )
        self._restore()
        units = connect(plant.devices, plant.drivers, self._clock)
        self._poller = Poller(units, self, self._clock, self._health)
        self._itself = Itself(self._parts(), plant)
        self._transition = Transition(
            store=self._store,
            ledger=self._ledger,
            alarms=self._alarms,
            pipeline=self._pipeline,
            poller=self._poller,
            health=self._health,
            destinations=self._destinations,
            records=self._records,
            itself=self._itself,
            clock=self._clock,
        )
        self._reloading = Reloading(plant, self._transition.make, read_ns)
        self._commands = Commands(
            plant,
            self._clock,
            devices=self._poller,
            log=self._ledger,
            alarms=self._alarms,
            publishers=self._destinations.publishers,
            last_key=lambda: self._store.last_key,
            keep=self._told,
            reply=self._destinations.reply,
        )
        self._destinations.listen(self._commands.take)
        self._transition.on_change.append(self._commands.settle)
        self._desk = Desk(
            lambda: self._reloading.plant,
            self._poller,
            lambda: self._destinations.publishers,
            self._clock,
        )
        self._unmapped: dict[str, str] = {}
        self._watchdog = Watchdog(
            Supervisor.of_process(),
            self._clock,
            self._store,
            self._poller.progress,
            lambda: self._destinations.publishers,
        )

    def _each_second(self, now_ms: int) -> Sequence[Draft]:
        """Close windows, declare silence, note who was heard: the records that come of it."""
        drafts = self._ledger.advance(now_ms, waits=self._clock.waits)
        self._alarms.follow(drafts)
        mono_ns = self._clock.mono_ns()
        drafts += self._alarms.advance(mono_ns, now_ms)
        told, readings = self._itself.advance(mono_ns, now_ms)
        drafts += told
        if readings is not None:
            drafts += self._pipeline.take(readings)
        self._store.note_heard(self._ledger.heard())
        self._tell_unmapped()
        return drafts

    def _tasks(self) -> dict[str, Coroutine[None, None, None]]:
        """What runs until the stop, by name; publishers run longer, by themselves."""
        return {
            "tick": self._tick(),
            "poller": self._poller.run(),
            "commands": self._commands.run(),
            "api": self._show(),
            "reload": self._reloading.run(),
        }

    async def run(self, signals: Signals) -> None:
        """Run until SIGTERM, SIGINT or cancellation."""
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        signals.obey(loop, stop=stopping.set, reload=self._reloading.ask)
        tasks: list[asyncio.Task[None]] = []
        try:
            self._correction.look()
            self._reloading.plant = self._transition.begin(self._reloading.plant)
            self._records.keep([self._itself.begin()])
            await self._store.flush()
            self._itself.remember(is_over=False)
            waiter: asyncio.Task[object] = loop.create_task(stopping.wait())
            tasks = [loop.create_task(run, name=name) for name, run in self._tasks().items()]
            self._destinations.start()
            self._watchdog.ready()
            done, _rest = await asyncio.wait([waiter, *tasks], return_when=asyncio.FIRST_COMPLETED)
            waiter.cancel()
            for task in done:
                task.result()
        finally:
            await self._shut(tasks)

    def take(self, batch: Batch) -> None:
        """Take one batch from the poller: records are numbered, kept and offered at once."""
        drafts = self._pipeline.take(self._correction.stamped(batch))
        if drafts:
            self._records.keep(drafts)

    async def _told(self, drafts: Sequence[Draft]) -> bool:
        """Keep what comes of a command; a planned stop may take alarms out of service."""
        self._alarms.follow(drafts)
        self._records.keep(drafts)
        try:
            async with asyncio.timeout(CONFIRM_S):
                await self._store.flush()
        except (TimeoutError, StoreError):
            return False
        return True

    def room(self) -> Awaitable[None] | None:
        """Something to await while the store can't keep up, else None."""
        return self._store.room() if self._store.full else None

    def _restore(self) -> None:
        """Give the ledger back what the store knows of each asset."""
        now_ms = self._now_ms()
        heard = self._store.last_heard()
        # An order goes on through a week without power: what was known when it began is read.
        since_ms = min(now_ms, max(heard.values(), default=now_ms)) - HORIZON_MS
        states = [record for record in self._store.current().values() if record.cls == "state"]
        self._ledger.restore(
            self._store.log(since_ms, self._clock.moved(since_ms)),
            heard,
            self._store.statements(since_ms),
            states,
            now_ms,
        )

    async def _tick(self) -> None:
        settled: Plant | None = None
        while True:
            await asyncio.sleep(TICK_S)
            self._correction.look()
            self._records.keep(self._each_second(self._now_ms()))
            self._watchdog.look()
            if settled is not self._reloading.plant:
                settled = self._reloading.plant
                give_back()  # what it took to load this plant

    def _tell_unmapped(self) -> None:
        """Log, once, a state value that no word is known for: its time counts as unknown."""
        unmapped = self._ledger.unmapped()
        places = {asset.name: asset.where for asset in self._reloading.plant.assets if unmapped}
        for asset, value in unmapped.items():
            if self._unmapped.get(asset) != value:
                text = _("{asset}: no state is known for {value}. Add it to `states` in {where}.")
                log.warning(text.format(asset=asset, value=value, where=places[asset]))
        self._unmapped = unmapped

    async def _show(self) -> None:
        """Keep the window for displays open; where it can't be, nothing else suffers."""
        folder = self._reloading.plant.store.path
        told = ""
        while True:
            try:
                commands, listeners = self._commands, self._pipeline.tap.listeners
                takers = {
                    api.ENTER: commands.entering.take,
                    api.WRITE: commands.by_hand.take,
                    api.PROVE: self._desk.take,
                }
                await api.serve(folder, self._snapshot, self._reload, takers, listeners)
            except OSError as error:
                reason = error.strerror or str(error)
                if reason != told:
                    log.warning(_("`nxgate watch` can't be served: {reason}").format(reason=reason))
                told = reason
            await asyncio.sleep(API_RETRY_S)

    def _parts(self) -> Parts:
        return Parts(
            clock=self._clock,
            health=self._health,
            ledger=self._ledger,
            alarms=self._alarms,
            store=self._store,
            links=lambda: tuple(self._poller.links.values()),
            publishers=lambda: self._destinations.publishers,
        )

    def _snapshot(self) -> dict[str, object]:
        return Snapshot(
            self._reloading.plant,
            self._reloading.outcome,
            self._clock,
            self._itself.asset,
            self._alarms,
            self._pipeline,
            self._ledger,
            self._health,
            self._store,
            tuple(self._poller.links.values()),
            tuple(self._destinations.publishers.values()),
            self._watchdog.stuck,
        ).take(self._now_ms())

    async def _reload(self) -> dict[str, object]:
        return dataclasses.asdict(await self._reloading.answer())

    async def _shut(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Stop in order; what was polled is stored, what was stored is offered once more."""
        self._watchdog.stopping()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pipeline.rest()
        self._ledger.rest()
        closed = self._ledger.advance(self._now_ms(), waits=self._clock.waits)
        self._records.keep([*closed, self._itself.end()])
        self._store.note_heard(self._ledger.heard())
        with contextlib.suppress(TimeoutError, StoreError):
            async with asyncio.timeout(5):
                await self._store.flush()
        await self._destinations.stop()
        self._itself.remember(is_over=True)
        try:
            await self._store.close()
        except StoreError as error:
            log.error("%s", error)  # noqa: TRY400 - its text is for people
        log.info(_("stopped; what is not delivered yet stays in the store"))

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000


def launch(run: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine on uvloop where it is available, else on asyncio's own loop."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if os.name == "posix":
        with contextlib.suppress(ImportError):
            import uvloop  # noqa: PLC0415 - absent on Windows, where asyncio's loop serves

            factory = uvloop.new_event_loop

    async def main() -> None:
        await run()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


def _open_store(plant: Plant, clock: Clock) -> Store:
    keep = plant.store
    return Store.open(
        keep.path,
        plant.identity.gateway,
        size_bytes=keep.size,
        keep_s=keep.keep,
        commit_s=keep.commit,
        clock=clock,
    )
