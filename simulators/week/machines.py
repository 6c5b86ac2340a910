"""What a machine is and how it behaves, as data; `life` lets it live."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

COUNTS = {
    "direct": ("count", "reject", "reject_startup", "rework"),
    "pairs": ("count_left", "count_right", "reject_left", "reject_right"),
    "stations": ("count", "reject"),
    "multiplied": ("count", "reject"),
    "tests": (),
    "none": (),
}
"""Running totals that a machine of each counting rule shows."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How often a machine stops and how well it works.

    Attributes:
        runs_s: mean running time between two stops, exponentially distributed.
        stops: kinds of stop with their weights: `micro`, `waiting`, `fault`, `setup`,
            `planned_stop`.
        slow: how much longer a mean cycle takes than the ideal one, as a share.
        spread: standard deviation of a cycle, as a share.
        spoilt: share of rejects, and `startup` of the first `fresh` pieces after a set-up.
        reworked: share of the rejects that become good later.
        diligent: how often a break is worked through.
    """

    runs_s: float = 900.0
    stops: Mapping[str, float] = field(
        default_factory=lambda: {
            "micro": 8.0,
            "waiting": 3.0,
            "fault": 2.0,
            "setup": 0.8,
            "planned_stop": 0.3,
        }
    )
    slow: float = 0.08
    spread: float = 0.06
    spoilt: float = 0.02
    startup: float = 0.3
    fresh: int = 6
    reworked: float = 0.3
    diligent: float = 0.2


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine of a workshop.

    Attributes:
        type: in the industry's profile.
        counting: rule by which counts become pieces, or `none`.
        cycle: ideal seconds of one count: of a pair for `pairs`, of a test for `tests`.
        products: product → its ideal cycle; the machine tells which one it makes.
        stations, per_index: of a rotary table.
        factors: what counts are multiplied by, with their full number; the machine tells the one
            in force, but for those of `fixed`.
        micro_s: a shorter stop counts as running.
        poll_s, meter_s: how often its controller and its meter are read.
        watts: power by state.
        told: whether a controller tells its state; else it is to be found from the power.
        moduli: where a running total begins anew, for the short registers among them.
    """

    name: str
    line: str
    type: str
    counting: str
    cycle: str = ""
    products: Mapping[str, str] = field(default_factory=dict)
    stations: int = 0
    per_index: str = "1"
    factors: Mapping[str, int] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    micro_s: int = 120
    poll_s: int = 5
    meter_s: int = 20
    watts: Mapping[str, int] = field(
        default_factory=lambda: {
            "running": 5200,
            "setup": 2100,
            "waiting": 1500,
            "fault": 900,
            "idle": 400,
            "planned_stop": 150,
        }
    )
    told: bool = True
    moduli: Mapping[str, int] = field(default_factory=dict)
    habits: Habits = field(default_factory=Habits)

    @property
    def most_kw(self) -> float:
        """Power beyond which the meter is not believed."""
        return max(self.watts.values()) * 1.6 / 1000

    def cycle_ms(self, product: str) -> Fraction:
        """The ideal cycle of a product."""
        return Fraction(self.products.get(product, self.cycle)) * 1000
