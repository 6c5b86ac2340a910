"""Which node a tag is read from, once its address has been read: plain data that can travel."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from gateway.model import Tag

PATH = "/"
"""In `Node.sort`: the node is found by a browse path, not by its id."""

Space = str | int
"""A namespace: its URI, or its index where the site file writes one."""
Name = str | int | tuple[tuple[Space, str], ...]
"""An identifier (number, text, GUID or base64 as text), or the names along a browse path."""


class Node(NamedTuple):
    """A node of a server, whatever index its namespace has today.

    Attributes:
        space: of the identifier; 0 for a browse path, whose names have their own.
        sort: `i`, `s`, `g`, `b` as OPC 10000-6, 5.3.1.10 writes them, or `PATH`.
    """

    space: Space
    sort: str
    name: Name

    def __str__(self) -> str:
        """Spell it as a site file may write it."""
        if self.sort == PATH and isinstance(self.name, tuple):
            return "".join(
                f"/{_spelled(space)}{name.replace('&', '&&').replace('/', '&/')}"
                for space, name in self.name
            )
        return f"{_spelled(self.space, 'ns=')}{self.sort}={self.name}"


class Place(NamedTuple):
    """Where a tag's value is: a node, and the way into its value.

    Attributes:
        part: indices into arrays and names of fields, from the outside in; empty: all of it.
    """

    node: Node
    part: tuple[int | str, ...] = ()


def _spelled(space: Space, index: str = "") -> str:
    if isinstance(space, str):
        return f"nsu={space};"
    if index:
        return f"{index}{space};" if space else ""
    return f"{space}:"


def place_of(tag: Tag) -> Place:
    """The tag's address as this driver's grammar read it.

    Raises:
        TypeError: for a tag of another driver, which is the caller's mistake.
    """
    if not isinstance(tag.register, (tuple, list)) or len(tag.register) != 4:  # noqa: PLR2004 - as `address.parse` makes it
        raise TypeError(f"{tag.device}.{tag.name} is no OPC UA tag: {tag.register!r}")
    return _place(*map(_frozen, tag.register))


def _frozen(held: Any) -> Any:  # noqa: ANN401 - plain data
    """Lists, which is what tuples may have become on their way, as tuples again."""
    return tuple(map(_frozen, held)) if isinstance(held, (list, tuple)) else held


@lru_cache(16384)
def _place(space: Space, sort: str, name: Name, part: tuple[int | str, ...]) -> Place:
    return Place(Node(space, sort, name), part)
