"""Epochs of a register: what its raw count is multiplied by, noted where that becomes another.

A meter behind a current transformer counts the secondary side. Where the transformer is exchanged
and the site file follows, the register shows another number for the same energy: the difference
across the change is no energy, and what was used between the two readings isn't known. The log
keeps the scale beside the register, so a restart and a reload find the same epochs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.contract import event
from gateway.figures.media import METERED
from gateway.figures.reach import NEVER
from gateway.figures.usage import epoch_of
from gateway.model import Entry

if TYPE_CHECKING:
    from gateway.figures.journal import Journal
    from gateway.figures.track import PowerMeter, Track
    from gateway.kpi import KpiSpec
    from gateway.model import Asset, Draft, Value


class Epochs:
    """Looks at the registers of one asset.

    Args:
        asset: whose.
        spec: its scales.
        journal: its log in memory.
    """

    def __init__(self, asset: Asset, spec: KpiSpec, journal: Journal) -> None:
        self._asset = asset
        self._journal = journal
        scales = spec.metering.scales
        self._scales = {name: scale for name, scale in scales.items() if name in METERED}
        self._due = set(self._scales)

    def hold(self) -> None:
        """Wait: what is read until `begin` was still multiplied as before."""
        self._due.clear()

    def begin(self) -> None:
        """Whatever is read from now on is multiplied by the scales of now."""
        self._due = set(self._scales)

    def look(
        self, track: Track | PowerMeter, t_ms: int, value: Value
    ) -> tuple[list[Entry], list[Draft]]:
        """Take a reading before the track has it.

        Returns:
            The scale, where the log doesn't have it yet; an event where it was another one.
        """
        signal = track.signal
        if signal not in self._due or t_ms <= track.time:
            return [], []
        self._due.discard(signal)
        scale, noted = self._scales[signal], self._journal.numbers.get(epoch_of(signal))
        before = noted.values[-1] if noted else None
        if before == scale:
            return [], []
        entries = [Entry(t_ms, epoch_of(signal), scale)]
        if before is None:
            return entries, []
        track.due = NEVER  # both readings at the change are kept
        data = {"signal": signal, "change": "epoch", "before": track.value, "now": value}
        place = self._asset.line, self._asset.name
        return entries, [event("counter", *place, t_ms, {**data, "scale": [before, scale]})]
