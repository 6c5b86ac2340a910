"""What was found in a tree, as a site file writes it: `nxgate check` accepts it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from gateway.commissioning.site_piece import HEAD, quoted
from gateway.commissioning.walk import VARIABLE
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.commissioning.companions import Proposed
    from gateway.commissioning.walk import Grown

_LONGEST = 64
_MOST_ELEMENTS = 16
"""Elements of an array that are written out, a tag each."""
_MOST_STATES = 40
_USUAL_TEXT = "string"
_INDUSTRY = "machinery"
"""Its types are those of `companions.Proposed`."""


def site(url: str, device: str, top: Grown, proposed: Sequence[Proposed]) -> str:
    """A site file with one device and the assets that were proposed.

    Args:
        url: of the link, with its security behind the question mark.
        device: its name.
        top: the tree; of it the variables that are wanted.
        proposed: machines that were recognised; their nodes get tags in any case.
    """
    names, lines = _tags(top, proposed)
    server, _mark, query = url.partition("?")
    text = _("# Found by nxgate browse. Put your own names into site:, then nxgate check.")
    head = HEAD.replace("}", f", industry: {_INDUSTRY}}}") if proposed else HEAD
    out = [text, head, "devices:", f"  {device}:", f"    link: {quoted(server)}"]
    given = dict(parse_qsl(query))
    if given:
        spelled = ", ".join(f"{key}: {_value(key, value)}" for key, value in given.items())
        out.append(f"    security: {{{spelled}}}")
    out += ["    tags:", *lines] if lines else ["    tags: {}"]
    if proposed:
        out += ["assets:", *_assets(device, proposed, names)]
    return "\n".join(out) + "\n"


def slug(text: str) -> str:
    """A name of the maker's as names of a site file are: `PartsProduced` → `parts_produced`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    bare = re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")
    return re.sub(r"^(?=[0-9])", "n", bare)


def _value(key: str, value: str) -> str:
    return f"{{file: {quoted(value)}}}" if key == "password" else quoted(value)


def _tags(top: Grown, proposed: Sequence[Proposed]) -> tuple[dict[tuple[str, str], str], list[str]]:
    """Names by address and part, and the lines."""
    wanted: dict[tuple[str, str], Grown] = {}
    names: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for one in proposed:
        stem = f"{slug(one.top.branch.name)}_" if len(proposed) > 1 else ""
        for signal, (node, part) in one.bind.items():
            wanted[node.branch.at, part] = node
            names[node.branch.at, part] = _fresh(f"{stem}{signal}", taken)
    for node in top.all():
        if node.is_wanted and node.branch.sort == VARIABLE:
            for part in _parts(node):
                wanted[node.branch.at, part] = node
    for key, node in wanted.items():
        if key not in names:
            names[key] = _free(node, key[1], taken)
    return names, [_tag(names[key], node, key[1]) for key, node in wanted.items()]


def _parts(node: Grown) -> Iterator[str]:
    """The ways into a value that tags can take."""
    detail = node.detail
    if detail is None:
        return
    if detail.kind:
        yield ""
    elif detail.element:
        for place in range(min(detail.count, _MOST_ELEMENTS)):
            yield f"[{place}]"


def _free(node: Grown, part: str, taken: set[str]) -> str:
    """The node's name, with as many of those above it as set it apart."""
    way = [one for one in map(slug, node.way()) if one] or ["tag"]
    element = re.sub(r"[^a-z0-9]+", "_", part.lower()).strip("_")
    suffix = f"_{element}" if element else ""
    name = ""
    for length in range(1, len(way) + 1):
        name = "_".join(way[-length:])[: _LONGEST - len(suffix)].strip("_") + suffix
        if name not in taken:
            break
    return _fresh(name, taken)


def _fresh(name: str, taken: set[str]) -> str:
    """The name as it is, or with the first number that sets it apart; it is taken from now on."""
    name = name if name[:1].isalpha() else f"t_{name}"[:_LONGEST]
    numbered = (name, *(f"{name[: _LONGEST - 6]}_{n}" for n in range(2, len(taken) + 3)))
    found = next(one for one in numbered if one not in taken)
    taken.add(found)
    return found


def _tag(name: str, node: Grown, part: str) -> str:
    detail, branch = node.detail, node.branch
    at = f"{branch.at} -> {part}" if part else branch.at
    keys = [f"at: {quoted(at)}"]
    kind = "" if detail is None else detail.element if part.startswith("[") else detail.kind
    if part and detail is not None and not detail.element:
        kind = "f64"
    if kind:
        keys.append(f"kind: {kind}")
    if detail is not None and detail.unit and kind != _USUAL_TEXT:
        keys.append(f"unit: {quoted(detail.unit[:32])}")
    if not branch.title.isascii():
        keys.append(f"name: {{zh: {quoted(branch.title)}, en: {quoted(branch.name)}}}")
    line = f"      {name}: {{{', '.join(keys)}}}"
    said = " ".join(detail.description.split()) if detail is not None else ""
    if detail is not None and detail.words:
        said = ", ".join(
            f"{number} {word}" for number, word in list(detail.words.items())[:_MOST_STATES]
        )
    return f"{line} # {said}" if said else line


def _assets(
    device: str, proposed: Sequence[Proposed], names: dict[tuple[str, str], str]
) -> Iterator[str]:
    taken = {device.replace("-", "_")}
    for one in proposed:
        name = _fresh(slug(one.top.branch.name) or "machine", taken).replace("_", "-")
        yield "  # " + _("known by {standard}; set ideal_cycle for OEE").format(
            standard=one.standard
        )
        yield f"  {name}:"
        yield f"    type: {one.type}"
        yield "    bind:"
        for signal, (node, part) in one.bind.items():
            yield f"      {signal}: {device}.{names[node.branch.at, part]}"
        if "state" in one.bind and one.states:
            states = ", ".join(f"{raw}: {state}" for raw, state in one.states.items())
            yield f"    states: {{{states}}}"
