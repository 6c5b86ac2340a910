"""What a machine does, from its power: off, standby, idle, run.

A level begins where power reaches its edge and ends where it falls below the edge by more than
the hysteresis. Either is believed once it lasted for the dwell, and then from when it was first
crossed, so an in-rush peak or a pause between two strokes is no other level, and a true one loses
none of its time. Each edge is judged for itself: power that leaps about above `idle` is at least
idle, however it leaps.

What can't be told yet is held back: readings come out in their order, each once, at the latest a
dwell after they were made. So whoever takes them sees no correction of an earlier one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.derivation import Levels

OFF = "off"

Told = tuple[int, str | None]
"""When, and which level; None: unknown."""


class Turn(NamedTuple):
    """An edge crossed for good: from when on, which of them, and whether upwards."""

    since: int
    edge: int
    is_on: bool


class LevelMeter:
    """Follows the power of one machine.

    Args:
        spec: its levels.
        fresh_ms: readings further apart leave an unknown time between them.
    """

    def __init__(self, spec: Levels, fresh_ms: int) -> None:
        self._names = (OFF, *(name for name, _edge in spec.edges))
        self._edges = [edge for _name, edge in spec.edges]
        self._spec = spec
        self._fresh_ms = fresh_ms
        self._is_on: list[bool] = []
        """Of each edge as far as it was told; empty where nothing is known."""
        self._turns: list[Turn] = []
        self._pending: list[int | None] = [None] * len(self._edges)
        self._held: list[int] = []
        self._last: int | None = None

    def take(self, t_ms: int, power: float | None) -> list[Told]:
        """Take a reading later than the last one, and tell what is certain by now.

        Args:
            t_ms: UTC ms.
            power: kW; None: could not be read.

        Returns:
            Readings of the level, in order of time.
        """
        told: list[Told] = []
        is_gap = self._last is not None and t_ms - self._last > self._fresh_ms
        if power is None or is_gap:
            told += self._give_up()
            if is_gap and self._last is not None and self._last + 1 < t_ms:
                told.append((self._last + 1, None))
        self._last = t_ms
        if power is None:
            return [*told, (t_ms, None)]
        if not self._is_on:
            self._is_on = [power >= edge for edge in self._edges]
            return [*told, (t_ms, self._level())]
        self._judge(t_ms, power)
        self._held.append(t_ms)
        return told + self._release()

    def known(self) -> list[object]:
        """What a later process must know, where it changed."""
        return [list(self._is_on), list(self._pending), [list(turn) for turn in self._turns]]

    def kept(self) -> list[object]:
        """The same and what changes all the time."""
        return [*self.known(), list(self._held), self._last]

    def recall(self, known: Sequence[object]) -> None:
        """Go on from what `known` or `kept` gave."""
        on, pending, turns, *rest = known
        if len(on) not in {0, len(self._edges)}:  # type: ignore[arg-type]
            return  # of other levels
        self._is_on = list(on)  # type: ignore[call-overload]
        self._pending = list(pending)  # type: ignore[call-overload]
        self._turns = [Turn(*turn) for turn in turns]  # type: ignore[attr-defined]
        if rest:
            self._held, self._last = list(rest[0]), rest[1]  # type: ignore[call-overload, assignment]
        else:
            # The readings held back are gone; these are where the level may have changed.
            moments = {turn.since for turn in self._turns}
            self._held = sorted(moments.union(filter(None, self._pending)))

    def move(self, since: int, delta: int) -> None:
        """Shift its times from one on: the clock was wrong by so much."""

        def there(t_ms: int) -> int:
            return t_ms + delta if t_ms >= since else t_ms

        self._pending = [None if t_ms is None else there(t_ms) for t_ms in self._pending]
        self._turns = [turn._replace(since=there(turn.since)) for turn in self._turns]
        self._held = [there(t_ms) for t_ms in self._held]
        self._last = None if self._last is None else there(self._last)

    def _judge(self, t_ms: int, power: float) -> None:
        """Hold a reading against each edge."""
        latest = list(self._is_on)
        for turn in self._turns:
            latest[turn.edge] = turn.is_on
        for place, edge in enumerate(self._edges):
            is_on = power >= (edge - self._spec.hysteresis if latest[place] else edge)
            if is_on == latest[place]:
                self._pending[place] = None
                continue
            since = self._pending[place]
            if since is None:
                since = self._pending[place] = t_ms
            if t_ms - since >= self._spec.dwell_ms:
                self._turns.append(Turn(since, place, is_on))
                self._pending[place] = None

    def _release(self) -> list[Told]:
        """Tell the readings before the first edge that may still turn out to be crossed."""
        undecided = min((t_ms for t_ms in self._pending if t_ms is not None), default=None)
        if undecided is not None and self._held[0] >= undecided:
            return []
        ready = [t_ms for t_ms in self._held if undecided is None or t_ms < undecided]
        self._held = self._held[len(ready) :]
        return self._told_at(ready)

    def _give_up(self) -> list[Told]:
        """Tell what was held back as far as it is certain, and begin anew."""
        ready, self._held = self._held, []
        told = self._told_at(ready)
        self._is_on, self._turns = [], []
        self._pending = [None] * len(self._edges)
        return told

    def _told_at(self, moments: Sequence[int]) -> list[Told]:
        told: list[Told] = []
        turns = sorted(self._turns)
        for t_ms in moments:
            while turns and turns[0].since <= t_ms:
                turn = turns.pop(0)
                self._is_on[turn.edge] = turn.is_on
            told.append((t_ms, self._level()))
        self._turns = turns
        return told

    def _level(self) -> str:
        """The highest level below which no edge is off."""
        count = next((n for n, is_on in enumerate(self._is_on) if not is_on), len(self._is_on))
        return self._names[count]
