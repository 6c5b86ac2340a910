"""Figures of a window, worked out from a story by formulas written down a second time.

Running sums over the week are read off at both ends of a window. The formulas are those of
ISO 22400-2 as docs/kpi.md has them; where a figure has no basis it is None.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from simulators.week.shifts import Interval, Turn, rests, works
from simulators.week.story import UNKNOWN, Piece, Story, Stretch, Worth

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STOPS = frozenset({"fault", "waiting", "idle"})
WORDS = ("running", "setup", "fault", "waiting", "idle", UNKNOWN, "planned_stop", "rest")
SUMS = (
    "total",
    "good",
    "first",
    "rework",
    "startup",
    "cycle",
    "empty",
    "ideal",
    "ideal_good",
    "left",
    "right",
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What is true of a window.

    Attributes:
        time_s: as the contract names it.
        total, good, scrap, unplaced: pieces.
        a, p, q, oee: the four.
        coverage: known time over the window.
        kpi: others, by name.
        known_ms: planned time that is known, `run_ms` what was run of it; `ideal_ms` the ideal time
            of the pieces in it, `worth_ms` of the good ones.
    """

    time_s: dict[str, float]
    total: Fraction
    good: Fraction
    scrap: Fraction
    unplaced: Fraction
    a: Fraction | None
    p: Fraction | None
    q: Fraction | None
    oee: Fraction | None
    coverage: Fraction
    kpi: dict[str, Fraction | None]
    known_ms: int
    run_ms: int
    ideal_ms: Fraction
    worth_ms: Fraction


class Reckoning:
    """One machine's figures.

    Args:
        story: what happened.
        turns: the shifts of its line.
        micro_ms: an unbroken stop that is shorter counts as running.
    """

    def __init__(self, story: Story, turns: Sequence[Turn], micro_ms: int) -> None:
        judged = list(_judged(story.stretches, micro_ms))
        busy = works(list(turns))
        self._times = {word: _Lengths() for word in (*WORDS, "micro", "known")}
        for stretch, is_short in judged:
            word = stretch.word if stretch.word in WORDS else UNKNOWN
            for start, end in _common(busy, stretch.start, stretch.end):
                self._times["running" if is_short else word].add(start, end)
                if is_short:
                    self._times["micro"].add(start, end)
            if word != UNKNOWN:
                self._times["known"].add(stretch.start, stretch.end)
        for start, end in rests(list(turns)):
            self._times["rest"].add(start, end)
        self._failures = sorted(t for t in _failures(judged) if _is_in(busy, t))
        self._minor = sorted(s.start for s in _firsts(judged) if _is_in(busy, s.start))
        self._placed = _Sums(p for p in story.pieces if p.placed)
        self._lost = _Sums(p for p in story.pieces if not p.placed)
        self._pairs = any(p.worth.left or p.worth.right for p in story.pieces)

    def figures(self, window: Interval) -> Figures:
        """Figures of a window."""
        ms = {word: lengths.within(window) for word, lengths in self._times.items()}
        run, delay = ms["running"], ms["fault"] + ms["waiting"]
        known = run + ms["setup"] + delay + ms["idle"]
        planned = known + ms[UNKNOWN]
        placed, lost = self._placed.within(window), self._lost.within(window)
        total = placed["total"] + lost["total"]
        halves = total - placed["good"] - lost["good"]
        good = self._whole(window) if self._pairs else placed["good"] + lost["good"]
        worth = max(min(placed["ideal_good"], placed["ideal"]), Fraction(0))
        a = _over(run, known)
        p = q = oee = None
        if known and run and not (lost["total"] and not placed["total"]):
            p = placed["ideal"] / run
            q = worth / placed["ideal"] if placed["total"] else None
            oee = worth / known
        elif known and not run:
            oee = Fraction(0)
        return Figures(
            time_s={
                "planned": planned / 1000,
                "run": run / 1000,
                "setup": ms["setup"] / 1000,
                "delay": delay / 1000,
                "idle": ms["idle"] / 1000,
                "unknown": ms[UNKNOWN] / 1000,
                "planned_stop": (ms["planned_stop"] + ms["rest"]) / 1000,
            },
            total=total,
            good=max(good, Fraction(0)),
            scrap=max(halves, Fraction(0)),
            unplaced=lost["total"],
            a=a,
            p=p,
            q=q,
            oee=oee,
            coverage=Fraction(ms["known"], window[1] - window[0]),
            kpi=self._kpis(window, ms, placed, lost, oee),
            known_ms=known,
            run_ms=run,
            ideal_ms=placed["ideal"],
            worth_ms=worth,
        )

    def _kpis(
        self,
        window: Interval,
        ms: dict[str, int],
        placed: dict[str, Fraction],
        lost: dict[str, Fraction],
        oee: Fraction | None,
    ) -> dict[str, Fraction | None]:
        run, setup = ms["running"], ms["setup"]
        delay = ms["fault"] + ms["waiting"]
        busy = run + setup + delay
        known = busy + ms["idle"]
        planned, length = known + ms[UNKNOWN], window[1] - window[0]
        worth = max(min(placed["ideal_good"], placed["ideal"]), Fraction(0))
        failures = _between(self._failures, window)
        scrap = placed["total"] + lost["total"] - placed["good"] - lost["good"]
        total = placed["total"] + lost["total"]
        left = run - ms["micro"] - placed["cycle"]
        # How fast pieces were made that are all unplaced, nobody can tell.
        untold = max(left, Fraction(0)) if lost["total"] and not placed["total"] else Fraction(0)
        by_count = max(placed["ideal_good"] + lost["ideal_good"], Fraction(0))
        return {
            "nee": _over((run + setup) * worth, run * known) if oee is not None else None,
            "teep": None if oee is None else oee * planned / length,
            "setup_ratio": _over(setup, run + setup),
            "utilisation_efficiency": _over(run, busy),
            "technical_efficiency": _over(run, run + delay),
            "allocation_efficiency": _over(busy, known),
            "loading": _over(planned, length),
            "mtbf_s": _over(planned, failures * 1000),
            "mttr_s": _over(ms["fault"], failures * 1000),
            "mttf_s": _over(planned - ms["fault"], failures * 1000),
            "failures": Fraction(failures),
            "microstop_count": Fraction(_between(self._minor, window)),
            "microstop_time": Fraction(ms["micro"], 1000),
            "scrap_ratio": _over(max(scrap, Fraction(0)), total),
            "oee_by_count": _over(by_count, planned),
            "breakdown_loss_time": Fraction(ms["fault"], 1000),
            "waiting_loss_time": Fraction(ms["waiting"], 1000),
            "setup_loss_time": Fraction(setup, 1000),
            "idle_loss_time": Fraction(ms["idle"], 1000),
            "station_loss_time": placed["empty"] / 1000,
            "speed_loss_time": (left - untold) / 1000,
            "unplaced_time": untold / 1000,
        }

    def _whole(self, window: Interval) -> Fraction:
        """Pairs that became whole: the growth of the lesser of good left and good right."""
        pairs = []
        for t in window:
            placed, lost = self._placed.until(t), self._lost.until(t)
            pairs.append(min(placed["left"] + lost["left"], placed["right"] + lost["right"]))
        return pairs[1] - pairs[0]


class _Lengths:
    """How long something lasted before any time; stretches come in order."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._sums: list[int] = [0]

    def add(self, start: int, end: int) -> None:
        self._starts.append(start)
        self._ends.append(end)
        self._sums.append(self._sums[-1] + end - start)

    def within(self, window: Interval) -> int:
        return self._until(window[1]) - self._until(window[0])

    def _until(self, t: int) -> int:
        place = bisect_right(self._starts, t)
        over = 0 if place == 0 else max(self._ends[place - 1] - t, 0)
        return self._sums[place] - over


class _Sums:
    """Sums over pieces: how many of each sort there were, times what one is worth."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._times: dict[Worth, list[int]] = {}
        for piece in pieces:
            self._times.setdefault(piece.worth, []).append(piece.t)

    def until(self, t: int) -> dict[str, Fraction]:
        return self.within((0, t))

    def within(self, window: Interval) -> dict[str, Fraction]:
        sums = dict.fromkeys(SUMS, Fraction(0))
        for worth, times in self._times.items():
            number = _between(times, window)
            for name in SUMS if number else ():
                sums[name] += number * getattr(worth, name)
        return sums


def _judged(stretches: Iterable[Stretch], micro_ms: int) -> list[tuple[Stretch, bool]]:
    """Each stretch, and whether it is part of an unbroken stop that is too short to be one."""
    found: list[tuple[Stretch, bool]] = []
    unbroken: list[Stretch] = []

    def close() -> None:
        is_short = sum(s.end - s.start for s in unbroken) < micro_ms
        found.extend((s, is_short) for s in unbroken)
        unbroken.clear()

    for stretch in stretches:
        if stretch.word in STOPS:
            unbroken.append(stretch)
            continue
        close()
        found.append((stretch, False))
    close()
    return found


def _firsts(judged: Iterable[tuple[Stretch, bool]]) -> Iterable[Stretch]:
    """Where minor stops begin."""
    before = False
    for stretch, is_short in judged:
        if is_short and not before:
            yield stretch
        before = is_short


def _failures(judged: Iterable[tuple[Stretch, bool]]) -> Iterable[int]:
    """Where faults begin that are no minor stops; after unknown time the same one goes on.

    One that unknown time cuts begins with the first part that is long enough.
    """
    before = ""
    for stretch, is_short in judged:
        if stretch.word == UNKNOWN:
            continue
        if stretch.word == "fault" and before != "fault" and not is_short:
            yield stretch.start
        before = "" if is_short else stretch.word


def _common(busy: Sequence[Interval], start: int, end: int) -> Iterable[Interval]:
    place = max(bisect_right(busy, start, key=lambda one: one[0]) - 1, 0)
    for first, last in busy[place:]:
        if first >= end:
            return
        if last > start:
            yield max(first, start), min(last, end)


def _is_in(intervals: Sequence[Interval], t: int) -> bool:
    place = bisect_right(intervals, t, key=lambda one: one[0]) - 1
    return place >= 0 and t < intervals[place][1]


def _between(times: Sequence[int], window: Interval) -> int:
    return bisect_left(times, window[1]) - bisect_left(times, window[0])


def _over(part: Fraction | int, whole: Fraction | int) -> Fraction | None:
    return Fraction(part) / whole if whole else None
