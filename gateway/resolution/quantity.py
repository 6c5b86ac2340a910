"""Physical units that mean the same thing at another scale, so that W and kW can be told apart.

A meter's template speaks the meter's units, a profile the industry's; a binding joins the two.
"""

from __future__ import annotations

_SCALES: dict[str, dict[str, float]] = {
    "active power": {"W": 1.0, "kW": 1e3, "MW": 1e6},
    "reactive power": {"var": 1.0, "kvar": 1e3, "Mvar": 1e6},
    "apparent power": {"VA": 1.0, "kVA": 1e3, "MVA": 1e6},
    "active energy": {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6},
    "heat": {"MJ": 1.0, "GJ": 1e3},
    "reactive energy": {"varh": 1.0, "kvarh": 1e3, "Mvarh": 1e6},
    "apparent energy": {"VAh": 1.0, "kVAh": 1e3, "MVAh": 1e6},
    "voltage": {"mV": 1e-3, "V": 1.0, "kV": 1e3},
    "current": {"mA": 1e-3, "A": 1.0, "kA": 1e3},
    "pressure": {"Pa": 1.0, "kPa": 1e3, "bar": 1e5, "MPa": 1e6},
    "time": {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0},
    "length": {"mm": 1e-3, "cm": 1e-2, "m": 1.0},
    "mass": {"g": 1e-3, "kg": 1.0, "t": 1e3},
    "volume": {"L": 1e-3, "m3": 1.0},
    "normal volume": {"NL": 1e-3, "Nm3": 1.0},
    "flow": {"L/min": 1e-3, "m3/min": 1.0, "m3/h": 1 / 60},
    "frequency": {"Hz": 1.0, "kHz": 1e3},
}


def factor(of: str, to: str) -> float | None:
    """Say what a number in one unit is multiplied by to stand in another.

    Args:
        of: unit of the number, e.g. `W`.
        to: unit wanted, e.g. `kW`.

    Returns:
        The factor (0.001 in the example); None when the two are not the same kind of thing or
        one of them is not known here.
    """
    if of == to:
        return 1.0
    for scales in _SCALES.values():
        if of in scales and to in scales:
            return scales[of] / scales[to]
    return None
