"""Telemetry with a column per tag: a table per asset, blank where a value did not change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gateway.ids import record_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.archive.sheets import Clock, Row
    from gateway.model import Record

_HEAD = ("time_utc_ms", "time_local", "zone", "id")
_TAIL = ("quality", "more")
"""Tags that are not good, as `tag=2 tag=1`; values of tags that no meta names, as JSON."""


class Wide:
    """Knows which tags each asset ever had.

    Args:
        metas: meta records, all of them.
    """

    def __init__(self, metas: Iterable[Record]) -> None:
        self._tags: dict[tuple[str, str], dict[str, None]] = {}
        for meta in metas:
            place = (meta.line, meta.asset)
            tags = self._tags.setdefault(place, {})
            try:
                tags.update(dict.fromkeys(tag["n"] for tag in orjson.loads(meta.body)["tags"]))
            except (KeyError, TypeError, orjson.JSONDecodeError):
                continue

    def head(self, record: Record) -> Row:
        """The columns of an asset's table."""
        return [*_HEAD, *self._tags.get((record.line, record.asset), ()), *_TAIL]

    def rows(self, record: Record, gateway: str, clock: Clock) -> list[Row]:
        """Turn a record into rows of its asset's table.

        Raises:
            ValueError: its body is not telemetry's.
        """
        tags = self._tags.get((record.line, record.asset), {})
        identity = record_id(gateway, record.key)
        try:
            body: dict[str, Any] = orjson.loads(record.body)
            return [
                [
                    *clock.local(row["t"]),
                    identity,
                    *(row["m"].get(tag) for tag in tags),
                    " ".join(f"{tag}={mark}" for tag, mark in row.get("q", {}).items()),
                    _more({tag: value for tag, value in row["m"].items() if tag not in tags}),
                ]
                for row in body["rows"]
            ]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(str(error)) from error


def _more(values: dict[str, object]) -> str:
    return orjson.dumps(values).decode() if values else ""
