"""Which tag feeds which signal of which asset, and whether the two go together.

A binding renames, and it translates: a tag that feeds a signal speaks the signal's unit, so that
a meter's W and a profile's kW never meet in a figure. The factor goes into the tag's scale, which
the driver applies anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.model import Binding, Kind, Tag
from gateway.resolution.profile import SIGNALS, SignalKind
from gateway.resolution.quantity import factor
from gateway.sitefile.document import nearest
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.errors import Fault
    from gateway.resolution.device import Outline
    from gateway.resolution.profile import MachineType, Signal
    from gateway.sitefile.document import Document
    from gateway.sitefile.sections import Site
    from gateway.sitefile.yaml12 import KeyPath

_WIDTHS = {
    Kind.U16: 16,
    Kind.I16: 16,
    Kind.U32: 32,
    Kind.I32: 32,
    Kind.U64: 64,
    Kind.I64: 64,
}
_WHOLE = {*_WIDTHS, Kind.BCD, Kind.BITFIELD}
_FITS = {
    SignalKind.STATE: _WHOLE | {Kind.BIT, Kind.STRING},
    SignalKind.COUNTER: _WHOLE | {Kind.F32, Kind.F64},
    SignalKind.REGISTER: _WHOLE | {Kind.F32, Kind.F64},
    SignalKind.NUMBER: _WHOLE | {Kind.F32, Kind.F64},
    SignalKind.FLAG: {Kind.BIT, Kind.BITFIELD},
    SignalKind.TEXT: _WHOLE | {Kind.STRING},
}


@dataclass(frozen=True, slots=True)
class Bound:
    """One entry of an asset's `bind`, its tag known to be declared.

    Attributes:
        spec: what the profile says of the signal, None without a profile.
        path: of the entry in the site file.
    """

    asset: str
    signal: str
    device: str
    tag: str
    spec: Signal | None
    path: KeyPath


def match(
    site: Site, types: Mapping[str, MachineType | None], outlines: Mapping[str, Outline]
) -> tuple[list[Bound], list[Fault]]:
    """Find the tag and the signal of each entry of each asset's `bind`.

    Args:
        site: the site file.
        types: asset → its type, None where it has none.
        outlines: device → its tags, for each device that is sound.
    """
    found: list[Bound] = []
    faults: list[Fault] = []
    for name, asset in site.assets.items():
        machine = types.get(name)
        unsure = asset.type is not None and machine is None
        for signal, reference in asset.bind.items():
            path = ("assets", name, "bind", signal)
            device, _dot, tag = reference.partition(".")
            wrong = [
                *_unknown_tag(site, path, device, tag, outlines),
                *_unknown_signal(site.document, path, signal, machine),
            ]
            faults += wrong
            if not wrong and device in outlines and tag in outlines[device].sound and not unsure:
                spec = machine.signals[signal] if machine else None
                found.append(Bound(name, signal, device, tag, spec, path))
    return found, faults


def _unknown_tag(
    site: Site, path: KeyPath, device: str, tag: str, outlines: Mapping[str, Outline]
) -> Iterator[Fault]:
    """Say that there is no such device, or no such tag of it."""
    devices = site.document.get(("devices",))
    names = list(devices) if isinstance(devices, dict) else []
    document = site.document
    if device not in names:
        what = _("there is no device {device}").format(device=device)
        yield document.fault(path, "unknown-device", what, _instead(device, names))
    elif device in outlines and outlines[device].whole and tag not in outlines[device].known:
        what = _("{device} has no tag {tag}").format(device=device, tag=tag)
        tags = outlines[device].known
        yield document.fault(path, "unknown-tag", what, _instead(tag, tags, f"{device}."))


def _unknown_signal(
    document: Document, path: KeyPath, signal: str, machine: MachineType | None
) -> Iterator[Fault]:
    if machine is not None and signal not in machine.signals:
        what = _("this type of machine has no such signal")
        next_ = _instead(signal, machine.signals)
        next_ = _("{hint} A signal of your own goes into an extension, layer X").format(hint=next_)
        yield document.fault(path, "unknown-signal", what, next_, key=True)


def _instead(word: str, known: Iterable[str], lead: str = "") -> str:
    names = list(known)
    near = nearest(word, names)
    if near:
        return _("did you mean {near}?").format(near=f"{lead}{near}")
    if not names:
        return _("there is none yet; add it")
    listed = ", ".join(f"{lead}{name}" for name in names[:12])
    return _("there are: {known}").format(known=listed + (", …" if len(names) > 12 else ""))  # noqa: PLR2004 - a line's worth


def units(
    bound: Iterable[Bound], outlines: Mapping[str, Outline], document: Document
) -> tuple[dict[tuple[str, str], tuple[str, float]], list[Fault]]:
    """Say in which unit each bound tag is to speak, and the factor into it.

    Returns:
        (device, tag) → unit and factor, where a signal has a unit.
    """
    spoken: dict[tuple[str, str], tuple[str, float]] = {}
    faults: list[Fault] = []
    for entry in bound:
        if entry.spec is None or entry.spec.unit is None:
            continue
        wanted = entry.spec.unit
        config = outlines[entry.device].declared(entry.tag).config
        of = wanted if config.unit is None else config.unit
        by = factor(of, wanted)
        key = (entry.device, entry.tag)
        if by is None:
            what = _("the tag is in {unit}, the signal in {wanted}").format(
                unit=of, wanted=wanted or _("no unit")
            )
            next_ = _("bind another tag, or give this one its true unit and scale")
            faults.append(document.fault(entry.path, "wrong-unit", what, next_))
        elif spoken.setdefault(key, (wanted, by)) != (wanted, by):
            what = _("another signal wants the same tag in {unit}").format(unit=spoken[key][0])
            next_ = _("declare the address a second time, as another tag")
            faults.append(document.fault(entry.path, "two-units", what, next_))
    return spoken, faults


def join(
    bound: Iterable[Bound], tags: Mapping[tuple[str, str], Tag], document: Document
) -> tuple[dict[str, tuple[Binding, ...]], list[Fault]]:
    """Make the bindings of each asset from the tags as they were built.

    Args:
        bound: entries whose tag is declared.
        tags: (device, tag) → tag; one that couldn't be built is left out, its fault is known.
        document: the site file.
    """
    made: dict[str, list[Binding]] = {}
    faults: list[Fault] = []
    for entry in bound:
        tag = tags.get((entry.device, entry.tag))
        if tag is None:
            continue
        spec = entry.spec
        if spec is None:
            binding = Binding(entry.signal, tag, "", None, tag.unit, tag.text, tag.low, tag.high)
        else:
            faults += _misfits(entry, spec, tag, document)
            counts = spec.kind in {SignalKind.COUNTER, SignalKind.REGISTER}
            binding = Binding(
                signal=entry.signal,
                tag=tag,
                layer=spec.layer,
                modulus=modulus(tag) if counts else None,
                unit=tag.unit,
                text=spec.name,
                low=tag.low if spec.low is None else spec.low,
                high=tag.high if spec.high is None else spec.high,
            )
        made.setdefault(entry.asset, []).append(binding)
    return {name: tuple(bindings) for name, bindings in made.items()}, faults


def unbound(
    signals: Iterable[str], bindings: Iterable[Binding], machine: MachineType | None
) -> Iterator[Binding]:
    """Make a binding of each signal that something else than a tag tells.

    Args:
        signals: that are told.
        bindings: of the asset; what is bound stays bound.
        machine: its type.
    """
    present = {binding.signal for binding in bindings}
    for signal in signals:
        if signal in present:
            continue
        spec = machine.signals.get(signal) if machine else None
        layer = spec.layer if spec else "N"
        unit = spec.unit if spec else SIGNALS.get(signal, (None, None))[1]
        yield Binding(signal, Tag("", signal, Kind.F64, "", None, unit=unit), layer, None, unit)


def _misfits(entry: Bound, spec: Signal, tag: Tag, document: Document) -> Iterator[Fault]:
    """Say that a tag can't feed a signal of that kind."""
    if tag.kind not in _FITS[spec.kind]:
        what = _("{tag} is a {kind}, which can't be a {wanted}").format(
            tag=f"{tag.device}.{tag.name}", kind=tag.kind, wanted=spec.kind
        )
        fitting = ", ".join(sorted(_FITS[spec.kind]))
        next_ = _("bind a tag of kind {kinds}; this one is declared in {where}").format(
            kinds=fitting, where=tag.where
        )
        yield document.fault(entry.path, "wrong-kind", what, next_)
    elif spec.kind is SignalKind.STATE and (tag.scale != 1 or tag.offset):
        what = _("{tag} has a scale, and a state is a word").format(tag=f"{tag.device}.{tag.name}")
        next_ = _("delete scale and offset in {where}").format(where=tag.where)
        yield document.fault(entry.path, "wrong-kind", what, next_)


def modulus(tag: Tag) -> float | None:
    """Say where a counter in this tag wraps, in the tag's unit; None where it never does."""
    if tag.kind in _WIDTHS:
        span = 2.0 ** _WIDTHS[tag.kind]
    elif tag.kind is Kind.BCD:
        span = 10.0 ** (4 * tag.length)
    elif tag.kind is Kind.BITFIELD and tag.bits:
        span = 2.0 ** (tag.bits[1] - tag.bits[0] + 1)
    else:
        return None
    return span * abs(tag.scale)
