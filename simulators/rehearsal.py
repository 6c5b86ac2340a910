"""A site file rehearsed: each of its devices served on this machine, with values that move.

Reading order: `local.py` (where each link is served), `behaviour.py` (what the values do),
`anatomy.py` (what a device has beyond what is polled), `tags.py` and `tag_meter.py` (a device at
work), `sitecopy.py` (the site file that leads there).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import ConfigError
from gateway.sitefile.document import load as read_document
from gateway.templates import load
from gateway.words import _
from simulators.anatomy import anatomies, union
from simulators.behaviour import course, courses, tags_of
from simulators.local import links_of, nobody, places
from simulators.place import METERS, SCHEMES, Place
from simulators.tags import Rehearsed, areas

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.model import Device
    from gateway.sitefile.document import Document
    from simulators.memory import Area


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
    links = dict(links_of(document))
    local = places(dict.fromkeys(links.values()), folder, port_base)
    lived = dict(courses(plant, seed))
    served = {one.name: one for one in plant.devices if local[links[one.name]] is not None}
    polled = {name: frozenset(tag.name for tag in tags_of(one)) for name, one in served.items()}
    here = {name: str(local[links[name]]) for name, one in served.items()}
    rest = anatomies(document, here, polled)
    # What is polled comes last, so that it holds where two tags share a register.
    tags = {
        name: (*(rest[name].tags if name in rest else ()), *tags_of(one))
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
        counted = _("tags: {count}").format(count=len(tags_of(one)))
        devices[name] = Rehearsed(
            title=f"{template}  {counted}" if template else counted,
            link=here[name],
            unit=_unit(one),
            tags=tags[name],
            courses={tag.name: course(tag, own, lived, seed) for tag in tags[name]},
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
        {link: str(place or nobody(link, folder)) for link, place in local.items()},
        {name: link.partition(":")[0] for name, link in links.items() if name not in devices},
    )


def _key(place: Place | None) -> object:
    return place.key if place is not None else None


def is_meter(device: Device) -> bool:
    """Whether it speaks DL/T 645."""
    return device.link.startswith(METERS)


def _unit(device: Device) -> int:
    unit = device.options.get("unit", 1)
    return unit if isinstance(unit, int) else 1
