"""The settings that tell most of a recording's time right, and how much of it they do.

Each edge lies where least time is on the wrong side, the hysteresis takes half of the narrowest
gap, and the dwell is the shortest with which the least of the time is told wrong: the
levels are told by the very code that will tell them live (gateway/deriving/levels.py).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from gateway.derivation import Levels
from gateway.deriving.levels import LevelMeter
from gateway.learning.edges import Band, Edge, bands, clustered, edges, has_strokes
from gateway.learning.recording import GAP_MS
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.learning.recording import Recording

LEAST_SAMPLES = 300
LEAST_MS = 10 * 60_000
DWELLS_S = (2, 3, 5, 8, 10, 15, 20, 30)
MOST_OVERLAP = 0.15
"""Share of the time on the wrong side of an edge beyond which two levels are one."""
LEAST_RIGHT = 0.9
"""Share of each level's time, in the mean, that must be told right."""
SETTLED = 0.0005
"""Of the time: by less a longer dwell is no better."""


class NoProposal(Exception):  # noqa: N818 - reads as one
    """Nothing can be proposed, in words."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to write, and how good it is.

    Attributes:
        by_labels: whether levels are those that were noted, not those of the power's density.
        confusion: (level noted, level told) → ms.
        right: share of the time told right.
        joined: pairs of levels that could not be told apart and are one, with their overlap.
        strokes: whether power rises and falls within seconds, as in strokes of a press.
    """

    levels: Levels
    bands: tuple[Band, ...]
    edges: tuple[Edge, ...]
    by_labels: bool
    confusion: Mapping[tuple[str, str], int]
    right: float
    joined: tuple[tuple[str, str, float], ...]
    strokes: bool


def propose(recording: Recording, *, by_labels: bool) -> Proposal:
    """Find settings for a recording.

    Args:
        recording: of one machine.
        by_labels: take the levels that were noted; else those in which the power lies.

    Raises:
        NoProposal: too little was recorded, or the levels can't be told apart.
    """
    length_ms = sum(recording.weights())
    if len(recording.times) < LEAST_SAMPLES or length_ms < LEAST_MS:
        what = _("{count} samples over {minutes} min are too few: record at least {least} min")
        least = LEAST_MS // 60_000
        text = what.format(count=len(recording.times), minutes=length_ms // 60_000, least=least)
        raise NoProposal(text)
    truth = recording.labels if by_labels else clustered(recording)
    strokes = has_strokes(recording)
    if len(set(truth) - {""}) < 2:  # noqa: PLR2004 - a border has two sides
        raise NoProposal(_one_level(recording, strokes=strokes))
    truth, joined = _apart(recording, truth)
    of = bands(recording, truth)
    found = edges(recording, truth, of)
    best: tuple[float, Levels, Counter[tuple[str, str]]] | None = None
    apart_ms = sorted(recording.weights())[len(recording.times) // 2]
    for dwell_s in [dwell_s for dwell_s in DWELLS_S if dwell_s * 1000 >= apart_ms]:
        levels = _levels(of, found, dwell_s * 1000)
        confusion = _told(recording, truth, levels)
        wrong = sum(ms for (a, b), ms in confusion.items() if a != b) / confusion.total()
        if best is None or wrong < best[0] - SETTLED:
            best = wrong, levels, confusion
    if best is None:
        what = _("the samples are {seconds} s apart: record power at least each {least} s")
        raise NoProposal(what.format(seconds=apart_ms // 1000, least=DWELLS_S[-1]))
    wrong, levels, confusion = best
    balanced = _balanced(confusion)
    if balanced < LEAST_RIGHT:
        what = _("only {share} of each level's time would be told right: power does not tell them")
        raise NoProposal(what.format(share=f"{balanced:.0%}"))
    return Proposal(
        levels, tuple(of), tuple(found), by_labels, confusion, 1 - wrong, joined, strokes
    )


def _apart(
    recording: Recording, truth: Sequence[str]
) -> tuple[tuple[str, ...], tuple[tuple[str, str, float], ...]]:
    """Join levels that power can't tell apart.

    Raises:
        NoProposal: one of them is run, which is what figures are about.
    """
    joined: list[tuple[str, str, float]] = []
    while True:
        of = bands(recording, truth)
        found = edges(recording, truth, of)
        pairs = zip(of, found, strict=False)
        lower, edge = max(pairs, key=lambda pair: pair[1].overlap)
        if edge.overlap <= MOST_OVERLAP:
            return tuple(truth), tuple(joined)
        joined.append((lower.name, edge.name, edge.overlap))
        if edge.name == "run":
            what = _(
                "{low} and {high} can't be told apart: {share} lie on the wrong side of {edge} kW"
            )
            raise NoProposal(
                what.format(
                    low=lower.name,
                    high=edge.name,
                    share=f"{edge.overlap:.0%}",
                    edge=f"{edge.at:.3g}",
                )
            )
        truth = [lower.name if level == edge.name else level for level in truth]


def _levels(of: Sequence[Band], found: Sequence[Edge], dwell_ms: int) -> Levels:
    """Settings in kW, rounded to what a clamp meter resolves."""
    rooms = [
        min(edge.at - lower.high, upper.low - edge.at)
        for edge, (lower, upper) in zip(found, pairwise(of), strict=True)
    ]
    hysteresis = max(0.0, min(rooms))
    made = [(edge.name, _rounded(edge.at + hysteresis / 2)) for edge in found]
    if of[0].name != "off":
        made.insert(0, (of[0].name, _rounded(of[0].low / 2)))
        hysteresis = min(hysteresis, made[0][1] / 2)
    return Levels(tuple(made), _rounded(hysteresis), dwell_ms)


def _rounded(power: float) -> float:
    """Three digits that count."""
    return float(f"{power:.3g}")


def _told(recording: Recording, truth: Sequence[str], levels: Levels) -> Counter[tuple[str, str]]:
    """Time by the level that it was and the one that is told."""
    meter = LevelMeter(levels, GAP_MS)
    told: dict[int, str | None] = {}
    for t_ms, power in zip(recording.times, recording.powers, strict=True):
        told.update(meter.take(t_ms, power))
    found: Counter[tuple[str, str]] = Counter()
    for t_ms, weight, level in zip(recording.times, recording.weights(), truth, strict=True):
        if level and told.get(t_ms) is not None:
            found[level, str(told[t_ms])] += weight
    return found


def _balanced(confusion: Mapping[tuple[str, str], int]) -> float:
    """Share of a level's time that is told right, in the mean of all levels."""
    names = {level for level, _told_ in confusion}
    shares = [
        confusion.get((name, name), 0)
        / sum(ms for (level, _told_), ms in confusion.items() if level == name)
        for name in names
    ]
    return sum(shares) / len(shares)


def _one_level(recording: Recording, *, strokes: bool) -> str:
    if strokes:
        return _(
            "power rises and falls within seconds and stays nowhere: count its strokes instead"
            " (count_from: power), and let the count tell the state"
        )
    low, high = min(recording.powers), max(recording.powers)
    text = _(
        "the power, {low} to {high} kW, falls into no levels: record the machine off, idle and"
        " running"
    )
    return text.format(low=f"{low:.3g}", high=f"{high:.3g}")
