"""What is written field by field, read by others: sparkplug-payload of npm, and protobuf's classes.

npm's needs node and the package, which `make foreign` puts into .foreign.
"""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from gateway.model import Record
from gateway.publishers.sparkplug import wire
from gateway.publishers.sparkplug.encoding import Devices
from gateway.publishers.sparkplug.metrics import Style
from gateway.publishers.sparkplug.schema import Payload
from gateway.publishers.sparkplug.topics import Topics
from gateway.settings import Identity, SparkplugSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.model import Value

ROOT = Path(__file__).parents[2]
MODULES = ROOT / ".foreign/sparkplug-payload/node_modules"
SCRIPT = Path(__file__).with_name("sparkplug_payload.js")
KINDS = ("int", "float", "bool", "string")
NAMES = {f"{kind}_{place}": kind for kind in KINDS for place in range(6)}
T0 = 1_790_000_000_000


@dataclass(frozen=True)
class Told:
    """One metric as somebody read it."""

    name: str
    value: object
    ms: int
    hist: bool
    quality: int | None


def by_protobuf(payloads: Sequence[bytes]) -> list[list[Told]]:
    return [[_told(metric) for metric in _parsed(payload).metrics] for payload in payloads]


def by_npm(payloads: Sequence[bytes]) -> list[list[Told]]:
    return [[_told_by_npm(metric) for metric in told["metrics"]] for told in decoded(payloads)]


def decoded(payloads: Sequence[bytes]) -> list[dict[str, Any]]:
    """Payloads as sparkplug-payload reads them."""
    if not (MODULES / "sparkplug-payload").exists():
        pytest.skip("no sparkplug-payload: make foreign (needs npm)")
    lines = b"".join(base64.b64encode(payload) + b"\n" for payload in payloads)
    environment = {**os.environ, "NODE_PATH": str(MODULES)}
    done = subprocess.run(
        ["node", str(SCRIPT)], input=lines, env=environment, capture_output=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("read", [by_protobuf, by_npm])
@pytest.mark.parametrize("seed", range(4))
def test_rows_are_read_as_they_were_made(read: Any, seed: int) -> None:  # noqa: ANN401
    chance = random.Random(seed)
    devices = described()
    payloads, expected = list[bytes](), list[list[Told]]()
    marked: set[str] = set()
    for key in range(2, 150):
        names = chance.sample(list(NAMES), chance.randint(1, len(NAMES)))
        ragged = chance.random() < 0.3
        row = {name: some(chance, NAMES[name], nulls=ragged) for name in names}
        q = {name: 2 for name, value in row.items() if value is None}
        hist = chance.random() < 0.2
        devices.born_key = devices.overlap_key = key if hist else 0
        body = orjson.dumps({"rows": [{"t": T0 + key, "m": row, **({"q": q} if q else {})}]})
        record = Record(key, "telemetry", "l1", "a1", T0, body)
        payloads.append(wire.head(T0) + devices.payload(record, hist=False) + wire.SEQUENCE[key])
        told = []
        for name, value in row.items():
            quality = 0 if value is None else 192 if name in marked else None
            told.append(Told(name, value, T0 + key, hist, quality))
        if not hist:
            marked = (marked | q.keys()) - (row.keys() - q.keys())
        expected.append(told)
    for found, due in zip(read(payloads), expected, strict=True):
        assert sorted(found, key=_name) == sorted(due, key=_name)


@pytest.mark.parametrize("read", [by_protobuf, by_npm])
def test_a_birth_is_read_as_it_was_made(read: Any) -> None:  # noqa: ANN401
    devices = described()
    row = {"int_0": -5, "float_0": 2.5, "bool_0": True, "string_0": "号", "int_1": 1 << 40}
    body = orjson.dumps({"rows": [{"t": T0 + 1, "m": row}]})
    devices.see([Record(2, "telemetry", "l1", "a1", T0, body)])
    (device,) = devices
    ((*found,),) = read([wire.head(T0) + device.birth(T0 + 9) + wire.SEQUENCE[0]])
    told = {one.name: one for one in found}
    for name in NAMES:
        known = name in row
        assert told[name] == Told(
            name, row.get(name), T0 + 1 if known else T0 + 9, hist=False, quality=None
        )


def described() -> Devices:
    topics = Topics(Identity("c1", "e1", "s1", "gw-01"), SparkplugSettings())
    devices = Devices(topics, Style(aliases=False, datatypes=True))
    meta = {
        "rev": "1",
        "asset": {"id": "a1", "name": {"en": "A", "zh": "甲"}, "kind": "press"},
        "tags": [{"n": name, "t": kind, "u": "°C", "lo": -1} for name, kind in NAMES.items()],
        "reasons": [{"n": "jam", "loss": "fault", "codes": ["E1", 2], "desc": {"zh": "卡料"}}],
    }
    devices.see([Record(1, "meta", "l1", "a1", T0, orjson.dumps(meta))])
    return devices


def some(chance: random.Random, kind: str, *, nulls: bool) -> Value:
    if nulls and chance.random() < 0.3:
        return None
    match kind:
        case "int":
            bits = chance.choice((4, 14, 15, 28, 34, 35, 36, 53))
            return chance.randrange(1 << bits) * chance.choice((1, 1, 1, -1))
        case "float":
            return chance.choice((chance.uniform(-1e6, 1e6), float(chance.randrange(9))))
        case "bool":
            return chance.random() < 0.5
        case _:
            return "".join(chance.choices("aä号 /", k=chance.randrange(200)))


def _parsed(payload: bytes) -> Any:  # noqa: ANN401
    made = Payload()
    made.ParseFromString(payload)
    return made


def _told(metric: Any) -> Told:  # noqa: ANN401
    value: object = None
    if not metric.is_null:
        match metric.datatype:
            case 4 | 13:
                value = metric.long_value - ((metric.long_value >> 63) << 64)
            case 10:
                value = metric.double_value
            case 11:
                value = metric.boolean_value
            case 12:
                value = metric.string_value
    marks = dict(zip(metric.properties.keys, metric.properties.values, strict=True))
    quality = marks["Quality"].int_value if "Quality" in marks else None
    return Told(metric.name, value, metric.timestamp, metric.is_historical, quality)


def _told_by_npm(metric: dict[str, Any]) -> Told:
    value = metric["value"]
    if metric["type"] in {"Int64", "DateTime"} and value is not None:
        value = int(value)
    quality = metric.get("properties", {}).get("Quality", {}).get("value")
    ms = int(metric["timestamp"])
    return Told(metric["name"], value, ms, bool(metric.get("isHistorical")), quality)


def _name(told: Told) -> str:
    return told.name
