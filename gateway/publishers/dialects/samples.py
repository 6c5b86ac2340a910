"""A record as values at times, which is all that most platforms have words for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.model import Record, Value

Values = dict[str, "Value"]


class Sample(NamedTuple):
    """Values of one asset at one time.

    Attributes:
        t_ms: UTC ms of acquisition; of a figure, when its window begins.
    """

    t_ms: int
    values: Values


def samples(record: Record) -> list[Sample]:
    """Say a record as values at times; what could not be read is left out.

    A figure is told at the beginning of its window, under names that hold the kind of window, so
    that a restatement falls on what it restates: `oee_hour_a`, `energy_electricity_quarter_use`.
    """
    body = orjson.loads(record.body)
    kind, _slash, what = record.cls.partition("/")
    match kind:
        case "telemetry":
            return _rows(body["rows"])
        case "state":
            rest = {key: value for key, value in body.items() if key not in {"state", "since"}}
            values = {"machine_state": body["state"], **_flat(rest, "machine_state_")}
            return [Sample(body["since"], values)]
        case "oee" | "energy":
            return [_figures(body, record.cls.replace("/", "_"))]
        case "alarm":
            return [_alarm(body, what, record.ts_ms)]
        case "event":
            data = orjson.dumps(body.get("data", {})).decode()
            return [Sample(body["t"], {f"event_{body['type']}": data})]
        case _:
            return []


def spelt(record: Record) -> list[tuple[int, bytes]] | None:
    """The rows of telemetry as times and the JSON objects that stand there already.

    Nothing is parsed. Between rows stands what can't be in a value: a text has its quotation marks
    escaped, and a value is no object.

    Returns:
        None where something has to be left out, or it is no telemetry: `samples` then tells.
    """
    body = record.body
    if record.cls != "telemetry" or b'"q":{' in body:
        return None
    _head, _rows, rest = body.partition(b'"rows":[{"t":')
    if not rest.endswith(b"}}]}"):
        return None
    found = []
    for piece in rest[:-4].split(b'}},{"t":'):
        t_ms, _m, values = piece.partition(b',"m":{')
        found.append((int(t_ms), b"{%b}" % values))
    return found


def rows(record: Record) -> list[tuple[int, bytes]]:
    """A record as times and JSON objects of values."""
    found = spelt(record)
    if found is not None:
        return found
    return [(t_ms, orjson.dumps(values)) for t_ms, values in samples(record)]


def _rows(rows: list[dict[str, Values]]) -> list[Sample]:
    found = []
    for row in rows:
        values = row["m"]
        if "q" in row:
            values = {name: value for name, value in values.items() if value is not None}
        if values:
            found.append(Sample(row["t"], values))  # type: ignore[arg-type]  # t is a number
    return found


def _figures(body: dict[str, object], prefix: str) -> Sample:
    window = body.pop("win")
    assert isinstance(window, dict)  # noqa: S101 - the contract's
    begins = window.pop("start")
    head = f"{prefix}_{window.pop('kind')}_"
    return Sample(begins, {**_flat(window, head), **_flat(body, head)})


def _alarm(body: dict[str, Value], name: str, ts_ms: int) -> Sample:
    active, acked = body["active"], body.get("acked")
    t_ms = ts_ms
    if not acked:
        t_ms = int((body["raised"] if active else body.get("cleared")) or ts_ms)
    rest = {key: body.get(key) for key in ("sev", "acked", "text", "value", "limit")}
    return Sample(t_ms, {f"alarm_{name}": active, **_flat(rest, f"alarm_{name}_")})


def _flat(fields: Mapping[str, object], prefix: str) -> Values:
    return dict(_leaves(fields, prefix))


def _leaves(fields: Mapping[str, object], prefix: str) -> Iterator[tuple[str, Value]]:
    for key, value in fields.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}_")
        elif isinstance(value, (bool, int, float, str)):
            yield f"{prefix}{key}", value
