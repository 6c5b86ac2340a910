"""The alarms of an asset: which tag each one watches, and what people read of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.model import AlarmSpec, Kind
from gateway.resolution.derivation import may_derive
from gateway.sitefile.document import instead
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from gateway.errors import Fault
    from gateway.model import Binding, Tag, Value
    from gateway.resolution.device import Outline
    from gateway.resolution.profile import MachineType
    from gateway.sitefile.machines import AlarmConfig
    from gateway.sitefile.sections import Site
    from gateway.sitefile.yaml12 import KeyPath

DeviceTag = tuple[str, str]
"""Names of a device and of one of its tags."""

_PHRASES = {
    "above": {"zh": "{what}高于 {limit}", "en": "{what} above {limit}"},
    "below": {"zh": "{what}低于 {limit}", "en": "{what} below {limit}"},
    "equals": {"zh": "{what}为 {limit}", "en": "{what} is {limit}"},
}
"""What an alarm without a text of its own says; a platform may want both languages of it."""


def watch(
    site: Site, types: Mapping[str, MachineType | None], outlines: Mapping[str, Outline]
) -> tuple[dict[str, dict[str, DeviceTag]], list[Fault]]:
    """Find the tag that each alarm watches.

    Args:
        site: the site file.
        types: asset → its type, None where it has none.
        outlines: device → its tags.

    Returns:
        Asset → alarm → device and tag; of what is derived, asset and signal. Then what is wrong.
    """
    found: dict[str, dict[str, DeviceTag]] = {}
    faults: list[Fault] = []
    for asset, config in site.assets.items():
        for alarm, spec in config.alarms.items():
            path = ("assets", asset, "alarms", alarm, "on")
            places = list(_places(site, asset, spec.on, outlines))
            if not places and spec.on in may_derive(types.get(asset), config):
                places = [(asset, spec.on)]
            if len(places) == 1:
                found.setdefault(asset, {})[alarm] = places[0]
            elif places:
                spelled = ", ".join(".".join(place) for place in places)
                what = _("several devices have a tag {tag}").format(tag=spec.on)
                next_ = _("write one of {known}").format(known=spelled)
                faults.append(site.document.fault(path, "two-tags", what, next_))
            elif _is_sure(site, asset, outlines):
                faults.append(_unknown(site, asset, path, spec.on, outlines))
    return found, faults


def _places(
    site: Site, asset: str, on: str, outlines: Mapping[str, Outline]
) -> Iterator[DeviceTag]:
    """Where a name may be read: a signal of the asset first, then a tag of its devices."""
    device, dot, tag = on.partition(".")
    bound = site.assets[asset].bind
    if dot:
        if device in outlines and tag in outlines[device].known:
            yield device, tag
    elif on in bound:
        device, _dot, tag = bound[on].partition(".")
        if device in outlines and tag in outlines[device].known:
            yield device, tag
    else:
        for device in _devices(site, asset, outlines):
            if on in outlines[device].known:
                yield device, on


def _devices(site: Site, asset: str, outlines: Mapping[str, Outline]) -> list[str]:
    """The devices that tell of an asset; all, where it binds nothing."""
    bound = site.assets[asset].bind.values()
    named = dict.fromkeys(reference.partition(".")[0] for reference in bound)
    return [device for device in named or outlines if device in outlines]


def _is_sure(site: Site, asset: str, outlines: Mapping[str, Outline]) -> bool:
    """Tell whether a tag that isn't found isn't there, or hidden by another fault."""
    whole = all(out.whole for out in outlines.values())
    return whole and not site.is_invalid("assets", asset, "bind")


def _unknown(
    site: Site, asset: str, path: KeyPath, on: str, outlines: Mapping[str, Outline]
) -> Fault:
    if "." in on:
        known = [f"{name}.{tag}" for name, out in outlines.items() for tag in out.known]
    else:
        tags = [t for name in _devices(site, asset, outlines) for t in outlines[name].known]
        known = [*site.assets[asset].bind, *tags]
    what = _("the asset has no signal, and its devices have no tag, {name}").format(name=on)
    next_ = instead(on, known, _("write the name of a signal, or device.tag"))
    return site.document.fault(path, "unknown-tag", what, next_)


def specify(
    site: Site,
    asset: str,
    places: Mapping[str, DeviceTag],
    tags: Mapping[DeviceTag, Tag],
    bindings: Sequence[Binding],
) -> tuple[tuple[AlarmSpec, ...], list[Fault]]:
    """Settle the alarms of one asset.

    Args:
        site: the site file.
        asset: whose.
        places: alarm → device and tag.
        tags: those that are read; an alarm on another one never comes.
        bindings: of the asset, which know its signals' names.
    """
    made: list[AlarmSpec] = []
    faults: list[Fault] = []
    signals = {(b.tag.device, b.tag.name): b for b in bindings}
    for name, place in places.items():
        config, tag = site.assets[asset].alarms[name], tags.get(place)
        if tag is None:
            continue
        faults += _misfits(site, ("assets", asset, "alarms", name), config, tag)
        binding = signals.get(place)
        names = (binding.text if binding else None) or tag.text
        signal = binding.signal if binding else tag.name
        made.append(
            AlarmSpec(
                name=name,
                severity=config.severity,
                text=config.text or _describe(config, names, signal, tag.unit),
                signal=signal,
                device=tag.device,
                tag=tag.name,
                above=config.above,
                below=config.below,
                equals=config.equals,
                clear=config.clear,
                delay_s=config.delay,
                clear_delay_s=config.clear_delay,
            )
        )
    return tuple(made), faults


def _misfits(site: Site, path: KeyPath, config: AlarmConfig, tag: Tag) -> Iterator[Fault]:
    """Say that a tag doesn't hold what the limit is compared with."""
    limit = _limit(config)
    if limit == "equals":
        wrong = isinstance(config.equals, str) != (tag.kind is Kind.STRING)
        next_ = _("write equals: true for a bit, a number for a register, a text for a string")
    else:
        wrong = tag.kind in {Kind.BIT, Kind.STRING}
        next_ = _("write e.g. equals: {value}").format(
            value="true" if tag.kind is Kind.BIT else "E102"
        )
    if wrong:
        what = _("{tag} is a {kind}, which {limit} can't be compared with").format(
            tag=f"{tag.device}.{tag.name}", kind=tag.kind, limit=limit
        )
        yield site.document.fault((*path, limit), "wrong-kind", what, next_)


def _limit(config: AlarmConfig) -> str:
    given: Collection[str] = config.model_fields_set
    return next(key for key in _PHRASES if key in given)


def _describe(
    config: AlarmConfig, names: Mapping[str, str], signal: str, unit: str | None
) -> dict[str, str]:
    key = _limit(config)
    limit: Value = getattr(config, key)
    spelled = f"{limit:g}" if isinstance(limit, float) else str(limit).lower()
    spelled += f" {unit}" if unit and key != "equals" else ""
    return {
        lang: phrase.format(what=names.get(lang, signal), limit=spelled)
        for lang, phrase in _PHRASES[key].items()
    }
