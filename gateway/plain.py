"""Frozen dataclasses and named tuples to JSON and back, by their type hints.

What a site file resolves to is worked out by a process of its own, so that the one that runs for
ten years never holds a parser (see loading.py). This is how the result travels: plain data that
can only become the types named here, never code.

Named tuples are what there are thousands of. A row of them travels as columns, and a column of
equal values as one: most of what is said of the tags of a device is the same for all of them.

A type may travel by reference: `references` says what stands for it on one side and how it is
found again on the other, so that what was one object is one object again.
"""

from __future__ import annotations

import dataclasses
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from enum import Enum
from itertools import repeat
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson

T = TypeVar("T")
Build = Callable[[Any], Any]
References = Mapping[type, Build]

_NO_REFERENCES: References = types.MappingProxyType({})


def dump(thing: object, references: References = _NO_REFERENCES) -> bytes:
    """Write a dataclass as one line of JSON.

    Paths are written as text, enumerations by value, tuples and sets as lists.
    """

    def spell(part: object) -> object:
        refer = references.get(type(part))
        if refer is not None:
            return refer(part)
        if dataclasses.is_dataclass(part):
            values = (getattr(part, field.name) for field in dataclasses.fields(part))
            return [
                _columns(v) if is_row(v) and type(v[0]) not in references else v for v in values
            ]
        return spell_simple(part)

    return orjson.dumps(thing, default=spell, option=orjson.OPT_PASSTHROUGH_DATACLASS)


def spell_simple(part: object) -> object:
    """Write what plain data holds beside dataclasses: paths, tuples, sets, mappings.

    Raises:
        TypeError: it is none of these.
    """
    if isinstance(part, tuple):
        return list(part)
    if isinstance(part, Path):
        return str(part)
    if isinstance(part, frozenset):
        return sorted(part)
    if isinstance(part, Mapping):
        return dict(part)
    raise TypeError(f"{type(part).__name__} is not plain data")


def is_row(value: object) -> bool:
    """Whether a value is one or more named tuples in a row."""
    return isinstance(value, tuple) and hasattr(next(iter(value), None), "_fields")


def _columns(row: Sequence[tuple[Any, ...]]) -> list[Any]:
    """How many there are, then each field of all of them, once where it is always the same."""
    columns = zip(*row, strict=True)
    return [len(row), *(c[:1] if c.count(c[0]) == len(row) else c for c in columns)]


def loader(kind: Callable[..., T], references: References = _NO_REFERENCES) -> Callable[[bytes], T]:
    """Make the function that reads what `dump` wrote of a `kind`.

    It raises ValueError, TypeError or KeyError where the data is not of that kind.
    """
    build = _Builders(references).of(kind)

    def load(data: bytes) -> T:
        made: T = build(orjson.loads(data))
        return made

    return load


class _Builders:
    """Makes the functions that turn parsed JSON into types, one a type.

    A large site holds most texts and addresses a hundred times; equal ones become one object.
    """

    def __init__(self, references: References) -> None:
        self._references = references
        self._made: dict[Any, Build] = {str: sys.intern, object: self._opaque, **references}
        self._tuples: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def _opaque(self, data: Any) -> Any:  # noqa: ANN401
        """Tuples of numbers and texts, such as a register, that hundreds of tags have alike."""
        if not isinstance(data, list):
            return data
        made = tuple(data)
        try:
            return self._tuples.setdefault(made, made)
        except TypeError:  # lists in it
            return tuple(map(self._opaque, made))

    def of(self, kind: Any) -> Build:  # noqa: ANN401 - any type hint
        """The function for a type hint."""
        build = self._made.get(kind)
        if build is None:
            build = self._made[kind] = self._make(kind)
        return build

    def _make(self, kind: Any) -> Build:  # noqa: ANN401
        origin, inner = get_origin(kind), get_args(kind)
        if dataclasses.is_dataclass(kind) or _is_named(kind):
            return self._record(kind)
        if origin in (Union, types.UnionType):
            return self._optional(inner)
        if origin is tuple:
            return self._tuple(*inner)
        if origin is frozenset:
            build = self.of(inner[0])
            return lambda data: frozenset(map(build, data))
        if origin is Mapping:
            build = self.of(inner[1])
            return lambda data: {k: build(v) for k, v in data.items()} if data else _EMPTY
        return _scalar(kind)

    def _optional(self, inner: tuple[Any, ...]) -> Build:
        """One real type beside None; a union of scalars is taken as it is."""
        arms = [arm for arm in inner if arm is not types.NoneType]
        build = self.of(arms[0]) if len(arms) == 1 else _same
        return _same if build is _same else lambda data: None if data is None else build(data)

    def _tuple(self, *inner: Any) -> Build:  # noqa: ANN401
        """So many of one type, or one of each."""
        if inner[1:] == (...,):
            if _is_named(inner[0]) and inner[0] not in self._references:
                return self._row(inner[0])
            build = self.of(inner[0])
            return lambda data: tuple(map(build, data))
        builds = tuple(map(self.of, inner))
        return lambda data: tuple(b(item) for b, item in zip(builds, data, strict=True))

    def _fields(self, kind: Any) -> list[Build]:  # noqa: ANN401
        """The functions for a type's fields, in their order."""
        return [self.of(hint) for hint in get_type_hints(kind).values()]

    def _record(self, kind: Any) -> Build:  # noqa: ANN401
        """A dataclass or a named tuple by itself."""
        builds = self._fields(kind)
        return lambda data: kind(*(b(item) for b, item in zip(builds, data, strict=True)))

    def _row(self, kind: Any) -> Build:  # noqa: ANN401
        """Named tuples that came as `_columns`."""
        builds = self._fields(kind)

        def build(data: list[Any]) -> tuple[Any, ...]:
            if not data:
                return ()
            count, *columns = data
            parts = [
                repeat(make(column[0]), count) if len(column) == 1 else _each(make, column)
                for make, column in zip(builds, columns, strict=True)
            ]
            return tuple(map(kind, *parts))

        return build


_EMPTY: Mapping[str, Any] = {}
"""A site has thousands of empty mappings; nobody writes to one."""


def _each(make: Build, column: list[Any]) -> Iterable[Any]:
    """A column's values; most numbers are what they are."""
    return column if make is _same else map(make, column)


def _is_named(kind: Any) -> bool:  # noqa: ANN401
    """Whether a type is a named tuple."""
    return hasattr(kind, "_fields")


def _scalar(kind: Any) -> Build:  # noqa: ANN401 - any type hint
    """What JSON holds as text or a number."""
    if kind is date:
        return date.fromisoformat
    if isinstance(kind, type) and issubclass(kind, (Enum, Path)):
        return kind
    return _same


def _same(data: object) -> object:
    return data
