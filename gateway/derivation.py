"""What is derived of an asset's signals, as plain data; gateway/deriving/ does it."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - plain.py reads these hints
from dataclasses import dataclass, field

MEMORY = "derived"
"""The signal of the log that says what a deriver must know after a restart."""


@dataclass(frozen=True, slots=True)
class DerivedSignal:
    """A signal of an asset that no tag gives, as its meta and telemetry speak of it.

    Attributes:
        value: what it holds: bool, int, float or string.
        source: the expression, or the rule that makes it.
    """

    signal: str
    value: str
    source: str
    layer: str = ""
    unit: str | None = None
    text: Mapping[str, str] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Levels:
    """How an asset's power tells what it does (gateway/deriving/levels.py).

    Attributes:
        edges: name of each level but the lowest, `off`, and the power in kW at which it begins;
            rising.
        hysteresis: kW below its edge at which a level ends.
        dwell_ms: how long another level must last to be believed.
    """

    edges: tuple[tuple[str, float], ...]
    hysteresis: float = 0.0
    dwell_ms: int = 0


@dataclass(frozen=True, slots=True)
class StateRule:
    """What an asset's state follows from, where no tag tells it (gateway/deriving/states.py).

    Attributes:
        by: bits | packml | count | level.
        signals: what it needs: the bits in their order; state and, if there is one, mode of
            PackML; else the one signal.
        words: of each bit; the first that is true counts.
        otherwise: the word where no bit is true.
        setup_modes: numbers of PackML modes in which a machine is set up.
        within_ms: a machine runs for so long after a count.
    """

    by: str
    signals: tuple[str, ...]
    words: tuple[str, ...] = ()
    otherwise: str = ""
    setup_modes: tuple[int, ...] = ()
    within_ms: int = 0


@dataclass(frozen=True, slots=True)
class CountRule:
    """What an asset's count is made of, where no tag counts (gateway/deriving/cycles.py).

    Attributes:
        by: power | pulse.
        above, below: kW; a cycle goes above the one and ends below the other.
        dwell_ms: how long power must stay there.
    """

    by: str
    above: float = 0.0
    below: float = 0.0
    dwell_ms: int = 0


@dataclass(frozen=True, slots=True)
class Derivation:
    """What is derived of an asset's signals before its figures see them.

    Attributes:
        signals: all that it makes.
        formulas: signal → expression, in an order in which each finds what it needs.
        fresh_ms: signal → how long its last value may stand in for the next one.
        silence_ms: the same for a signal that isn't named there.
    """

    signals: tuple[DerivedSignal, ...]
    formulas: Mapping[str, str] = field(default_factory=dict)
    levels: Levels | None = None
    state: StateRule | None = None
    count: CountRule | None = None
    fresh_ms: Mapping[str, int] = field(default_factory=dict)
    silence_ms: int = 30_000
