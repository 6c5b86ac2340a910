"""In the running gateway: reads a tag, or cuts a broker, for whoever proves the site.

A device is often in reach of one client only, and that is the running gateway.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol, TypeVar

import orjson

from gateway.errors import DriverError
from gateway.inspecting import inspect
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gateway.clock import Clock
    from gateway.driver import Driver
    from gateway.model import Tag
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
    """Answers what a proof asks of a running gateway.

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
        """Do what a request asks: `{read: device, tag}` or `{cut: publisher, seconds}`.

        Args:
            request: JSON.
            account: who asks.

        Returns:
            A row as `inspect` makes it, `{}` for a cut, or `{error: why not}`.
        """
        try:
            asked = orjson.loads(request)
            if "read" in asked:
                return await self._read(str(asked["read"]), str(asked["tag"]))
            return self._cut(str(asked["cut"]), float(asked["seconds"]), account)
        except (ValueError, TypeError, KeyError) as error:
            return {"error": repr(error)}
        except DriverError as error:
            return {"error": str(error)}

    async def _read(self, device: str, name: str) -> dict[str, object]:
        tag = self._tag(device, name)
        if tag is None:
            text = _("{tag} is not read by the gateway that runs: reload its site file first")
            return {"error": text.format(tag=f"{device}.{name}")}

        async def act(driver: Driver) -> dict[str, object]:
            batch, rows = await inspect(driver, (tag,), {})
            return {**rows[0], "time": batch.time_ns // 1_000_000}

        deadline_ns = self._clock.mono_ns() + round(PATIENCE_S * 1e9)
        return await self._devices.errand(device, act, deadline_ns)

    def _tag(self, device: str, name: str) -> Tag | None:
        devices = (one for one in self._plant().devices if one.name == device)
        tags = (tag for one in devices for group in one.groups for tag in group.tags)
        return next((tag for tag in tags if tag.name == name), None)

    def _cut(self, name: str, seconds: float, account: str) -> dict[str, object]:
        publisher = self._publishers().get(name)
        if publisher is None or not 0 < seconds <= LONGEST_S:
            text = _("no publisher {name} can be cut for {seconds:g} s")
            return {"error": text.format(name=name, seconds=seconds)}
        text = _("{name}: {who} cuts it for {seconds:g} s, to prove that nothing is lost")
        log.warning(text.format(name=name, who=account, seconds=seconds))
        publisher.cut(seconds)
        return {}
