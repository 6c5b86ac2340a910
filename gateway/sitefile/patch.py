"""Changes of a site file's tags in its text: all else, comments and order too, stays as it was.

The text is changed where the parser says that a value stands, and read again: what it then says
must be what it said with the changes made, or nothing is changed. So a way of writing YAML that is
not foreseen here is refused and never damaged.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import yaml

from gateway.sitefile.yaml12 import parse, resolve
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.sitefile.yaml12 import Place

Path = tuple[str, ...]
_PLAIN = re.compile(r"[\w°][\w.%°/²³+-]*( [\w.%°/²³+-]+)*")
"""What needs no quotes, in a flow mapping either."""


class Unforeseen(ValueError):  # noqa: N818 - the field's word would be no clearer
    """The text is written in a way that can't be changed here; says what to do."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a tag stands, with its name: from `start` up to `end`; line and column from 1."""

    start: Place
    end: Place


class SiteText:
    """The text of a site file, to be changed tag by tag.

    Args:
        text: of a file that was read without a fault of its syntax.

    Attributes:
        data: what it says with the changes so far.
    """

    def __init__(self, text: str) -> None:
        tree, _faults = parse(text, "")
        assert tree is not None  # noqa: S101 - it was read before
        self.text = text
        self.data = _copy(tree.data)
        self._root = cast("yaml.Node", yaml.compose(text, Loader=yaml.CSafeLoader))
        self._shared = _shared(self._root)
        self._edits: list[tuple[int, int, str]] = []
        self._added: dict[str, dict[str, object]] = {}
        self._gone: dict[str, set[str]] = {}
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def change(self, device: str, tag: str, values: Mapping[str, object]) -> None:
        """Set keys of a tag; a tag that isn't there is added behind the others.

        Args:
            device: which the file has.
            tag: its name.
            values: by key; None takes the key out.

        Raises:
            Unforeseen: it is written in a way that can't be changed here.
        """
        tags = self._data(device)
        node = self._find(("devices", device, "tags", tag))
        if node is None:
            self._find(("devices", device, "tags"))  # it may be an alias
            kept = {key: value for key, value in values.items() if value is not None}
            self._added.setdefault(device, {})[tag] = kept
            tags[tag] = kept
            return
        held = cast("dict[str, object]", tags[tag])
        if not isinstance(node, yaml.MappingNode) or not isinstance(held, dict):
            raise Unforeseen(_("the tag has no keys: write {{}} behind it").format())
        self._edits += self._keys(node, held, values)
        for key, value in values.items():
            if value is None:
                held.pop(key, None)
            else:
                held[key] = value

    def remove(self, device: str, tag: str) -> None:
        """Take a tag out.

        Raises:
            Unforeseen: it is written in a way that can't be changed here.
        """
        self._find(("devices", device, "tags", tag))
        del self._data(device)[tag]
        self._gone.setdefault(device, set()).add(tag)

    def made(self) -> str:
        """Spell the text with all changes.

        Raises:
            Unforeseen: it would not say what was asked for.
        """
        edits = list(self._edits)
        for device in dict.fromkeys([*self._gone, *self._added]):
            edits += self._tags(device, self._gone.get(device, set()), self._added.get(device, {}))
        pieces: list[str] = []
        done = 0
        for start, end, new in sorted(edits, key=lambda edit: edit[:2]):  # of one place: in order
            pieces += self.text[done:start], new
            done = end
        text = "".join((*pieces, self.text[done:]))
        tree, faults = parse(text, "")
        if tree is None or faults or tree.data != self.data:
            what = _("the file is written in a way that can't be changed from a sheet")
            raise Unforeseen(what)
        return text

    def _data(self, device: str) -> dict[str, object]:
        devices = cast(
            "dict[str, dict[str, object]]", cast("dict[str, object]", self.data)["devices"]
        )
        held = devices[device]
        if held.get("tags") is None:
            held["tags"] = {}
        return cast("dict[str, object]", held["tags"])

    def _find(self, path: Path) -> yaml.Node | None:
        """Find a value that stands where it says it does, and in one place only.

        Raises:
            Unforeseen: it is repeated elsewhere by an alias, or is one.
        """
        node = self._root
        for key in path:
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            found = next((value for name, value in pairs if name.value == key), None)
            if found is None:
                return None
            if id(found) in self._shared:
                what = _("{key} is shared with another place by & and *: write it out")
                raise Unforeseen(what.format(key=key))
            node = found
        return node

    def _keys(
        self, node: yaml.MappingNode, held: Mapping[str, object], values: Mapping[str, object]
    ) -> list[tuple[int, int, str]]:
        """Edits of one mapping."""
        present = {key.value: value for key, value in node.value}
        gone = {key for key, value in values.items() if value is None and key in present}
        fresh = {k: v for k, v in values.items() if v is not None and k not in present}
        if len(gone) == len(present):
            return self._instead(node, fresh)
        if any(id(present[key]) in self._shared for key in values if key in present):
            raise Unforeseen(
                _("a part of it is shared with another place by & and *: write it out")
            )
        edits = self._without(node, gone)
        for key, value in values.items():
            if key not in present or value is None:
                continue
            old, was = present[key], held.get(key)
            if isinstance(old, yaml.MappingNode) and isinstance(value, dict):
                inner = was if isinstance(was, dict) else {}
                edits += self._keys(old, inner, {**dict.fromkeys(inner), **value})
            else:
                edits.append((*_extent(old), _pad(old, spell(value))))
        if fresh:
            edits.append(self._insertion(node, fresh))
        return edits

    def _without(self, node: yaml.MappingNode, gone: set[str]) -> list[tuple[int, int, str]]:
        """Take pairs out of a mapping; of one in braces some must stay."""
        edits = []
        kept = False
        pairs = node.value
        for place, (key, value) in enumerate(pairs):
            if key.value not in gone:
                kept = True
            elif not node.flow_style:
                start = self.text.rfind("\n", 0, key.start_mark.index) + 1
                edits.append((start, self._line_end(_extent(value)[1]), ""))
            elif kept:
                edits.append((_extent(pairs[place - 1][1])[1], _extent(value)[1], ""))
            else:
                edits.append((key.start_mark.index, pairs[place + 1][0].start_mark.index, ""))
        return edits

    def _instead(
        self, node: yaml.Node, fresh: Mapping[str, object], before: str = " "
    ) -> list[tuple[int, int, str]]:
        """Put keys in the place of all those that a mapping has; comments in a block stay.

        Args:
            node: the mapping, or nothing.
            fresh: the keys.
            before: what stands between a colon and the mapping.
        """
        if not isinstance(node, yaml.MappingNode) or node.flow_style:
            apart = "" if before[-1:].isspace() else " "
            return [(*_extent(node), apart + spell(fresh))]
        edits = self._without(node, {key.value for key, _value in node.value})
        start, end, _nothing = edits.pop()
        line = " " * node.start_mark.column + spell(fresh)
        return [*edits, (start, end, line + self._newline)]

    def _tags(
        self, device: str, gone: set[str], added: Mapping[str, object]
    ) -> list[tuple[int, int, str]]:
        """Edits that take tags out of a device and add others."""
        node = cast("yaml.MappingNode", self._find(("devices", device)))
        held = self._find(("devices", device, "tags"))
        if held is None:
            return [self._insertion(node, {"tags": added})]
        if isinstance(held, yaml.MappingNode) and len(gone) < len(held.value):
            edits = self._without(held, gone)
            return [*edits, self._insertion(held, added)] if added else edits
        start, end = _extent(held)
        before = self.text[:start].rpartition(":")[2]
        rest = self.text[end : self._line_end(end)].rstrip("\r\n")
        is_free = not rest.strip() or rest.lstrip().startswith("#")
        if not added or node.flow_style or "\n" in before or not is_free:
            return self._instead(held, added, before)
        indent = " " * (node.value[0][0].start_mark.column + 2)
        lines = [f"{self._newline}{indent}{spell(k)}: {spell(v)}" for k, v in added.items()]
        return [(start, end + len(rest), rest + "".join(lines))]

    def _insertion(
        self, node: yaml.MappingNode, fresh: Mapping[str, object]
    ) -> tuple[int, int, str]:
        """The edit that adds keys behind those of a mapping."""
        if node.flow_style:
            inside = ", ".join(f"{spell(key)}: {spell(value)}" for key, value in fresh.items())
            if not node.value:
                start = node.start_mark.index + 1
                return start, start, inside
            end = _extent(node.value[-1][1])[1]
            return end, end, f", {inside}"
        column = node.value[0][0].start_mark.column
        place = self._line_end(_extent(node)[1])
        lines = []
        for key, value in fresh.items():
            if key == "tags" and isinstance(value, dict):
                lines.append(f"{' ' * column}tags:")
                below = " " * (column + 2)
                lines += [f"{below}{spell(name)}: {spell(tag)}" for name, tag in value.items()]
            else:
                lines.append(f"{' ' * column}{spell(key)}: {spell(value)}")
        text = "".join(f"{line}{self._newline}" for line in lines)
        if place and self.text[place - 1] != "\n":  # the file ends within its last line
            text = self._newline + text.removesuffix(self._newline)
        return place, place, text

    def _line_end(self, place: int) -> int:
        """Where the line that a value ends in is over; of a block of text that is there already."""
        if place and self.text[place - 1] == "\n":
            return place
        found = self.text.find("\n", place)
        return len(self.text) if found < 0 else found + 1


def spans(text: str) -> dict[tuple[str, str], Span]:
    """Find where each tag of each device stands in the text of a site file."""
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    found: dict[tuple[str, str], Span] = {}
    for section, devices in _pairs(root):
        for device, held in _pairs(devices) if section.value == "devices" else ():
            for key, tags in _pairs(held):
                for name, tag in _pairs(tags) if key.value == "tags" else ():
                    start, end = name.start_mark, _last(tag).end_mark
                    found[device.value, name.value] = Span(
                        (start.line + 1, start.column + 1), (end.line + 1, end.column + 1)
                    )
    return found


def spell(value: object) -> str:
    """Spell a value in one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{spell(k)}: {spell(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(spell, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and resolve(value) == value
        return value if plain else json.dumps(value, ensure_ascii=False).replace("\x7f", "\\x7f")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004 - all digits are shown
        return str(int(value))
    return str(value)


def _copy(value: object) -> object:
    """Copy data so that what aliases share comes apart."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _pairs(node: yaml.Node | None) -> Iterable[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else ()


def _shared(root: yaml.Node) -> set[int]:
    """Nodes that stand in more than one place."""
    seen: set[int] = set()
    twice: set[int] = set()
    todo = [root]
    while todo:
        node = todo.pop()
        if id(node) in seen:
            twice.add(id(node))
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            todo += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            todo += node.value
    return twice


def _last(node: yaml.Node) -> yaml.Node:
    """The part of a block that ends last; the block's own end is where the next thing begins."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _extent(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.index, _last(node).end_mark.index


def _pad(node: yaml.Node, text: str) -> str:
    """In place of a block, which may begin in the column of its key."""
    is_block = isinstance(node, yaml.CollectionNode) and not node.flow_style
    return f"  {text}" if is_block else text
