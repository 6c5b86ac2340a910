"""Which records were made on which time: what is needed to correct them, also after a restart.

A span is a run of records whose times lie on one line: the same distance from the boot's own
clock. A later finding about that distance corrects them all alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_MS = 2000
"""A difference that isn't worth telling: the time in use is never nearer to the system's."""
MOST = 64
"""Spans kept; with more steps than that the oldest can't be corrected any more."""


@dataclass(frozen=True, slots=True)
class Span:
    """Records made on one time, up to the next span.

    Attributes:
        first: key of the first of them.
        offset_ms: their times minus time since boot.
        told_ms: by how much they are known to be wrong, as told; None: marked as uncertain, and
            nobody knows yet.
    """

    first: int
    offset_ms: int
    told_ms: int | None


@dataclass(frozen=True, slots=True)
class Finding:
    """How wrong the records with keys from `first` to `last` are; None: it can't be known."""

    boot: str
    first: int
    last: int
    offset_ms: int | None


class Spans:
    """The spans of one boot, oldest first."""

    def __init__(self, boot: str) -> None:
        self.boot = boot
        self._spans: list[Span] = []

    def first(self, next_key: int) -> int:
        """Key of the first record that could still be corrected."""
        return self._spans[0].first if self._spans else next_key

    def begin(self, next_key: int, offset_ms: int, *, marked: bool) -> list[Finding]:
        """Let what is made from now on be a span of its own; return what had to be given up."""
        self._spans = [span for span in self._spans if span.first < next_key]
        _append(self._spans, Span(next_key, offset_ms, None if marked else 0))
        if len(self._spans) <= MOST:
            return []
        oldest = self._spans.pop(0)
        if oldest.told_ms is not None:
            return []
        return [Finding(self.boot, oldest.first, self._spans[0].first - 1, None)]

    def settle(self, next_key: int, offset_ms: int) -> list[Finding]:
        """Say of each earlier span how wrong it is, now that the right offset is known.

        Args:
            next_key: of the record made next.
            offset_ms: the right one.
        """
        found: list[Finding] = []
        kept: list[Span] = []
        for span, end in self._with_ends(next_key):
            wrong_ms = offset_ms - span.offset_ms
            if span.told_ms is None or abs(wrong_ms - span.told_ms) > LEAST_MS:
                found.append(Finding(self.boot, span.first, end - 1, wrong_ms))
                span = replace(span, told_ms=wrong_ms)  # noqa: PLW2901 - the same, told
            _append(kept, span)
        self._spans = kept
        return [finding for finding in found if finding.last >= finding.first]

    def unknown(self, next_key: int) -> list[Finding]:
        """What will never be known of these spans, once their boot is over."""
        return [
            Finding(self.boot, span.first, end - 1, None)
            for span, end in self._with_ends(next_key)
            if span.told_ms is None and end > span.first
        ]

    def confirm(self, next_key: int, offset_ms: int) -> None:
        """Take all that was made so far for right: there is nothing left to correct in it."""
        self._spans = [Span(next_key, offset_ms, 0)]

    def spell(self) -> list[tuple[int, int, int | None]]:
        """As JSON can hold them."""
        return [(span.first, span.offset_ms, span.told_ms) for span in self._spans]

    def recall(self, spelled: list[tuple[int, int, int | None]]) -> None:
        """Take up what an earlier process left."""
        self._spans = [Span(*fields) for fields in spelled]

    def _with_ends(self, next_key: int) -> Iterator[tuple[Span, int]]:
        """Each span with the key that follows its last record."""
        ends = (span.first for span in self._spans[1:])
        return zip(self._spans, chain(ends, (next_key,)), strict=False)


def _append(spans: list[Span], span: Span) -> None:
    """Add a span, unless it only goes on with the last one."""
    if spans:
        last = spans[-1]
        is_same = (last.told_ms is None) == (span.told_ms is None)
        told_apart = abs((last.told_ms or 0) - (span.told_ms or 0))
        if is_same and max(told_apart, abs(last.offset_ms - span.offset_ms)) <= LEAST_MS:
            return
    spans.append(span)
