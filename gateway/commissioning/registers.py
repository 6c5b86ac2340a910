"""Reading a run of registers of a device, those that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gateway.clock import SystemClock
from gateway.commissioning.links import holder
from gateway.commissioning.readings import Reading
from gateway.driver import AddressError
from gateway.errors import DriverError, GatewayError
from gateway.links import tell
from gateway.model import Device, Kind, Tag

if TYPE_CHECKING:
    from gateway.commissioning.links import Named
    from gateway.commissioning.readings import Region
    from gateway.driver import Inspects

_MOST_PASSES = 64
"""A device that refuses here and there is asked in ever smaller pieces, a few at each pass."""


async def read(
    about: Named, unit: int, region: Region, timeout_s: float, at_once: int | None
) -> Reading:
    """Read a region once.

    Args:
        about: the link, and the device of the site file where one was named.
        unit: where none was.
        region: of the device.
        timeout_s: how long an answer may take.
        at_once: registers in one request, where no device was named; None: all that fit.

    Raises:
        GatewayError: the device isn't there, or says no to all of it.
    """
    clock = SystemClock()
    options = {"unit": unit} | ({"max_read": at_once, "gap": 0} if at_once else {})
    device = about.device or Device(f"unit-{unit}", about.url, timeout_s, (), options)
    link = about.plugin.link(about.url, clock)
    driver = about.plugin.driver(link, device, clock)
    try:
        tags = tuple(_tag(about, device.name, f"{region.table}:{n}") for n in _addresses(region))
    except AddressError as error:  # its protocol has no registers
        raise GatewayError(str(error)) from error
    plan = driver.prepare(tags)
    words: dict[str, int] = {}
    refused: dict[str, str] = {}
    try:
        await link.open()
        for _turn in range(_MOST_PASSES):
            before = dict(plan.refused)
            batch, readings = await cast("Inspects", driver).inspect(plan)
            words |= {one.tag.at: one.raw[0] for one in readings if one.raw}
            refused = dict(plan.refused)
            if refused == before:
                break
    except DriverError as error:
        raise GatewayError(tell(error, device) + await holder(about)) from error
    finally:
        await link.close()
    if not words:
        raise GatewayError(next(iter(refused.values())))
    held = tuple(words.get(tag.at) for tag in tags)
    link_url = "" if about.device else about.url
    return Reading(region, held, batch.time_ns // 1_000_000, device.name, link_url, unit)


def _addresses(region: Region) -> range:
    return range(region.first, region.last + 1)


def _tag(about: Named, device: str, at: str) -> Tag:
    return Tag(device, at.replace(":", "_"), Kind.U16, at, about.plugin.address(at, ()).register)
