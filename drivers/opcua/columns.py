"""The values of one answer, by what they have in common: all values, all statuses, all times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from drivers.opcua.decode import Reader, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Sequence


class Columns(NamedTuple):
    """Values in the order of the nodes.

    Attributes:
        types: of each, with `decode.ARRAY` where there are several; 0: none came.
        statuses: None where all are good.
        sources, servers: ns since 1970, 0 where none came.
    """

    types: tuple[int, ...]
    values: Sequence[Any]
    statuses: tuple[int, ...] | None
    sources: tuple[int, ...]
    servers: tuple[int, ...]


def columns(data: bytes, pos: int, count: int) -> Columns:
    """Read the results of a ReadResponse.

    Raises:
        DecodeError: they make no sense, or are not as many as were asked for.
    """
    reader = Reader(data, pos)
    reader.expect(count)
    rows = [reader.data_value() for _index in range(count)]
    reader.finish()
    types, values, statuses, sources, servers = zip(*rows, strict=True) if rows else ((),) * 5
    return Columns(
        types,
        values,
        statuses if any(statuses) else None,
        tuple(map(nanoseconds, sources)),
        tuple(map(nanoseconds, servers)),
    )
