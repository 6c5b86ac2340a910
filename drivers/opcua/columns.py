"""The values of one answer, by what they have in common: all values, all statuses, all times.

One answer looks like the one before: the same types, the same fields, only other numbers. So the
first is read value by value, and what it looked like is remembered as one `struct` over all rows
of a fixed size; the next ones are unpacked in one go, and every byte that says what a row holds is
compared with what it said before. Where one differs the answer is read value by value again.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from drivers.opcua.decode import CODES, EPOCH, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from drivers.opcua.decode import DataValue

LEAST_RUN = 4
"""Rows of a fixed size, one behind the other, that are worth a `struct`."""
_VALUE, _STATUS, _SOURCE, _SERVER = 1, 2, 4, 8
_PLAIN = _VALUE | _STATUS | _SOURCE | _SERVER
_END = (~_PLAIN, 0)
"""Behind the last row, so that the run before it ends."""


class Columns(NamedTuple):
    """Values in the order of the rows.

    Attributes:
        types: of each, with `decode.ARRAY` where there are several; 0: none came.
        statuses: None where all are good.
        sources, servers: ns since 1970, 0 where none came.
        handles: of each row, where the rows are notifications; else empty.
    """

    types: tuple[int, ...]
    values: Sequence[Any]
    statuses: tuple[int, ...] | None
    sources: Sequence[int]
    servers: Sequence[int]
    handles: tuple[int, ...] = ()


class Rows:
    """Reads rows that look alike each time.

    Args:
        with_handles: a row begins with the handle of a monitored item.
    """

    def __init__(self, *, with_handles: bool = False) -> None:
        self._with_handles = with_handles
        self._count = -1
        self._runs: list[_Run | None] = []
        self._types: tuple[int, ...] = ()

    def read(self, reader: Reader, count: int) -> Columns:
        """Read so many rows from where the reader is.

        Raises:
            DecodeError: they make no sense.
        """
        if count == self._count and self._runs:
            start = reader.pos
            held = self._as_before(reader)
            if held is not None:
                return held
            reader.pos = start
        return self._one_by_one(reader, count)

    def _one_by_one(self, reader: Reader, count: int) -> Columns:
        shapes: list[tuple[int, int]] = []
        rows: list[DataValue] = []
        handles: list[int] = []
        for _index in range(count):
            if self._with_handles:
                handles.append(reader.uint32())
            mask = reader.peek()
            row = reader.data_value()
            shapes.append((mask, row.type))
            rows.append(row)
        types, values, statuses, sources, servers = zip(*rows, strict=True) if rows else ((),) * 5
        self._learn(shapes, types)
        return Columns(
            types,
            values,
            statuses if any(statuses) else None,
            _times(sources),
            _times(servers),
            tuple(handles),
        )

    def _learn(self, shapes: list[tuple[int, int]], types: tuple[int, ...]) -> None:
        """Remember what an answer looked like."""
        self._count = len(shapes)
        self._types = types
        self._runs = []
        run: list[tuple[int, int]] = []
        for mask, kind in [*shapes, _END]:
            if not mask & ~_PLAIN and (kind in CODES or not mask & _VALUE):
                run.append((mask, kind))
                continue
            if len(run) >= LEAST_RUN:
                self._runs.append(_Run(run, with_handles=self._with_handles))
            else:
                self._runs += [None] * len(run)
            run = []
            self._runs.append(None)
        self._runs.pop()
        if not any(self._runs):
            self._runs = []

    def _as_before(self, reader: Reader) -> Columns | None:
        """Read an answer that looks like the last one; None where it doesn't."""
        types: list[int] | None = None
        values: list[Any] = []
        statuses: list[int] = []
        sources: list[int] = []
        servers: list[int] = []
        handles: list[int] = []
        for run in self._runs:
            if run is not None:
                fields = run.unpack(reader)
                if fields is None:
                    return None
                values += run.values(fields)
                statuses += run.statuses(fields)
                sources += run.sources(fields)
                servers += run.servers(fields)
                handles += run.handles(fields)
                continue
            if self._with_handles:
                handles.append(reader.uint32())
            row = reader.data_value()
            place = len(values)
            if row.type != self._types[place]:
                types = types or list(self._types)
                types[place] = row.type
            values.append(row.value)
            statuses.append(row.status)
            sources.append(row.source)
            servers.append(row.server)
        if types is not None:
            self._types = tuple(types)
        return Columns(
            self._types,
            values,
            tuple(statuses) if any(statuses) else None,
            _times(sources),
            _times(servers),
            tuple(handles),
        )


class _Run:
    """Rows of a fixed size, one behind the other."""

    def __init__(self, rows: list[tuple[int, int]], *, with_handles: bool) -> None:
        parts = ["<"]
        heads: list[int] = []
        places: dict[str, list[int]] = {"h": [], "v": [], "s": [], "o": [], "e": []}
        at = 0

        def field(code: str, name: str) -> None:
            nonlocal at
            parts.append(code)
            places[name].append(at)
            at += 1

        wanted: list[int] = []
        for mask, kind in rows:
            if with_handles:
                field("I", "h")
            parts.append("B")
            heads.append(at)
            wanted.append(mask)
            at += 1
            if mask & _VALUE:
                parts.append("B")
                heads.append(at)
                wanted.append(kind)
                at += 1
            for bit, code, name in (
                (_VALUE, CODES.get(kind, ""), "v"),
                (_STATUS, "I", "s"),
                (_SOURCE, "q", "o"),
                (_SERVER, "q", "e"),
            ):
                if mask & bit:
                    field(code, name)
                else:
                    places[name].append(-1)
        self._shape = struct.Struct("".join(parts))
        self._heads = itemgetter(*heads)
        self._wanted = tuple(wanted)
        self.handles = _picker(places["h"], 0)
        self.values = _picker(places["v"], None)
        self.statuses = _picker(places["s"], 0)
        self.sources = _picker(places["o"], 0)
        self.servers = _picker(places["e"], 0)

    def unpack(self, reader: Reader) -> tuple[Any, ...] | None:
        """All fields of the rows; None where a row says that it holds something else."""
        if reader.left < self._shape.size:
            return None
        fields = self._shape.unpack_from(reader.data, reader.pos)
        if self._heads(fields) != self._wanted:
            return None
        reader.pos += self._shape.size
        return fields


def _picker(places: list[int], lacking: object) -> Callable[[tuple[Any, ...]], Sequence[Any]]:
    """Take some fields; where a row hasn't got one, what stands for it."""
    present = [place for place in places if place >= 0]
    if not present:
        nothing = (lacking,) * len(places)
        return lambda _fields: nothing
    if len(present) == len(places):
        steps = {b - a for a, b in pairwise(places)}
        if len(steps) == 1:
            every = slice(places[0], places[-1] + 1, steps.pop())
            return itemgetter(every)
        return itemgetter(*places)
    return lambda fields: [lacking if place < 0 else fields[place] for place in places]


def _times(ticks: Sequence[int]) -> Sequence[int]:
    """DateTimes as ns since 1970, 0 where none came."""
    if not ticks or min(ticks) > 0:
        return [(tick - EPOCH) * 100 for tick in ticks]
    return [(tick - EPOCH) * 100 if tick > 0 else 0 for tick in ticks]
