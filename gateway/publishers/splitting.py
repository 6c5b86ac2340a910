"""Telemetry that is too large for one message, as several smaller records.

Docs: docs/decisions/0017-parked-and-too-large.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gateway.model import Draft

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gateway.model import Record

UNBOUNDED = 1 << 30
"""A bound that no body reaches."""


def fit(drafts: Sequence[Draft], most: int) -> Sequence[Draft]:
    """Split what is larger than it may be, where it can be split.

    Args:
        drafts: of any class.
        most: bytes of a body.
    """
    if all(len(draft.body) <= most for draft in drafts):
        return drafts
    return [part for draft in drafts for part in (split(draft, most) or (draft,))]


def split(record: Draft | Record, most: int) -> tuple[Draft, ...]:
    """Say the same in several records, by rows, then by tags, with the same times.

    Args:
        record: of any class.
        most: bytes of a body. A single value larger than that comes alone in one.

    Returns:
        Nothing where there is nothing to be split: another class, a single value.
    """
    if record.cls != "telemetry" or len(record.body) <= most:
        return ()
    body = orjson.loads(record.body)
    parts = tuple(_parts(body, body["rows"], most))
    if len(parts) < 2:  # noqa: PLR2004 - one part is no split
        return ()
    return tuple(
        Draft(record.cls, record.line, record.asset, record.ts_ms, part, record.subject)
        for part in parts
    )


def _parts(body: dict[str, Any], rows: Sequence[dict[str, Any]], most: int) -> Iterator[bytes]:
    part = orjson.dumps(body | {"rows": rows})
    if len(part) <= most:
        yield part
        return
    if len(rows) > 1:
        half = len(rows) // 2
        halves = [rows[:half], rows[half:]]
    elif len(rows[0]["m"]) > 1:
        names = list(rows[0]["m"])
        half = len(names) // 2
        halves = [[_only(rows[0], names[:half])], [_only(rows[0], names[half:])]]
    else:
        yield part
        return
    for each in halves:
        yield from _parts(body, each, most)


def _only(row: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """A row with some of its tags; marks of quality go with their tags."""
    kept = set(names)
    part = row | {"m": {name: value for name, value in row["m"].items() if name in kept}}
    if "q" in row:
        marks = {name: mark for name, mark in row["q"].items() if name in kept}
        part["q"] = marks
        if not marks:
            del part["q"]
    return part
