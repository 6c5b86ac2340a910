"""Frozen dataclasses to JSON and back, by their type hints.

What a site file resolves to is worked out by a process of its own, so that the one that runs for
ten years never holds a parser (see loading.py). This is how the result travels: plain data that
can only become the types named here, never code.

A type may travel by reference: `references` says what stands for it on one side and how it is
found again on the other, so that what was one object is one object again.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping
from datetime import date
from enum import Enum
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
            return [getattr(part, field.name) for field in dataclasses.fields(part)]
        if isinstance(part, Path):
            return str(part)
        if isinstance(part, frozenset):
            return sorted(part)
        if isinstance(part, Mapping):
            return dict(part)
        raise TypeError(f"{type(part).__name__} is not plain data")

    return orjson.dumps(thing, default=spell, option=orjson.OPT_PASSTHROUGH_DATACLASS)


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

    A large site holds most texts, numbers and addresses a hundred times; equal ones become one
    object for all that one loader reads.
    """

    def __init__(self, references: References) -> None:
        self._made: dict[Any, Build] = dict(references)
        self._texts: dict[str, str] = {}
        self._tuples: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self._made.setdefault(str, self._text)
        self._made.setdefault(float, self._number)
        self._made.setdefault(object, self._opaque)

    def _text(self, text: str) -> str:
        return self._texts.setdefault(text, text)

    def _number(self, number: float) -> float:
        return 1.0 if number == 1 else 0.0 if number == 0 else number

    def _opaque(self, data: Any) -> Any:  # noqa: ANN401
        """Tuples of numbers and texts, such as a register, that hundreds of tags have alike."""
        if not isinstance(data, list):
            return data
        made = tuple(map(self._opaque, data))
        return self._tuples.setdefault(made, made)

    def of(self, kind: Any) -> Build:  # noqa: ANN401 - any type hint
        """The function for a type hint."""
        build = self._made.get(kind)
        if build is None:
            build = self._made[kind] = self._make(kind)
        return build

    def _make(self, kind: Any) -> Build:  # noqa: ANN401
        origin, inner = get_origin(kind), get_args(kind)
        if dataclasses.is_dataclass(kind):
            return self._dataclass(kind)
        if origin in (Union, types.UnionType):
            return self._optional(inner)
        if origin is tuple and inner[1:] != (...,):
            builds = tuple(map(self.of, inner))
            return lambda data: tuple(b(item) for b, item in zip(builds, data, strict=True))
        if origin in (tuple, frozenset):
            build = self.of(inner[0])
            return lambda data: origin(map(build, data))
        if origin is Mapping:
            build = self.of(inner[1])
            return lambda data: {k: build(v) for k, v in data.items()} if data else _EMPTY
        return _scalar(kind)

    def _optional(self, inner: tuple[Any, ...]) -> Build:
        """One real type beside None; a union of scalars is taken as it is."""
        builds = {self.of(arm) for arm in inner if arm is not types.NoneType} - {_same}
        if len(builds) != 1:
            return _same
        (build,) = builds
        return lambda data: None if data is None else build(data)

    def _dataclass(self, kind: Any) -> Build:  # noqa: ANN401
        hints = get_type_hints(kind)
        builds = [self.of(hints[field.name]) for field in dataclasses.fields(kind)]
        special = tuple((i, build) for i, build in enumerate(builds) if build is not _same)

        def build(data: list[Any]) -> object:
            for index, make in special:
                data[index] = make(data[index])
            return kind(*data)

        return build


_EMPTY: Mapping[str, Any] = {}
"""A site has thousands of empty mappings; nobody writes to one."""


def _scalar(kind: Any) -> Build:  # noqa: ANN401 - any type hint
    """What JSON holds as text or a number."""
    if kind is date:
        return date.fromisoformat
    if isinstance(kind, type) and issubclass(kind, (Enum, Path)):
        return kind
    return _same


def _same(data: object) -> object:
    return data
