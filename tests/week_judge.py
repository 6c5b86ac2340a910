"""Holds what was told of a simulated week against the truth of it.

Twice: to the last digit against the story that the polls could tell, window by window; and for the
whole week against what really happened in known time, to a thousandth of OEE and a ten-thousandth
of energy.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from simulators.week.reckoning import Figures, Reckoning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from simulators.week.polling import Reading
    from simulators.week.run import Watched
    from simulators.week.shifts import Interval

EXACT = 1e-9
OEE_SHARE = 1e-3
"""Of a week; in a shorter time what polling loses at an outage or a reset weighs as much more."""
WEEK_DAYS = 7
ENERGY_SHARE = 1e-4
LAST_DIGIT = 0.01 + EXACT
"""kWh; what a meter shows is cut there, so no week's difference is known better."""


@dataclass
class Verdict:
    """What was found of one machine.

    Attributes:
        wrong: where figures differ, in words.
        windows: how many were held against the truth.
        oee: of the week, as told and as it was.
        kwh: of the week, as told and as it flowed.
    """

    asset: str
    wrong: list[str] = field(default_factory=list)
    windows: int = 0
    oee: tuple[float, float] | None = None
    kwh: tuple[float, float] | None = None


def judge(watched: Watched, told: Sequence[tuple[str, dict[str, Any]]]) -> Verdict:
    """Hold all that was told of a machine against its truth."""
    verdict = Verdict(watched.machine.name)
    oees = [body for cls, body in told if cls == "oee"]
    meters = [body for cls, body in told if cls == "energy/electricity"]
    if watched.seen is not None and watched.real is not None:
        micro_ms = watched.machine.micro_s * 1000
        seen = Reckoning(watched.seen, watched.turns, micro_ms)
        for body in oees:
            window = body["win"]["start"], body["win"]["end"]
            figures = seen.figures(window)
            verdict.windows += 1
            for what in differences(body, figures):
                verdict.wrong.append(f"{_name(body)}: {what}")
        real = Reckoning(watched.real, watched.turns, micro_ms)
        _judge_week(verdict, [b for b in oees if b["win"]["kind"] == "day"], real)
    meter = _Meter(watched)
    for body in meters:
        verdict.windows += 1
        window = body["win"]["start"], body["win"]["end"]
        if not _same(body["use"], meter.used(window)):
            verdict.wrong.append(f"{_name(body)}: use {body['use']}, not {meter.used(window)}")
    days = [body["use"] or 0 for body in meters if body["win"]["kind"] == "day"]
    verdict.kwh = sum(days), watched.used_kwh()
    if abs(verdict.kwh[0] - verdict.kwh[1]) > max(ENERGY_SHARE * verdict.kwh[1], LAST_DIGIT):
        verdict.wrong.append(f"the week's energy is {verdict.kwh[0]}, not {verdict.kwh[1]}")
    return verdict


def differences(body: dict[str, Any], figures: Figures) -> Iterator[str]:
    """Where a record says other than the truth."""
    count, times = body["count"], figures.time_s
    pieces = ("total", "good", "scrap", "unplaced")
    ratios = ("a", "p", "q", "oee", "coverage")
    pairs: list[tuple[str, float | None, float | Fraction | None]] = [
        *((f"time_s.{name}", body["time_s"][name], value) for name, value in times.items()),
        *((name, count[name], getattr(figures, name)) for name in pieces),
        *((name, body[name], getattr(figures, name)) for name in ratios),
        *(
            (name, body["kpi"][name], true)
            for name, true in figures.kpi.items()
            if name in body["kpi"]
        ),
    ]
    for name, value, true in pairs:
        if not _same(value, true):
            yield f"{name} is {value}, not {true if true is None else float(true)}"


def _judge_week(verdict: Verdict, days: Sequence[dict[str, Any]], real: Reckoning) -> None:
    """The whole week against what really happened in known time."""
    known = worth = 0.0
    for day in days:
        known_s = day["time_s"]["planned"] - day["time_s"]["unknown"]
        known += known_s
        worth += (day["oee"] or 0) * known_s
    figures = real.figures(
        (min(d["win"]["start"] for d in days), max(d["win"]["end"] for d in days))
    )
    verdict.oee = worth / known, float(figures.worth_ms / figures.known_ms)
    share = OEE_SHARE * WEEK_DAYS / len(days)
    if abs(verdict.oee[0] - verdict.oee[1]) > share * verdict.oee[1]:
        verdict.wrong.append(f"the week's oee is {verdict.oee[0]}, not {verdict.oee[1]}")


class _Meter:
    """A register read off: between two readings it rises evenly."""

    def __init__(self, watched: Watched) -> None:
        good = [r for r in watched.meter if r.value is not None]
        self._times = [r.t for r in good]
        self._sums = [Fraction(0)]
        wraps = watched.machine.moduli.get("energy", 0)
        for before, after in itertools.pairwise(good):
            grown = _hundredths(after) - _hundredths(before)
            if watched.swap is not None and before.t < watched.swap <= after.t:
                grown = _hundredths(after)
            elif grown < 0:
                grown += wraps
            self._sums.append(self._sums[-1] + Fraction(grown, 100))

    def used(self, window: Interval) -> Fraction:
        """The growth in a window."""
        return self._until(window[1]) - self._until(window[0])

    def _until(self, t: int) -> Fraction:
        place = bisect_right(self._times, t) - 1
        if place < 0:
            return Fraction(0)
        if place + 1 == len(self._times):
            return self._sums[-1]
        since, until = self._times[place], self._times[place + 1]
        grown = self._sums[place + 1] - self._sums[place]
        return self._sums[place] + grown * Fraction(t - since, until - since)


def _hundredths(reading: Reading) -> int:
    return round(float(reading.value or 0) * 100)


def _same(value: float | None, true: float | Fraction | None) -> bool:
    if value is None or true is None:
        return value is None and true is None
    return abs(value - float(true)) <= EXACT * max(1.0, abs(float(true)))


def _name(body: dict[str, Any]) -> str:
    win = body["win"]
    return f"{win['kind']} {win['start']}..{win['end']} rev {body['rev']}"
