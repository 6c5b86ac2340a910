"""A machine's state from what it tells in another way: bits, PackML numbers, its counter.

PackML (ISA-TR88.00.02) says what a machine does in a number of state, and for what in one of mode.
Execute and Completing run. Holding, Held, Unholding, Aborting, Aborted and Clearing have a cause
in the machine itself: fault. Suspending, Suspended and Unsuspending have one before or after it:
waiting. What is left is idle. In mode Maintenance all is a planned stop; in a mode of setting up,
whose number each machine builder chooses, all is setup; elsewhere what the state says.

By its counter a machine runs for a given time after each count; then it is idle until the next.
Nobody knows what it did before the first reading, so it is unknown until a count comes, or the
time is over without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.deriving.expression import truth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.derivation import StateRule
    from gateway.model import Value

RUNNING, SETUP, WAITING, FAULT, IDLE = "running", "setup", "waiting", "fault", "idle"
PLANNED_STOP = "planned_stop"
MAINTENANCE = 2
"""The number of PackML's mode Maintenance."""

PACKML: dict[int, tuple[str, str]] = {
    1: ("clearing", FAULT),
    2: ("stopped", IDLE),
    3: ("starting", IDLE),
    4: ("idle", IDLE),
    5: ("suspended", WAITING),
    6: ("execute", RUNNING),
    7: ("stopping", IDLE),
    8: ("aborting", FAULT),
    9: ("aborted", FAULT),
    10: ("holding", FAULT),
    11: ("held", FAULT),
    12: ("unholding", FAULT),
    13: ("suspending", WAITING),
    14: ("unsuspending", WAITING),
    15: ("resetting", IDLE),
    16: ("completing", RUNNING),
    17: ("complete", IDLE),
}
"""Number of a PackML state → its name, and the state of the contract."""
_BY_NAME = dict(PACKML.values())


def of_bits(rule: StateRule, values: Sequence[Value]) -> str | None:
    """The word of the first bit that is true; None where one before it isn't known."""
    for value, word in zip(values, rule.words, strict=True):
        is_true = truth(value)
        if is_true is None:
            return None
        if is_true:
            return word
    return rule.otherwise


def of_packml(rule: StateRule, values: Sequence[Value]) -> str | None:
    """The state that PackML's state and mode stand for; None where one isn't known."""
    state, mode = values if len(values) > 1 else (values[0], 1)
    word = _BY_NAME.get(state.lower()) if isinstance(state, str) else _numbered(state)
    if word is None or not isinstance(mode, (int, float)) or mode < 1:
        return None
    if mode in rule.setup_modes:
        return SETUP
    return PLANNED_STOP if mode == MAINTENANCE else word


def _numbered(state: Value) -> str | None:
    if not isinstance(state, (int, float)) or isinstance(state, bool):
        return None
    found = PACKML.get(int(state)) if state == int(state) else None
    return None if found is None else found[1]


class Counting:
    """The state of a machine that is known by its counter alone.

    Args:
        within_ms: it runs for so long after a count.
        fresh_ms: readings further apart leave an unknown time between them.
    """

    def __init__(self, within_ms: int, fresh_ms: int) -> None:
        self._within_ms = within_ms
        self._fresh_ms = fresh_ms
        self._count: float | None = None
        self._since = 0
        self._has_counted = False
        self._last: int | None = None

    def take(self, t_ms: int, count: Value) -> list[tuple[int, str | None]]:
        """Take a reading later than the last one.

        Returns:
            Readings of the state, in order of time: where the machine fell idle between two
            readings, when it did.
        """
        last, self._last = self._last, t_ms
        if count is None or isinstance(count, str):
            self._count, self._has_counted = None, False
            return [(t_ms, None)]
        before, self._count = self._count, float(count)
        if before is None:
            self._since = t_ms
        elif count > before:
            self._since, self._has_counted = t_ms, True
        over = self._since + self._within_ms
        if t_ms < over:
            return [(t_ms, RUNNING if self._has_counted else None)]
        told: list[tuple[int, str | None]] = [(t_ms, IDLE)]
        if last is not None and last < over < t_ms and t_ms - last <= self._fresh_ms:
            told.insert(0, (over, IDLE))
        return told

    def known(self) -> list[object]:
        """What a later process must know, where it changed."""
        return [self._count, self._since, self._has_counted]

    def kept(self) -> list[object]:
        """The same and what changes all the time."""
        return [*self.known(), self._last]

    def recall(self, known: Sequence[object]) -> None:
        """Go on from what `known` or `kept` gave."""
        self._count, self._since, self._has_counted, *rest = known  # type: ignore[assignment]
        self._last = rest[0] if rest else None  # type: ignore[assignment]

    def move(self, since: int, delta: int) -> None:
        """Shift its times from one on: the clock was wrong by so much."""
        self._since += delta if self._since >= since else 0
        if self._last is not None and self._last >= since:
            self._last += delta
