"""Wiring: builds one gateway from a plant, runs it, and stops it in order.

Start: store, figures restored from their log, metas made durable, then polling and publishing.
Stop: polling, then figures, then publishers (status offline), then the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import signal
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import orjson

from gateway import api
from gateway.clock import SystemClock
from gateway.errors import StoreError
from gateway.figures.calendar import Calendar
from gateway.health import Health
from gateway.ledger import HORIZON_MS, Ledger
from gateway.links import connect, fetch
from gateway.meta import describe
from gateway.model import Draft, record_id
from gateway.pipeline import Pipeline
from gateway.poller import Poller
from gateway.snapshot import Snapshot
from gateway.store import Dropped, Store
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from gateway.clock import Clock
    from gateway.model import Batch
    from gateway.plant import Plant
    from gateway.publishers.base import Factory, Publisher

log = logging.getLogger("nxgate.agent")

TICK_S = 1.0
PUBLISHER_RESTART_S = 5.0
API_RETRY_S = 60.0


class Agent:
    """One gateway.

    Args:
        plant: the site, resolved.
        clock: both clocks.
    """

    def __init__(self, plant: Plant, clock: Clock | None = None) -> None:
        self._plant = plant
        self._clock: Clock = clock or SystemClock()
        self._health = Health()
        keep = plant.store
        self._store = Store.open(
            keep.path,
            plant.identity.gateway,
            size_bytes=keep.size,
            keep_s={"telemetry": keep.keep_telemetry, "kpi": keep.keep_kpi},
            commit_s=keep.commit,
            clock=self._clock,
        )
        calendar = Calendar(ZoneInfo(plant.timezone), plant.rosters)
        self._ledger = Ledger(plant.assets, calendar)
        self._restore()
        self._pipeline = Pipeline(self._ledger, _heartbeat_s(plant))
        self._poller = Poller(connect(plant, self._clock), self, self._clock, self._health)
        self._publishers: list[Publisher] = [
            cast("Factory", fetch(plant.publishers["mqtt"]))(
                name=name,
                config=settings,
                store=self._store,
                identity=plant.identity,
                clock=self._clock,
            )
            for name, settings in plant.publish.items()
        ]
        self._store.on_drop.append(self._declare)
        self._places = {asset.name: asset.where for asset in plant.assets}
        self._unmapped: dict[str, str] = {}

    async def run(self) -> None:
        """Run until SIGTERM, SIGINT or cancellation."""
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        tasks: list[asyncio.Task[None]] = []
        try:
            self._keep(self._describe())
            await self._store.flush()
            snapshot = Snapshot(
                self._plant,
                self._pipeline,
                self._ledger,
                self._health,
                self._store,
                self._publishers,
            )
            tasks = [
                loop.create_task(self._tick(), name="tick"),
                loop.create_task(self._poller.run(), name="poller"),
                loop.create_task(self._show(snapshot), name="api"),
                *(loop.create_task(self._supervise(p), name=p.name) for p in self._publishers),
            ]
            waiter = loop.create_task(stopping.wait())
            done, _rest = await asyncio.wait([waiter, *tasks], return_when=asyncio.FIRST_COMPLETED)
            waiter.cancel()
            for task in done - {waiter}:
                task.result()
        finally:
            await self._shut(tasks)

    def take(self, batch: Batch) -> None:
        """Take one batch from the poller: records are numbered, kept and offered at once."""
        drafts = self._pipeline.take(batch)
        if drafts:
            self._keep(drafts)

    def room(self) -> Awaitable[None] | None:
        """Something to await while the store can't keep up, else None."""
        return self._store.room() if self._store.full else None

    def _keep(self, drafts: Sequence[Draft]) -> None:
        records = self._store.append(drafts, self._ledger.take_log())
        for publisher in self._publishers:
            publisher.offer(records)

    def _restore(self) -> None:
        """Give the ledger back what the store knows of each asset."""
        now_ms = self._now_ms()
        since_ms = now_ms - HORIZON_MS
        states = [r for (cls, *_place), r in self._store.current().items() if cls == "state"]
        self._ledger.restore(
            self._store.log(since_ms),
            self._store.last_heard(),
            self._store.statements(since_ms),
            states,
            now_ms,
        )

    def _describe(self) -> list[Draft]:
        """Metas that differ from the ones already told; what is told of assets no more, goes."""
        now_ms, plant = self._now_ms(), self._plant
        self._store.retire({(asset.line, asset.name) for asset in plant.assets})
        current = self._store.current()
        revs: dict[str, str] = {}
        news: list[Draft] = []
        for asset in plant.assets:
            names = asset.kpi.kpis if asset.kpi is not None else ()
            kpis = [plant.kpis[name] for name in names]
            rev, draft = describe(asset, plant.timezone, kpis, now_ms)
            revs[asset.name] = rev
            told = current.get(("meta", asset.line, asset.name))
            if told is None or orjson.loads(told.body)["rev"] != rev:
                news.append(draft)
        self._pipeline.prepare(plant.assets, plant.devices, revs)
        # Ten thousand bindings that nothing asks for any more.
        assets = tuple(dataclasses.replace(asset, bindings=()) for asset in plant.assets)
        self._plant = dataclasses.replace(plant, assets=assets)
        return news

    async def _tick(self) -> None:
        """Close windows, declare silence and note who was heard, once a second."""
        while True:
            await asyncio.sleep(TICK_S)
            self._keep(self._ledger.advance(self._now_ms()))
            self._store.note_heard(self._ledger.heard())
            self._tell_unmapped()

    def _tell_unmapped(self) -> None:
        """Log, once, a state value that no word is known for: its time counts as unknown."""
        unmapped = self._ledger.unmapped()
        for asset, value in unmapped.items():
            if self._unmapped.get(asset) != value:
                text = _("{asset}: no state is known for {value}. Add it to `states` in {where}.")
                log.warning(text.format(asset=asset, value=value, where=self._places[asset]))
        self._unmapped = unmapped

    async def _show(self, snapshot: Snapshot) -> None:
        """Keep the window for displays open; where it can't be, nothing else suffers."""
        while True:
            try:
                await api.serve(self._plant.store.path, lambda: snapshot.take(self._now_ms()))
            except OSError as error:
                text = _("`nxgate watch` can't be served: {reason}")
                log.warning(text.format(reason=error.strerror or error))
            await asyncio.sleep(API_RETRY_S)

    async def _supervise(self, publisher: Publisher) -> None:
        """Keep a publisher running; a mistake of its own must not stop polling."""
        while True:
            try:
                await publisher.run()
            except Exception:
                log.exception(
                    _("publisher {name} failed and is started again").format(name=publisher.name)
                )
            await asyncio.sleep(PUBLISHER_RESTART_S)

    def _declare(self, dropped: Dropped) -> None:
        """Tell the platform which records it will never get."""
        gateway = self._store.gateway
        now_ms = self._now_ms()
        data = {
            "publisher": dropped.publisher,
            "from": record_id(gateway, dropped.first),
            "to": record_id(gateway, dropped.last),
            "t0": dropped.t0_ms,
            "t1": dropped.t1_ms,
            "class": dropped.cls,
            "count": dropped.count,
            "reason": dropped.reason,
        }
        body = orjson.dumps({"t": now_ms, "type": "gap", "data": data})
        self._keep([Draft("event/gap", "_gw", gateway, now_ms, body)])

    async def _shut(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Stop in order; what was polled is stored, what was stored is offered once more."""
        running = {publisher.name for publisher in self._publishers}
        for task in tasks:
            if task.get_name() not in running:
                task.cancel()
        await asyncio.gather(
            *(task for task in tasks if task.get_name() not in running), return_exceptions=True
        )
        self._ledger.rest()
        self._keep(self._ledger.advance(self._now_ms()))
        self._store.note_heard(self._ledger.heard())
        with contextlib.suppress(TimeoutError, StoreError):
            async with asyncio.timeout(5):
                await self._store.flush()
        for publisher in self._publishers:
            await publisher.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
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


def _heartbeat_s(plant: Plant) -> float:
    """The shortest heartbeat that a publisher asks for; records are shared by all of them."""
    return min((settings.heartbeat for settings in plant.publish.values()), default=300.0)
