"""Recordings of machines that never were: power with noise, peaks and drift, and the truth."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.kpi_traces import T0

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Recorded:
    """Samples at whole seconds after T0, and what the machine did at each."""

    powers: Sequence[float]
    truth: Sequence[str]

    def lines(self, *, labels: bool = False, late_s: int = 0) -> list[str]:
        """Lines of a trace; labels where they change, noted so many seconds late."""
        made: list[str] = []
        noted = ""
        for second, power in enumerate(self.powers):
            row = {"t": T0 + second * 1000, "asset": "press-1"}
            word = self.truth[max(0, second - late_s)]
            if labels and word != noted:
                made.append(json.dumps({**row, "signal": "state", "value": word}))
                noted = word
            made.append(json.dumps({**row, "signal": "power", "value": power}))
        return made

    def write(self, folder: Path, **how: bool | int) -> Path:
        path = folder / "recording.jsonl"
        path.write_text("\n".join(self.lines(**how)) + "\n", "utf-8")  # type: ignore[arg-type]
        return path


def recorded(
    kw: Mapping[str, float],
    *,
    hours: float = 2,
    noise: float = 0.05,
    peaks: float = 0.0,
    drift: float = 0.0,
    seed: int = 1,
) -> Recorded:
    """A machine that goes from level to level, each for one to ten minutes.

    Args:
        kw: level → its power.
        hours: how long.
        noise: of each sample, in parts of its power; and 0.01 kW whatever it is.
        peaks: in-rush of so many times the power for three seconds where a level rises.
        drift: of the clamp, in parts, over the whole time.
        seed: of the randomness.
    """
    dice = random.Random(seed)
    powers: list[float] = []
    truth: list[str] = []
    level = next(iter(kw))
    length = round(hours * 3600)
    while len(powers) < length:
        before, level = level, dice.choice([name for name in kw if name != level])
        for second in range(dice.randint(60, 600)):
            power = kw[level]
            if second < 3 and kw[level] > kw[before]:
                power *= 1 + peaks
            power *= 1 + drift * len(powers) / length
            powers.append(round(max(0.0, dice.gauss(power, power * noise + 0.01)), 3))
            truth.append(level)
    return Recorded(powers[:length], truth[:length])
