"""What machines use beside electricity, each from a register of its own.

All go through one engine: energy of a medium is the difference of its register. What is known of
electricity alone (demand, slots of a tariff, power factor) stays with it.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.figures.journal import LEVEL

HOUR_MS, MINUTE_MS = 3_600_000, 60_000


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
AIR, AIR_FLOW, AIR_SUM = "compressed_air", "air_flow", "air_of_flow"
REACTIVE = "reactive_energy"
RUN_HOURS, LOAD_HOURS = "run_hours", "load_hours"
CURRENTS = ("current_l1", "current_l2", "current_l3")
VOLTAGES = ("voltage_l12", "voltage_l23", "voltage_l31")
PHASES = frozenset((*CURRENTS, *VOLTAGES))
"""Sampled: the first reading of each minute."""

ELECTRICITY = Medium(
    "electricity", "kWh", (REGISTER, POWER), (REGISTER, POWER_SUM), "kwh_per_good", "max_kw"
)
COMPRESSED_AIR = Medium(
    AIR, "Nm3", (AIR, AIR_FLOW), (AIR, AIR_SUM), "compressed_air_per_good", "max_compressed_air"
)
OTHERS = (
    Medium("water", "m3", ("water",), ("water",), "water_per_good", "max_water"),
    COMPRESSED_AIR,
    *(
        Medium(name, unit, (name,), (name,), f"{name}_per_good", f"max_{name}")
        for name, unit in (("gas", "m3"), ("steam", "t"), ("heat", "GJ"))
    ),
)
MEDIA = (ELECTRICITY, *OTHERS)
MEDIUM_OF = {series: medium for medium in MEDIA for series in medium.series}
"""Series of the log → its medium; only meters are in it."""

BESIDE = frozenset({REACTIVE, RUN_HOURS, LOAD_HOURS})
"""Registers that figures of electricity are computed from beside its own."""
METERED = frozenset(MEDIUM_OF) | BESIDE
"""Registers: kept on both sides of each full minute."""

SUMMED = {POWER: (REGISTER, POWER_SUM, HOUR_MS), AIR_FLOW: (AIR, AIR_SUM, MINUTE_MS)}
"""Samples that are added up where there is no register: which it stands in for, what the sum is
called in the log, and the time in ms that a sample's unit is per."""

HITS: dict[str, tuple[Medium, ...]] = {
    **{series: (medium,) for series, medium in MEDIUM_OF.items()},
    **dict.fromkeys((AIR, AIR_SUM), (COMPRESSED_AIR, ELECTRICITY)),
    **dict.fromkeys((*BESIDE, *PHASES, LEVEL), (ELECTRICITY,)),
}
"""Series of the log that only figures of energy hang on → the media whose figures do."""
