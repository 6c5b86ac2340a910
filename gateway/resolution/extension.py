"""A factory's own X, laid over an industry's N.

An extension is a small YAML file in the shape of the profile, with only what differs. It may set
a path that the profile declares open and nothing else, because N must mean the same in every
factory. In an open path `*` stands for any key, `+` for a key that isn't there yet, and `**` for
any keys, none too, so that `types.*.signals.+` lets signals be added and none be changed, and
`reasons.**.of.+` lets reasons be added below any.
"""

from collections.abc import Iterable, Iterator, Sequence

from gateway.errors import Fault
from gateway.resolution.layers import Layered, layered, merge, value_at
from gateway.sitefile.document import Document, nearest, spell
from gateway.sitefile.yaml12 import KeyPath
from gateway.words import _

Open = tuple[str, ...]


def lay(base: Document, over: Sequence[Document], name: str) -> tuple[Layered, list[Fault]]:
    """Merge extensions into a profile, in their order.

    Args:
        base: the profile.
        over: the extensions.
        name: the profile's name, which each extension says it extends.

    Returns:
        All of it as one document, without what was refused, and the refusals.
    """
    data: object = base.data
    opened = [tuple(path.split(".")) for path in _texts(base.data.get("open"))]
    faults: list[Fault] = []
    for document in over:
        extends = document.data.get("extends")
        if extends != name:
            what = _("does not say that this file extends {name}").format(name=name)
            next_ = _("write extends: {name}").format(name=name)
            faults.append(document.fault(("extends",), "wrong-profile", what, next_))
            continue
        below = data
        for path, value in _leaves(document.data, below, [(p, "") for p in opened]):
            fault = _refusal(path, document, below, opened)
            if fault:
                faults.append(fault)
            else:
                data = merge(data, _alone(path, value))
    assert isinstance(data, dict)  # noqa: S101 - a mapping with mappings laid over it
    return layered(data, base.file, *(over or (base,))), faults


def closed(pattern: str, openable: Iterable[str]) -> bool:
    """Whether a profile may not open a path, because it would make N differ.

    Args:
        pattern: as a profile's `open` gives it.
        openable: the patterns that may be opened; one of them must allow all that this one does.
    """
    path = tuple(pattern.split("."))
    for allowed in openable:
        ends = {head for rest, head in _after(tuple(allowed.split(".")), path) if not rest}
        if ends and not ("+" in ends and path[-1] != "+"):
            return False
    return True


def _leaves(
    over: dict[str, object], under: object, opened: "Sequence[_Rest]", path: KeyPath = ()
) -> Iterator[tuple[KeyPath, object]]:
    """Walk an extension down to what it sets: an open path, or the first that leads to none."""
    for key, value in over.items():
        here = (*path, key)
        if here == ("extends",):
            continue
        below = under.get(key) if isinstance(under, dict) else None
        onward = [step for rest, _head in opened for step in _step(rest, key) if step[0]]
        leads_on = any(isinstance(below, dict) or head == key for _rest, head in onward)
        if isinstance(value, dict) and leads_on:
            yield from _leaves(value, below, onward, here)
        else:
            yield here, value


def _refusal(
    path: KeyPath, document: Document, data: object, opened: Sequence[Open]
) -> Fault | None:
    """Say why an extension may not set a path; None when it may."""
    parent = value_at(data, path[:-1])
    exists = isinstance(parent, dict) and path[-1] in parent
    ends = {head for pattern in opened for rest, head in _after(pattern, path) if not rest}
    if ends - {"+"} or (ends and not exists):
        return None
    if ends:
        what = _("the profile already has this, the same for every factory")
        next_ = _("add it under another name")
        return document.fault(path, "not-open", what, next_, key=True)
    rests = [rest for pattern in opened for rest, _head in _after(pattern, path[:-1]) if rest]
    beside = {rest[0] for rest in rests if len(rest) == 1}
    named = sorted({*beside, *(parent if isinstance(parent, dict) else ())})
    near = None if exists else nearest(str(path[-1]), named)
    if near:
        what = _("there is no such key")
        next_ = _("did you mean {near}?").format(near=near)
        return document.fault(path, "unknown-key", what, next_, key=True)
    what = _("an extension may not set this, which is the same for every factory")
    known = ", ".join(map(spell, dict.fromkeys(rests or opened))) or "–"
    next_ = _("delete it; what may be set here is {known}").format(known=known)
    return document.fault(path, "not-open", what, next_, key=True)


_Rest = tuple[Open, str]
"""What is left of a pattern once keys have been matched, and the part that matched the last."""


def _after(pattern: Open, path: KeyPath) -> list[_Rest]:
    """All ways in which a pattern begins with a path."""
    rests: list[_Rest] = [(pattern, "")]
    for key in path:
        rests = [step for rest, _head in rests for step in _step(rest, str(key))]
    return rests


def _step(pattern: Open, key: str) -> Iterator[_Rest]:
    """Match one key."""
    if not pattern:
        return
    head, *rest = pattern
    if head == "**":
        yield pattern, head
        yield from _step(tuple(rest), key)
    elif head in {"*", "+", key}:
        yield tuple(rest), head


def _alone(path: KeyPath, value: object) -> object:
    """Make the mappings that lead to a value, with nothing else in them."""
    for key in reversed(path):
        value = {str(key): value}
    return value


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
