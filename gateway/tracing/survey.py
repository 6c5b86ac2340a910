"""The first of two passes over a trace: which signals it tells of which asset, and its faults.

Faults don't stop at the first, and nothing is kept of a line but what is counted here, so a trace
may be as long as it likes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.errors import Fault
from gateway.resolution.profile import SIGNALS, SignalKind
from gateway.sitefile.document import instead
from gateway.tracing.line import BadLine, Line, column, read
from gateway.tracing.steps import Steps
from gateway.tracing.trace import lines
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.model import Value
    from gateway.resolution.profile import MachineType

MOST_FAULTS = 100
"""Told; the others are counted."""
MEASURED = 10_000
"""Times from which a pace is told."""
STATE = "state"
_NUMBERS = {SignalKind.COUNTER, SignalKind.REGISTER, SignalKind.NUMBER}


class Pace:
    """How far apart readings usually are."""

    def __init__(self) -> None:
        self._apart: list[int] = []
        self._last: int | None = None

    def note(self, t_ms: int) -> None:
        """Take the time of a reading."""
        if self._last is not None and len(self._apart) >= MEASURED:
            return
        if self._last is not None and t_ms > self._last:
            self._apart.append(t_ms - self._last)
        self._last = t_ms if self._last is None else max(self._last, t_ms)

    @property
    def usual_ms(self) -> int:
        """The median; 0 where there is none."""
        return sorted(self._apart)[len(self._apart) // 2] if self._apart else 0


@dataclass(slots=True)
class Told:
    """What a trace tells of one asset.

    Attributes:
        signals: in the order in which they first occur.
        lines: paces of all its lines, and of those of the state alone.
        state: the newest.
        count, repeated: lines of the state, and how many of them say the same again.
    """

    signals: dict[str, None] = field(default_factory=dict)
    lines: Pace = field(default_factory=Pace)
    states: Pace = field(default_factory=Pace)
    state: Value = None
    count: int = 0
    repeated: int = 0

    def note(self, t_ms: int, signal: str, value: Value) -> None:
        """Take one line."""
        self.lines.note(t_ms)
        if signal == STATE:
            self.repeated += self.count > 0 and value == self.state
            self.count += 1
            self.states.note(t_ms)
            self.state = value
        self.signals[signal] = None

    @property
    def repeats(self) -> bool:
        """Whether the state is told at each poll, not only where it changes."""
        return 2 * self.repeated > self.count

    @property
    def usual_ms(self) -> int:
        """How far apart the lines are by which the asset is heard."""
        return (self.states if self.repeats else self.lines).usual_ms


@dataclass(slots=True)
class Survey:
    """A trace as a whole.

    Attributes:
        assets: what it tells of each, in the order in which they first occur.
        faults: at most `MOST_FAULTS`; `wrong` counts all of them.
        first_ms, last_ms: UTC ms, clock steps undone; 0 where there is no line.
    """

    assets: dict[str, Told] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    wrong: int = 0
    count: int = 0
    first_ms: int = 0
    last_ms: int = 0


def look(path: Path, known: Mapping[str, MachineType | None]) -> Survey:
    """Read a trace once.

    Args:
        path: the trace.
        known: the site's assets with their types; None: its type has faults of its own.

    Raises:
        ConfigError: the file can't be read.
    """
    found = Survey()
    steps = Steps()
    kinds: dict[tuple[str, str], SignalKind | None] = {}
    for number, raw in lines(path):
        try:
            line = read(raw)
            key = line.asset, line.signal
            if key not in kinds:
                kinds[key] = _kind(line, raw, known)
            _fit(line, raw, kinds[key])
        except BadLine as wrong:
            found.wrong += 1
            if len(found.faults) < MOST_FAULTS:
                place = number, wrong.column, wrong.code
                found.faults.append(Fault(str(path), *place, wrong.what, wrong.next))
            continue
        t_ms = steps.undone(line.t_ms, line.mono_ms)
        told = found.assets.get(line.asset)
        if told is None:
            told = found.assets[line.asset] = Told()
        told.note(t_ms, line.signal, line.value)
        found.count += 1
        found.first_ms = min(found.first_ms or t_ms, t_ms)
        found.last_ms = max(found.last_ms, t_ms)
    return found


def _kind(line: Line, raw: bytes, known: Mapping[str, MachineType | None]) -> SignalKind | None:
    """What sort of signal a line is of; None: not known, so anything goes.

    Raises:
        BadLine: there is no such asset, or it has no such signal.
    """
    if line.asset not in known:
        what = _("there is no asset {asset} in the site file").format(asset=line.asset)
        raise BadLine(column(raw, "asset"), "unknown-asset", what, instead(line.asset, known))
    if line.signal in SIGNALS:
        return SIGNALS[line.signal][0]
    machine = known[line.asset]
    if machine is None:
        return None
    if line.signal not in machine.signals:
        what = _("{asset} has no signal {signal}").format(asset=line.asset, signal=line.signal)
        next_ = instead(line.signal, {**machine.signals, **SIGNALS})
        raise BadLine(column(raw, "signal"), "unknown-signal", what, next_)
    return machine.signals[line.signal].kind


def _fit(line: Line, raw: bytes, kind: SignalKind | None) -> None:
    """Hold a value against the kind of its signal.

    Raises:
        BadLine: it can't be one.
    """
    value = line.value
    if value is None or kind is None:
        return
    is_text = isinstance(value, str)
    if kind in _NUMBERS and (is_text or isinstance(value, bool)):
        what = _("{signal} is a number, and {value} is none").format(
            signal=line.signal, value=repr(value)
        )
        next_ = _("write it without quotes, e.g. 1234")
        raise BadLine(column(raw, "value"), "wrong-type", what, next_)
    if kind is SignalKind.FLAG and (is_text or value not in {0, 1}):
        what = _("{signal} is true or false").format(signal=line.signal)
        raise BadLine(column(raw, "value"), "wrong-type", what, _("write true or false"))
