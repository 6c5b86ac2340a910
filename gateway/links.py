"""The links of a plant with a driver for each device on them, made and not yet opened."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from gateway.errors import ConnectionLost
from gateway.recognising import recognising
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.clock import Clock
    from gateway.driver import Driver, Link, Plugin
    from gateway.errors import DriverError
    from gateway.model import Device


def connect(
    devices: Iterable[Device],
    drivers: Mapping[str, str],
    clock: Clock,
    links: Mapping[str, Link] = MappingProxyType({}),
) -> list[tuple[Device, Link, Driver]]:
    """Make each link once and each device's driver on it; devices of one URL share a link.

    Nothing is opened yet.

    Args:
        devices: to be made drivers of.
        drivers: URL scheme → where its driver is.
        clock: both clocks.
        links: in use already, by URL.
    """
    links = dict(links)
    units: list[tuple[Device, Link, Driver]] = []
    for device in devices:
        plugin = cast("Plugin", fetch(drivers[device.link.partition("://")[0]]))
        link = links.get(device.link)
        if link is None:
            link = links[device.link] = plugin.link(device.link, clock)
        driver = plugin.driver(link, device, clock)
        tags = [tag for group in device.groups for tag in group.tags]
        units.append((device, link, recognising(driver, tags)))
    return units


def medium(link: Link) -> str:
    """What names the thing itself that a link goes over: several may share one line."""
    return getattr(link, "medium", link.url)


def fetch(place: str) -> object:
    """Import what stands at `module:object`."""
    module, _colon, name = place.partition(":")
    return getattr(import_module(module), name)


def tell(error: DriverError, device: Device) -> str:
    """Say what went wrong with a device; a link's own error doesn't know who is on it."""
    if not isinstance(error, ConnectionLost):
        return str(error)
    return _("{device}: {problem} Set in {where}.").format(
        device=device.name, problem=error, where=device.where
    )
