"""The links of a plant and the drivers on them, made and not yet opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.templates import Drivers

if TYPE_CHECKING:
    from gateway.clock import Clock
    from gateway.driver import Driver, Link
    from gateway.model import Device
    from gateway.plant import Plant


def connect(plant: Plant, clock: Clock) -> list[tuple[Device, Link, Driver]]:
    """Make each link once and each device's driver on it; devices of one URL share a link."""
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
