"""What the values of a site's tags do, as far as the site file tells.

A tag that an asset counts with counts while that machine runs, one that tells its state tells it,
one in kWh is a register, and the rest sways within its plausible range.
"""

from __future__ import annotations

import math
import re
import zlib
from random import Random
from typing import TYPE_CHECKING

from gateway.model import Kind
from simulators.course import Counter, Life, told, wander, worked
from simulators.tags import reach, room

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.model import Asset, Binding, Device, Tag
    from gateway.templates import Plant
    from simulators.anatomy import Anatomy
    from simulators.course import Course

NOMINAL = {
    "V": 230.0,
    "kV": 10.0,
    "Hz": 50.0,
    "A": 40.0,
    "W": 20_000.0,
    "kW": 20.0,
    "var": 8000.0,
    "kvar": 8.0,
    "VA": 22_000.0,
    "kVA": 22.0,
    "°C": 40.0,
}
"""Unit → what is usual, where the plausible range has it."""
LINE_TO_LINE = re.compile("l12|l23|l31|ll|line")
"""Names of voltages between two phases: the usual times the root of three."""
SWAY = {"V": 0.01, "kV": 0.01, "Hz": 0.001}
USUAL_SWAY = 0.08
MOST = 0.95
"""Of the top of a range, that what is usual may reach."""
UNKNOWN = 200
"""Raw numbers that a tag without a plausible range is thought to have."""
PER_HOUR = {
    "kWh": 8.0,
    "MWh": 0.008,
    "Wh": 8000.0,
    "kvarh": 3.0,
    "kVAh": 8.5,
    "m³": 20.0,
    "m3": 20.0,
    "GJ": 0.1,
    "h": 1.0,
}
"""Units of registers that only grow, and by how much."""
REJECTS = 0.02
CYCLE_S = 2.0
"""A piece, where the site doesn't say how long one takes."""
IDLE_SHARE = 0.15
"""Of its power, that a machine draws while it stands."""


def courses(plant: Plant, seed: int) -> Iterator[tuple[tuple[str, str], Course]]:
    """How the value of each tag moves that an asset is made of."""
    bound: dict[tuple[str, str], tuple[Asset, Binding, Life]] = {}
    for asset in plant.assets:
        ways = len(set(asset.kpi.states.values())) - 1 if asset.kpi else 1
        life = Life(f"{seed}:{asset.name}", ways)
        for binding in asset.bindings:
            bound[binding.tag.device, binding.tag.name] = asset, binding, life
    for device in plant.devices:
        for tag in tags_of(device):
            key = device.name, tag.name
            if key in bound:
                yield key, _lived(tag, *bound[key], seed=seed)


def _lived(tag: Tag, asset: Asset, binding: Binding, life: Life, *, seed: int) -> Course:
    """How a value moves that a machine's figures are made of."""
    kpi = asset.kpi
    signal = binding.signal
    if kpi is not None and signal == "state" and kpi.states:
        return told(life, _states(kpi.states))
    if tag.kind is Kind.BIT:
        return told(life, [1.0, 0.0])
    if kpi is not None and signal in {*kpi.counts, *kpi.moduli, *kpi.metering.scales}:
        if binding.unit in PER_HOUR:
            return _register(tag, binding.unit, seed)
        cycle_s = kpi.ideal_cycle_s or CYCLE_S
        share = REJECTS if "reject" in signal else 1.0
        return Counter(share / cycle_s, _shown(tag, seed), life)
    low = tag.low if binding.low is None else binding.low
    high = tag.high if binding.high is None else binding.high
    swaying = _alone(tag, low, high, seed)
    if signal == "power" and not isinstance(swaying, Counter):
        return worked(life, lambda now_s: swaying(now_s) * IDLE_SHARE, swaying)
    return swaying


def course(
    tag: Tag, own: Anatomy | None, lived: Mapping[tuple[str, str], Course], seed: int
) -> Course:
    """How a tag's value moves: not at all where the device is known by it."""
    if own is not None and tag.name in own.fixed:
        value = own.fixed[tag.name]
        return wander("", value, value)
    its = lived.get((tag.device, tag.name))
    low, high = (own.ranges.get(tag.name) if own else None) or (None, None)
    low = tag.low if low is None or (tag.low is not None and tag.low > low) else low
    high = tag.high if high is None or (tag.high is not None and tag.high < high) else high
    return its or _alone(tag, low, high, seed)


def _states(states: Mapping[str, str]) -> list[float]:
    """A number for each state: running first."""
    first: dict[str, float] = {}
    for word, state in states.items():
        try:
            first.setdefault(state, float(word))
        except ValueError:
            continue
    running = first.pop("running", 1.0)
    return [running, *(first.values() or [0.0])]


def _alone(tag: Tag, low: float | None, high: float | None, seed: int) -> Course:
    """How a value moves of which nothing is known but its tag."""
    name = f"{seed}:{tag.device}.{tag.name}"
    if tag.kind is Kind.BIT:
        return told(Life(name), [1.0, 0.0])
    if tag.unit in PER_HOUR:
        return _register(tag, tag.unit, seed)
    if tag.kind in {Kind.U32, Kind.U64} and low is None and high is None and not tag.unit:
        return Counter(tag.scale / CYCLE_S, _shown(tag, seed))
    return wander(name, *span(tag, low, high))


def span(tag: Tag, low: float | None, high: float | None) -> tuple[float, float]:
    """Between which values a tag sways: around what is usual, in its range and its registers."""
    least, most = sorted(raw * tag.scale + tag.offset for raw in reach(tag))
    bottom = tag.offset if low is None else max(low, least)
    top = min(bottom + UNKNOWN * abs(tag.scale) if high is None else high, most)
    if bottom >= top:
        return bottom, bottom
    middle = bottom + 0.4 * (top - bottom) if bottom >= 0 else 0.3 * top
    usual = NOMINAL.get(tag.unit or "", math.inf)
    if tag.unit == "V" and LINE_TO_LINE.search(tag.name):
        usual *= math.sqrt(3)
    if bottom <= usual <= MOST * top:
        middle = usual
    elif (low, high) == (-1.0, 1.0):  # a power factor
        middle = 0.9
    sway = SWAY.get(tag.unit or "", USUAL_SWAY) * abs(middle)
    return max(bottom, middle - sway), min(top, middle + sway)


def _register(tag: Tag, unit: str, seed: int) -> Counter:
    return Counter(PER_HOUR[unit] / 3600, _shown(tag, seed))


def _shown(tag: Tag, seed: int) -> float:
    """What a register shows at the start: something, and far from its end."""
    chance = Random(zlib.crc32(f"{seed}:{tag.device}.{tag.name}".encode()))
    return chance.uniform(0.01, 0.3) * min(room(tag), 2e5) * tag.scale + tag.offset


def tags_of(device: Device) -> tuple[Tag, ...]:
    """All tags that are polled of a device."""
    return tuple(tag for group in device.groups for tag in group.tags)
