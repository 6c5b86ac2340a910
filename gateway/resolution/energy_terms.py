"""What the gateway understands of energy in a profile: signals, parameters and figures."""

FLOWS = ("water", "compressed_air", "gas", "steam", "heat")
"""Media beside electricity; each is a signal and an energy class of its own."""

CURRENTS = ("current_l1", "current_l2", "current_l3")
LINE_VOLTAGES = ("voltage_l12", "voltage_l23", "voltage_l31")

ENERGY_SIGNALS: dict[str, tuple[str, str | None]] = {
    "energy": ("register", "kWh"),
    "power": ("number", "kW"),
    "reactive_energy": ("register", "kvarh"),
    "water": ("register", "m3"),
    "compressed_air": ("register", "Nm3"),
    "air_flow": ("number", "m3/min"),
    "gas": ("register", "m3"),
    "steam": ("register", "t"),
    "heat": ("register", "GJ"),
    "run_hours": ("register", "h"),
    "load_hours": ("register", "h"),
    **dict.fromkeys(CURRENTS, ("number", "A")),
    **dict.fromkeys(LINE_VOLTAGES, ("number", "V")),
}
"""Signal → its kind and unit."""

ENERGY_PARAMETERS = (
    "max_kw",
    *(f"max_{medium}" for medium in FLOWS),
    "wrap",
    *(f"wrap_{medium}" for medium in FLOWS),
)
"""`wrap`: what a register's display counts up to before it begins at 0, in the register's unit:
1000000 of six digits. Without it the tag's own size tells."""

ENERGY_KPIS: dict[str, tuple[str, ...]] = {
    "kwh_per_good": ("energy", "count", "quality"),
    "kgce": ("energy",),
    "kgce_per_1000_good": ("energy", "count", "quality"),
    "kgco2": ("energy",),
    "kgco2_per_good": ("energy", "count", "quality"),
    **{f"{medium}_per_good": (medium, "count", "quality") for medium in FLOWS},
    "demand_fixed_max_kw": ("energy",),
    "demand_sliding_max_kw": ("energy",),
    "demand_share": ("energy",),
    "kvarh": ("reactive_energy",),
    "power_factor": ("energy", "reactive_energy"),
    "current_imbalance_mean": CURRENTS,
    "current_imbalance_max": CURRENTS,
    "voltage_imbalance_mean": LINE_VOLTAGES,
    "voltage_imbalance_max": LINE_VOLTAGES,
    "cost": ("energy",),
    "average_price": ("energy",),
    "tariff_apportioned_kwh": ("energy",),
    "idle_kwh": ("energy", "state"),
    "standby_kwh": ("energy",),
    "nonproductive_kwh": ("energy", "state"),
    "nonproductive_ratio": ("energy", "state"),
    "base_load_kw": ("energy",),
    "specific_power": ("energy", "compressed_air"),
    "load_ratio": ("run_hours", "load_hours"),
    "no_load_share": ("energy",),
    "leakage_m3_min": ("compressed_air",),
    "efficiency_grade": ("energy", "compressed_air"),
    "load_factor": ("energy",),
    "nameplate_grade": (),
    "shared_kwh": (),
    "unallocated_kwh": ("energy",),
    "kwh_per_good_with_shared": ("energy", "count", "quality"),
}
"""Figure → what it can't do without."""
