"""Devices that are lost and return, as `event/device`: at most one a minute for each.

What a device did in between is counted and told with the next one, so that a loose plug makes no
flood, and the newest state is always told in the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.health import DeviceHealth

LEAST_NS = 60_000_000_000


@dataclass(slots=True)
class _Told:
    """What was last told of a device, and what happened since."""

    is_lost: bool = False
    told_ns: int | None = None
    losses: int = 0
    was_lost: bool = False


class Comings:
    """Watches all devices; asked once a second."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}

    def look(
        self, devices: Mapping[str, DeviceHealth], mono_ns: int
    ) -> Iterator[dict[str, object]]:
        """Data of the events that are due.

        Args:
            devices: their counters, by name.
            mono_ns: the time it is.
        """
        for name in self._told.keys() - devices.keys():
            del self._told[name]
        for name, health in devices.items():
            told = self._told.setdefault(name, _Told())
            is_lost = bool(health.error)
            told.losses += is_lost and not told.was_lost
            told.was_lost = is_lost
            is_due = told.told_ns is None or mono_ns - told.told_ns >= LEAST_NS
            if is_lost is told.is_lost or not is_due:
                continue
            data: dict[str, object] = {
                "device": name,
                "state": "lost" if is_lost else "answering",
                "since": health.since_ms,
                "losses": told.losses,
            }
            if is_lost:
                data["error"] = health.error
            told.is_lost, told.told_ns, told.losses = is_lost, mono_ns, 0
            yield data
