"""Where blocks of demand end: fixed ones by the clock on the wall, sliding ones step by step.

A block belongs to the window in which it ends, so the highest of a day is the highest of its
hours, and none falls between two windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.figures.windows import MINUTE_MS, local_day, local_ms

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from gateway.metering import MeterSpec

FIXED, SLIDING = "fixed", "sliding"


def block_ends(
    metering: MeterSpec, tz: ZoneInfo, start: int, end: int, *, is_sliding: bool
) -> dict[str, list[int]]:
    """The ends of blocks in (start, end], in UTC ms, by the kind of demand; sliding where asked."""
    midnight = local_ms(local_day(start, tz), 0, tz)
    steps = {FIXED: metering.block_min} | ({SLIDING: metering.step_min} if is_sliding else {})
    return {
        kind: list(range(_after(start, midnight, step * MINUTE_MS), end + 1, step * MINUTE_MS))
        for kind, step in steps.items()
    }


def _after(moment: int, origin: int, step: int) -> int:
    return moment - (moment - origin) % step + step
