"""The publishers of a plant: made, run side by side, stopped in order."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from gateway.links import fetch
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.clock import Clock
    from gateway.model import Record
    from gateway.plant import Plant
    from gateway.publishers.base import Factory, Publisher
    from gateway.settings import MqttSettings
    from gateway.store import Store

log = logging.getLogger("nxgate.publish")

RESTART_S = 5.0


class Destinations:
    """One publisher for each entry of the site file's `publish` section.

    Args:
        plant: what to make of it.
        store: where records and positions are.
        clock: both clocks.

    Attributes:
        publishers: by name, in the order of the site file.
    """

    def __init__(self, plant: Plant, store: Store, clock: Clock) -> None:
        self._plant = plant
        self._store = store
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.publishers: dict[str, Publisher] = {
            name: self._make(name, settings) for name, settings in plant.publish.items()
        }

    def offer(self, records: Sequence[Record]) -> None:
        """Hand records that the store has just numbered to all of them."""
        for publisher in self.publishers.values():
            publisher.offer(records)

    def start(self) -> None:
        """Let them connect; on the running loop."""
        for publisher in self.publishers.values():
            self._run(publisher)

    async def stop(self) -> None:
        """Let each say goodbye and end it."""
        for publisher in self.publishers.values():
            await publisher.stop()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _make(self, name: str, settings: MqttSettings) -> Publisher:
        factory = cast("Factory", fetch(self._plant.publishers["mqtt"]))
        return factory(
            name=name,
            config=settings,
            store=self._store,
            identity=self._plant.identity,
            clock=self._clock,
        )

    def _run(self, publisher: Publisher) -> None:
        loop = asyncio.get_running_loop()
        self._tasks[publisher.name] = loop.create_task(_supervise(publisher), name=publisher.name)


async def _supervise(publisher: Publisher) -> None:
    """Keep a publisher running; a mistake of its own must not stop polling."""
    while True:
        try:
            await publisher.run()
        except Exception:
            text = _("publisher {name} failed and is started again")
            log.exception(text.format(name=publisher.name))
        await asyncio.sleep(RESTART_S)
