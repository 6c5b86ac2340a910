"""One asset's deriver: readings in; the same readings and what follows from them out.

Live and in a replay it stands before the ledger. It has no clock and keeps no file: what it must
know after a restart goes into the asset's log as one more signal, `MEMORY`.

A signal that is computed from several takes the last value of those that didn't come just now. It
waits for their first; one that then stays away for longer than it is fresh, or can't be read, has
no value, and what depends on it has none. A reading that comes late gives only what follows from
it alone, at its time: expressions and states whose signals all came with it. Levels and counts
are made in order of time and take no late readings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import orjson

from gateway.derivation import MEMORY
from gateway.deriving.cycles import Cycles
from gateway.deriving.expression import Expression, truth
from gateway.deriving.levels import LevelMeter
from gateway.deriving.states import Counting, of_bits, of_packml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gateway.derivation import Derivation
    from gateway.model import Value

    Readings = list[tuple[int, dict[str, Value]]]

POWER, PULSE, LEVEL, STATE, COUNT = "power", "pulse", "level", "state", "count"
NEVER = -(1 << 62)
_RULES = {"bits": of_bits, "packml": of_packml}
"""States that follow from one moment's values."""


class Machine(Protocol):
    """A part that remembers more than the last values."""

    def known(self) -> list[object]:
        """What a later process must know; changes rarely."""

    def kept(self) -> list[object]:
        """All that it knows."""

    def recall(self, known: Sequence[Any]) -> None:
        """Go on from what one of the two gave."""

    def move(self, since: int, delta: int) -> None:
        """Shift its times from one on."""


class Deriver:
    """Derives the signals of one asset.

    Args:
        spec: what is derived.
        memory: the newest value of `MEMORY` in the asset's log; "" where there is none.

    Attributes:
        spec: as given.
        needs: signals from which others follow.
    """

    def __init__(self, spec: Derivation, memory: str = "") -> None:
        self.spec = spec
        self._formulas = [(name, Expression(text)) for name, text in spec.formulas.items()]
        self._kinds = {signal.signal: signal.value for signal in spec.signals}
        self.needs = _needed(spec, self._formulas)
        self._values: dict[str, Value] = {}
        self._times: dict[str, int] = {}
        self._first = self._now = NEVER
        self._machines: dict[str, Machine] = {}
        rule = spec.state
        if spec.levels is not None:
            self._meter = LevelMeter(spec.levels, self._fresh_ms(POWER))
            self._machines["level"] = self._meter
        if spec.count is not None:
            self._counted = POWER if spec.count.by == POWER else PULSE
            self._cycles = Cycles(spec.count)
            self._machines["count"] = self._cycles
        if rule is not None and rule.by == "count":
            self._counting = Counting(rule.within_ms, self._fresh_ms(COUNT))
            self._machines["state"] = self._counting
        if memory:
            self._recall(orjson.loads(memory))
        self._known = self._knowledge()
        self._memory = orjson.dumps(self._known).decode()

    def take(self, t_ms: int, values: Mapping[str, Value]) -> Readings:
        """Take what was read at one time.

        Args:
            t_ms: UTC ms of acquisition.
            values: by signal; None: could not be read.

        Returns:
            Readings in order of time: the given one with what follows from it, and before it
            those whose meaning is clear only now.
        """
        came = set(self.needs & values.keys())
        if not came:
            return [(t_ms, dict(values))]
        if any(t_ms < self._times.get(name, NEVER) for name in came):
            return [(t_ms, {**values, **self._alone(values)})]
        now = self._now = max(t_ms, self._now)
        self._first = now if self._first == NEVER else self._first
        for name in came:
            self._put(name, t_ms, values[name])
        readings: dict[int, dict[str, Value]] = {}
        for at, signal, value in self._derived(now, came):
            readings.setdefault(at, {})[signal] = value
        if self._machines:
            readings.setdefault(now, {})[MEMORY] = self._remember()
        readings[t_ms] = {**values, **readings.get(t_ms, {})}
        return sorted(readings.items())

    def rest(self) -> Readings:
        """Before a stop: all that it knows, as a reading for the log."""
        if self._now == NEVER:
            return []
        whole: dict[str, object] = {name: part.kept() for name, part in self._machines.items()}
        whole["inputs"] = {name: [self._times[name], value] for name, value in self._values.items()}
        whole["first"] = self._first
        return [(self._now, {MEMORY: orjson.dumps(whole).decode()})]

    def move(self, since: int, delta: int) -> None:
        """Shift the times that it keeps from one on: the clock was wrong by so much."""
        for part in self._machines.values():
            part.move(since, delta)
        for name, t_ms in self._times.items():
            self._times[name] = t_ms + delta if t_ms >= since else t_ms
        self._now = max(self._times.values(), default=NEVER)
        self._first = min(self._first, self._now)

    def _derived(self, now: int, came: set[str]) -> Iterator[tuple[int, str, Value]]:
        """What follows from signals that came: when, which, and its value."""
        for signal, expression in self._formulas:
            found = None if came.isdisjoint(expression.names) else self._at(expression.names, now)
            if found is not None:
                value = _fitted(expression.evaluate(found), self._kinds[signal])
                yield now, signal, self._made(signal, now, value, came)
        if self.spec.count is not None and self._counted in came:
            total = self._cycles.take(now, self._values[self._counted])
            yield now, COUNT, self._made(COUNT, now, total, came)
        by = "" if self.spec.state is None else self.spec.state.by
        if self.spec.levels is not None and POWER in came:
            for at, level in self._meter.take(now, _number(self._values[POWER])):
                yield at, LEVEL, level
                if by == LEVEL:
                    yield at, STATE, level
        yield from self._states(now, came)

    def _states(self, now: int, came: set[str]) -> Iterator[tuple[int, str, Value]]:
        """The state that follows from what came; one by level only where the level is given."""
        rule = self.spec.state
        by = "" if rule is None else rule.by
        if by == LEVEL and LEVEL in came:
            yield now, STATE, self._values[LEVEL]
        elif by == COUNT and COUNT in came:
            for at, word in self._counting.take(now, self._values[COUNT]):
                yield at, STATE, word
        elif rule is not None and by in _RULES and not came.isdisjoint(rule.signals):
            found = self._at(rule.signals, now)
            if found is not None:
                yield now, STATE, _RULES[by](rule, [found[name] for name in rule.signals])

    def _alone(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """What follows from a late reading by itself."""
        known = dict(values)
        made: dict[str, Value] = {}
        for signal, expression in self._formulas:
            if known.keys() >= set(expression.names):
                value = _fitted(expression.evaluate(known), self._kinds[signal])
                known[signal] = made[signal] = value
        rule = self.spec.state
        if rule is not None and rule.by in _RULES and known.keys() >= set(rule.signals):
            made[STATE] = _RULES[rule.by](rule, [known[name] for name in rule.signals])
        return made

    def _at(self, names: Sequence[str], now: int) -> dict[str, Value] | None:
        """The last values of signals; None where one of them may still come for the first time."""
        found: dict[str, Value] = {}
        for name in names:
            t_ms = self._times.get(name)
            is_fresh = now - (self._first if t_ms is None else t_ms) <= self._fresh_ms(name)
            if t_ms is None and is_fresh:
                return None
            found[name] = self._values.get(name) if is_fresh else None
        return found

    def _made(self, signal: str, now: int, value: Value, came: set[str]) -> Value:
        """Note a signal that was made, for what depends on it."""
        self._put(signal, now, value)
        came.add(signal)
        return value

    def _put(self, name: str, t_ms: int, value: Value) -> None:
        self._values[name], self._times[name] = value, t_ms

    def _fresh_ms(self, name: str) -> int:
        return self.spec.fresh_ms.get(name, self.spec.silence_ms)

    def _knowledge(self) -> dict[str, list[object]]:
        return {name: part.known() for name, part in self._machines.items()}

    def _remember(self) -> str:
        """What a later process must know."""
        known = self._knowledge()
        if known != self._known:
            self._known, self._memory = known, orjson.dumps(known).decode()
        return self._memory

    def _recall(self, memory: Mapping[str, Any]) -> None:
        for name, part in self._machines.items():
            if name in memory:
                part.recall(memory[name])
        for name, (t_ms, value) in memory.get("inputs", {}).items():
            self._put(name, t_ms, value)
        self._first = memory.get("first", NEVER)
        self._now = max(self._times.values(), default=NEVER)


def _needed(spec: Derivation, formulas: Iterable[tuple[str, Expression]]) -> frozenset[str]:
    """Signals from which something follows."""
    needed = {name for _signal, expression in formulas for name in expression.names}
    if spec.levels is not None:
        needed.add(POWER)
    if spec.count is not None:
        needed.add(POWER if spec.count.by == POWER else PULSE)
    return frozenset(needed.union(() if spec.state is None else spec.state.signals))


def _number(value: Value) -> float | None:
    return None if value is None or isinstance(value, str) else float(value)


def _fitted(value: Value, kind: str) -> Value:
    """A computed value as its signal holds it; None where it can't."""
    if kind == "bool":
        return truth(value)
    if kind == "string":
        return value if isinstance(value, str) else None
    if isinstance(value, bool):
        return int(value)
    return None if isinstance(value, str) else value
