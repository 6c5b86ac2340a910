"""A device template: what the gateway knows of a make and model before a site file is written.

A PLC's template brings the addresses that its programmer writes; a meter's brings its tags too.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from gateway.errors import Fault
from gateway.model import Order
from gateway.resolution.identity import Identity
from gateway.resolution.library import TEMPLATES, Names
from gateway.resolution.parameter import Parameter
from gateway.sitefile.area import AreaConfig
from gateway.sitefile.document import Document, instead, validate
from gateway.sitefile.equipment import TagConfig
from gateway.sitefile.names import TagName
from gateway.sitefile.part import Part
from gateway.sitefile.units import Flag, Int
from gateway.words import _

if TYPE_CHECKING:
    from gateway.sitefile.yaml12 import KeyPath


class ReadLimits(Part):
    """What one request to the device may ask; None: what the protocol allows."""

    max: Int | None = Field(default=None, ge=1, description="registers in one answer")
    max_bits: Int | None = Field(default=None, ge=1, description="bits in one answer")
    gap: Int | None = Field(default=None, ge=0, description="registers to read over")
    even: Flag | None = Field(default=None, description="even addresses and counts only")
    at_once: Int | None = Field(default=None, ge=1, description="requests under way, over TCP")


class AreaTemplate(AreaConfig):
    """A run of the family's own addresses."""

    name: Names | None = None


class TagTemplate(TagConfig):
    """A tag as the maker documents it; a site file may change any of it by key.

    Attributes:
        times: parameters that the scale and the plausible range are multiplied by.
        poll: False for set-up registers and blocks of other firmware, which are read only where
            the site file lists or binds them.
    """

    at: str = Field(min_length=1, max_length=200, examples=["holding:8198"])
    name: Names = Field(examples=[{"zh": "A 相电压", "en": "Voltage, phase 1"}])
    times: tuple[TagName, ...] = Field(default=(), examples=[["ct_ratio"]])
    poll: Flag = True


class DeviceTemplate(Part):
    """A make and model, with its sources and how far they are to be trusted."""

    template: str = Field(examples=["chint/dtsu666"])
    name: Names
    kind: Literal["plc", "meter", "drive", "compressor", "controller", "io"]
    protocols: tuple[str, ...] = Field(min_length=1, examples=[["modbus+tcp"]])
    confidence: Literal["A", "A/B", "A/C", "B", "B/C", "C"]
    sources: tuple[str, ...] = Field(min_length=1)
    notes: tuple[str, ...] = ()
    read: ReadLimits = ReadLimits()
    write: Literal["single", "multiple"] | None = Field(
        default=None, description="only one register at a time, or only the functions for several"
    )
    order: Order | None = Field(default=None, description="of numbers over several registers")
    parameters: dict[TagName, Parameter] = Field(default_factory=dict)
    areas: tuple[AreaTemplate, ...] = ()
    tags: dict[TagName, TagTemplate] = Field(default_factory=dict)
    identity: Identity = Identity()


@dataclass(frozen=True, slots=True)
class LoadedTemplate:
    """A template with the file it came from."""

    model: DeviceTemplate
    document: Document
    path: Path


def load_template(name: str, folder: Path) -> tuple[LoadedTemplate | None, list[Fault]]:
    """Read a template by its name.

    Args:
        name: `vendor/model`, or a path that begins with `./`.
        folder: of the site file.

    Returns:
        The template and no faults, or None and what is wrong with it; None and nothing where
        there is no template of that name.
    """
    document, path, faults = TEMPLATES.open(name, folder)
    if document is None or faults:
        return None, faults
    model, faults = validate(document, (), DeviceTemplate)
    if model is None:
        return None, faults
    faults = _check(model, document, name)
    return (None, faults) if faults else (LoadedTemplate(model, document, path), [])


def _check(model: DeviceTemplate, document: Document, name: str) -> list[Fault]:
    """What one key of a template says of another."""
    faults: list[Fault] = []
    if not name.startswith("./") and model.template != name:
        what = _("the file is found as {name}").format(name=name)
        faults.append(document.fault(("template",), "wrong-name", what, _("write that name")))
    for tag, spec in model.tags.items():
        for index, parameter in enumerate(spec.times):
            if parameter not in model.parameters:
                what = _("there is no parameter {name}").format(name=parameter)
                known = ", ".join(model.parameters) or "–"
                next_ = _("there are: {known}").format(known=known)
                path = ("tags", tag, "times", index)
                faults.append(document.fault(path, "unknown-parameter", what, next_))
    return faults + _check_identity(model, document)


def _check_identity(model: DeviceTemplate, document: Document) -> list[Fault]:
    """Whether the signs and the variants are about tags that the template has."""
    named: list[tuple[KeyPath, str]] = [
        (("identity", "signs", index, "tag"), sign.tag)
        for index, sign in enumerate(model.identity.signs)
        if sign.tag is not None
    ]
    for variant, spec in model.identity.variants.items():
        named += [(("identity", "variants", variant, "tags", tag), tag) for tag in spec.tags]
    faults = []
    for path, tag in named:
        if tag not in model.tags:
            what = _("there is no tag {name}").format(name=tag)
            next_ = instead(tag, model.tags, _("check the name"))
            faults.append(document.fault(path, "unknown-tag", what, next_))
    return faults
