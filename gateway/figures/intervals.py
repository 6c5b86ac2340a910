"""Half-open intervals of integer ms, [start, end): the arithmetic of planned and known time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Interval = tuple[int, int]


def merge(intervals: Iterable[Interval]) -> list[Interval]:
    """Sort intervals and join those that touch or overlap; empty ones vanish."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def subtract(intervals: Sequence[Interval], holes: Sequence[Interval]) -> list[Interval]:
    """Take the holes out of the intervals; both as `merge` gives them."""
    left: list[Interval] = []
    for begin, end in intervals:
        start = begin
        for hole_start, hole_end in holes:
            if hole_end <= start or hole_start >= end:
                continue
            if hole_start > start:
                left.append((start, hole_start))
            start = hole_end
        if start < end:
            left.append((start, end))
    return left


def clip(intervals: Iterable[Interval], start: int, end: int) -> list[Interval]:
    """The parts that lie in [start, end)."""
    return [
        (max(first, start), min(last, end))
        for first, last in intervals
        if first < end and last > start
    ]


def overlap(intervals: Iterable[Interval], start: int, end: int) -> int:
    """Ms of [start, end) that disjoint intervals cover."""
    return sum(
        min(last, end) - max(first, start)
        for first, last in intervals
        if first < end and last > start
    )


def total(intervals: Iterable[Interval]) -> int:
    """Length of disjoint intervals, in ms."""
    return sum(end - start for start, end in intervals)
