"""Records as rows of tables: one table by class, times both as UTC ms and as the site's clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from gateway.ids import record_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from gateway.model import Record

Row = list[object]

_PLACE = ("line", "asset", "id")
_WINDOW = (
    "kind", "start_utc_ms", "start_local", "end_utc_ms", "end_local", "zone",
    "shift", "product", "order", "rev", "final",
)  # fmt: skip
_TIMES = ("planned", "run", "setup", "delay", "idle", "unknown", "planned_stop")
_COUNTS = ("total", "good", "scrap", "unplaced", "u")
_RATIOS = ("a", "p", "q", "oee", "coverage", "reason")
_ALARM = ("alarm", "sev", "active", "acked", "text", "value", "limit", "by")
_SPAN = ("raised_utc_ms", "raised_local", "cleared_utc_ms", "cleared_local")

HEADS: dict[str, tuple[str, ...]] = {
    "telemetry": ("time_utc_ms", "time_local", "zone", *_PLACE, "tag", "value", "quality"),
    "state": ("since_utc_ms", "since_local", "zone", *_PLACE, "state", "prev", "reason", "order"),
    "oee": (
        *_WINDOW, *_PLACE, *(f"{name}_s" for name in _TIMES), *_COUNTS, *_RATIOS,
        "basis_quality", "basis_ideal", "basis_state", "kpi", "profile",
    ),
    "energy": (
        *_WINDOW, *_PLACE, "medium", "use", "u", "est", "reg_start", "reg_end", "max_kw",
        "coverage", "kpi", "profile",
    ),
    "event": ("time_utc_ms", "time_local", "zone", *_PLACE, "type", "data"),
    "alarm": ("time_utc_ms", "time_local", "zone", *_PLACE, *_ALARM, *_SPAN),
    "other": ("time_utc_ms", "time_local", "zone", *_PLACE, "class", "body"),
}  # fmt: skip
"""Class → columns of its table; `other` takes the rest, bodies as JSON."""


def table_of(cls: str) -> str:
    """Return which table a class goes to."""
    head = cls.partition("/")[0]
    return head if head in HEADS else "other"


class Clock:
    """The site's wall clock."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def local(self, t_ms: object) -> tuple[object, str, str]:
        """Return UTC ms, the local time and its offset, as +08:00.

        Local times go to the second: a spreadsheet shows one with a fraction as minutes and
        seconds alone, without the day and the hour.
        """
        if not isinstance(t_ms, int):
            return t_ms, "", ""
        try:
            moment = datetime.fromtimestamp(t_ms // 1000, UTC).astimezone(self._zone)
        except (OverflowError, ValueError, OSError):
            return t_ms, "", ""
        zone = moment.strftime("%z")
        return t_ms, f"{moment:%Y-%m-%d %H:%M:%S}", f"{zone[:3]}:{zone[3:]}"


def rows(record: Record, gateway: str, clock: Clock) -> Iterator[Row]:
    """Turn a record into rows of its table.

    Raises:
        ValueError: its body is not what its class has.
    """
    try:
        body: dict[str, Any] = orjson.loads(record.body)
        place: Row = [record.line, record.asset, record_id(gateway, record.key)]
        table = table_of(record.cls)
        if table == "telemetry":
            yield from _telemetry(body, place, clock)
        elif table == "state":
            told = [body.get(name) for name in ("state", "prev", "reason", "order")]
            yield [*clock.local(body.get("since")), *place, *told]
        elif table == "oee":
            yield [*_window(body, clock), *place, *_oee(body)]
        elif table == "energy":
            yield [*_window(body, clock), *place, *_energy(record.cls, body)]
        elif table == "event":
            data = _json(body.get("data"))
            yield [*clock.local(body.get("t")), *place, body.get("type"), data]
        elif table == "alarm":
            told = [body.get(name) for name in _ALARM]
            span = (*clock.local(body.get("raised"))[:2], *clock.local(body.get("cleared"))[:2])
            yield [*clock.local(record.ts_ms), *place, *told, *span]
        else:
            yield [*clock.local(record.ts_ms), *place, record.cls, record.body.decode()]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error


def _telemetry(body: dict[str, Any], place: Row, clock: Clock) -> Iterator[Row]:
    for row in body["rows"]:
        time = clock.local(row["t"])
        marks = row.get("q", {})
        for tag, value in row["m"].items():
            yield [*time, *place, tag, value, marks.get(tag, 0)]


def _window(body: dict[str, Any], clock: Clock) -> Row:
    win = body["win"]
    start, end = clock.local(win["start"]), clock.local(win["end"])
    named = [win.get(name) for name in ("shift", "product", "order")]
    return [win["kind"], *start[:2], *end, *named, body["rev"], body["final"]]


def _oee(body: dict[str, Any]) -> Row:
    basis = body["basis"]
    return [
        *(body["time_s"].get(name) for name in _TIMES),
        *(body["count"].get(name) for name in _COUNTS),
        *(body.get(name) for name in _RATIOS),
        *(basis.get(name) for name in ("quality", "ideal", "state")),
        _json(body.get("kpi")),
        body.get("profile"),
    ]


def _energy(cls: str, body: dict[str, Any]) -> Row:
    register = body.get("reg", {})
    return [
        cls.partition("/")[2],
        *(body.get(name) for name in ("use", "u", "est")),
        register.get("start"),
        register.get("end"),
        *(body.get(name) for name in ("max_kw", "coverage")),
        _json(body.get("kpi")),
        body.get("profile"),
    ]


def _json(value: object) -> str:
    return "" if value is None else orjson.dumps(value).decode()
