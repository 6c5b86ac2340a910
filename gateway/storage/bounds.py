"""Which segments must go: by size over all, by room on the disk, by age; oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.storage.facts import Facts, Family, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_AGE_CHECK_S = 3600.0
_ROOM_CHECK_S = 30.0
_LOG_MS = 3 * 86_400_000


@dataclass(frozen=True, slots=True)
class Doomed:
    """A segment over a bound, and which bound: size or age."""

    facts: Facts
    reason: str


class Bounds:
    """Chooses, each segment once.

    Args:
        size_bytes: bound over all segments.
        keep_s: seconds that records are kept, by `telemetry` and `kpi` (all the rest).
    """

    def __init__(self, size_bytes: int, keep_s: Mapping[str, float]) -> None:
        self.change(size_bytes, keep_s)
        self._age_due_s = self._room_due_s = float("-inf")
        self._grown = 0
        self._chosen: set[Path] = set()

    def change(self, size_bytes: int, keep_s: Mapping[str, float]) -> None:
        """Choose by these from now on; from any thread."""
        self.size_bytes = size_bytes
        self._keep_s = {Family.TELEMETRY: keep_s["telemetry"], Family.REST: keep_s["kpi"]}

    def over(
        self,
        view: Sequence[Facts],
        now_ms: int,
        mono_s: float,
        short: int = 0,
        *,
        urgent: bool = False,
    ) -> list[Doomed]:
        """Choose sealed segments until the others are within the bounds: telemetry first.

        Age takes one segment of a family an hour at most: a clock that steps by years would
        else empty the store before anybody could set it right. A disk without room costs what
        makes it up; again within half a minute only where the store itself grew meanwhile: what
        another program writes without an end would else eat the whole store at once.

        Args:
            view: every segment, oldest first within its family.
            now_ms: UTC ms, to tell ages by.
            mono_s: the monotonic clock.
            short: bytes that the disk lacks for commits to go on.
            urgent: a commit failed for lack of room; then the rest may go for it, too, but for
                the log that the figures of these days are folded from.
        """
        self._chosen &= {facts.path for facts in view}
        chosen = self._for_room(view, now_ms, mono_s, short, urgent=urgent)
        self._chosen |= {doomed.facts.path for doomed in chosen}
        chosen += self._for_bounds(view, now_ms, mono_s)
        self._chosen |= {doomed.facts.path for doomed in chosen}
        return chosen

    def _for_room(
        self, view: Sequence[Facts], now_ms: int, mono_s: float, short: int, *, urgent: bool
    ) -> list[Doomed]:
        total = sum(facts.bytes for facts in view if facts.path not in self._chosen)
        short -= sum(facts.bytes for facts in view if facts.path in self._chosen)
        chosen: list[Doomed] = []
        if mono_s < self._room_due_s and total < self._grown:
            return chosen
        for family in (Family.TELEMETRY, Family.REST) if urgent else (Family.TELEMETRY,):
            for facts in self._spare(view, family):
                if short <= 0 or facts.log_t1 > now_ms - _LOG_MS:
                    break
                chosen.append(Doomed(facts, "size"))
                short -= facts.bytes
                total -= facts.bytes
        if chosen:
            self._room_due_s = mono_s + _ROOM_CHECK_S
            self._grown = total + chosen[-1].facts.bytes // 2
        return chosen

    def _for_bounds(self, view: Sequence[Facts], now_ms: int, mono_s: float) -> list[Doomed]:
        age_due = mono_s >= self._age_due_s
        if age_due:
            self._age_due_s = mono_s + _AGE_CHECK_S
        over = sum(facts.bytes for facts in view if facts.path not in self._chosen)
        over -= self.size_bytes
        chosen: list[Doomed] = []
        for family in Family:
            aged = not age_due
            for facts in self._spare(view, family):
                if over > 0:
                    chosen.append(Doomed(facts, "size"))
                elif not aged and self._is_old(facts, now_ms):
                    chosen.append(Doomed(facts, "age"))
                    aged = True
                else:
                    break
                over -= facts.bytes
        return chosen

    def _spare(self, view: Sequence[Facts], family: Family) -> list[Facts]:
        """What may go, oldest first."""
        return [
            facts
            for facts in view
            if facts.family is family
            and facts.state is State.SEALED
            and facts.path not in self._chosen
        ]

    def _is_old(self, facts: Facts, now_ms: int) -> bool:
        return max(facts.t1, facts.log_t1) < now_ms - self._keep_s[facts.family] * 1000
