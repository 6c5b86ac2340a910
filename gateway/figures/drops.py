"""Counters and registers that fell, told as `event/counter` with what that was taken for.

Figures follow from the log, not from these events; they are for who asks why a count grew although
the register shows less: it wrapped, it was reset (a meter exchanged, a shift's total set to zero),
or the reading wasn't believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.contract import event
from gateway.figures.media import MEDIUM_OF
from gateway.figures.oee import limits_of
from gateway.figures.pieces import COUNTERS
from gateway.figures.usage import register_limits
from gateway.figures.windows import MINUTE_MS

if TYPE_CHECKING:
    from gateway.figures.track import PowerMeter, Track
    from gateway.kpi import KpiSpec
    from gateway.model import Asset, Draft, Value

LEAST_MS = 10 * MINUTE_MS
"""Between two events of one signal; a register that flickers is counted meanwhile."""


class Drops:
    """Looks at the readings of one asset that are lower than the ones before.

    Args:
        asset: whose.
        spec: its limits, by which figures are computed too.
    """

    def __init__(self, asset: Asset, spec: KpiSpec) -> None:
        self._asset = asset
        self._limits = {
            signal: register_limits(spec, MEDIUM_OF[signal])
            if signal in MEDIUM_OF
            else limits_of(signal, spec)
            for signal in spec.signals
            if signal in MEDIUM_OF or signal in COUNTERS
        }
        self._told: dict[str, tuple[int, int]] = {}

    def look(self, track: Track | PowerMeter, t_ms: int, value: Value) -> list[Draft]:
        """Take a reading before the track has it; an event where it is a fall and one is due."""
        limits, before = self._limits.get(track.signal), track.value
        if limits is None or t_ms <= track.time or isinstance(value, str):
            return []
        if value is None or before is None or isinstance(before, str) or value >= before:
            return []
        told_ms, count = self._told.get(track.signal, (t_ms - LEAST_MS, 0))
        if abs(t_ms - told_ms) < LEAST_MS:
            self._told[track.signal] = told_ms, count + 1
            return []
        self._told[track.signal] = t_ms, 0
        change = limits.step(before, value, t_ms - track.time)[1]
        data = {
            "signal": track.signal,
            "change": str(change),
            "before": before,
            "now": value,
            "falls": count + 1,
        }
        return [event("counter", self._asset.line, self._asset.name, t_ms, data)]
