"""The link that a command is about: a URL, or a device of a site file."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from gateway import api
from gateway.errors import ConfigError, Fault, GatewayError
from gateway.links import fetch
from gateway.resolution.device import areas_of
from gateway.resolution.device_template import load_template
from gateway.resolution.installed import DRIVERS, places
from gateway.sitefile.area import AreaConfig
from gateway.sitefile.document import examine, instead
from gateway.templates import load
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.driver import Plugin
    from gateway.model import Device
    from gateway.plant import Plant

_ANSWER_S = 3.0
"""A gateway that runs answers within this."""


@dataclass(frozen=True, slots=True)
class Named:
    """What the command line names.

    Attributes:
        url: of the link.
        device: of the site file; None where a URL was given.
        plant: the site; None where a URL was given.
        folder: of the site file; None where a URL was given.
        areas: of the device, as a PLC names its registers.
    """

    url: str
    plugin: Plugin
    device: Device | None = None
    plant: Plant | None = None
    taken: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    folder: Path | None = None
    areas: Sequence[Mapping[str, object]] = ()


def named(words: Sequence[str], usage: str) -> Named:
    """Read LINK, or SITE and DEVICE.

    Raises:
        ConfigError: the site file has faults, or no such device.
        GatewayError: no driver serves the link, or its URL is wrong.
    """
    if len(words) == 1 and "://" in words[0]:
        return Named(words[0], plugin_of(words[0]))
    if len(words) != len(("site", "device")):
        raise GatewayError(usage)
    path = Path(words[0])
    plant = load(path)
    device = device_of(plant, words[0], words[1])
    taken = {one.name: (one.link, _unit(one)) for one in plant.devices}
    return Named(
        device.link,
        plugin_of(device.link),
        device,
        plant,
        taken,
        path.parent,
        _areas(path, words[1]),
    )


async def holder(about: Named) -> str:
    """What to do about a gateway that runs on the site and so holds the link; "" where none runs.

    Words to follow those of an error.
    """
    if about.plant is None or not hasattr(asyncio, "open_unix_connection"):
        return ""
    try:
        async with asyncio.timeout(_ANSWER_S):
            async for _told in api.follow(about.plant.store.path):
                return " " + _(
                    "A gateway runs on this site and holds the link: stop it meanwhile; nxgate "
                    "read and nxgate prove go through it."
                )
    except (OSError, TimeoutError, ValueError):
        pass
    return ""


def _areas(site: Path, name: str) -> Sequence[Mapping[str, object]]:
    """A device's areas, of its template and of a site file that has no faults."""
    document, _faults = examine(site)
    device = document.get(("devices", name)) if document else None
    assert isinstance(device, dict)  # noqa: S101 - the site was loaded
    stated = [AreaConfig.model_validate(one) for one in device.get("areas", ())]
    template, _faults = load_template(str(device.get("template", "")), site.parent)
    return areas_of(stated, template.model.areas if template else ())


def device_of(plant: Plant, site: str, name: str) -> Device:
    """A device of a site.

    Raises:
        ConfigError: it has none of this name.
    """
    devices = {device.name: device for device in plant.devices}
    if name in devices:
        return devices[name]
    what = _("no {kind} {name}").format(kind=_("device"), name=name)
    raise ConfigError([Fault(site, 0, 0, "unknown-name", what, instead(name, devices))])


def plugin_of(url: str) -> Plugin:
    """The driver of a link.

    Raises:
        GatewayError: there is none, or it can't read the URL.
    """
    drivers = places(DRIVERS)
    scheme = url.partition("://")[0]
    if scheme not in drivers:
        text = _("no driver serves {scheme}: there are {known}")
        raise GatewayError(text.format(scheme=scheme, known=", ".join(sorted(drivers))))
    plugin = cast("Plugin", fetch(drivers[scheme]))
    try:
        plugin.check_link(url)
    except ValueError as error:
        raise GatewayError(str(error)) from error
    return plugin


def _unit(device: Device) -> int:
    unit = device.options.get("unit")
    return unit if isinstance(unit, int) else 1
