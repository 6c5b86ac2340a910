"""Tags read once, with the registers behind each value, as people are shown them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from gateway.model import Kind, Quality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.driver import Driver, Inspects, Reading
    from gateway.model import Batch, Tag, Value


async def inspect(
    driver: Driver, tags: Sequence[Tag], ranges: Mapping[str, tuple[float, float]]
) -> tuple[Batch, list[dict[str, object]]]:
    """Read tags of one device, whose link is open.

    Args:
        driver: the device's.
        tags: of the device.
        ranges: what is plausible, by tag.

    Returns:
        The batch, and each value as JSON can hold it, with raw registers and request.

    Raises:
        DriverError: the device doesn't answer.
    """
    inspector = cast("Inspects", driver)
    batch, readings = await inspector.inspect(driver.prepare(tuple(tags)))
    rows = [
        _row(batch, place, value, reading, ranges)
        for place, (value, reading) in enumerate(zip(batch.values, readings, strict=True))
    ]
    return batch, rows


def _row(
    batch: Batch,
    place: int,
    value: Value,
    reading: Reading,
    ranges: Mapping[str, tuple[float, float]],
) -> dict[str, object]:
    quality = Quality.GOOD if batch.quality is None else batch.quality[place]
    low, high = ranges.get(reading.tag.name, (-math.inf, math.inf))
    if isinstance(value, (int, float)) and not low <= value <= high:
        quality = max(quality, Quality.UNCERTAIN)
    if isinstance(value, float) and reading.tag.kind is Kind.F32:
        value = float(f"{value:.7g}")  # the digits that the device's number has
    return {
        "tag": reading.tag.name,
        "at": reading.tag.at,
        "request": reading.request,
        "raw": list(reading.raw),
        "raw_hex": " ".join(f"{part:0{reading.digits}X}" for part in reading.raw),
        "value": value,
        "unit": reading.tag.unit,
        "quality": quality.name.lower(),
        "round_trip_ms": round(reading.round_trip_s * 1000, 2),
        "error": reading.error,
        "where": reading.tag.where,
    }
