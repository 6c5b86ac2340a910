"""What machines use beside electricity, each from a register of its own.

All go through one engine: energy of a medium is the difference of its register. What is known of
electricity alone (power as a substitute, demand, coal and CO2) stays with it.
"""

from __future__ import annotations

from typing import NamedTuple


class Medium(NamedTuple):
    """One medium.

    Attributes:
        name: as the topic has it, `energy/{name}`.
        unit: of the register and of `use`; one that the contract allows.
        signals: those that tell of it, as they are bound.
        series: the same in the log; the first that is there counts.
        per_good: name of the use per good piece.
        most: parameter of the machine type for the highest believable flow, in the unit per hour.
    """

    name: str
    unit: str
    signals: tuple[str, ...]
    series: tuple[str, ...]
    per_good: str
    most: str


REGISTER, POWER = "energy", "power"
POWER_SUM = "energy_of_power"
"""Register that the gateway makes from power samples (kWh), for assets without one."""

ELECTRICITY = Medium(
    "electricity", "kWh", (REGISTER, POWER), (REGISTER, POWER_SUM), "kwh_per_good", "max_kw"
)
OTHERS = tuple(
    Medium(name, unit, (name,), (name,), f"{name}_per_good", f"max_{name}")
    for name, unit in (
        ("water", "m3"),
        ("compressed_air", "Nm3"),
        ("gas", "m3"),
        ("steam", "t"),
        ("heat", "GJ"),
    )
)
MEDIA = (ELECTRICITY, *OTHERS)
MEDIUM_OF = {series: medium for medium in MEDIA for series in medium.series}
"""Series of the log → its medium; only meters are in it."""
