"""Which segments must go: by size over all, by age in each family; oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.storage.facts import Facts, Family, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_AGE_CHECK_S = 3600.0


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
        self._age_due_s = float("-inf")
        self._chosen: set[Path] = set()

    def change(self, size_bytes: int, keep_s: Mapping[str, float]) -> None:
        """Choose by these from now on; from any thread."""
        self._size_bytes = size_bytes
        self._keep_s = {Family.TELEMETRY: keep_s["telemetry"], Family.REST: keep_s["kpi"]}

    def over(self, view: Sequence[Facts], now_ms: int, mono_s: float) -> list[Doomed]:
        """Choose sealed segments until the others are within the bounds: telemetry first.

        Age takes one segment of a family an hour at most: a clock that steps by years would
        else empty the store before anybody could set it right.

        Args:
            view: every segment, oldest first within its family.
            now_ms: UTC ms, to tell ages by.
            mono_s: the monotonic clock.
        """
        self._chosen &= {facts.path for facts in view}
        age_due = mono_s >= self._age_due_s
        if age_due:
            self._age_due_s = mono_s + _AGE_CHECK_S
        left = [facts for facts in view if facts.path not in self._chosen]
        over = sum(facts.bytes for facts in left) - self._size_bytes
        chosen: list[Doomed] = []
        for family in Family:
            aged = not age_due
            for facts in left:
                if facts.family is not family or facts.state is not State.SEALED:
                    continue
                if over > 0:
                    chosen.append(Doomed(facts, "size"))
                elif not aged and self._is_old(facts, now_ms):
                    chosen.append(Doomed(facts, "age"))
                    aged = True
                else:
                    break
                over -= facts.bytes
        self._chosen |= {doomed.facts.path for doomed in chosen}
        return chosen

    def _is_old(self, facts: Facts, now_ms: int) -> bool:
        return max(facts.t1, facts.log_t1) < now_ms - self._keep_s[facts.family] * 1000
