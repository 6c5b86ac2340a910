"""A site file rehearsed: each of its devices served on this machine, with values that move.

What a tag's value does is told from what the site says of it: a tag that an asset counts with
counts while that machine runs, one that tells its state tells it, one in kWh is a register, and the
rest sways within its plausible range.
"""

from __future__ import annotations

import math
import re
import zlib
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from gateway.errors import ConfigError
from gateway.model import Kind
from gateway.sitefile.document import load as read_document
from gateway.sitefile.explain import Wrong
from gateway.templates import load
from gateway.words import _
from simulators.anatomy import anatomies, union
from simulators.course import Counter, Life, told, wander, worked
from simulators.place import METERS, SCHEMES, Place
from simulators.ports import free_ports
from simulators.tags import Rehearsed, areas, reach, room

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from gateway.model import Asset, Binding, Device, Tag
    from gateway.sitefile.document import Document
    from gateway.templates import Plant
    from simulators.anatomy import Anatomy
    from simulators.course import Course
    from simulators.memory import Area

HOST, FIRST_PORT = "127.0.0.1", 15100
TLS, TLS_PORT = "modbus+tls", 802
DEAD = "127.0.0.1:9"
"""The discard service, which nobody runs: what stands here for a device that isn't served."""
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


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A site, ready to be served.

    Attributes:
        document: the site file.
        devices: those served, in its order.
        links: link of the site file → where it is served here; of devices that aren't, where
            nobody answers.
        unserved: device → its link's scheme, which no simulator speaks.
    """

    document: Document
    devices: Mapping[str, Rehearsed]
    links: Mapping[str, str]
    unserved: Mapping[str, str]


def rehearse(site: Path, folder: Path, port_base: int | None, seed: int) -> Rehearsal:
    """Read a site file and decide where and how each of its devices is served.

    Args:
        site: the site file.
        folder: for the names of its lines' pseudo-terminals.
        port_base: first TCP port; None or 0: the first that are free.
        seed: of the values' courses.

    Raises:
        ConfigError: the site file has faults, or nothing in it can be served.
    """
    plant = load(site)
    document = read_document(site)
    links = dict(_links(document))
    local = places(dict.fromkeys(links.values()), folder, port_base)
    courses = dict(_courses(plant, seed))
    served = {one.name: one for one in plant.devices if local[links[one.name]] is not None}
    polled = {name: frozenset(tag.name for tag in _tags(one)) for name, one in served.items()}
    here = {name: str(local[links[name]]) for name, one in served.items()}
    rest = anatomies(document, here, polled)
    # What is polled comes last, so that it holds where two tags share a register.
    tags = {
        name: (*(rest[name].tags if name in rest else ()), *_tags(one))
        for name, one in served.items()
    }
    alike: dict[tuple[object, int], list[Area]] = {}
    for name, one in served.items():
        if is_meter(one):
            continue
        also = rest[name].areas if name in rest else ()
        unit = alike.setdefault((_key(local[links[name]]), _unit(one)), [])
        unit += (*areas(tags[name]), *also)
    devices: dict[str, Rehearsed] = {}
    for name, one in served.items():
        own = rest.get(name)
        template = document.get(("devices", name, "template"))
        counted = _("tags: {count}").format(count=len(_tags(one)))
        devices[name] = Rehearsed(
            title=f"{template}  {counted}" if template else counted,
            link=here[name],
            unit=_unit(one),
            tags=tags[name],
            courses={tag.name: _course(tag, own, courses, seed) for tag in tags[name]},
            areas=union(alike.get((_key(local[links[name]]), _unit(one)), ())),
            identity=own.identity if own else (),
            address=str(one.options.get("address") or "") if is_meter(one) else None,
        )
    if not devices:
        what, next_ = _("none of its devices can be served"), _("simulators serve: {known}")
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        fault = document.fault(("devices",), "no-devices", what, next_.format(known=known))
        raise ConfigError([fault])
    return Rehearsal(
        document,
        devices,
        {link: str(place or _nobody(link, folder)) for link, place in local.items()},
        {name: link.partition(":")[0] for name, link in links.items() if name not in devices},
    )


@dataclass(frozen=True, slots=True)
class Local:
    """Where links are served on this machine.

    Attributes:
        document: the site file, where there is one.
        places: link → place, of links that simulators serve.
        links: every link of the site file → where it leads here; where nobody answers, if it is
            not served.
    """

    document: Document | None
    places: Mapping[str, Place]
    links: Mapping[str, str]


def local_links(
    site: Path | None, recorded: list[str], folder: Path, port_base: int | None
) -> Local:
    """Find a place for each link that was recorded.

    Args:
        site: the site file; None: its links are not wanted.
        recorded: links.
        folder: for the names of lines.
        port_base: first TCP port; None or 0: the first that are free.

    Raises:
        ConfigError: the site file has faults, or no simulator serves a link.
    """
    document = None
    links = {link: _nobody(link, folder) for link in recorded}
    if site is not None:
        load(site)
        document = read_document(site)
        links |= {link: _nobody(link, folder) for link in dict(_links(document)).values()}
    found = places(recorded, folder, port_base)
    served = {link: place for link, place in found.items() if place is not None}
    return Local(document, served, links | {link: str(place) for link, place in served.items()})


def _links(document: Document) -> Iterator[tuple[str, str]]:
    """Every device's link, also of those whose protocol comes with a later release."""
    devices = document.get(("devices",))
    for name, device in devices.items() if isinstance(devices, dict) else ():
        yield str(name), str(device["link"])


def places(links: Iterable[str], folder: Path, port_base: int | None) -> dict[str, Place | None]:
    """Where links of a site are served on this machine, each thing in one place.

    Args:
        links: as the site file writes them; two may be one line at two speeds.
        folder: for the names of lines.
        port_base: first TCP port; None or 0: the first that are free.

    Returns:
        Link → place; None where no simulator serves such a link.
    """
    there: dict[str, Place | None] = {}
    for link in links:
        try:
            there[link] = Place.of(_plain(link))
        except Wrong:
            there[link] = None
    lines = list(dict.fromkeys(p.key for p in there.values() if p and p.is_line))
    ports = list(dict.fromkeys(p.key for p in there.values() if p and not p.is_line))
    base = port_base or free_ports(HOST, FIRST_PORT, max(len(ports), 1)) or 0
    found: dict[str, Place | None] = dict.fromkeys(there)
    for link, place in there.items():
        if place is None:
            continue
        query = "&".join(part for part in place.query.split("&") if not part.startswith("rs485"))
        if place.is_line:
            path = str(folder / f"line-{lines.index(place.key) + 1}")
            found[link] = Place(place.scheme, path=path, query=query)
        else:
            found[link] = Place(place.scheme, HOST, base + ports.index(place.key), query=query)
    return found


def _plain(link: str) -> str:
    """The same without TLS, which a rehearsal needs no certificates for."""
    if not link.startswith(f"{TLS}://"):
        return link
    host = link.removeprefix(f"{TLS}://").rstrip("/")
    has_port = re.search(r":\d+$", host) is not None
    return f"modbus+tcp://{host}" if has_port else f"modbus+tcp://{host}:{TLS_PORT}"


def _nobody(link: str, folder: Path) -> str:
    """A link of the same kind that nobody answers on."""
    scheme, _sep, rest = link.partition("://")
    return f"{scheme}://{folder}/nobody" if rest.startswith("/") else f"{scheme}://{DEAD}"


def _courses(plant: Plant, seed: int) -> Iterator[tuple[tuple[str, str], Course]]:
    """How the value of each tag moves that an asset is made of."""
    bound: dict[tuple[str, str], tuple[Asset, Binding, Life]] = {}
    for asset in plant.assets:
        ways = len(set(asset.kpi.states.values())) - 1 if asset.kpi else 1
        life = Life(f"{seed}:{asset.name}", ways)
        for binding in asset.bindings:
            bound[binding.tag.device, binding.tag.name] = asset, binding, life
    for device in plant.devices:
        for tag in _tags(device):
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


def _course(
    tag: Tag, own: Anatomy | None, courses: Mapping[tuple[str, str], Course], seed: int
) -> Course:
    """How a tag's value moves: not at all where the device is known by it."""
    if own is not None and tag.name in own.fixed:
        value = own.fixed[tag.name]
        return wander("", value, value)
    lived = courses.get((tag.device, tag.name))
    low, high = (own.ranges.get(tag.name) if own else None) or (None, None)
    low = tag.low if low is None or (tag.low is not None and tag.low > low) else low
    high = tag.high if high is None or (tag.high is not None and tag.high < high) else high
    return lived or _alone(tag, low, high, seed)


def _key(place: Place | None) -> object:
    return place.key if place is not None else None


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


def _tags(device: Device) -> tuple[Tag, ...]:
    return tuple(tag for group in device.groups for tag in group.tags)


def is_meter(device: Device) -> bool:
    """Whether it speaks DL/T 645."""
    return device.link.startswith(METERS)


def _unit(device: Device) -> int:
    unit = device.options.get("unit", 1)
    return unit if isinstance(unit, int) else 1
