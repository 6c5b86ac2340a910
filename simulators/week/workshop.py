"""The workshops, read from `workshops/INDUSTRY.yaml`: machines, shifts and a week for all of them.

Machine types are those of the industry profiles. Cycles, powers and habits are made up for the
simulation; none of them is a norm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from simulators.week.machines import Habits, Machine
from simulators.week.shifts import Extra, Pattern, Turn, Week

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent / "workshops"
INDUSTRIES = ("shoes", "apparel", "valves", "electrical", "auto-parts")
WEEK = Week(date(2026, 9, 28), holidays=(3,), workdays=(6,))
"""Monday to Sunday; Thursday is a holiday and Sunday makes up for it."""
WORKDAYS, SIX_DAYS = (0, 1, 2, 3, 4), (0, 1, 2, 3, 4, 5)
SHIFTS = {
    one.name: one
    for one in (
        Pattern("day", "08:00", "20:00", SIX_DAYS, (("12:00", "13:00"),)),
        Pattern("night", "20:00", "08:00", WORKDAYS, (("00:00", "00:30"), ("04:00", "04:15"))),
        Pattern("early", "06:00", "14:00", SIX_DAYS, (("10:00", "10:20"),)),
        Pattern("late", "14:00", "22:00", SIX_DAYS, (("18:00", "18:30"),)),
        Pattern("plain", "08:30", "17:30", WORKDAYS, (("12:00", "13:00"),)),
    )
}
WATTS = {
    "usual": (5200, 2100, 1500, 900, 400, 150),
    "hot": (18000, 9000, 8000, 6000, 2500, 2000),
    "small": (1900, 900, 650, 500, 220, 100),
}
"""Power by state, in the order of `WORDS`."""
WORDS = ("running", "setup", "waiting", "fault", "idle", "planned_stop")
HABITS = {
    "usual": Habits(),
    "brisk": Habits(runs_s=420.0, slow=0.05),
    "steady": Habits(runs_s=1800.0, slow=0.12, spread=0.1),
}


@dataclass(frozen=True, slots=True)
class Workshop:
    """Machines, and when their lines work.

    Attributes:
        industry: profile.
        shifts: line → its shifts; other lines have those of `""`.
        extras: overtime of all lines.
    """

    industry: str
    machines: tuple[Machine, ...]
    shifts: Mapping[str, tuple[Pattern, ...]]
    extras: tuple[Extra, ...]
    week: Week = WEEK

    def turns(self, line: str) -> list[Turn]:
        """The shifts of a line."""
        return self.week.turns(self.shifts.get(line, self.shifts[""]), self.extras)


def workshop(industry: str) -> Workshop:
    """The workshop of an industry."""
    found = yaml.safe_load((FOLDER / f"{industry}.yaml").read_text("utf-8"))
    return Workshop(
        industry,
        tuple(_machine(name, about) for name, about in found["machines"].items()),
        {line: tuple(SHIFTS[name] for name in names) for line, names in found["shifts"].items()},
        tuple(Extra(*extra) for extra in found.get("overtime", ())),
    )


def _machine(name: str, about: dict[str, Any]) -> Machine:
    watts = dict(zip(WORDS, WATTS[about.pop("watts", "usual")], strict=True))
    return Machine(name, watts=watts, habits=HABITS[about.pop("habits", "usual")], **about)
