"""A factory's own X, laid over an industry's N.

An extension is a small YAML file in the shape of the profile, with only what differs. It may set
a path that the profile declares open and nothing else, because N must mean the same in every
factory. In an open path `*` stands for any key and `+` for a key that isn't there yet, so that
`types.*.signals.+` lets signals be added and none be changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.errors import Fault
from gateway.sitefile.document import Document, nearest, spell
from gateway.sitefile.yaml12 import KeyPath, Place, Tree
from gateway.words import _

Open = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layered(Document):
    """A sound profile with extensions over it, read as one file; faults know which it was.

    Attributes:
        layers: the files, lowest first.
    """

    layers: tuple[Document, ...] = ()

    def get(self, path: KeyPath) -> object:
        """Return what stands at a path once everything is merged."""
        value: object = self.tree.data
        for key in path:
            if isinstance(value, dict):
                value = value.get(key)
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            else:
                return None
        return value

    def where(self, path: KeyPath, *, key: bool = False) -> Place:
        """Return the place in the layer that says it."""
        return self._layer(path).where(path, key=key)

    def at(self, path: KeyPath) -> str:
        """Spell the place as `file:line`."""
        return self._layer(path).at(path)

    def fault(self, path: KeyPath, code: str, what: str, next_: str, *, key: bool = False) -> Fault:
        """Make a fault in the layer that says it."""
        return self._layer(path).fault(path, code, what, next_, key=key)

    def _layer(self, path: KeyPath) -> Document:
        """The topmost of the extensions that know most of a path.

        The profile itself was sound before anything was laid over it, so it is to blame only
        where no extension says anything.
        """
        base, *over = self.layers
        known = [(_known(layer, path), place) for place, layer in enumerate(over)]
        most, place = max(known, default=(0, 0))
        return over[place] if most else base


def lay(base: Document, over: Sequence[Document], name: str) -> tuple[Layered, list[Fault]]:
    """Merge extensions into a profile, in their order.

    Args:
        base: the profile.
        over: the extensions.
        name: the profile's name, which each extension says it extends.

    Returns:
        All of it as one document, without what was refused, and the refusals.
    """
    data = _copy(base.data)
    opened = [tuple(path.split(".")) for path in _texts(base.data.get("open"))]
    faults: list[Fault] = []
    for document in over:
        extends = document.data.get("extends")
        if extends != name:
            what = _("does not say that this file extends {name}").format(name=name)
            next_ = _("write extends: {name}").format(name=name)
            faults.append(document.fault(("extends",), "wrong-profile", what, next_))
            continue
        for path, value in _leaves(document.data, data, opened):
            fault = _refusal(path, document, data, opened)
            if fault:
                faults.append(fault)
            else:
                _set(data, path, value)
    return Layered(base.file, Tree(data, {}), (base, *over)), faults


def _leaves(
    over: dict[str, object], under: object, opened: Sequence[Open], path: KeyPath = ()
) -> Iterator[tuple[KeyPath, object]]:
    """Walk an extension down to what it sets: an open path, or the first that leads to none."""
    for key, value in over.items():
        here = (*path, key)
        if here == ("extends",):
            continue
        below = under.get(key) if isinstance(under, dict) else None
        leads_on = any(
            len(pattern) > len(here)
            and _matches(pattern, here)
            and (below is not None or pattern[len(path)] == key)
            for pattern in opened
        )
        if isinstance(value, dict) and leads_on:
            yield from _leaves(value, below, opened, here)
        else:
            yield here, value


def _refusal(
    path: KeyPath, document: Document, data: dict[str, object], opened: Sequence[Open]
) -> Fault | None:
    """Say why an extension may not set a path; None when it may."""
    parent = _at(data, path[:-1])
    exists = isinstance(parent, dict) and path[-1] in parent
    for pattern in opened:
        if len(pattern) == len(path) and _matches(pattern, path):
            if pattern[-1] != "+" or not exists:
                return None
            what = _("the profile already has this, the same for every factory")
            next_ = _("add it under another name")
            return document.fault(path, "not-open", what, next_, key=True)
    beside = {o[-1] for o in opened if len(o) == len(path) and _matches(o[:-1], path[:-1])}
    named = sorted({*beside, *(parent if isinstance(parent, dict) else ())})
    near = None if exists else nearest(str(path[-1]), named)
    if near:
        what = _("there is no such key")
        next_ = _("did you mean {near}?").format(near=near)
        return document.fault(path, "unknown-key", what, next_, key=True)
    what = _("an extension may not set this, which is the same for every factory")
    near_by = [o[len(path) - 1 :] for o in opened if _matches(o, path[:-1]) and len(o) >= len(path)]
    known = ", ".join(map(spell, near_by or opened)) or "–"
    next_ = _("delete it; what may be set here is {known}").format(known=known)
    return document.fault(path, "not-open", what, next_, key=True)


def _matches(pattern: Open, path: KeyPath) -> bool:
    """Whether a path is one that a pattern, as far as it goes, stands for."""
    return all(want in {"*", "+", part} for want, part in zip(pattern, path, strict=False))


def _known(document: Document, path: KeyPath) -> int:
    """How many parts of a path a file has."""
    return next((n for n in range(len(path), 0, -1) if document.get(path[:n]) is not None), 0)


def _at(data: object, path: KeyPath) -> object:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _set(data: dict[str, object], path: KeyPath, value: object) -> None:
    """Set a value, making the mappings that lead to it."""
    for key in path[:-1]:
        below = data.setdefault(str(key), {})
        assert isinstance(below, dict)  # noqa: S101 - `_leaves` goes through mappings only
        data = below
    data[str(path[-1])] = value


def _copy(value: dict[str, object]) -> dict[str, object]:
    return {key: _copy(item) if isinstance(item, dict) else item for key, item in value.items()}


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
