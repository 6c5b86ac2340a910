"""Frozen dataclasses to JSON and back, by their type hints.

What a site file resolves to is worked out by a process of its own, so that the one that runs for
ten years never holds a parser (see loading.py). This is how the result travels: plain data that
can only become the types named here, never code.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from datetime import date
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def dump(thing: object) -> bytes:
    """Write a dataclass as JSON; paths as text, enumerations by value, tuples as lists."""
    return orjson.dumps(thing, default=_other, option=orjson.OPT_NON_STR_KEYS)


def load(kind: Callable[..., T], data: bytes) -> T:
    """Read what `dump` wrote of a `kind`.

    Raises:
        ValueError, TypeError, KeyError: the data is not of that kind.
    """
    made: T = _builder(kind)(orjson.loads(data))
    return made


def _other(thing: object) -> object:
    if isinstance(thing, Path):
        return str(thing)
    if isinstance(thing, frozenset):
        return sorted(thing)
    if isinstance(thing, Mapping):
        return dict(thing)
    raise TypeError(f"{type(thing).__name__} is not plain data")


@cache
def _builder(kind: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - any type hint
    """Make the function that turns parsed JSON into a `kind`."""
    origin, inner = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    if origin in (Union, types.UnionType):
        return _optional(inner)
    if origin is tuple and inner[1:] != (...,):
        builds = tuple(map(_builder, inner))
        return lambda data: tuple(b(item) for b, item in zip(builds, data, strict=True))
    if origin in (tuple, frozenset):
        build = _builder(inner[0])
        return lambda data: origin(map(build, data))
    if origin is Mapping:
        build = _builder(inner[1])
        return lambda data: {key: build(value) for key, value in data.items()}
    return _scalar(kind)


def _scalar(kind: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - any type hint
    """What JSON holds as text or a number."""
    if kind is date:
        return date.fromisoformat
    if isinstance(kind, type) and issubclass(kind, (Enum, Path)):
        return kind
    return _same


def _same(data: object) -> object:
    return data


def _optional(inner: tuple[Any, ...]) -> Callable[[Any], Any]:
    """One real type beside None; a union of scalars is taken as it is."""
    builds = {_builder(arm) for arm in inner if arm is not types.NoneType} - {_same}
    if not builds:
        return _same
    (build,) = builds
    return lambda data: None if data is None else build(data)


def _dataclass(kind: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - any dataclass
    hints = get_type_hints(kind)
    fields = [(f.name, _builder(hints[f.name])) for f in dataclasses.fields(kind)]
    names = tuple(name for name, _build in fields)
    special = tuple((name, build) for name, build in fields if build is not _same)

    def build(data: dict[str, Any]) -> object:
        for name, make in special:
            data[name] = make(data[name])
        return kind(*[data[name] for name in names])

    return build
