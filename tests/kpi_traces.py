"""Traces for the figures: small builders of specs, entries and plans, in seconds and minutes."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gateway.figures.calendar import Calendar, PlannedTime
from gateway.figures.windows import Window
from gateway.kpi import Factor, KpiSpec, ProductTerms
from gateway.model import Asset, Entry
from gateway.settings import Roster, Rosters, Shift

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CASES = Path(__file__).parent / "cases" / "kpi"
TOLERANCE = 1e-9
SHANGHAI = ZoneInfo("Asia/Shanghai")
MINUTE = 60_000
HOUR = 60 * MINUTE
EVERY_DAY = frozenset(range(7))

T0 = 1_790_006_400_000
"""2026-09-22 00:00 in Shanghai, a Tuesday."""

SPEC = KpiSpec(
    piece="part",
    counting="direct",
    signals=("state", "count", "reject"),
    moduli={},
    states={
        w: w for w in ("running", "setup", "waiting", "fault", "idle", "planned_stop", "offline")
    },
    ideal_cycle_s=1.0,
    ideal_basis="nameplate",
    products={},
    micro_stop_s=None,
    quality="measured",
    max_rate=1000.0,
    silence_s=30.0,
    windows=("hour",),
    interim_s=None,
    kpis=(),
    profile="test@1.0.0+0000",
    state_basis="plc",
    factors={
        "kgce": Factor(0.1229, "kgce/kWh", 2020, "equivalent value"),
        "co2": Factor(0.5306, "kgCO2/kWh", 2023, "national"),
    },
)


def spec(**changes: object) -> KpiSpec:
    return dataclasses.replace(SPEC, **changes)  # type: ignore[arg-type]


def cycles(**each: float) -> dict[str, tuple[ProductTerms, ...]]:
    """Products with an ideal cycle each, in s, that never changes."""
    return {code: (ProductTerms(0, cycle_s),) for code, cycle_s in each.items()}


def asset(kpi: KpiSpec = SPEC, name: str = "m1", line: str = "main") -> Asset:
    return Asset(name, line, "machine", {}, (), kpi)


def cases() -> dict[str, dict[str, Any]]:
    """P01 … P10 by id."""
    found = json.loads((CASES / "kpi_cases.json").read_text("utf-8"))
    assert found["tolerance"] == TOLERANCE
    return {case["id"]: case for case in found["cases"]}


def energy_cases() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((CASES / "energy_cases.json").read_text("utf-8"))
    return found


def expected(case: str) -> dict[str, Fraction | None]:
    """What a case expects, exact where it is given so."""
    return {
        name: None if value is None else Fraction(value["exact"])
        for name, value in cases()[case]["expected"].items()
    }


def window(minutes: float, start: int = T0, kind: str = "shift") -> Window:
    return Window(kind, start, start + round(minutes * MINUTE))


def always(of: Window) -> PlannedTime:
    return PlannedTime(((of.start, of.end),))


def at_clock(text: str, day: int = T0) -> int:
    """Ms of a clock time on a day that begins at `day`."""
    hours, minutes = text.split(":")
    return day + int(hours) * HOUR + int(minutes) * MINUTE


def clock_calendar(start: str, end: str, *breaks: Sequence[str]) -> Calendar:
    """One shift, every day."""

    def minute(text: str) -> int:
        return (at_clock(text) - T0) // MINUTE

    rests = tuple((minute(first), minute(last)) for first, last, *_ in breaks)
    shift = Shift("day", minute(start), minute(end), EVERY_DAY, rests)
    return Calendar(SHANGHAI, Rosters(Roster((shift,)), {}))


def states(*changes: tuple[int, str | None]) -> list[Entry]:
    return [Entry(t, "state", word) for t, word in changes]


def in_turn(start: int, *lasting: tuple[str, float]) -> list[Entry]:
    """States one after the other, each for so many seconds."""
    entries: list[Entry] = []
    for word, seconds in lasting:
        entries.append(Entry(start, "state", word))
        start += round(seconds * 1000)
    return entries


def counted(signal: str, start: int, end: int, pieces: int, *, base: int = 0) -> list[Entry]:
    """A counter that rises evenly to `pieces` more, read at most 500 times, last before `end`."""
    steps = max(1, min(500, pieces))
    return [
        Entry(start + (end - 1 - start) * n // steps, signal, base + pieces * n // steps)
        for n in range(steps + 1)
    ]


def log(*parts: Iterable[Entry]) -> list[Entry]:
    """All entries in order of time, as a machine's day would give them."""
    return sorted((entry for part in parts for entry in part), key=lambda entry: entry.t_ms)


def close(value: float | None, wanted: Fraction | None) -> bool:
    """Equal within the cases' tolerance; None only equals None."""
    if value is None or wanted is None:
        return value is None and wanted is None
    return abs(value - float(wanted)) <= TOLERANCE
