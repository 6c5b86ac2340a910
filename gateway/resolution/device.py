"""One device of the site file with its template: tags with their addresses read, in groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from gateway.driver import AddressError
from gateway.model import Device, Group, Kind, Order, Tag, Write
from gateway.resolution.parameter import settle
from gateway.sitefile.equipment import DEFAULT_GROUP, TagConfig
from gateway.sitefile.opcua import NONE, PKI, SERVER
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from gateway.driver import Address, Plugin
    from gateway.errors import Fault
    from gateway.resolution.device_template import LoadedTemplate
    from gateway.sitefile.area import AreaConfig
    from gateway.sitefile.document import Document
    from gateway.sitefile.equipment import DeviceConfig
    from gateway.sitefile.sections import Site
    from gateway.sitefile.yaml12 import KeyPath


class Declared(NamedTuple):
    """A tag before its address is read: the template's, the site's, or one over the other.

    Attributes:
        config: every key that is set in either; the site's wins.
        polled: read without anything being bound to it.
        ratio: what the parameters make of the scale.
        document, path: where the tag is declared, the site file where both do.
        at_document, at_path: where its address stands.
    """

    name: str
    config: TagConfig
    polled: bool
    ratio: float
    document: Document
    path: KeyPath
    at_document: Document
    at_path: KeyPath


@dataclass(frozen=True, slots=True)
class Outline:
    """A device as far as it can be told without reading addresses.

    Attributes:
        document: the site file.
        known: names of all tags, the template's and the site's.
        sound: those of them that hold; the others' faults are told already.
        whole: False where there may be more tags, because the template or a section is faulty.
        values: the parameters'.
        options: for the driver.
    """

    site: Site
    document: Document
    name: str
    template: LoadedTemplate | None
    known: Collection[str]
    sound: Collection[str]
    whole: bool
    values: Mapping[str, float]
    options: Mapping[str, object]

    def declared(self, name: str) -> Declared:
        """Lay what the site says of a tag over what the template says.

        Made anew each time: a site of 10,000 tags would keep them all in memory at once.
        """
        own = self.site.devices[self.name].tags.get(name)
        known = self.template.model.tags.get(name) if self.template else None
        path: KeyPath = ("devices", self.name, "tags", name)
        if known is None or self.template is None:
            assert own is not None  # noqa: S101 - the name comes from one of the two
            here: tuple[Document, KeyPath] = (self.document, path)
            return Declared(name, own, True, 1.0, *here, *here)  # noqa: FBT003
        ratio = 1.0
        for parameter in known.times:
            ratio *= self.values.get(parameter, 1.0)
        merged = {key: getattr(known, key) for key in TagConfig.model_fields}
        # A plausible range is the instrument's own, so it grows with the ratios; one that the
        # site file gives is in the tag's unit already.
        for limit in ("low", "high"):
            if merged[limit] is not None:
                merged[limit] *= ratio
        given = own.model_fields_set if own else set()
        merged |= {key: getattr(own, key) for key in given}
        config = TagConfig.model_construct(**merged)
        there: tuple[Document, KeyPath] = (self.template.document, ("tags", name))
        here = (self.document, path) if own else there
        at = here if "at" in given else there
        polled = known.poll or own is not None or bool(config.expect)
        return Declared(name, config, polled, ratio, *here, *at)


def outline(site: Site, name: str, template: LoadedTemplate | None) -> tuple[Outline, list[Fault]]:
    """Find out which tags a device has, and settle its parameters.

    Args:
        site: the site file.
        name: of the device.
        template: None where the device has none, or it couldn't be read.
    """
    config = site.devices[name]
    path = ("devices", name)
    whole = (config.template is None or template is not None) and not any(
        site.is_invalid(*path, key) for key in ("template", "tags")
    )
    values: dict[str, float] = {}
    faults: list[Fault] = []
    if whole:
        asked = template.model.parameters if template else {}
        owner = template.model.template if template else _("a device without a template")
        values, faults = settle(
            asked, config.parameters, site.document, (*path, "parameters"), owner
        )
    written = site.document.get((*path, "tags"))
    own = list(written) if isinstance(written, dict) else []
    flawed = {bad[3] for bad in site.invalid if bad[:3] == (*path, "tags") and len(bad) > 3}  # noqa: PLR2004 - the tag's name comes fourth
    known = dict.fromkeys([*(template.model.tags if template else ()), *own])
    options: dict[str, object] = {"unit": config.unit, "parameters": values}
    if config.address is not None:
        options["address"] = config.address
    if config.mode != "poll":
        options["mode"] = config.mode
    if config.subscription is not None:
        options["subscription"] = config.subscription.model_dump(exclude_none=True)
    if template:
        limits = template.model.read
        named = {
            "max_read": limits.max,
            "max_bits": limits.max_bits,
            "gap": limits.gap,
            "even": limits.even,
            "at_once": limits.at_once,
            "write": template.model.write,
        }
        options |= {key: value for key, value in named.items() if value is not None}
    out = Outline(
        site=site,
        document=site.document,
        name=name,
        template=template,
        known=known,
        sound=[tag for tag in known if tag not in flawed],
        whole=whole,
        values=values,
        options=options,
    )
    return out, faults


def build(
    out: Outline,
    plugin: Plugin | None,
    bound: Collection[str],
    units: Mapping[str, tuple[str, float]],
) -> tuple[Device | None, list[Fault]]:
    """Read every address and put the tags into their groups.

    Args:
        out: the device.
        plugin: of the link's driver; None where there is none, and addresses can't be read.
        bound: tags that an asset binds, so that they are polled whatever the template says.
        units: tag → the unit that its signal speaks, and the factor into it.

    Returns:
        The device, without the tags that have faults; None where nothing could be read.
    """
    site = out.site
    config = site.devices[out.name]
    path = ("devices", out.name)
    if plugin is None or not out.whole:
        return None, []
    faults: list[Fault] = []
    try:
        plugin.check_link(config.link)
    except AddressError as error:
        faults.append(site.document.fault((*path, "link"), error.code, error.what, error.next))
    groups: dict[str, list[Tag]] = {DEFAULT_GROUP: [], **{group: [] for group in config.groups}}
    model = out.template.model if out.template else None
    areas = areas_of(config.areas, model.areas if model else ())
    for name in out.sound:
        declared = out.declared(name)
        if not declared.polled and name not in bound:
            continue
        try:
            tag = _tag(out, declared, plugin, areas, units.get(name))
        except AddressError as error:
            document, at = declared.at_document, (*declared.at_path, "at")
            faults.append(document.fault(at, error.code, error.what, error.next))
            continue
        for what, next_ in _never(declared.config, tag):
            at = (*declared.path, "expect")
            faults.append(declared.document.fault(at, "wrong-type", what, next_))
        if tag.group in groups:  # an unknown one is a fault of the site file already
            groups[tag.group].append(tag)
    device = Device(
        name=out.name,
        link=_link(config, site.store.path / PKI),
        timeout_s=config.timeout,
        groups=tuple(
            Group(out.name, group, config.groups.get(group, config.poll), tuple(tags))
            for group, tags in groups.items()
            if tags
        ),
        options=out.options,
        where=site.document.at(path),
    )
    return device, faults


def _link(config: DeviceConfig, pki: Path) -> str:
    """The link with what secures it, so that it is another one where that is another."""
    given = config.tls.model_dump(exclude_none=True) if config.tls else {}
    if config.security is not None:
        given = config.security.model_dump(exclude_none=True)
        given |= {key: held["file"] for key, held in given.items() if isinstance(held, dict)}
    if config.link.startswith(f"{SERVER}:") and given.get("policy") != NONE:
        given = {"pki": pki} | given
    return f"{config.link}?{urlencode(given, safe='/')}" if given else config.link


def areas_of(
    stated: Sequence[AreaConfig], known: Sequence[AreaConfig]
) -> list[Mapping[str, object]]:
    """Lay the site's areas before the template's; those of the same name are gone."""
    names = {area.area for area in stated}
    both = [*stated, *(area for area in known if area.area not in names)]
    return [area.model_dump(exclude={"name"}) for area in both]


def _tag(
    out: Outline,
    declared: Declared,
    plugin: Plugin,
    areas: Sequence[Mapping[str, object]],
    unit: tuple[str, float] | None,
) -> Tag:
    """Build one tag, in the unit that its signal speaks.

    Raises:
        AddressError: what its address or its kind lacks.
    """
    config, model = declared.config, out.template.model if out.template else None
    if config.at is None:
        what = _("the tag has no address, and the template has no tag of this name")
        raise AddressError("missing-key", what, _("write e.g. at: holding:40, or check the name"))
    address = plugin.address(config.at, areas)
    kind = config.kind or address.kind
    if kind is None:
        what = _("{at} does not tell what it holds").format(at=config.at)
        raise AddressError("missing-key", what, _("write e.g. kind: u16"))
    implied = Order(address.order) if address.order else None
    order = config.order or implied or (model.order if model else None) or Order.ABCD
    if config.low is not None and config.high is not None and config.low >= config.high:
        what = _("its range is from {low} to {high}").format(
            low=f"{config.low:g}", high=f"{config.high:g}"
        )
        raise AddressError("upside-down", what, _("set low and high both"))
    bits = _bits(config, address, kind)
    spoken, factor = unit or (config.unit, 1.0)
    scale = (1.0 if config.scale is None else config.scale) * declared.ratio * address.scale
    write = config.write
    tag = Tag(
        device=out.name,
        name=declared.name,
        kind=kind,
        at=address.spelled or config.at,
        register=address.register,
        order=order,
        length=config.length or address.length or 1,
        bits=bits,
        scale=scale * factor,
        offset=(config.offset or 0.0) * factor,
        unit=spoken or None,
        text=config.name or {},
        low=_times(config.low, factor),
        high=_times(config.high, factor),
        missing=config.missing,
        deadband=(config.deadband or 0.0) * factor,
        group=config.group or DEFAULT_GROUP,
        expect=tuple(v if isinstance(v, str | bool) else v * factor for v in config.expect),
        write=Write(_times(write.min, factor), _times(write.max, factor), write.every)
        if write
        else None,
        file=declared.document.file,
        line=declared.document.where(declared.path)[0],
    )
    room = {} if address.room is None else {"room": address.room}
    plugin.check_tag(tag, {**out.options, **room} if room else out.options)
    return tag


def _never(config: TagConfig, tag: Tag) -> Iterator[tuple[str, str]]:
    """What a tag is expected to read and can't: what is wrong, and what to do."""
    for value in config.expect:
        if isinstance(value, str) is not (tag.kind is Kind.STRING):
            what = _("a tag of kind {kind} never reads {value}").format(kind=tag.kind, value=value)
            yield what, _("write a text in quotes where it is a string, else a number")


def _bits(config: TagConfig, address: Address, kind: Kind) -> tuple[int, int] | None:
    """Give the bits of a register that hold the tag; an address may name a part of one.

    Raises:
        AddressError: the tag says otherwise than its address.
    """
    if address.bits is None:
        return config.bits
    if config.bits is not None or kind is not address.kind:
        what = _("{at} is a part of a register already").format(at=config.at)
        raise AddressError("bad-bits", what, _("leave out kind and bits, or address the register"))
    return address.bits


def _times(limit: float | None, factor: float) -> float | None:
    return None if limit is None else limit * factor
