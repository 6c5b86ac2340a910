"""In the running gateway: reads tags for whoever looks, or cuts a broker to prove the site.

A device is often in reach of one client only, and that is the running gateway.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol, TypeVar

import orjson

from gateway.errors import DriverError
from gateway.inspecting import inspect
from gateway.links import tell
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gateway.clock import Clock
    from gateway.driver import Driver
    from gateway.model import Device, Tag
    from gateway.plant import Plant
    from gateway.publishers.base import Publisher

T = TypeVar("T")
log = logging.getLogger("nxgate.prove")
PATIENCE_S = 30.0
"""For a turn on the link."""
LONGEST_S = 3600.0


class Devices(Protocol):
    """Whoever keeps the queues of links."""

    async def errand(
        self, device: str, act: Callable[[Driver], Awaitable[T]], deadline_ns: int
    ) -> T:
        """Do something on a device's link, between two polls."""


class Desk:
    """Answers what `nxgate read` and a proof ask of a running gateway.

    Args:
        plant: as it runs now.
        devices: where a reading takes its turn.
        publishers: by name, as they are now.
        clock: for deadlines.
    """

    def __init__(
        self,
        plant: Callable[[], Plant],
        devices: Devices,
        publishers: Callable[[], Mapping[str, Publisher]],
        clock: Clock,
    ) -> None:
        self._plant = plant
        self._devices = devices
        self._publishers = publishers
        self._clock = clock

    async def take(self, request: bytes, account: str) -> dict[str, object]:
        """Do what a request asks: `{read: device, tag, digest}` or `{cut: publisher, seconds}`.

        The empty tag is all of the device. The digest is the device's mark in the asker's plant:
        of a device that runs otherwise the values would mean something else.

        Args:
            request: JSON.
            account: who asks.

        Returns:
            `{time: UTC ms, rows: as inspect makes them}`, `{}` for a cut, or `{error: why not}`.
        """
        try:
            asked = orjson.loads(request)
            if "read" in asked:
                return await self._read(asked["read"], asked["tag"], asked["digest"])
            return self._cut(str(asked["cut"]), float(asked["seconds"]), account)
        except (ValueError, TypeError, KeyError) as error:
            return {"error": repr(error)}

    async def _read(self, device: str, name: str, digest: str) -> dict[str, object]:
        plant = self._plant()
        of = next((one for one in plant.devices if one.name == device), None)
        if of is None or plant.marks.devices.get(device) != digest:
            text = _(
                "{device}: the gateway that runs on this site's store has it otherwise than this "
                "site file says: nxgate reload first, or stop the gateway meanwhile"
            )
            return {"error": text.format(device=device)}
        tags = _tags(of, name)

        async def act(driver: Driver) -> dict[str, object]:
            batch, rows = await inspect(driver, tags)
            return {"time": batch.time_ns // 1_000_000, "rows": rows}

        deadline_ns = self._clock.mono_ns() + round(PATIENCE_S * 1e9)
        try:
            return await self._devices.errand(device, act, deadline_ns)
        except DriverError as error:
            return {"error": tell(error, of)}

    def _cut(self, name: str, seconds: float, account: str) -> dict[str, object]:
        publisher = self._publishers().get(name)
        if publisher is None or not 0 < seconds <= LONGEST_S:
            text = _("no publisher {name} can be cut for {seconds:g} s")
            return {"error": text.format(name=name, seconds=seconds)}
        text = _("{name}: {who} cuts it for {seconds:g} s, to prove that nothing is lost")
        log.warning(text.format(name=name, who=account, seconds=seconds))
        publisher.cut(seconds)
        return {}


def _tags(device: Device, name: str) -> tuple[Tag, ...]:
    tags = (tag for group in device.groups for tag in group.tags)
    return tuple(tag for tag in tags if name in {"", tag.name})
