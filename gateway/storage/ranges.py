"""Ranges of keys, [lo, hi] with both ends in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Range = tuple[int, int]


def merge(ranges: Iterable[Range]) -> list[Range]:
    """Sort ranges and join those that touch or overlap."""
    merged: list[Range] = []
    for lo, hi in sorted(ranges):
        if merged and lo <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], hi))
        else:
            merged.append((lo, hi))
    return merged


def subtract(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """Return the parts of ranges that none of those taken covers."""
    left = list(ranges)
    for lo, hi in taken:
        rest: list[Range] = []
        for one, two in left:
            if hi < one or lo > two:
                rest.append((one, two))
                continue
            if one < lo:
                rest.append((one, lo - 1))
            if hi < two:
                rest.append((hi + 1, two))
        left = rest
    return left


def total(ranges: Iterable[Range]) -> int:
    """How many keys disjoint ranges hold."""
    return sum(hi - lo + 1 for lo, hi in ranges)
