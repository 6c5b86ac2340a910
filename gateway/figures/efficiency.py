"""Efficiency grades, where a standard publishes lines for such a machine, and none where not.

The lines come with the settings (profiles/standards/); what was measured is held against them at
the pressure that the plate states, and it is the window's own mean, so time without load counts.
A motor's efficiency can't be read from a meter: its grade is the plate's or none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.figures.course import exact

if TYPE_CHECKING:
    from fractions import Fraction

    from gateway.metering import Nameplate


def grade_of(specific_power: Fraction | None, plate: Nameplate | None) -> int | None:
    """The best grade whose line isn't exceeded, in kW/(m3/min); None where there is none.

    None as well where it is worse than the last grade, or a line of the table that would tell
    isn't published.
    """
    if specific_power is None or plate is None:
        return None
    for grade, limit in enumerate(plate.limits, start=1):
        if limit is None:
            return None
        if specific_power <= exact(limit):
            return grade
    return None
