"""The commands of one gateway, put together; what the agent makes and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.commands.acknowledging import Acknowledging
from gateway.commands.authority import Door
from gateway.commands.by_hand import ByHand
from gateway.commands.command import Target
from gateway.commands.context import Context
from gateway.commands.desk import Desk
from gateway.commands.entering import Entering
from gateway.commands.notary import Notary
from gateway.commands.resending import Resending
from gateway.commands.signature import Keys
from gateway.commands.writing import Writing
from gateway.contract import OWN_LINE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from gateway.clock import Clock
    from gateway.commands.acknowledging import Board
    from gateway.commands.context import Log
    from gateway.commands.keeping import Keep
    from gateway.commands.resending import Resends
    from gateway.commands.writing import Devices
    from gateway.plant import Plant

WRITE = "write"
"""Allowed tag by tag, so wherever commands are taken at all."""


class Commands:
    """Takes, carries out and answers commands.

    Args:
        plant: the site, with its bindings.
        clock: both clocks.
        devices: whoever keeps the queues of links.
        log: of the assets.
        alarms: what can be acknowledged.
        publishers: by name.
        last_key: key of the newest record.
        keep: stores records, until they are on disk.
        reply: answers over a destination: its name, topic, payload.

    Attributes:
        by_hand: takes what people write at the gateway itself.
        entering: takes what people enter at the gateway itself.
    """

    def __init__(
        self,
        plant: Plant,
        clock: Clock,
        *,
        devices: Devices,
        log: Log,
        alarms: Board,
        publishers: Mapping[str, Resends],
        last_key: Callable[[], int],
        keep: Keep,
        reply: Callable[[str, str, bytes], None],
    ) -> None:
        self._clock = clock
        self._lines: dict[str, str] = {}
        self._doors: dict[str, Door] = {}
        self._allowed: dict[str, frozenset[str]] = {}
        self._writing = Writing(devices, clock)
        self._notary = Notary(plant.store.path, clock)
        gateway = plant.identity.gateway
        self._desk = Desk(
            plant.identity,
            self._doors,
            self._allowed,
            {
                WRITE: self._writing,
                "resend": Resending(gateway, publishers, last_key),
                "context": Context(log, keep, clock),
                "ack": Acknowledging(alarms, keep, clock),
            },
            self._notary,
            clock,
            reply,
        )
        self.by_hand = ByHand(self._writing, self._notary, clock)
        self.entering = Entering(log, keep, self._notary, clock, lambda: self._lines)
        self.settle(plant)

    def settle(self, plant: Plant, changed: Collection[str] | None = None) -> None:
        """Take commands as this site allows them, from now on.

        Args:
            plant: the site.
            changed: assets whose bindings are in it; None: all are. The others are as they were.
        """
        self._doors.clear()
        self._allowed.clear()
        for name, settings in plant.publish.items():
            taken = settings.commands
            if taken is not None:
                keys = Keys(taken.key, taken.where, self._clock)
                self._doors[name] = Door(keys, taken.key is not None, taken.unsigned)
                self._allowed[name] = frozenset({*taken.allow, WRITE})
        self._lines = {asset.name: asset.line for asset in plant.assets if asset.kpi is not None}
        own = Target(OWN_LINE, plant.identity.gateway)
        self._desk.know({own, *(Target(asset.line, asset.name) for asset in plant.assets)})
        self._writing.know(plant.assets, changed)
        if self._doors and not self._notary.is_open:
            self._notary.open()

    def take(self, publisher: str, topic: str, payload: bytes, *, retained: bool) -> None:
        """Take one message from a command topic; never waits."""
        self._desk.take(publisher, topic, payload, retained=retained)

    async def run(self) -> None:
        """Carry out what comes, until cancelled."""
        await self._desk.run()
