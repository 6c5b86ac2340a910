"""What is installed beside the gateway: drivers and publishers, by their entry points.

Asked where a site file is resolved. The running gateway is told the places (`module:object`) and
imports them; it never searches.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.driver import Plugin

DRIVERS = "nxgate.drivers"
PUBLISHERS = "nxgate.publishers"


class Drivers(Mapping[str, "Plugin"]):
    """The drivers installed, by URL scheme; each is loaded when it is first asked for."""

    def __init__(self) -> None:
        self._points = {point.name: point for point in _points(DRIVERS)}

    def __getitem__(self, scheme: str) -> Plugin:
        """Load the driver of a scheme."""
        return cast("Plugin", self._points[scheme].load())

    def __iter__(self) -> Iterator[str]:
        """All schemes, without loading anything."""
        return iter(self._points)

    def __len__(self) -> int:
        """How many schemes are served."""
        return len(self._points)


def places(group: str) -> dict[str, str]:
    """Where each of a group is: its name → `module:object`."""
    return {point.name: point.value for point in _points(group)}


@cache
def _points(group: str) -> EntryPoints:
    """What is installed; looked for once, since each look opens a file of every package."""
    return entry_points(group=group)
