"""A recording: the power of one machine, and the states that somebody noted meanwhile.

It is a trace (gateway/tracing/): lines of signal `power`, in kW, and where there are labels, of
signal `state` or `level` from when on each holds.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from gateway.errors import ConfigError, Fault
from gateway.tracing.line import BadLine, read
from gateway.tracing.trace import lines
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.tracing.line import Line

LEVELS = ("off", "standby", "idle", "run")
LABELS = {
    **{level: level for level in LEVELS},
    "running": "run",
    "waiting": "idle",
    "fault": "idle",
    "setup": "idle",
    "offline": "off",
}
"""What is noted → the level that the machine was on. A machine that waits, is set up or has a
fault is on and makes nothing."""
UNJUDGED = frozenset({"planned_stop", "unknown"})
"""Says nothing of the power."""
GAP_MS = 60_000
"""Nothing is known between samples further apart."""
MOST_FAULTS = 20
NO_STATES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Recording:
    """Samples in order of time.

    Attributes:
        times: UTC ms.
        powers: kW.
        labels: the level noted at each sample; "" where none was.
        bad: lines of power that could not be read.
    """

    times: tuple[int, ...]
    powers: tuple[float, ...]
    labels: tuple[str, ...]
    bad: int = 0

    @property
    def has_labels(self) -> bool:
        """Whether at least two levels were noted."""
        return len({label for label in self.labels if label}) > 1

    def weights(self) -> list[int]:
        """How many ms each sample stands for: up to the next one, a gap counts nothing."""
        apart = [b - a for a, b in zip(self.times, self.times[1:], strict=False)]
        usual = sorted(apart)[len(apart) // 2] if apart else 0
        return [*(ms if ms <= GAP_MS else usual for ms in apart), usual]


def record_of(
    path: Path, asset: str, states: Mapping[str, str] = NO_STATES, *, noted: bool = True
) -> Recording:
    """Read the recording of one machine.

    Args:
        path: of the trace, plain or gzipped.
        asset: whose lines count; others are passed over.
        states: what the machine's own words and numbers for a state mean.
        noted: take the states that were noted; else they are passed over.

    Raises:
        ConfigError: with the lines that are wrong, or that there is no power of that machine.
    """
    powers: dict[int, float] = {}
    notes: dict[int, str] = {}
    faults: list[Fault] = []
    others: dict[str, None] = {}
    bad = 0
    for number, raw in lines(path):
        try:
            line = read(raw)
        except BadLine as wrong:
            where = str(path), number, wrong.column
            faults.append(Fault(*where, wrong.code, wrong.what, wrong.next))
            if len(faults) == MOST_FAULTS:
                break
            continue
        if line.asset != asset:
            others[line.asset] = None
        elif line.signal == "power":
            if isinstance(line.value, (int, float)):
                powers[line.t_ms] = float(line.value)
            else:
                bad += 1
        elif noted and line.signal in {"state", "level"} and line.value is not None:
            fault = _note(notes, line, states, path, number)
            faults += [fault] if fault else []
    if not powers and not faults:
        faults.append(_nothing(path, asset, others))
    if faults:
        raise ConfigError(faults)
    times = sorted(powers)
    since = sorted(notes)
    labels = tuple(
        notes[since[place - 1]] if (place := bisect_right(since, t_ms)) else "" for t_ms in times
    )
    return Recording(tuple(times), tuple(powers[t_ms] for t_ms in times), labels, bad)


def _note(
    notes: dict[int, str], line: Line, states: Mapping[str, str], path: Path, number: int
) -> Fault | None:
    """Take a label; a fault where it is no word that is known."""
    word = str(line.value)
    word = states.get(word, word)
    if word not in LABELS and word not in UNJUDGED:
        what = _("{word} is no label that is known").format(word=word)
        text = _("there are: {known}; or give --site with the machine's states, or --no-labels")
        next_ = text.format(known=", ".join((*LABELS, *sorted(UNJUDGED))))
        return Fault(str(path), number, 1, "unknown-word", what, next_)
    notes[line.t_ms] = LABELS.get(word, "")
    return None


def _nothing(path: Path, asset: str, others: dict[str, None]) -> Fault:
    what = _("no line tells the power of {asset}").format(asset=asset)
    next_ = _("record the signal power, in kW")
    if others:
        next_ = _("the recording tells of {known}").format(known=", ".join(others))
    return Fault(str(path), 0, 0, "no-power", what, next_)
