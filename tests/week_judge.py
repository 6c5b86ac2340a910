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
COUNTS_LOST = 2
"""What an unreadable total beside an outage, and a reset, may cost: more than a thousandth where a
week has few counts, as of a furnace."""
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


class Judge:
    """Knows the truth of one machine."""

    def __init__(self, watched: Watched) -> None:
        self.machine = watched.machine
        self._watched = watched
        micro_ms = watched.machine.micro_s * 1000
        self._seen = self._real = None
        if watched.seen is not None and watched.real is not None:
            self._seen = Reckoning(watched.seen, watched.turns, micro_ms)
            self._real = Reckoning(watched.real, watched.turns, micro_ms)
        self._meter = _Meter(watched)

    def figures(self, window: Interval) -> Figures | None:
        """What could be seen of a window at best; None of what makes nothing."""
        return None if self._seen is None else self._seen.figures(window)

    def used(self, window: Interval) -> Fraction:
        """Energy of a window by its meter, kWh."""
        return self._meter.used(window)

    def verdict(self, told: Sequence[tuple[str, dict[str, Any]]]) -> Verdict:
        """Hold all that was told of the machine against its truth."""
        verdict = Verdict(self.machine.name, windows=len(told))
        oees = [body for cls, body in told if cls == "oee"]
        meters = [body for cls, body in told if cls == "energy/electricity"]
        for body in oees:
            figures = self.figures(_window(body))
            assert figures is not None, body
            verdict.wrong += [f"{_name(body)}: {what}" for what in differences(body, figures)]
        for body in meters:
            true = self.used(_window(body))
            if not _same(body["use"], true):
                verdict.wrong.append(f"{_name(body)}: use is {body['use']}, not {float(true)}")
        if self._real is not None:
            codes = ("", *self.machine.products)
            slowest = max(self.machine.cycle_ms(code) for code in codes)
            days = [body for body in oees if body["win"]["kind"] == "day"]
            _judge_week(verdict, days, self._real, slowest)
        used = [body["use"] or 0 for body in meters if body["win"]["kind"] == "day"]
        verdict.kwh = sum(used), self._watched.used_kwh()
        digits = LAST_DIGIT * (1 if self._watched.swap is None else 2)
        if abs(verdict.kwh[0] - verdict.kwh[1]) > max(ENERGY_SHARE * verdict.kwh[1], digits):
            verdict.wrong.append(f"the week's energy is {verdict.kwh[0]}, not {verdict.kwh[1]}")
        return verdict


def judge_rollup(
    name: str, judges: Sequence[Judge], told: Sequence[tuple[str, dict[str, Any]]]
) -> Verdict:
    """Hold the figures of a line or a site against the sums of its machines' truths."""
    verdict = Verdict(name, windows=len(told))
    for cls, body in told:
        window = _window(body)
        true: dict[str, Fraction | float | None] = {}
        if cls == "energy/electricity":
            true["use"] = sum((judge.used(window) for judge in judges), Fraction(0))
        elif cls == "oee":
            parts = [judge.figures(window) for judge in judges]
            true = _summed([p for p in parts if p is not None and p.time_s["planned"]])
        for key, value in true.items():
            first, _, second = key.partition(".")
            said = body[first][second] if second else body[first]
            if not _same(said, value):
                verdict.wrong.append(
                    f"{_name(body)}: {key} is {said}, not {None if value is None else float(value)}"
                )
    return verdict


def _summed(parts: Sequence[Figures]) -> dict[str, Fraction | float | None]:
    """Ratios of sums, never means of ratios."""
    known, run = sum(p.known_ms for p in parts), sum(p.run_ms for p in parts)
    ideal = sum((p.ideal_ms for p in parts), Fraction(0))
    worth = sum((p.worth_ms for p in parts), Fraction(0))
    true: dict[str, Fraction | float | None] = {
        f"time_s.{name}": sum(p.time_s[name] for p in parts)
        for name in ("planned", "run", "setup", "delay", "idle", "unknown", "planned_stop")
    }
    true["a"] = Fraction(run, known) if known else None
    if ideal:
        true["p"] = ideal / run if run else None
        true["q"] = worth / ideal if run else None
        true["oee"] = worth / known if run else Fraction(0)
    return true


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


def _judge_week(
    verdict: Verdict, days: Sequence[dict[str, Any]], real: Reckoning, slowest: Fraction
) -> None:
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
    few = float(COUNTS_LOST * slowest / figures.known_ms)
    if abs(verdict.oee[0] - verdict.oee[1]) > max(share * verdict.oee[1], few):
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


def _window(body: dict[str, Any]) -> Interval:
    return body["win"]["start"], body["win"]["end"]


def _name(body: dict[str, Any]) -> str:
    win = body["win"]
    return f"{win['kind']} {win['start']}..{win['end']} rev {body['rev']}"
