"""One poll's values as they come, in the order of the tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.opcua import status
from gateway.model import Batch, Quality

if TYPE_CHECKING:
    from drivers.opcua.columns import Columns
    from drivers.opcua.plan import Read, Seat
    from gateway.model import Tag, Value

GOOD = Quality.GOOD


class Row:
    """Values of a plan's tags; bad until they come.

    Attributes:
        refused: tag → why it is bad, where it is said.
        gone: nodes that the server says it hasn't, and how it says so.
    """

    def __init__(self, size: int) -> None:
        self.refused: dict[str, str] = {}
        self.gone: list[tuple[Seat, int]] = []
        self._values: list[Value] = [None] * size
        self._quality: list[Quality] | None = [Quality.BAD] * size
        self._sources = [0] * size
        self._servers = [0] * size

    def take(self, read: Read, held: Columns) -> None:
        """Put one answer's values where they belong."""
        values, quality, refused = read.shape.values(held)
        self.refused.update(refused)
        if held.statuses is not None:
            self.gone += [
                (seat, code)
                for seat, code in zip(read.seats, held.statuses, strict=True)
                if code in status.GONE
            ]
        if read.shape.is_straight and len(values) == len(self._values):
            self._values, self._quality = values, quality
            self._sources, self._servers = list(held.sources), list(held.servers)
            return
        marks = quality or (GOOD,) * len(values)
        own = self._quality or []
        for place, seat, value, mark in zip(
            read.places, read.shape.seats, values, marks, strict=True
        ):
            self._values[place] = value
            own[place] = mark
            self._sources[place] = held.sources[seat]
            self._servers[place] = held.servers[seat]

    def batch(self, device: str, tags: tuple[Tag, ...], time_ns: int, mono_ns: int) -> Batch:
        """All of it."""
        marks = self._quality
        return Batch(
            device,
            tags,
            tuple(self._values),
            tuple(marks) if marks and any(marks) else None,
            time_ns,
            mono_ns,
            tuple(self._sources),
            tuple(self._servers),
        )
