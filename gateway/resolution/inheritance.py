"""Profiles that extend profiles, and types that extend types.

A profile may name another one with `extends:`, and is laid over it; what says who a profile is
(its name, its version) is never inherited. Then each type is laid over the type that it extends,
of this profile or of one below.
"""

from dataclasses import replace
from pathlib import Path

from gateway.errors import Fault
from gateway.resolution.layers import Layered, layered, merge
from gateway.resolution.library import PROFILES
from gateway.sitefile.document import Document, instead
from gateway.sitefile.explain import describe
from gateway.words import _

IDENTITY = ("profile", "version", "name", "sources", "notes", "extends")
"""What a profile says of itself alone."""


def ancestry(name: str, folder: Path) -> tuple[list[tuple[Document, Path]], list[Fault]]:
    """Read a profile and those that it extends.

    Args:
        name: of a shipped profile, or a path that begins with `./`.
        folder: of the file that names it.

    Returns:
        The profile first, then the one that it extends, and so on, and what is wrong; nothing at
        all where there is no profile of that name.
    """
    found: list[tuple[Document, Path]] = []
    while True:
        document, path, faults = PROFILES.open(name, folder)
        if document is None and not faults and found:
            named = found[-1][0]
            what = _("there is no profile {name}").format(name=name)
            faults = [named.fault(("extends",), "unknown-profile", what, PROFILES.suggest(name))]
        if document is None or faults:
            return found, faults
        seen = [where.resolve() for _document, where in found]
        if path.resolve() in seen:
            around = " → ".join([*(where.name for _document, where in found), path.name])
            what = _("the profiles extend one another in a circle: {around}").format(around=around)
            next_ = _("delete extends: in one of them")
            return found, [found[-1][0].fault(("extends",), "circle", what, next_)]
        found.append((document, path))
        if "extends" not in document.data:
            return found, []
        extends = document.data["extends"]
        if not isinstance(extends, str):
            what = _("must be {expected}, not {value}").format(
                expected=_("text"), value=describe(extends)
            )
            next_ = _("write e.g. {key}: {example}").format(key="extends", example="common")
            return found, [document.fault(("extends",), "wrong-type", what, next_)]
        name, folder = extends, path.parent


def over(below: dict[str, object], document: Document) -> Layered:
    """Lay a profile over what the ones that it extends say together, types not yet merged."""
    shared = {key: value for key, value in below.items() if key not in IDENTITY}
    merged = merge(shared, document.data)
    assert isinstance(merged, dict)  # noqa: S101 - both are mappings
    return layered(merged, document.file, document)


def inherit(document: Layered) -> tuple[Layered, list[Fault]]:
    """Lay each type over the type that it extends.

    Returns:
        The profile with whole types, and what is wrong with `extends`.
    """
    types = document.data.get("types")
    if not isinstance(types, dict):
        return document, []
    faults: list[Fault] = []
    lineage: dict[str, tuple[str, ...]] = {}
    whole: dict[str, object] = {}
    for name in types:
        parents, wrong = _parents(name, types, document)
        faults += wrong
        lineage[name] = parents
        value: object = {}
        for each in reversed((name, *parents)):
            value = merge(value, _own(types[each]))
        whole[name] = value
    data = {**document.data, "types": whole}
    tree = replace(document.tree, data=data)
    return replace(document, tree=tree, lineage=lineage), faults


def _parents(
    name: str, types: dict[str, object], document: Document
) -> tuple[tuple[str, ...], list[Fault]]:
    """Follow a type's `extends`, the nearest first."""
    parents: list[str] = []
    at = name
    while True:
        spec = types[at]
        extends = spec.get("extends") if isinstance(spec, dict) else None
        if not isinstance(extends, str):
            return tuple(parents), []
        path = ("types", at, "extends")
        if extends not in types:
            what = _("there is no type {name} to extend").format(name=extends)
            next_ = instead(extends, types)
            return tuple(parents), [document.fault(path, "unknown-type", what, next_)]
        if extends in (name, *parents):
            if extends != name or name != min(name, *parents):
                return tuple(parents), []  # told of another one in the circle
            around = " → ".join((name, *parents, extends))
            what = _("the types extend one another in a circle: {around}").format(around=around)
            next_ = _("delete extends: in one of them")
            return tuple(parents), [document.fault(path, "circle", what, next_)]
        parents.append(extends)
        at = extends


def _own(spec: object) -> object:
    """What a type says beside whom it extends; an `extends` that names none stays, to be told."""
    if not isinstance(spec, dict) or not isinstance(spec.get("extends"), str):
        return spec
    return {key: value for key, value in spec.items() if key != "extends"}
