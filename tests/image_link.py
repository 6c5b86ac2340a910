"""A link to devices that are register images: no wire, no time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import RequestRefused, RequestTimeout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivers.modbus.client import Answer
    from drivers.modbus.queries import Query
    from tests.register_images import Image

TABLES = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}


class ImageLink:
    """Answers reads from images, by unit; other functions are illegal.

    Args:
        is_mute: silent where others refuse.

    Attributes:
        asked: unit, function, address and count of each question.
    """

    url = "modbus+rtu:///dev/ttyS0"
    endpoint = "/dev/ttyS0"
    late = rejected = 0
    is_open = True

    def __init__(self, images: Mapping[int, Image], *, is_mute: bool = False) -> None:
        self.images = images
        self.is_mute = is_mute
        self.asked: list[tuple[int, int, int, int]] = []

    async def open(self) -> None:
        """Always open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def ask(self, query: Query, timeout_s: float) -> Answer:
        body = query.body
        unit, function = body[0], body[1]
        start, count = int.from_bytes(body[2:4]), int.from_bytes(body[4:6])
        self.asked.append((unit, function, start, count))
        image = self.images.get(unit)
        if image is None:
            raise RequestTimeout(f"no answer within {timeout_s} s")
        if function not in TABLES:
            raise RequestRefused("illegal function", 1)
        table = image.tables[TABLES[function]]
        wanted = range(start, start + count)
        if any(address not in table for address in wanted):
            if self.is_mute:
                raise RequestTimeout(f"no answer within {timeout_s} s")
            raise RequestRefused("illegal data address", 2)
        if function in {1, 2}:
            bits = sum(table[address] << place for place, address in enumerate(wanted))
            return bits.to_bytes((count + 7) // 8, "little"), 0, 0
        return b"".join(table[address].to_bytes(2) for address in wanted), 0, 0

    def cost(self, query: Query) -> tuple[int, int, float]:
        return len(query.body) + 2, query.size + 5, 0.01
