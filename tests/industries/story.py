"""An hour of one machine, from 08:00 to 09:00, told in twelve slots of five minutes.

    S setup   R running   W waiting   F fault   I idle   P planned stop   U can't be read

What is made in a slot is read in the slot's middle, so nothing falls on an edge; registers are
read at both ends of the hour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SLOTS = range(12)
SLOT_S = 300
Exact = int | str
"""A whole number, or a decimal as text."""


@dataclass(frozen=True)
class Story:
    """What one machine did.

    Attributes:
        type: of the profile.
        states: a letter for each slot.
        cycle_s: ideal seconds of one count (of a pair, for `pairs`).
        made: counts of each running slot, or of each slot (left shoes, for `pairs`).
        right: the same for right shoes.
        rejected, right_rejected: pieces (shoes, for `pairs`) rejected in the last running slot;
            None: nothing counts them.
        startup, rework: how many of them at start-up; how many were made good again.
        times: factor → its value from a slot on, as the machine tells it.
        parameters: of the asset.
        tests: serial numbers and results, one test a running slot, from the first one on; with
            `made`, the bench has a counter of them.
        use: register → what it grew by in the hour.
        product, operators: told at the beginning.
        sam_s: standard seconds of a piece of the product.
    """

    type: str
    states: str = "RRRRRRRRRRRR"
    cycle_s: Exact | None = None
    made: int | tuple[int, ...] = 0
    right: int | tuple[int, ...] | None = None
    rejected: int | None = None
    right_rejected: int | None = None
    startup: int | None = None
    rework: int | None = None
    times: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    parameters: Mapping[str, Exact] = field(default_factory=dict)
    tests: tuple[tuple[str, str], ...] = ()
    use: Mapping[str, Exact] = field(default_factory=dict)
    product: str = ""
    operators: int | None = None
    sam_s: Exact | None = None

    @property
    def asset(self) -> str:
        """Its name in site and trace."""
        return f"{self.type}-1"

    @property
    def running(self) -> list[int]:
        """The slots in which it runs."""
        return [slot for slot in SLOTS if self.states[slot] == "R"]

    def counts(self, made: int | tuple[int, ...]) -> list[int]:
        """Counts of each slot."""
        if isinstance(made, tuple):
            return list(made)
        return [made if slot in self.running else 0 for slot in SLOTS]

    def factor(self, name: str, slot: int) -> Fraction:
        """A factor in a slot: what the machine told last, else the parameter."""
        told = self.times.get(name, {})
        since = max((begun for begun in told if begun <= slot), default=None)
        return Fraction(self.parameters.get(name, 1) if since is None else told[since])
