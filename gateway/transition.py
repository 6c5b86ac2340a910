"""From the plant that runs to another one, by what differs.

Order is everything here. What may take its time comes first, while all goes on as it was: figures
that are computed in another way get a new account out of their durable log (readings are held
meanwhile), and devices that go or change finish the poll that is under way. Then, in one turn of
the loop, so that no reading falls in between: what is told of assets no more is taken back, metas
go ahead of the telemetry that refers to them, values take their new ways, new polls begin.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import orjson

from gateway.errors import StoreError
from gateway.figures.calendar import Calendar
from gateway.ledger import HORIZON_MS
from gateway.links import connect
from gateway.meta import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from gateway.alarms.board import Alarms
    from gateway.destinations import Destinations
    from gateway.difference import Difference
    from gateway.figures.account import Account
    from gateway.health import Health
    from gateway.itself.itself import Itself
    from gateway.ledger import Ledger
    from gateway.model import Asset, Device, Entry, Place, Record
    from gateway.pipeline import Pipeline
    from gateway.plant import Plant
    from gateway.poller import Poller
    from gateway.records import Records
    from gateway.store import Store
    from gateway.timekeeping.keeper import Timekeeper


class Transition:
    """Brings the parts of a running gateway from one plant to another.

    Args:
        store, ledger, alarms, pipeline, poller, health, destinations, records, itself: the parts.
        clock: the time.
    """

    def __init__(
        self,
        *,
        store: Store,
        ledger: Ledger,
        alarms: Alarms,
        pipeline: Pipeline,
        poller: Poller,
        health: Health,
        destinations: Destinations,
        records: Records,
        itself: Itself,
        clock: Timekeeper,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._alarms = alarms
        self._pipeline = pipeline
        self._poller = poller
        self._health = health
        self._destinations = destinations
        self._records = records
        self._itself = itself
        self._clock = clock
        self.on_change: list[Callable[[Plant, Collection[str]], None]] = []

    def begin(self, plant: Plant) -> Plant:
        """Prepare the first plant; the poller has its devices already.

        Returns:
            The plant as it is kept.
        """
        self._describe(plant, plant.assets, plant.devices)
        return _lean(plant)

    async def make(self, new: Plant, difference: Difference) -> Plant:
        """Run another plant.

        Args:
            new: with the bindings of all assets that something has to be done for.
            difference: from what runs.

        Returns:
            The new plant as it is kept.

        Raises:
            StoreError: the disk refuses; the old plant goes on.
        """
        parts = difference.parts
        devices = [device for device in new.devices if device.name in parts.rewired]
        coming = {*parts.devices.added, *parts.devices.changed}
        self._ledger.withdraw(difference.figures)
        try:
            accounts = await self._accounts(new, difference.figures)
            publishers = self._destinations.prepare(new, difference.publishers)
            await self._poller.remove({*parts.devices.removed, *parts.devices.changed})
        except BaseException:
            self._records.keep(self._ledger.take_back())
            raise
        # From here to the new polls nothing may wait.
        present = {asset.name for asset in new.assets if asset.kpi is not None}
        self._records.keep(self._ledger.replace(accounts, present))
        self._pipeline.heartbeat_s = new.heartbeat_s
        needed = [asset for asset in new.assets if asset.name in parts.needed]
        gone = self._describe(new, needed, devices)
        self._destinations.clear(gone)
        for name in parts.devices.removed:
            del self._health.devices[name]
        for name in parts.devices.changed:
            self._health.device(name).refused.clear()
        made = [device for device in devices if device.name in coming]
        self._poller.add(connect(made, new.drivers, self._clock, self._poller.links))
        self._store.limit(new.store.size, new.store.keep, new.store.commit)
        for changed in self.on_change:
            changed(new, parts.needed)
        # And from here it may again.
        await self._poller.prune()
        await self._destinations.change(new, difference.publishers, publishers)
        self._destinations.announce()
        with contextlib.suppress(StoreError):  # then a restart tells of the change again
            await self._store.flush()
            await asyncio.to_thread(self._itself.remember, is_over=False)
        return _lean(new)

    async def _accounts(self, plant: Plant, names: Sequence[str]) -> dict[str, Account]:
        """Accounts for these assets out of their log."""
        if not names:
            return {}
        self._records.keep([])
        await self._store.flush()
        now_ms = self._now_ms()
        since_ms = now_ms - HORIZON_MS
        moved = self._clock.moved(since_ms)
        rows, statements = await self._store.recall(since_ms, names, moved)
        log: dict[str, list[tuple[Entry, ...]]] = {}
        for row in rows:
            log.setdefault(row.asset, []).append(row.entries)
        told: dict[str, list[Record]] = {}
        for record in statements:
            told.setdefault(record.asset, []).append(record)
        calendar = Calendar(ZoneInfo(plant.timezone), plant.rosters)
        current = self._store.current()
        accounts: dict[str, Account] = {}
        for asset in plant.assets:
            if asset.name in names:
                name = asset.name
                state = current.get((asset.line, name, "state"))
                accounts[name] = self._ledger.begin(
                    asset, calendar, log.pop(name, ()), told.get(name, ()), state, now_ms
                )
                await asyncio.sleep(0)  # each takes milliseconds, and polls are due meanwhile
        return accounts

    def _describe(
        self, plant: Plant, assets: Collection[Asset], devices: Sequence[Device]
    ) -> list[Record]:
        """Tell metas that differ from those told, and prepare the ways of values.

        Args:
            plant: whose assets are all there are.
            assets: those that these devices feed, with their bindings.
            devices: whose values may go another way than before.

        Returns:
            What is told no more: a server may still keep it.
        """
        now_ms = self._now_ms()
        current = self._store.current()
        own, device = self._itself.plan(plant)
        alarms = self._alarms.plan((*plant.assets, own), current, now_ms)
        present = {(asset.line, asset.name) for asset in (*plant.assets, own)}
        present.update(self._ledger.rollups())
        gone = self._store.retire(lambda place: place[:2] in present and self._alarms.stands(place))
        revs: dict[str, str] = {}
        for asset in (*assets, own):
            names = asset.kpi.kpis if asset.kpi is not None else ()
            kpis = [plant.kpis[name] for name in names]
            reasons = plant.reasons_of(asset)
            rev, draft = describe(asset, plant.timezone, kpis, now_ms, reasons)
            revs[asset.name] = rev
            if _rev(current, asset) != rev:
                self._records.keep([draft])
        self._describe_rollups(plant, current, now_ms)
        self._records.keep(self._itself.changed(plant, assets) + alarms)
        self._pipeline.rewire((*assets, own), (*devices, device), revs, (*plant.devices, device))
        return gone

    def _describe_rollups(self, plant: Plant, current: Mapping[Place, Record], now_ms: int) -> None:
        """Tell metas of lines and the site that differ from those told."""
        places = self._ledger.rollups()
        if not places:
            return
        from gateway.rollup import about as rollup  # noqa: PLC0415 - not where there is none

        for asset, names in rollup.describe(places, plant.assets, plant.identity.site):
            kpis = [plant.kpis[name] for name in names if name in plant.kpis]
            rev, draft = describe(asset, plant.timezone, kpis, now_ms)
            if _rev(current, asset) != rev:
                self._records.keep([draft])

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000


def _rev(current: Mapping[Place, Record], asset: Asset) -> str | None:
    """The revision of an asset's meta that was told last."""
    told = current.get((asset.line, asset.name, "meta"))
    return None if told is None else orjson.loads(told.body)["rev"]


def _lean(plant: Plant) -> Plant:
    """Let go of what feeds the assets, which nothing asks for any more."""
    assets = tuple(dataclasses.replace(one, bindings=(), loose=()) for one in plant.assets)
    return dataclasses.replace(plant, assets=assets)
