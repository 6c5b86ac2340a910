"""The signs of every device template, as tags that the driver of a link can read.

They are read as a site file's tags are: every hypothesis (a template, or a variant of it) becomes
a device of a site that is resolved like any other, so a sign means what the tag will mean.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from gateway.resolution.device_template import load_template
from gateway.resolution.library import TEMPLATES
from gateway.resolution.references import SAME
from gateway.templates import load
from gateway.words import chosen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.errors import Fault
    from gateway.model import Device, Tag
    from gateway.plant import Plant
    from gateway.resolution.device_template import LoadedTemplate
    from gateway.resolution.identity import Identity, Sign

_SITE = {"cluster": "c", "enterprise": "e", "site": "s", "gateway": "g", "timezone": "UTC"}
_GROUP = "signs"
_OWN = "templates"
_REGISTERS = ("holding:", "input:")
"""Addresses that don't tell what they hold."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A make and model that a device may be of.

    Attributes:
        template: its name as a site file writes it: `vendor/model`, or `./templates/press.yaml`.
        title: for people.
        variant: of the template, "" for the template as it is.
        changes: what the site file says of tags where it is this variant.
        device: with the template's limits, to be asked as whatever unit.
        signs: each with the tag that is read for it.
        has_tags: whether the template brings tags, not only a PLC's areas.
    """

    template: str
    title: str
    variant: str
    changes: Mapping[str, Mapping[str, object]]
    identity: Identity
    device: Device
    signs: tuple[tuple[Sign, Tag], ...]
    has_tags: bool

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.template}, {self.variant}" if self.variant else self.template


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All hypotheses about devices on one link.

    Attributes:
        drivers: where they are.
        faults: of the site's own templates; such a template is no hypothesis.
    """

    hypotheses: tuple[Hypothesis, ...]
    drivers: Mapping[str, str]
    faults: tuple[Fault, ...] = ()


def gather(url: str, folder: Path | None = None) -> Knowledge:
    """Read the templates of devices that may be on a link.

    Args:
        url: of the link.
        folder: of a site file, whose own templates (`templates/` beside it) come first.
    """
    scheme = url.partition("://")[0]
    scheme = SAME.get(scheme, scheme)
    known: dict[str, tuple[str, LoadedTemplate, str]] = {}
    faults: list[Fault] = []
    devices: dict[str, object] = {}
    for name in [*_own(folder), *TEMPLATES.names()]:
        template, wrong = load_template(name, folder or Path())
        faults += wrong
        if template is None or scheme not in template.model.protocols:
            continue
        for variant in ("", *template.model.identity.variants):
            key = f"d{len(known)}"
            known[key] = name, template, variant
            devices[key] = {"link": url, "template": name, "groups": {_GROUP: "1d"}} | {
                "tags": _tags(template, variant)
            }
    plant = _resolve(devices, folder)
    made = {device.name: device for device in plant.devices}
    hypotheses = tuple(_hypothesis(made[key], *known[key]) for key in known)
    return Knowledge(hypotheses, plant.drivers, tuple(faults))


def _own(folder: Path | None) -> list[str]:
    """The site's own templates, as its file names them."""
    if folder is None:
        return []
    found = sorted((folder / _OWN).rglob("*.yaml"))
    return [f"./{path.relative_to(folder).as_posix()}" for path in found]


def _tags(template: LoadedTemplate, variant: str) -> dict[str, dict[str, object]]:
    """The tags that signs are read by, in the words of a site file."""
    identity = template.model.identity
    changes = _changes(identity, variant)
    found: dict[str, dict[str, object]] = {}
    for index, sign in enumerate(identity.signs):
        if sign.tag is not None:
            found[sign.tag] = {**changes.get(sign.tag, {}), "group": _GROUP}
            continue
        given = {
            key: getattr(sign, key)
            for key in ("at", "kind", "order", "scale")
            if getattr(sign, key) is not None
        }
        bare = {"kind": "u16"} if str(sign.at).startswith(_REGISTERS) else {}
        found[f"sign_{index}"] = {**bare, **given, "group": _GROUP}
    return found


def _changes(identity: Identity, variant: str) -> dict[str, dict[str, object]]:
    if not variant:
        return {}
    return {
        tag: config.model_dump(include=config.model_fields_set, mode="json")
        for tag, config in identity.variants[variant].tags.items()
    }


def _resolve(devices: Mapping[str, object], own: Path | None) -> Plant:
    with tempfile.TemporaryDirectory() as folder:
        if own is not None and (own / _OWN).is_dir():
            shutil.copytree(own / _OWN, Path(folder) / _OWN)
        path = Path(folder) / "site.yaml"
        path.write_bytes(orjson.dumps({"site": _SITE, "devices": devices}))  # JSON is YAML
        return load(path)


def _hypothesis(device: Device, name: str, template: LoadedTemplate, variant: str) -> Hypothesis:
    identity = template.model.identity
    tags = {tag.name: tag for group in device.groups for tag in group.tags}
    signs = tuple(
        (sign, tags[sign.tag or f"sign_{index}"]) for index, sign in enumerate(identity.signs)
    )
    title = template.model.name[chosen()]
    if variant:
        title = f"{title}, {identity.variants[variant].name[chosen()]}"
    changes = _changes(identity, variant)
    return Hypothesis(
        template=name,
        title=title,
        variant=variant,
        changes=changes,
        identity=identity,
        device=device,
        signs=signs,
        has_tags=bool(template.model.tags),
    )
