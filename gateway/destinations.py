"""The publishers of a plant: made, run side by side, stopped in order."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from gateway.links import fetch
from gateway.publishers.splitting import UNBOUNDED
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.clock import Clock
    from gateway.difference import Change
    from gateway.model import Record
    from gateway.plant import Plant
    from gateway.publishers.base import Factory, Publisher
    from gateway.publishers.inbox import Take
    from gateway.settings import PublishSettings
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
        self._places = plant.publishers
        self._identity = plant.identity
        self._store = store
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._take: Take | None = None
        self.publishers: dict[str, Publisher] = {
            name: self._make(name, settings) for name, settings in plant.destinations.items()
        }

    @property
    def most_body(self) -> int:
        """Bytes of a telemetry body that all of them can deliver, as far as it is known."""
        return min((p.most_body for p in self.publishers.values()), default=UNBOUNDED)

    def listen(self, take: Take) -> None:
        """Hand over the commands that arrive at any of them; before `start`."""
        self._take = take
        for publisher in self.publishers.values():
            publisher.listen(take)

    def reply(self, name: str, topic: str, payload: bytes) -> None:
        """Answer a command over the destination that it came from, if that is still there."""
        publisher = self.publishers.get(name)
        if publisher is not None:
            publisher.reply(topic, payload)

    def offer(self, records: Sequence[Record]) -> None:
        """Hand records that the store has just numbered to all of them."""
        for publisher in self.publishers.values():
            publisher.offer(records)

    def clear(self, records: Sequence[Record]) -> None:
        """Have the servers let go of what they keep of these."""
        for publisher in self.publishers.values():
            publisher.clear(records)

    def announce(self) -> None:
        """Have the servers know that the gateway runs another site file."""
        for publisher in self.publishers.values():
            publisher.announce("config")

    def prepare(self, plant: Plant, change: Change) -> list[Publisher]:
        """Make the publishers that a plant has more; they don't run yet.

        Raises:
            StoreError: the disk refuses to tell where they stand.
        """
        self._places = plant.publishers
        return [self._make(name, plant.destinations[name]) for name in change.added]

    async def change(self, plant: Plant, change: Change, made: Sequence[Publisher]) -> None:
        """Be those of another plant; who is in both as they are doesn't notice.

        The position of a publisher that goes stays with the store: a section that comes back
        goes on where it was, and what it missed for good meanwhile has been declared.

        Args:
            plant: the new one.
            change: what differs.
            made: what `prepare` gave.
        """
        for name in change.removed:
            publisher = self.publishers.pop(name)
            await publisher.stop()
            await _end(self._tasks.pop(name))
        for name in change.changed:
            await self.publishers[name].change(plant.destinations[name])
        for publisher in made:
            self.publishers[publisher.name] = publisher
            self._run(publisher)

    def start(self) -> None:
        """Let them connect; on the running loop."""
        for publisher in self.publishers.values():
            self._run(publisher)

    async def stop(self) -> None:
        """Let each say goodbye and end it."""
        for publisher in self.publishers.values():
            await publisher.stop()
        for task in self._tasks.values():
            await _end(task)

    def _make(self, name: str, settings: PublishSettings) -> Publisher:
        factory = cast("Factory", fetch(self._places[settings.publisher]))
        publisher = factory(
            name=name,
            config=settings,
            store=self._store,
            identity=self._identity,
            clock=self._clock,
        )
        if self._take is not None:
            publisher.listen(self._take)
        return publisher

    def _run(self, publisher: Publisher) -> None:
        loop = asyncio.get_running_loop()
        self._tasks[publisher.name] = loop.create_task(_supervise(publisher), name=publisher.name)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _supervise(publisher: Publisher) -> None:
    """Keep a publisher running; a mistake of its own must not stop polling."""
    while True:
        try:
            await publisher.run()
        except Exception:
            text = _("publisher {name} failed and is started again")
            log.exception(text.format(name=publisher.name))
        await asyncio.sleep(RESTART_S)
