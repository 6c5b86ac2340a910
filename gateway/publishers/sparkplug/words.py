"""What assets tell beside their signals, as metrics: names, and what can be said at birth.

A record's fields become metrics by their path: `OEE/hour/time_s/run`. Numbers are Doubles, so that
a figure keeps its datatype whether or not it happens to be whole; what counts is Int64, what is a
time is DateTime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gateway.publishers.sparkplug import wire
from gateway.publishers.sparkplug.wire import Type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.model import Value

Said = tuple[str, Type, "Value | bytes"]
"""Name, datatype, value."""

KINDS = {"bool": Type.BOOLEAN, "int": Type.INT64, "float": Type.DOUBLE, "string": Type.STRING}
"""Of a signal, by the contract's word."""
WINDOWS = ("quarter", "hour", "shift", "day", "order")
_TIMES = frozenset({"start", "end", "since", "raised", "cleared", "t"})
_COUNTS = frozenset({"rev", "sev"})
_TEXTS = frozenset(
    {"prev", "reason", "order", "product", "shift", "u", "profile", "ideal", "quality"}
)
_NAMED = frozenset({"kind", "alarm"})
"""Fields that the metric's name says already."""
STATE = ("state", "since", "prev", "reason", "order")
ALARM = {
    "active": Type.BOOLEAN,
    "acked": Type.BOOLEAN,
    "sev": Type.INT64,
    "raised": Type.DATETIME,
    "cleared": Type.DATETIME,
    "text": Type.STRING,
}
_WINDOW = ("win/start", "win/end", "rev", "final", "coverage", "profile")
_RATIOS = ("a", "p", "q", "oee", "ideal_cycle_s")
_SPANS = ("planned", "run", "setup", "delay", "idle", "unknown", "planned_stop")
FIGURES = (
    *_WINDOW,
    *_RATIOS,
    *(f"time_s/{span}" for span in _SPANS),
    *(f"count/{count}" for count in ("total", "good", "scrap", "unplaced", "u")),
    *(f"basis/{basis}" for basis in ("quality", "ideal", "state")),
)
_BOOLEANS = frozenset({"final", "active", "acked", "est"})


def prefix(cls: str, body: Mapping[str, object]) -> str:
    """Where a record's fields stand among the metrics of its asset."""
    kind, _slash, what = cls.partition("/")
    window = body.get("win")
    span = str(window.get("kind", "")) if isinstance(window, dict) else ""
    match kind:
        case "oee":
            return f"OEE/{span}"
        case "energy":
            return f"Energy/{what}/{span}"
        case "alarm":
            return f"Alarm/{what}"
        case "event":
            return f"Event/{what}"
        case _:
            return kind.capitalize()


def spell(cls: str, body: Mapping[str, object]) -> Iterator[Said]:
    """A record's fields as metrics; an event's data is one, as JSON, since each is its own."""
    at = prefix(cls, body)
    if cls.startswith("event/"):
        yield at, Type.STRING, orjson.dumps(body.get("data")).decode()
        return
    yield from _fields(at, body)


def declared(meta: Mapping[str, object]) -> Iterator[Said]:
    """What an asset will tell beside its signals, as far as its meta lets on: without values."""
    about = meta.get("asset")
    if isinstance(about, dict) and "profile" in about:
        for name in STATE:
            yield f"State/{name}", _kind_at(f"State/{name}", None), None
        ratios = [str(kpi["n"]) for kpi in _tables(meta, "kpis")]
        for window in WINDOWS:
            for path in (*FIGURES, *(f"kpi/{ratio}" for ratio in ratios)):
                yield f"OEE/{window}/{path}", _kind_at(path, None), None
    for alarm in _tables(meta, "alarms"):
        for name, kind in ALARM.items():
            yield f"Alarm/{alarm['n']}/{name}", kind, None


def described(meta: Mapping[str, object]) -> Iterator[Said]:
    """What an asset is; the reasons for its stops as a table."""
    about = meta.get("asset")
    yield "Asset/rev", Type.STRING, str(meta.get("rev", ""))
    for name, value in (about if isinstance(about, dict) else {}).items():
        if isinstance(value, dict):
            for language, text in value.items():
                if isinstance(text, str):
                    yield f"Asset/{name}/{language}", Type.STRING, text
        elif isinstance(value, (str, float, int)):
            kind = Type.STRING if isinstance(value, str) else Type.DOUBLE
            yield f"Asset/{name}", kind, value
    reasons = _tables(meta, "reasons")
    if reasons:
        rows = [_reason(reason) for reason in reasons]
        table = wire.dataset(("reason", "loss", "codes", "en", "zh"), rows)
        yield "Asset/reasons", Type.DATASET, table


def _reason(reason: Mapping[str, Any]) -> tuple[str, ...]:
    """A line of the table of reasons."""
    named = reason.get("desc") or {}
    codes = ", ".join(str(code) for code in reason.get("codes") or ())
    loss = str(reason.get("loss", ""))
    return str(reason.get("n", "")), loss, codes, named.get("en", ""), named.get("zh", "")


def signals(meta: Mapping[str, object]) -> Iterator[tuple[str, Type, bytes]]:
    """An asset's signals: name, datatype, properties."""
    for tag in _tables(meta, "tags"):
        texts: list[tuple[str, str | float | int]] = []
        if "u" in tag:
            texts.append(("engUnit", str(tag["u"])))
        texts += [(key, float(tag[ours])) for key, ours in _LIMITS if ours in tag]
        named = tag.get("desc") or {}
        texts += [(f"description_{language}", str(text)) for language, text in named.items()]
        source = tag.get("src") or {}
        texts += [(f"source_{key}", str(text)) for key, text in source.items()]
        kind = KINDS.get(str(tag.get("t")), Type.STRING)
        yield str(tag["n"]), kind, wire.properties(texts)


_LIMITS = (("engLow", "lo"), ("engHigh", "hi"))


def siblings(name: str) -> Iterator[str]:
    """A figure's names in all windows, so that one birth does for them."""
    parts = name.split("/")
    at = {"OEE": 1, "Energy": 2}.get(parts[0], len(parts))
    if at < len(parts) and parts[at] in WINDOWS:
        for window in WINDOWS:
            yield "/".join((*parts[:at], window, *parts[at + 1 :]))
    else:
        yield name


def _kind_at(path: str, value: object) -> Type:
    """The datatype of a field, by its name, and by its value where the name doesn't tell."""
    name = path.rpartition("/")[2]
    if name in _TIMES and "/reg/" not in path:
        return Type.DATETIME
    if name in _COUNTS:
        return Type.INT64
    if name in _BOOLEANS or isinstance(value, bool):
        return Type.BOOLEAN
    if name in _TEXTS or path == "State/state" or "/basis/" in path or isinstance(value, str):
        return Type.STRING
    return Type.DOUBLE


def _fields(at: str, body: Mapping[str, object]) -> Iterator[Said]:
    for name, value in body.items():
        path = f"{at}/{name}"
        if isinstance(value, dict):
            yield from _fields(path, value)
        elif name not in _NAMED and (value is None or isinstance(value, (bool, int, float, str))):
            yield path, _kind_at(path, value), value


def _tables(meta: Mapping[str, object], name: str) -> list[dict[str, Any]]:
    found = meta.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
