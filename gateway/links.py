"""The drivers installed, and the links of a plant with a driver for each device on them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.clock import Clock
    from gateway.driver import Driver, Link, Plugin
    from gateway.model import Device
    from gateway.plant import Plant


class Drivers(Mapping[str, "Plugin"]):
    """The drivers installed, by URL scheme; each is loaded when it is first asked for."""

    def __init__(self) -> None:
        self._points = {point.name: point for point in entry_points(group="nxgate.drivers")}

    def __getitem__(self, scheme: str) -> Plugin:
        """Load the driver of a scheme."""
        return cast("Plugin", self._points[scheme].load())

    def __iter__(self) -> Iterator[str]:
        """All schemes, without loading anything."""
        return iter(self._points)

    def __len__(self) -> int:
        """How many schemes are served."""
        return len(self._points)


def connect(plant: Plant, clock: Clock) -> list[tuple[Device, Link, Driver]]:
    """Make each link once and each device's driver on it; devices of one URL share a link.

    Nothing is opened yet.
    """
    drivers = Drivers()
    links: dict[str, Link] = {}
    units: list[tuple[Device, Link, Driver]] = []
    for device in plant.devices:
        plugin = drivers[device.link.split("://", 1)[0]]
        link = links.get(device.link)
        if link is None:
            link = links[device.link] = plugin.link(device.link, clock)
        units.append((device, link, plugin.driver(link, device, clock)))
    return units
