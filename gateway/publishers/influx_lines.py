"""Records as InfluxDB line protocol (docs/influx.md is the schema).

A point that is written twice must be the same point, in whatever order points arrive: its time and
its tags follow from the record alone. Telemetry has the time of the reading. What is told anew
under another id (states, alarms, events) has the last six digits of its sequence number in place
of the nanoseconds. A closed window stands at its start with its revision as a tag, one still open
at the time of its record, in a measurement of its own.

All numbers are floats, so that no field changes its type when a value happens to be whole.

Source: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson

from gateway import __version__
from gateway.contract import OWN_LINE
from gateway.ids import MAX_SEQ, record_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.model import Place, Record
    from gateway.settings import Identity

STATES = ("unknown", "running", "setup", "waiting", "fault", "idle", "planned_stop", "offline")
"""The contract's words in the order of their codes: a field `code` for what draws numbers only."""
RESERVED = "time"
"""The one name that a field can't have."""
NS_PER_MS = 1_000_000
_CONTROL = (*range(32), 127, 0x85, 0x2028, 0x2029)
_BLANK = dict.fromkeys(_CONTROL, " ")
_ESCAPED = dict.fromkeys((*_CONTROL, 0x20), "\\ ")
_KEY = str.maketrans({**_ESCAPED, "\\": "/", '"': "'", ",": "\\,", "=": "\\="})
_TEXT = str.maketrans({**_BLANK, "\\": "\\\\", '"': '\\"'})
_SPECIAL = frozenset(',= \\"') | set(map(chr, _CONTROL))


def key(name: str) -> str:
    """Spell a tag's value, or a field's name.

    What the protocol can't carry there is replaced: a backslash by a slash, a quotation mark by an
    apostrophe, a line's end and other control characters by spaces.
    """
    return name.translate(_KEY)


def text(value: str) -> str:
    """Spell a field's text; a line's end becomes a space."""
    return f'"{value.translate(_TEXT)}"'


class Lines:
    """Spells the records of one gateway.

    Args:
        identity: tags of every point.
    """

    def __init__(self, identity: Identity) -> None:
        self._gateway = identity.gateway
        levels = ("cluster", "enterprise", "site")
        self._root = "".join(f",{level}={key(getattr(identity, level))}" for level in levels)
        self._series: dict[tuple[str, str], str] = {}
        self._fields: dict[str, str] = {}
        self._plain: set[str] = set()

    def speaks(self, record: Record, *, hist: bool) -> bool:
        """It has no place for meta, which describes and is no value at a time."""
        del hist
        return record.cls != "meta"

    def topic(self, record: Record, *, hist: bool) -> str:
        """What is refused together: one class of one asset."""
        del hist
        return "/".join(record.place)

    def retained(self, record: Record) -> bool:
        """No: a database keeps everything."""
        del record
        return False

    def payload(self, record: Record, *, hist: bool) -> bytes:
        """One or more whole lines; nothing where nothing in the record is a value."""
        del hist
        body = orjson.loads(record.body)
        if record.cls == "telemetry":
            return self._telemetry(record.place, body)
        return self._statement(record, body).encode()

    def hello(self, ts_ms: int) -> bytes:
        """A point that says that a connection began: what it shows is that the server takes some.

        Args:
            ts_ms: UTC ms.
        """
        series = self._of((OWN_LINE, self._gateway, "connection"))
        return f"connection{series} version={text(__version__)} {ts_ms}000000\n".encode()

    def _telemetry(self, place: Place, body: dict[str, Any]) -> bytes:
        """Spell rows: a line of values each, and one of the marks of those that aren't good."""
        head = self._of(place)
        if "clock" in body:
            head += f",clock={key(body['clock'])}"
        values_head, marks_head = f"telemetry{head} ".encode(), f"quality{head} ".encode()
        lines = []
        for row in body["rows"]:
            fields = self._values(row["m"])
            if fields:
                lines.append(b"%b%b %d000000\n" % (values_head, fields, row["t"]))
            if "q" in row:
                marks = self._values(row["q"])
                lines.append(b"%b%b %d000000\n" % (marks_head, marks, row["t"]))
        return b"".join(lines)

    def _values(self, values: Mapping[str, Any]) -> bytes:
        """Spell fields from tags' values.

        JSON's numbers and truth values are the protocol's own, so that where a row has nothing
        else its text is taken over as it is, without the quotes of the names.
        """
        if not self._plain.issuperset(values):
            self._learn(values)
        if self._plain.issuperset(values):
            spelt = orjson.dumps(values)
            if spelt.count(b'"') == 2 * len(values) and b":null" not in spelt:
                return spelt[2:-1].replace(b',"', b",").replace(b'":', b"=")
        names = self._fields
        return ",".join(
            [
                f"{names[name]}={text(value) if isinstance(value, str) else repr(value)}"
                for name, value in values.items()
                if value is not None
            ]
        ).encode()

    def _learn(self, names: Mapping[str, Any]) -> None:
        """Prepare names that were not met before; a gateway has as many as it has tags."""
        for name in names.keys() - self._fields.keys():
            self._fields[name] = _field(name)
            if self._fields[name] == name and _SPECIAL.isdisjoint(name):
                self._plain.add(name)

    def _of(self, place: Place) -> str:
        """The tags of an asset's points."""
        line, asset, _cls = place
        series = self._series.get((line, asset))
        if series is None:
            series = f"{self._root},line={key(line)},asset={key(asset)}"
            self._series[line, asset] = series
        return series

    def _statement(self, record: Record, body: dict[str, Any]) -> str:
        """Spell a record of any class but telemetry: one point."""
        cls, _slash, kind = record.cls.partition("/")
        ordinal_ns = (record.key & MAX_SEQ) % NS_PER_MS
        tags: dict[str, Any] = {}
        name = cls
        match cls:
            case "oee" | "energy":
                window = body.pop("win")
                tags = {"window": window.pop("kind"), **window}
                start_ms, body["end"] = tags.pop("start"), tags.pop("end")
                final, rev = body.pop("final"), body.pop("rev")
                if final:
                    tags["rev"] = rev
                    time_ns = start_ms * NS_PER_MS
                else:
                    name, time_ns = f"{cls}_open", record.ts_ms * NS_PER_MS
                    body |= {"start": start_ms, "rev": rev}
                if kind:
                    tags["medium"] = kind
            case "state":
                time_ns = record.ts_ms * NS_PER_MS + ordinal_ns
                body["code"] = STATES.index(body["state"])
            case "alarm":
                time_ns = record.ts_ms * NS_PER_MS + ordinal_ns
                tags["alarm"] = body.pop("alarm")
                body |= _numbers(body, "value", "limit")
            case _other:
                time_ns = body.pop("t", record.ts_ms) * NS_PER_MS + ordinal_ns
                tags["type"] = body.pop("type", kind)
                body["data"] = orjson.dumps(body.get("data")).decode()
        if "clock" in body:
            tags["clock"] = body.pop("clock")
        spelt = "".join(f",{tag}={key(str(value))}" for tag, value in tags.items() if value != "")
        body["id"] = record_id(self._gateway, record.key)
        fields = ",".join(chain.from_iterable(_flat(n, value) for n, value in body.items()))
        return f"{name}{self._of(record.place)}{spelt} {fields} {time_ns}\n"


def _field(name: str) -> str:
    return f"{RESERVED}_" if name == RESERVED else key(name)


def _numbers(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """What an alarm was held against may be of any type: numbers stay apart from texts."""
    found: dict[str, Any] = {}
    for name in names:
        value = body.get(name)
        if isinstance(value, str):
            found |= {name: None, f"{name}_text": value}
        elif value is not None:
            found[name] = float(value)
    return found


def _flat(name: str, value: Any) -> Iterator[str]:  # noqa: ANN401 - whatever JSON holds
    """Spell a field; of an object one for each of its own, named by the way to it."""
    if isinstance(value, dict):
        for inner, each in value.items():
            yield from _flat(f"{name}_{inner}", each)
    elif isinstance(value, str):
        yield f"{_field(name)}={text(value)}"
    elif isinstance(value, list):
        yield f"{_field(name)}={text(orjson.dumps(value).decode())}"
    elif value is not None:
        yield f"{_field(name)}={orjson.dumps(value).decode()}"
