"""What a device has beyond what its site file reads: the rest of its template's registers.

So a rehearsed device is found by `nxgate scan` as the real one is, and a PLC answers for all of its
areas. The templates are read as those of a site file are, by a site of such devices alone.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.resolution.device_template import load_template
from gateway.templates import load
from simulators.memory import Area, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.model import Tag
    from gateway.resolution.device_template import LoadedTemplate
    from gateway.resolution.identity import Sign
    from gateway.sitefile.area import AreaConfig
    from gateway.sitefile.document import Document

LAST = 65_536
"""One beyond the last address."""
_SITE = {"cluster": "c", "enterprise": "e", "site": "s", "gateway": "g", "timezone": "UTC"}
_KEPT = ("unit", "address", "template", "parameters", "areas")
_REGISTERS = ("holding:", "input:")


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The rest of a device.

    Attributes:
        tags: of the template that are not polled, and its signs.
        fixed: tag → the value that the device is known by.
        ranges: tag → between which values it is, where the device is known by that.
        areas: of a PLC.
        identity: vendor and product, as function 43 tells them.
    """

    tags: tuple[Tag, ...]
    fixed: Mapping[str, float]
    ranges: Mapping[str, tuple[float | None, float | None]]
    areas: tuple[Area, ...]
    identity: tuple[str, ...]


def anatomies(
    site: Document, links: Mapping[str, str], polled: Mapping[str, frozenset[str]]
) -> dict[str, Anatomy]:
    """Look up the rest of each device that has a template.

    Args:
        site: the site file, sound.
        links: device → where it is served.
        polled: device → tags that are read of it; devices that are not in it are left out.
    """
    devices: dict[str, dict[str, object]] = {}
    templates: dict[str, LoadedTemplate] = {}
    given = site.get(("devices",))
    with tempfile.TemporaryDirectory() as folder:
        for name, device in given.items() if isinstance(given, dict) else ():
            template = load_template(str(device.get("template")), site.folder)[0]
            if name not in polled or template is None:
                continue
            templates[name] = template
            devices[name] = {key: device[key] for key in _KEPT if key in device}
            devices[name] |= {"link": links[name], "tags": _rest(template, polled[name])}
            if str(device["template"]).startswith("./"):
                copy = Path(folder, str(device["template"]))
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(template.path, copy)
        path = Path(folder) / "site.yaml"
        path.write_text(json.dumps({"site": _SITE, "devices": devices}), "utf-8")  # JSON is YAML
        made = {device.name: device for device in load(path).devices}
    found = {}
    for name, template in templates.items():
        tags = tuple(tag for group in made[name].groups for tag in group.tags)
        device = given[name] if isinstance(given, dict) else {}
        found[name] = Anatomy(
            tuple(tag for tag in tags if tag.name not in polled[name]),
            dict(_fixed(template, int(device.get("unit", 1)))),
            {name: (sign.low, sign.high) for name, sign in _signs(template)},
            tuple(_areas(template.model.areas)),
            _identity(template),
        )
    return found


def union(areas: Iterable[Area]) -> tuple[Area, ...]:
    """One area where several touch or overlap, so that each address is there once."""
    found: list[Area] = []
    for area in sorted(areas, key=lambda one: (one.table, one.first)):
        before = found[-1] if found else None
        if before is None or before.table is not area.table or _end(before) < area.first:
            found.append(area)
            continue
        count = max(_end(before), _end(area)) - before.first
        spans = [one.writable for one in (before, area) if one.writable]
        writable = (
            range(min(one.start for one in spans), max(one.stop for one in spans))
            if spans
            else range(0)
        )
        found[-1] = Area(before.table, before.first, count, writable)
    return tuple(found)


def _end(area: Area) -> int:
    return area.first + area.count


def _rest(template: LoadedTemplate, polled: frozenset[str]) -> dict[str, dict[str, object]]:
    """The template's other tags, and its signs, in the words of a site file."""
    found: dict[str, dict[str, object]] = {
        name: {} for name in template.model.tags if name not in polled
    }
    for name, sign in _own(template):
        given = {
            key: getattr(sign, key)
            for key in ("at", "kind", "order", "scale")
            if getattr(sign, key) is not None
        }
        bare = {"kind": "u16"} if str(sign.at).startswith(_REGISTERS) else {}
        found[name] = {**bare, **given}
    return found


def _own(template: LoadedTemplate) -> Iterator[tuple[str, Sign]]:
    """Signs that are at an address of their own, by names for them."""
    for index, sign in enumerate(template.model.identity.signs):
        if sign.tag is None and not sign.refused:
            yield f"sign_{index}", sign


def _signs(template: LoadedTemplate) -> Iterator[tuple[str, Sign]]:
    """All signs that are there to be read, by the names of what is read."""
    for sign in template.model.identity.signs:
        if sign.tag is not None:
            yield sign.tag, sign
    yield from _own(template)


def _fixed(template: LoadedTemplate, unit: int) -> Iterator[tuple[str, float]]:
    for name, sign in _signs(template):
        if sign.unit:
            yield name, float(unit)
        elif sign.equals:
            yield name, float(sign.equals[0])


def _areas(areas: Iterable[AreaConfig]) -> Iterator[Area]:
    """A PLC's areas as runs of addresses, to the even one behind their end."""
    for area in areas:
        table = Table(area.function)
        count = area.last - area.first + 1
        if area.counts == "bytes":
            count = count * 8 if table.is_bits else (count + 1) // 2
        end = min(area.at + count * area.stride + 1 & ~1, LAST)
        yield Area(table, area.at & ~1, end - (area.at & ~1))


def _identity(template: LoadedTemplate) -> tuple[str, ...]:
    """Vendor, product and revision as the device tells them, where it is known to."""
    identity = template.model.identity
    if identity.vendor is None:
        return ()
    return identity.vendor, *identity.product[:1], "simulated"
