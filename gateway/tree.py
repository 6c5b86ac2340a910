"""What a device shows of itself where it shows a tree, such as a server of OPC UA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.driver import Link


@dataclass(frozen=True, slots=True)
class Branch:
    """A node of the tree that a device shows of itself.

    Attributes:
        at: its address as a site file writes it; one that outlasts a restart of the device.
        path: the way to it from the root, in the grammar of addresses; "" where none is known.
        name, title: as its maker calls it, and as people are to see it.
        sort: `object`, `variable` or `method`.
        made_of: names of the type that it is made of and of those that this one is a kind of,
            each with the URI of who defined it before a semicolon.
    """

    at: str
    path: str
    name: str
    title: str
    sort: str
    made_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detail:
    """What a variable holds.

    Attributes:
        type: as its maker calls it.
        kind: of the tag that it can be, "" where it can be none as a whole.
        element: of the tag that each element of an array can be.
        count: elements, where there are several.
        value: as people see it, or why there is none.
        raw: as it came, where it is one number or text.
        unit, description: as its maker gives them.
        words: what its numbers mean.
        is_writable: for whoever asks.
        is_good: that there is a value.
    """

    type: str
    kind: str
    element: str
    count: int
    value: str
    raw: str | int | float | None
    unit: str
    words: Mapping[int, str]
    description: str
    is_writable: bool
    is_good: bool


class Browser(Protocol):
    """Looks at the tree of a device; asks for many nodes at a time, in small requests."""

    async def begin(self, path: str) -> Branch:
        """The node that a path leads to; the root for "".

        Raises:
            GatewayError: there is none.
            DriverError: the device did not answer.
        """

    async def children(self, of: Sequence[Branch]) -> list[list[Branch]]:
        """What each of some nodes has below it, all of it."""

    async def details(self, of: Sequence[Branch]) -> list[Detail]:
        """What each of some variables holds, which `begin` or `children` gave."""


class Browses(Protocol):
    """A plugin whose devices show a tree of what they have."""

    def browser(self, link: Link, timeout_s: float) -> Browser:
        """Make what looks at a device on a link of the same plugin that is open."""
