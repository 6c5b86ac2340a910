"""An industry as one site knows it: the profile, its extensions, and the version of both."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Fault
from gateway.resolution import reasons
from gateway.resolution.extension import lay
from gateway.resolution.inheritance import ancestry, inherit, over
from gateway.resolution.layers import Layered, layered
from gateway.resolution.profile import (
    BASE,
    COUNTING,
    KNOWN_KPIS,
    PARAMETERS,
    SIGNALS,
    MachineType,
    Profile,
)
from gateway.sitefile.document import Document, examine, nearest, validate
from gateway.sitefile.yaml12 import KeyPath
from gateway.words import _

HASH_DIGITS = 4
COMMON, UNTYPED = "common", "machine"
"""What all industries share, and its type for a machine of which nothing more is known."""


@dataclass(frozen=True, slots=True)
class Industry:
    """A profile with what the site lays over it.

    Attributes:
        profile: N and X, merged.
        version: as figures name it, `shoes@1.0.0+9f3c`; the last part is a hash of the content,
            so that a figure tells whether an extension took part in it.
        document: for the places of its values.
        files: what was read.
    """

    profile: Profile
    version: str
    document: Document
    files: tuple[Path, ...]


def load_profile(
    name: str, folder: Path, extensions: Sequence[Path] = ()
) -> tuple[Industry | None, list[Fault]]:
    """Read a profile and lay extensions over it.

    Args:
        name: of a shipped profile, or a path that begins with `./`.
        folder: of the site file.
        extensions: the site's own files, in their order; missing ones are faults.

    Returns:
        The industry and no faults, or None and what is wrong; None and nothing where there is no
        profile of that name.
    """
    line, faults = ancestry(name, folder)
    if not line or faults:
        return None, faults
    profile, base, faults = _build([document for document, _path in line])
    if profile is None:
        return None, faults
    laid: list[Document] = []
    for extension in extensions:
        found, more = examine(extension)
        faults += more
        if found is not None:
            laid.append(found)
    whole, more = lay(base, laid, profile.profile)
    faults += more
    merged, more = _read(whole)
    faults += more
    if merged is not None:
        faults += _check_added(merged, profile, whole)
    if merged is None or faults:
        return None, faults
    content = json.dumps(whole.data, sort_keys=True, ensure_ascii=False).encode()
    digest = hashlib.sha256(content).hexdigest()[:HASH_DIGITS]
    version = f"{merged.profile}@{merged.version}+{digest}"
    files = (*(path for _document, path in line), *extensions)
    return Industry(merged, version, whole, files), []


def _build(line: Sequence[Document]) -> tuple[Profile | None, Layered, list[Fault]]:
    """Lay a profile over those that it extends; each must be sound before the next.

    Args:
        line: the profile, the one that it extends, and so on.
    """
    profile: Profile | None = None
    faults: list[Fault] = []
    own = whole = layered({}, line[0].file)
    for document in reversed(line):
        own = over(own.data, document)
        whole, faults = inherit(own)
        profile, faults = (None, faults) if faults else _read(whole)
        if profile is None:
            break
    return profile, whole, faults


def _read(document: Layered) -> tuple[Profile | None, list[Fault]]:
    """Hold what files say together against the language."""
    profile, faults = validate(document, (), Profile)
    if profile is not None:
        faults = list(_check(profile, document))
    return (None if faults else profile), sorted(set(faults))


def _check(profile: Profile, document: Layered) -> Iterator[Fault]:
    """What one key of a profile says of another, and of what the gateway computes."""
    yield from reasons.check(profile.reasons, profile.results, document)
    computed = [name for name in KNOWN_KPIS if name not in BASE]
    for name in profile.kpis:
        if name not in computed:
            yield _unknown_kpi(name, ("kpis", name), document, computed, key=True)
    for name, machine in profile.types.items():
        path: KeyPath = ("types", name)
        yield from _check_type(machine, path, document)
        for index, kpi in enumerate(machine.kpis):
            if kpi not in profile.kpis:
                at = (*path, "kpis", index)
                yield _unknown_kpi(kpi, at, document, profile.kpis)


def _check_type(machine: MachineType, path: KeyPath, document: Document) -> Iterator[Fault]:
    """Signals and parameters of the gateway's own must be what it takes them for."""
    for name, signal in machine.signals.items():
        if name not in SIGNALS:
            continue
        kind, unit = SIGNALS[name]
        at = (*path, "signals", name)
        if signal.kind is not kind:
            what = _("figures are computed from {name} as a {kind}").format(name=name, kind=kind)
            next_ = _("write kind: {kind}, or give the signal another name").format(kind=kind)
            yield document.fault((*at, "kind"), "wrong-kind", what, next_)
        elif unit is not None and signal.unit != unit:
            what = _("figures are computed from {name} in {unit}").format(name=name, unit=unit)
            next_ = _("write unit: {unit}; tags in another unit are converted").format(unit=unit)
            yield document.fault((*at, "unit"), "wrong-unit", what, next_)
    yield from _check_counting(machine, path, document)
    for name in machine.parameters:
        if name not in PARAMETERS and name not in machine.factors:
            what = _("the gateway makes no use of such a parameter")
            next_ = _("there are: {known}").format(known=", ".join(PARAMETERS))
            at = (*path, "parameters", name)
            yield document.fault(at, "unknown-parameter", what, next_, key=True)


def _check_counting(machine: MachineType, path: KeyPath, document: Document) -> Iterator[Fault]:
    """What a rule counts, and what it multiplies that with, must be there."""
    for name in COUNTING[machine.counting]:
        if name not in machine.signals:
            what = _("the rule {rule} counts {name}, which is no signal here").format(
                rule=machine.counting, name=name
            )
            next_ = _("add the signal, or choose another rule")
            yield document.fault((*path, "counting"), "missing-signal", what, next_)
    if machine.counting != "none" and machine.piece is None:
        what = _("what is counted has no name")
        next_ = _("write e.g. piece: {{unit: pair, name: {{zh: 双, en: pair}}}}").format()
        yield document.fault(path, "missing-key", what, next_, key=True)
    for index, factor in enumerate(machine.factors):
        if factor not in machine.signals and factor not in machine.parameters:
            what = _("{name} is neither a signal nor a parameter here").format(name=factor)
            next_ = _("add one of that name, so that somebody can say how many there are")
            yield document.fault((*path, "factors", index), "missing-signal", what, next_)


def _unknown_kpi(
    name: str, at: KeyPath, document: Document, known: Iterable[str], *, key: bool = False
) -> Fault:
    """A figure that the gateway doesn't compute, or that the profile doesn't describe."""
    if name in KNOWN_KPIS and name not in BASE:
        what = _("{name} is not described in this profile").format(name=name)
        return document.fault(at, "unknown-kpi", what, _("add it to kpis: with name and unit"))
    what = _("{name} is no figure that the gateway computes").format(name=name)
    near = nearest(name, known)
    next_ = _("there are: {known}").format(known=", ".join(known))
    if near:
        next_ = _("did you mean {near}?").format(near=near)
    return document.fault(at, "unknown-kpi", what, next_, key=key)


def _check_added(merged: Profile, profile: Profile, document: Document) -> Iterator[Fault]:
    """What extensions add is X, and never a signal that figures are computed from."""
    for name, machine in merged.types.items():
        for signal, spec in machine.signals.items():
            if signal in profile.types[name].signals:
                continue
            path = ("types", name, "signals", signal)
            if signal in SIGNALS:
                what = _("figures would be computed from it, and the profile has no such signal")
                next_ = _("give it another name")
                yield document.fault(path, "not-open", what, next_, key=True)
            if spec.layer != "X":
                what = _("N is the same for every factory and can't be added to")
                yield document.fault((*path, "layer"), "not-open", what, _("write layer: X"))
