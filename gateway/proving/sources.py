"""Who reads a tag for a proof: the gateway that runs on the site, or nobody but ourselves."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from gateway import api
from gateway.clock import SystemClock
from gateway.difference import mark
from gateway.errors import DriverError
from gateway.inspecting import inspect
from gateway.links import connect, tell
from gateway.proving.proof import Reading, now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.driver import Driver, Link
    from gateway.model import Device, Tag
    from gateway.plant import Plant

ANSWER_S = 3.0
"""A gateway that runs answers within this."""


class Source(Protocol):
    """Reads one tag at a time."""

    async def read(self, tag: Tag) -> Reading:
        """Read a tag; what goes wrong is in the reading."""

    async def close(self) -> None:
        """Let go of every link."""


class Running:
    """The gateway that runs: it has the links, and polls on beside."""

    def __init__(self, plant: Plant) -> None:
        self._folder = plant.store.path
        self._digests = mark(plant).devices

    async def read(self, tag: Tag) -> Reading:
        """Read a tag."""
        digest = self._digests[tag.device]
        asked = {"read": tag.device, "tag": tag.name, "digest": digest}
        try:
            answer = await ask(self._folder, asked)
        except OSError as error:
            answer = {"error": error.strerror or str(error)}
        rows = answer.get("rows") if answer else None
        return _reading(rows[0] if rows else answer or {"error": "?"})

    async def close(self) -> None:
        """Nothing is held."""


class Direct:
    """The devices themselves, where no gateway runs: on an integrator's laptop, say."""

    def __init__(self, plant: Plant) -> None:
        units = connect(plant.devices, plant.drivers, SystemClock())
        self._units: dict[str, tuple[Device, Link, Driver]] = {unit[0].name: unit for unit in units}

    async def read(self, tag: Tag) -> Reading:
        """Read a tag; a link that broke while somebody looked for the display is opened again."""
        device, link, driver = self._units[tag.device]
        for is_last in (False, True):
            try:
                await link.open()
                _batch, rows = await inspect(driver, (tag,))
            except DriverError as error:
                await link.close()
                if is_last:
                    return _reading({"error": tell(error, device)})
            else:
                return _reading(rows[0])
        raise AssertionError

    async def close(self) -> None:
        """Close what was opened."""
        for _device, link, _driver in self._units.values():
            await link.close()


async def ask(folder: Path, asked: Mapping[str, object]) -> dict[str, Any] | None:
    """Have the running gateway's desk do something; None where it was stopped meanwhile.

    Raises:
        OSError: no gateway runs on this store.
    """
    return await api.request(folder, api.PROVE, orjson.dumps(asked))


async def is_running(folder: Path) -> bool:
    """Say whether a gateway runs on a store; on Windows none can."""
    return await snapshot(folder) is not None


async def snapshot(folder: Path) -> dict[str, Any] | None:
    """What a running gateway tells of itself; None where none runs."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows, where no gateway runs
        return None
    try:
        async with asyncio.timeout(ANSWER_S):
            async for told in api.follow(folder):
                return told
    except (OSError, TimeoutError, ValueError):
        return None
    return None


def _reading(row: dict[str, Any]) -> Reading:
    return Reading(
        time=now(),
        request=row.get("request", ""),
        raw=row.get("raw", []),
        raw_hex=row.get("raw_hex", ""),
        value=row.get("value"),
        quality=row.get("quality", "bad"),
        error=row.get("error", ""),
    )
