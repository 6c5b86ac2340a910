"""The figures that follow from the truth, by code of their own: the gateway's are held against it.

Nothing is shared with the gateway's fold. This one looks at the finished story from above: cut the
time into stretches, add up, count what lies in them.

Conventions: a stop (fault, waiting, idle in one unbroken stretch) shorter than the micro-stop
threshold counts as running, judged on its whole known length; unknown time is in no bucket and out
of the denominator; a piece made in unknown time is `unplaced`; a shoe is half a pair and takes
half its ideal time, but a good pair is complete only when both its shoes are good; a rotary table
gives mounted / stations × pieces_per_index pieces a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, NamedTuple, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from simulators.truth import Event

Interval = tuple[int, int]
"""From, until: UTC ms, half-open."""
STOPS = {"fault", "waiting", "idle"}
BUCKETS = {"running": "run", "setup": "setup", "waiting": "delay", "fault": "delay", "idle": "idle"}


class Figures(TypedDict):
    """Figures of one machine in one window, named as in the contract; None: undefined."""

    time_s: dict[str, float]
    total: float
    good: float
    scrap: float
    unplaced: float
    coverage: float
    a: float | None
    p: float | None
    q: float | None
    oee: float | None


@dataclass(frozen=True, slots=True)
class Rule:
    """What a piece is and how long it should take.

    Attributes:
        ideal_cycle_s: per pair, or per step of a rotary table.
        stations: of a rotary table; None for machines that count shoes.
        pieces_per_index: of a fully mounted table.
        micro_stop_s: a shorter stop counts as running; None: none does.
    """

    ideal_cycle_s: float
    stations: int | None = None
    pieces_per_index: float = 1.0
    micro_stop_s: float | None = None


class _Stretch(NamedTuple):
    start: int
    end: int
    state: str


class _Piece(NamedTuple):
    """What came to be at a time: pieces, good and scrapped ones, and their ideal times in s."""

    t: int
    total: float
    good: float
    scrap: float
    ideal_s: float
    good_ideal_s: float


def truth_figures(
    events: Sequence[Event],
    on: str,
    window: Interval,
    rule: Rule,
    known: Sequence[Interval] | None = None,
) -> Figures:
    """Compute availability, performance, quality and OEE of a machine in a window.

    Args:
        events: the truth, in order of time.
        on: the machine.
        window: for which.
        rule: what is a piece.
        known: when somebody looked; None: all the time. Not only within the window: a stop that
            begins before it is judged whole.
    """
    start, end = window
    own = [event for event in events if event["on"] == on]
    told = [event for event in own if event["type"] in {"begin", "end"}]
    span = (own[0]["t"], told[-1]["t"] if len(told) > 1 else max(end, own[-1]["t"]))
    seen = list(_crossed([span], known)) if known is not None else [span]
    stretches = _judged(_stretches(own, span, seen), rule.micro_stop_s)
    spent_ms = dict.fromkeys(BUCKETS.values(), 0)
    for stretch in stretches:
        inside = min(stretch.end, end) - max(stretch.start, start)
        spent_ms[BUCKETS[stretch.state]] += max(inside, 0)
    known_ms = sum(spent_ms.values())
    spent_ms |= {"unknown": end - start - known_ms, "planned": end - start}
    known_s, run_s = known_ms / 1000, spent_ms["run"] / 1000
    made = [piece for piece in _pieces(own, rule) if start <= piece.t < end]
    placed = [piece for piece in made if any(a <= piece.t < b for a, b in seen)]
    total = sum(piece.total for piece in made)
    ideal_s = sum(piece.ideal_s for piece in placed)
    good_ideal_s = sum(piece.good_ideal_s for piece in placed)
    unplaced = total - sum(piece.total for piece in placed)
    ran = run_s > 0
    # Where all pieces are unplaced, speed and quality can't be told, unless nothing ran.
    blind = ran and bool(unplaced) and not ideal_s
    oee = good_ideal_s / known_s if ran else 0.0
    return {
        "time_s": {bucket: spent / 1000 for bucket, spent in spent_ms.items()},
        "total": total,
        "good": sum(piece.good for piece in made),
        "scrap": sum(piece.scrap for piece in made),
        "unplaced": unplaced,
        "coverage": known_ms / (end - start),
        "a": run_s / known_s if known_s else None,
        "p": ideal_s / run_s if ran and not blind else None,
        "q": good_ideal_s / ideal_s if ran and ideal_s else None,
        "oee": oee if known_s and not blind else None,
    }


def energy_kwh(events: Sequence[Event], on: str, window: Interval) -> float:
    """Return what a meter's register grew by in a window, spread evenly between its readings."""
    readings = [
        (event["t"], event["kwh"]) for event in events if event["on"] == on and "kwh" in event
    ]
    used = 0.0
    for (t0, from_kwh), (t1, to_kwh) in pairwise(readings):
        inside = min(t1, window[1]) - max(t0, window[0])
        if inside > 0:
            used += (to_kwh - from_kwh) * inside / (t1 - t0)
    return used


def as_read(events: Sequence[Event], on: str, at: int) -> list[Event]:
    """Move a machine's events to when a poller could first see them.

    A reading taken each second sees a change up to a second late. Held against this, a gateway's
    figures must agree to the last digit; against the truth itself only in the long run.

    Args:
        events: the truth of a scenario that logs reads.
        on: the machine.
        at: a register that every poll reads, and with it all others that matter.

    Returns:
        The machine's own events, each at the time of the first read after it; those that nobody
        read are left out.
    """
    own = [event for event in events if event["on"] == on]
    moved: list[Event] = []
    unread: list[Event] = []
    for event in own:
        if event["type"] == "read":
            if event["at"] <= at < event["at"] + event["n"]:
                moved += [{**waiting, "t": event["t"]} for waiting in unread]
                unread = []
        elif event["type"] == "end":
            moved.append(event)
        else:
            unread.append(event)
    return moved


def _stretches(own: Iterable[Event], span: Interval, seen: Sequence[Interval]) -> list[_Stretch]:
    """Cut the known time into stretches of one state."""
    changes = [(event["t"], event["state"]) for event in own if event["type"] == "state"]
    ends = [t for t, _ in changes[1:]] + [span[1]]
    return sorted(
        _Stretch(*piece, state)
        for (t, state), until in zip(changes, ends, strict=True)
        for piece in _crossed([(t, until)], seen)
    )


def _judged(stretches: Sequence[_Stretch], micro_stop_s: float | None) -> list[_Stretch]:
    """Turn stops that are shorter than the threshold into running."""
    judged: list[_Stretch] = []
    for stops, group in groupby(_numbered(stretches), key=lambda item: item[:2]):
        unbroken = [stretch for _, _, stretch in group]
        length_s = sum(stretch.end - stretch.start for stretch in unbroken) / 1000
        short = stops[1] and micro_stop_s is not None and length_s < micro_stop_s
        judged += [stretch._replace(state="running") if short else stretch for stretch in unbroken]
    return judged


def _numbered(stretches: Sequence[_Stretch]) -> Iterable[tuple[int, bool, _Stretch]]:
    """Number the stretches of known time, so that stops on either side of a gap stay apart."""
    number, before = 0, None
    for stretch in stretches:
        if before is not None and before != stretch.start:
            number += 1
        before = stretch.end
        yield number, stretch.state in STOPS, stretch


def _pieces(own: Iterable[Event], rule: Rule) -> Iterable[_Piece]:
    """Tell when pieces came to be, from table steps or from left and right shoes."""
    if rule.stations is None:
        return _of_shoes(own, rule.ideal_cycle_s / 2)
    return _of_indexes(own, rule.ideal_cycle_s, rule.pieces_per_index / rule.stations)


def _of_indexes(own: Iterable[Event], ideal_s: float, per_station: float) -> Iterable[_Piece]:
    pieces = 1.0
    for event in own:
        if event["type"] == "index":
            pieces = event["mounted"] * per_station
            yield _Piece(event["t"], pieces, pieces, 0, ideal_s, ideal_s)
        elif event["type"] == "reject":
            yield _Piece(event["t"], 0, -1, 1, 0, -ideal_s / pieces)


def _of_shoes(own: Iterable[Event], ideal_s: float) -> Iterable[_Piece]:
    good = {"left": 0, "right": 0}
    for event in own:
        if event["type"] not in {"shoe", "reject"}:
            continue
        pairs = min(good.values())
        if event["type"] == "shoe":
            good[event["side"]] += 1
            more = min(good.values()) - pairs
            yield _Piece(event["t"], 0.5, more, 0, ideal_s, ideal_s)
        else:
            good[event["side"]] -= 1
            more = min(good.values()) - pairs
            yield _Piece(event["t"], 0, more, 0.5, 0, -ideal_s)


def _crossed(ours: Iterable[Interval], theirs: Iterable[Interval]) -> Iterable[Interval]:
    """Return what lies in an interval of each."""
    for a, b in ours:
        for c, d in theirs:
            if max(a, c) < min(b, d):
                yield max(a, c), min(b, d)
