"""What was found, as a site file writes it: `nxgate check` accepts it, `nxgate read` reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gateway.commissioning.fitting import paces
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from gateway.commissioning.sweep import Found

HEAD = (
    "site: {cluster: my-cluster, enterprise: my-enterprise, site: my-site, gateway: gw-01, "
    "timezone: Asia/Shanghai}"
)
"""What no device tells; `check` accepts it, and people put their own names there."""
_MOST_REASONS = 3
_MOST_OTHERS = 3


def whole(found: Sequence[Found]) -> str:
    """A site file with these devices and nothing else."""
    return around(piece(found, ()))


def around(devices: str) -> str:
    """A site file around the part `devices:`."""
    note = _("# Found by nxgate scan. Put your own names into site:, then nxgate check.")
    return f"{note}\n{HEAD}\n{devices}"


def piece(found: Sequence[Found], taken: Collection[str]) -> str:
    """The part `devices:` of a site file, polled as often as their line carries.

    Args:
        found: units that answer.
        taken: names that the site file gives already.
    """
    return _piece(found, taken, paces(f"{HEAD}\n{_piece(found, taken, {})}"))


def _piece(found: Sequence[Found], taken: Collection[str], pace_s: Mapping[str, int]) -> str:
    lines = ["devices:"]
    names = set(taken)
    for one in found:
        lines += _device(one, names, pace_s)
    return "\n".join(lines) + "\n"


def _device(found: Found, names: set[str], pace_s: Mapping[str, int]) -> Iterator[str]:
    """One device, under a name that is not taken yet."""
    best = found.best
    model = best.hypothesis.template.rpartition("/")[2] if best else "unit"
    name = _free(f"{model}-{found.unit}", names)
    names.add(name)
    yield from (f"  # {text}" for text in _remarks(found))
    yield f"  {name}:"
    yield f"    link: {quoted(found.link)}"
    yield f"    unit: {found.unit}"
    changes: Mapping[str, object] = {}
    if best:
        yield f"    template: {best.hypothesis.template}"
        changes = best.hypothesis.changes
    if best is None or not best.hypothesis.has_tags:
        # So that there is something to read.
        at = found.hello.at
        changes = {"first": {"at": at, "kind": "u16"}} if at else {}
    if name in pace_s:
        yield f"    poll: {pace_s[name]}s"
    if changes:
        yield f"    tags: {flow(changes)}"


def _remarks(found: Found) -> Iterator[str]:
    """What people should know of it, a line each."""
    best = found.best
    if found.names:
        yield _("it says: {names}").format(
            names=", ".join(f"{key} {text}" for key, text in found.names.items())
        )
    if found.is_any:
        yield _("it answers to every unit id")
    if best:
        why = "; ".join(best.why()[:_MOST_REASONS])
        yield f"{best.hypothesis.title}: {best.confidence}: {why}"
    else:
        yield _("no template fits; what it answered: {hello}").format(hello=found.hello.text)
        yield _("nxgate infer finds its registers by what its display shows")
    others = [one for one in found.candidates if one is not best][:_MOST_OTHERS]
    for one in others:
        if one.probability > 0.01:  # noqa: PLR2004 - less is not worth a line
            yield _("or {template} ({probability:.0%})").format(
                template=one.hypothesis.name, probability=one.probability
            )


def _free(name: str, taken: Collection[str]) -> str:
    if name not in taken:
        return name
    return next(n for i in range(2, len(taken) + 3) if (n := f"{name}-{i}") not in taken)


def flow(value: object) -> str:
    """A value as YAML on one line; JSON is that, and plainer where keys need no quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(part)}" for key, part in value.items()) + "}"
    return orjson.dumps(value).decode()


def quoted(text: str) -> str:
    """A text as YAML takes it, whatever is in it."""
    return orjson.dumps(text).decode()
