"""A workshop and its week as files: the site file and the trace that a gateway may be given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from simulators.week.machines import Machine
    from simulators.week.polling import Line
    from simulators.week.shifts import Pattern
    from simulators.week.workshop import Workshop

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SHORT = {65536: ("u16", "1"), 4294967296: ("u32", "0.01")}
"""Where a total begins anew → the sort of register that does, and its step."""
BOOT = 1_790_000_000_000
"""UTC ms at which the clock that nobody sets began."""

Step = tuple[int, int]


def write_trace(path: Path, lines: Iterable[Line], steps: Sequence[Step] = ()) -> None:
    """Write lines as they arrive, one reading each.

    Args:
        path: the file.
        lines: in that order.
        steps: when the clock on the wall was set, and by how many ms; each line then says what
            that clock showed, and what one did that nobody sets.
    """
    with path.open("wb") as file:
        for _arrives, asset, signal, t, value in lines:
            fields: dict[str, Any] = {"t": t, "asset": asset, "signal": signal}
            if steps:
                ahead = sum(by for since, by in steps if t >= since)
                fields |= {"t": t + ahead, "mono": (t - BOOT) / 1000}
            fields |= {"q": "bad"} if value is None else {"value": value}
            file.write(orjson.dumps(fields) + b"\n")


def write_site(path: Path, workshop: Workshop) -> None:
    """Write the site file of a workshop."""
    week = workshop.week
    lines = {machine.line for machine in workshop.machines}
    calendar: dict[str, Any] = {
        "shifts": _shifts(workshop.shifts[""]),
        "holidays": [week.on(day) for day in week.holidays],
        "workdays": [week.on(day) for day in week.workdays],
        "lines": {
            line: {"shifts": _shifts(patterns)}
            for line, patterns in workshop.shifts.items()
            if line in lines
        },
    }
    if workshop.extras:
        calendar["overtime"] = [
            {"on": week.on(one.day), "shift": "overtime", "start": one.start, "end": one.end}
            for one in workshop.extras
        ]
    short = [machine for machine in workshop.machines if machine.moduli]
    site = {
        "site": {
            "cluster": "wenzhou",
            "enterprise": "simulated",
            "site": workshop.industry,
            "gateway": "gw-01",
            "timezone": "Asia/Shanghai",
            "industry": workshop.industry,
        },
        "devices": {f"plc-{machine.name}": _device(n, machine) for n, machine in enumerate(short)},
        "assets": {machine.name: _asset(machine) for machine in workshop.machines},
        "calendar": calendar,
    }
    path.write_text(yaml.safe_dump(site, sort_keys=False, allow_unicode=True), "utf-8")


def _asset(machine: Machine) -> dict[str, Any]:
    asset: dict[str, Any] = {"line": machine.line, "type": machine.type}
    if machine.moduli:
        asset["bind"] = {name: f"plc-{machine.name}.{name}" for name in machine.moduli}
    if machine.cycle:
        asset |= {"ideal_cycle": f"{machine.cycle}s", "micro_stop": f"{machine.micro_s}s"}
    if machine.products:
        asset["products"] = {
            code: {"ideal_cycle": f"{cycle}s"} for code, cycle in machine.products.items()
        }
    parameters: dict[str, float] = {"max_kw": machine.most_kw, **machine.factors}
    if machine.stations:
        parameters |= {"stations": machine.stations, "pieces_per_index": float(machine.per_index)}
    asset["parameters"] = parameters
    return asset


def _device(number: int, machine: Machine) -> dict[str, Any]:
    """A controller with short registers: what a reading of them says tells where they wrap."""
    tags = {}
    for place, (name, modulus) in enumerate(machine.moduli.items()):
        kind, scale = SHORT[modulus]
        tags[name] = {"at": f"holding:{place * 2}", "kind": kind, "scale": float(scale)}
    return {"link": f"modbus+tcp://127.0.0.1:{15000 + number}", "tags": tags}


def _shifts(patterns: Iterable[Pattern]) -> dict[str, Any]:
    return {
        one.name: {
            "start": one.start,
            "end": one.end,
            "days": [DAYS[day] for day in one.days],
            "breaks": [list(rest) for rest in one.breaks],
        }
        for one in patterns
    }
