"""Tags read once, with the registers behind each value, as people are shown them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from gateway.model import Kind, Quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.driver import Driver, Inspects, Reading
    from gateway.model import Batch, Tag, Value
    from gateway.plant import Plant


async def inspect(driver: Driver, tags: Sequence[Tag]) -> tuple[Batch, list[dict[str, object]]]:
    """Read tags of one device, whose link is open.

    Args:
        driver: the device's.
        tags: of the device.

    Returns:
        The batch, and each value as JSON can hold it, with raw registers and request.

    Raises:
        DriverError: the device doesn't answer.
    """
    inspector = cast("Inspects", driver)
    batch, readings = await inspector.inspect(driver.prepare(tuple(tags)))
    rows = [
        _row(batch, place, value, reading)
        for place, (value, reading) in enumerate(zip(batch.values, readings, strict=True))
    ]
    return batch, rows


def judge(rows: Sequence[dict[str, object]], plant: Plant, device: str) -> None:
    """Call values outside what is plausible of their tags uncertain, as the running gateway does.

    Args:
        rows: as `inspect` makes them, of a device; changed in place.
        plant: with all its bindings.
        device: its name.
    """
    feeds = (feed for asset in plant.assets for feed in asset.feeds())
    bindings = {feed.tag.name: feed for feed in feeds if feed.tag.device == device}
    for row in rows:
        value, binding = row["value"], bindings.get(str(row["tag"]))
        if binding is None or not isinstance(value, (int, float)) or row["quality"] != "good":
            continue
        low = -math.inf if binding.low is None else binding.low
        high = math.inf if binding.high is None else binding.high
        if not low <= value <= high:
            row["quality"] = Quality.UNCERTAIN.name.lower()


def _row(
    batch: Batch,
    place: int,
    value: Value,
    reading: Reading,
) -> dict[str, object]:
    quality = Quality.GOOD if batch.quality is None else batch.quality[place]
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
