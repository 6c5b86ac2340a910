"""YAML text to plain data, with the place of every key and value.

PyYAML's C parser gives the events; what they mean is decided here, because a site file is written
by people who don't know YAML's history: scalars are read by the core schema of YAML 1.2 (only
`true` and `false` are bools, `on` and `12:30` are text, `010` is ten), keys are always text, and
what YAML can do beyond data (tags, merge keys, several documents) is refused by name.

Everything is bounded, so that a hostile file costs no more than a long one: depth, and what
aliases may add up to. Building from events and not from PyYAML's nodes keeps the C composer's
recursion, which has no limit, out of reach.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, cast

import yaml

from gateway.errors import Fault
from gateway.sitefile.syntax import syntax_fault
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DEPTH = 32
"""Containers within containers; the deepest key of a site file stands at 6."""
MAX_ALIASED = 100_000
"""Values that aliases may add to a file, all together."""

Place = tuple[int, int]
"""Line and column, both from 1, columns in characters."""
Key = str | int
"""A key of a mapping or an index of a list."""
KeyPath = tuple[Key, ...]
"""Keys and indices from the top of the file down to a value."""

_INT = re.compile(r"[-+]?[0-9]{1,30}|0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30}")
_FLOAT = re.compile(r"[-+]?((\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)")
_INF = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class Mark(Protocol):
    """Where the parser stood, counted from 0."""

    @property
    def line(self) -> int:
        """Line."""

    @property
    def column(self) -> int:
        """Column, in characters."""


Marks = tuple[Mark | None, Mark | None]
"""Of a key and of its value."""


@dataclass(frozen=True, slots=True)
class Tree:
    """What a YAML text says.

    Attributes:
        data: dicts with text keys, lists, str, int, float, bool, None.
        marks: by `id` of each dict and list in `data`: its keys or indices, each with where key
            and value stand, as the parser marked them.
        text: the text itself.
    """

    data: object
    marks: dict[int, dict[Key, Marks]]
    text: str = ""

    def holds(self, container: object, key: Key) -> bool:
        """Say whether a value is a dict (or list) in `data` that has such a key."""
        return key in self.marks.get(id(container), ())

    def place(self, container: object, key: Key) -> tuple[Place, Place]:
        """Return where a key of a dict (or list) in `data` stands, and its value."""
        at_key, at_value = self.marks[id(container)][key]
        return _place(at_key), _place(at_value)


def parse(text: str, file: str) -> tuple[Tree | None, list[Fault]]:
    """Read one YAML document.

    Args:
        text: the file's text, without a byte order mark.
        file: its path, for the faults.

    Returns:
        The tree and the faults beside it (a second use of a key, a tag); no tree where the text
        as such can't be read or is a bomb.
    """
    builder = _Builder(file)
    try:
        next_event = yaml.CBaseLoader(text).get_event
        data = builder.document(cast("Callable[[], yaml.Event]", next_event))
    except _Hopeless as end:
        return None, [*builder.faults, end.fault]
    except yaml.YAMLError as error:
        return None, [*builder.faults, syntax_fault(error, text, file)]
    return Tree(data, builder.marks, text), builder.faults


@lru_cache(4096)  # a file says most words many times, and each is kept once
def resolve(text: str) -> str | int | float | bool | None:
    """Read an unquoted scalar by the core schema of YAML 1.2.

    Source: YAML 1.2.2, 10.3.2. Numbers of more than 30 digits stay text.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":  # nearly all words end here
        return text
    if _INT.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text[2:] if base != 10 else text, base)  # noqa: PLR2004
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INF.fullmatch(text):
        return float(text.replace(".", ""))
    return text


class _Hopeless(Exception):  # noqa: N818 - control flow within this file
    """The text can't be read any further."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self.fault = fault


class _Builder:
    """Turns events into data; collects the faults that leave the rest readable."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self.marks: dict[int, dict[Key, Marks]] = {}
        self._words: dict[str, str] = {}
        self._anchors: dict[str, tuple[object, int]] = {}
        self._open: set[str] = set()
        self._values = 0
        self._aliased = 0
        self._next: Callable[[], yaml.Event]

    def document(self, next_event: Callable[[], yaml.Event]) -> object:
        """Build the first document and refuse a second; None where there is none."""
        self._next = next_event
        self._next()  # stream start
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        data = self._value(self._next(), 0)
        self._next()  # document end
        following = self._next()
        if not isinstance(following, yaml.StreamEndEvent):
            self._fault(
                following,
                "second-document",
                _("a second document begins here with ---"),
                _("keep one document per file; delete the line or move what follows"),
            )
        return data

    def _value(self, event: yaml.Event, depth: int) -> object:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._values
        self._values += 1
        if isinstance(event, yaml.ScalarEvent):
            value: object = self._scalar(event)
            if event.anchor:
                self._anchors[event.anchor] = (value, 1)
            return value
        assert isinstance(event, yaml.CollectionStartEvent)  # noqa: S101
        self._refuse_tag(event)
        anchor = event.anchor
        if anchor:
            self._open.add(anchor)
        if depth == MAX_DEPTH:
            raise _Hopeless(
                self._at(
                    event,
                    "too-deep",
                    _("more than {depth} levels within each other").format(depth=MAX_DEPTH),
                    _("a site file needs six; look for brackets that are never closed"),
                )
            )
        if isinstance(event, yaml.MappingStartEvent):
            value = self._mapping(depth + 1)
        else:
            value = self._sequence(depth + 1)
        if anchor:
            self._open.discard(anchor)
            self._anchors[anchor] = (value, self._values - before)
        return value

    def _scalar(self, event: yaml.ScalarEvent) -> object:
        if event.tag:
            self._refuse_tag(event)
        return resolve(event.value) if event.implicit[0] else self._word(event.value)

    def _mapping(self, depth: int) -> dict[str, object]:
        data: dict[str, object] = {}
        marks: dict[Key, Marks] = {}
        self.marks[id(data)] = marks
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._key(event, depth)
            following = self._next()
            value = self._value(following, depth)
            if key is None:
                continue
            if key in data:
                self._fault(
                    event,
                    "duplicate-key",
                    _('"{key}" is set a second time; line {line} already sets it').format(
                        key=key, line=_place(marks[key][0])[0]
                    ),
                    _("keep one of the two"),
                )
                continue
            data[key] = value
            marks[key] = event.start_mark, following.start_mark
        return data

    def _sequence(self, depth: int) -> list[object]:
        data: list[object] = []
        marks: dict[Key, Marks] = {}
        self.marks[id(data)] = marks
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            marks[len(data)] = event.start_mark, event.start_mark
            data.append(self._value(event, depth))
        return data

    def _key(self, event: yaml.Event, depth: int) -> str | None:
        """Return the key's text; None where it can't be one (its value is still read)."""
        if isinstance(event, yaml.ScalarEvent):
            if event.tag:
                self._refuse_tag(event)
            plain = event.implicit[0]
            if event.value == "<<" and plain:
                what = _("YAML's merge key << is not used here")
                next_ = _("write the keys out, or put what machines share into a template")
                self._fault(event, "merge-key", what, next_)
                return None
            if event.value:
                if event.anchor:
                    self._anchors[event.anchor] = (event.value, 1)
                return self._word(event.value)
            what = _("a colon without a key before it")
        else:
            self._value(event, depth)
            what = _("a key must be a word, not a list, a mapping or an alias")
        next_ = _("write the key's name before the colon; text with braces needs quotes")
        self._fault(event, "bad-key", what, next_)
        return None

    def _word(self, text: str) -> str:
        """Keep one copy of what a file says many times: `at`, `kind`, `u16`."""
        return self._words.setdefault(text, text)

    def _alias(self, event: yaml.AliasEvent) -> object:
        name = event.anchor
        if name in self._open:
            raise _Hopeless(
                self._at(
                    event,
                    "alias-loop",
                    _("this repeats the value that it stands in"),
                    _("write the value out here"),
                )
            )
        if name not in self._anchors:
            self._fault(
                event,
                "unknown-alias",
                _("text that begins with * repeats a marked value, and there is none so named"),
                _("put the text in quotes"),
            )
            return None
        value, size = self._anchors[name]
        self._values += size
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            raise _Hopeless(
                self._at(
                    event,
                    "alias-bomb",
                    _("aliases multiply the file to more than {n} values").format(n=MAX_ALIASED),
                    _("write the values out; a file that grows like this is not a site file"),
                )
            )
        return value

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag and event.tag != "!":
            # The tag isn't repeated: it may be a password that begins with an exclamation mark.
            what = _("what begins with ! is a tag to YAML, and this file holds data only")
            self._fault(event, "tag", what, _("delete the tag, or put the text in quotes"))

    def _fault(self, event: yaml.Event, code: str, what: str, next_: str) -> None:
        self.faults.append(self._at(event, code, what, next_))

    def _at(self, event: yaml.Event, code: str, what: str, next_: str) -> Fault:
        return Fault(self.file, *_place(event.start_mark), code, what, next_)


def _place(mark: Mark | None) -> Place:
    assert mark is not None  # noqa: S101 - the parser marks every event
    return mark.line + 1, mark.column + 1
