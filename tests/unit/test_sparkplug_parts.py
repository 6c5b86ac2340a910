"""An edge node's parts: numbers over restarts, the host's STATE, late values, what others send."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from gateway.model import Record
from gateway.publishers.sparkplug import commands
from gateway.publishers.sparkplug.device import MOST_SETS, Device
from gateway.publishers.sparkplug.host import Host, Turn
from gateway.publishers.sparkplug.metrics import Aliases, Style
from gateway.publishers.sparkplug.numbering import MODULUS, Numbering
from gateway.publishers.sparkplug.schema import Payload
from gateway.publishers.sparkplug.topics import Topics
from gateway.settings import Identity, SparkplugSettings

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.model import Value

IDENTITY = Identity("c1", "e1", "s1", "gw-01")
NAMES = ("a", "b", "c")


async def numbers(file: Path, count: int) -> list[int]:
    numbering = Numbering(file)
    found = []
    for _connect in range(count):
        await numbering.next()
        found.append(numbering.now)
    return found


def test_bd_seq_begins_at_0_and_comes_round_over_restarts(tmp_path: Path) -> None:
    file = tmp_path / "n"
    found = [number for _start in range(3) for number in asyncio.run(numbers(file, 100))]
    assert found == [number % MODULUS for number in range(300)]


@pytest.mark.parametrize("content", [b"", b"x", b"-1", b"256", b"\xff\xfe"])
def test_a_file_that_says_no_number_is_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "n").write_bytes(content)
    assert asyncio.run(numbers(tmp_path / "n", 1)) == [0]


def test_a_disk_that_refuses_costs_a_warning_and_no_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert asyncio.run(numbers(tmp_path / "gone/n", 3)) == [0, 1, 2]
    assert len(caplog.records) == 1
    assert str(tmp_path / "gone/n") in caplog.text


def test_a_number_that_no_broker_heard_of_is_used_again(tmp_path: Path) -> None:
    async def try_twice() -> list[int]:
        numbering = Numbering(tmp_path / "n")
        await numbering.next()
        numbering.take_back()
        first = numbering.now
        await numbering.next()
        return [first, numbering.now]

    assert asyncio.run(try_twice()) == [0, 0]


@pytest.mark.parametrize(
    ("states", "turns"),
    [
        ([(True, 5)], [Turn.CAME]),
        ([(True, 5), (True, 6), (False, 6)], [Turn.CAME, Turn.NOTHING, Turn.WENT]),
        ([(True, 5), (False, 4)], [Turn.CAME, Turn.NOTHING]),
        ([(False, 5), (True, 4), (True, 5)], [Turn.WENT, Turn.NOTHING, Turn.CAME]),
        ([(False, 5), (False, 6)], [Turn.WENT, Turn.NOTHING]),
    ],
)
def test_a_state_counts_unless_an_earlier_one_was_made_later(
    states: list[tuple[bool, int]], turns: list[Turn]
) -> None:
    host = Host()
    said = [json.dumps({"online": online, "timestamp": ms}).encode() for online, ms in states]
    assert [host.hear(payload) for payload in said] == turns


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"ONLINE", b"[]", b"null", b"{}", b'{"online":1,"timestamp":5}', b"\xff"),
        *(b'{"online":true}', b'{"online":true,"timestamp":true}'),
        b'{"online":true,"timestamp":"5"}',
    ],
)
def test_what_is_no_state_changes_nothing(payload: bytes) -> None:
    host = Host()
    assert host.hear(payload) is Turn.NOTHING
    assert not host.is_online


def device() -> Device:
    made = Device("a1", Aliases(), Style(aliases=False))
    tags = [{"n": name, "t": "int"} for name in NAMES]
    meta = {"rev": "1", "asset": {"id": "a1", "name": {}, "kind": "x"}, "tags": tags}
    made.describe(Record(1, "meta", "l1", "a1", 0, orjson.dumps(meta)))
    made.birth(0)
    made.is_unborn = False
    return made


def row(ms: int, q: dict[str, int] | None = None, **told: Value) -> Record:
    body = orjson.dumps({"rows": [{"t": ms, "m": told, **({"q": q} if q else {})}]})
    return Record(ms, "telemetry", "l1", "a1", ms, body)


def parsed(metrics: bytes) -> list[tuple[str, int, bool]]:
    made = Payload()
    made.ParseFromString(metrics)
    return [(m.name, m.long_value, m.is_historical) for m in made.metrics]


def present(made: Device) -> dict[str, int | None]:
    told = Payload()
    told.ParseFromString(made.birth(1))
    return {m.name: None if m.is_null else m.long_value for m in told.metrics if m.name in NAMES}


def test_a_late_value_is_historical_only_where_its_metric_was_told_a_newer_one() -> None:
    made = device()
    made.tell(row(20, a=20), hist=False, since_birth=True)
    told = made.tell(row(10, a=10, b=10), hist=True, since_birth=True)
    assert sorted(parsed(told)) == [("a", 10, True), ("b", 10, False)]
    assert present(made) == {"a": 20, "b": 10, "c": None}


def test_what_a_birth_knew_of_is_historical_and_changes_no_present_value() -> None:
    made = device()
    made.see(row(20, a=20, b=21))
    told = made.tell(row(10, a=10, c=11), hist=True, since_birth=False)
    assert sorted(parsed(told)) == [("a", 10, True), ("c", 11, True)]
    assert present(made) == {"a": 20, "b": 21, "c": None}


def test_present_values_outlast_more_sets_of_signals_than_are_prepared() -> None:
    made = device()
    names = [f"s{number}" for number in range(MOST_SETS * 3)]
    for ms, name in enumerate(names, 1):
        made.tell(row(ms, None, **{name: ms, "a": ms}), hist=False, since_birth=True)
    told = Payload()
    told.ParseFromString(made.birth(1))
    values = {m.name: m.long_value for m in told.metrics}
    assert values["a"] == len(names)
    assert [values[name] for name in names] == list(range(1, len(names) + 1))


def test_a_value_of_another_kind_changes_the_datatype_with_another_birth() -> None:
    made = device()
    made.tell(row(1, a=1), hist=False, since_birth=True)
    assert not made.is_unborn
    told = Payload()
    told.ParseFromString(made.tell(row(2, a=1.5), hist=False, since_birth=True))
    assert (made.is_unborn, told.metrics[0].double_value) == (True, 1.5)
    told = Payload()
    told.ParseFromString(made.birth(3))
    (a,) = [metric for metric in told.metrics if metric.name == "a"]
    assert (a.datatype, a.double_value) == (10, 1.5)


def test_a_whole_number_beyond_63_bits_comes_as_a_double() -> None:
    made = device()
    told = Payload()
    told.ParseFromString(made.tell(row(1, a=1 << 63), hist=False, since_birth=True))
    assert told.metrics[0].double_value == float(1 << 63)


def test_a_device_is_absent_while_all_of_its_signals_are_bad() -> None:
    made = device()
    made.tell(row(1, q={"a": 2}, a=None, b=1), hist=False, since_birth=True)
    assert not made.is_absent
    made.tell(row(2, q={"b": 2}, b=None), hist=False, since_birth=True)
    assert made.is_absent
    made.tell(row(3, a=1), hist=False, since_birth=True)
    assert not made.is_absent


def test_a_device_that_could_not_be_read_before_the_birth_is_absent() -> None:
    made = device()
    made.see(row(1, q={"a": 2, "b": 2}, a=None, b=None))
    assert made.is_absent
    made.see(row(2, a=1))
    assert not made.is_absent


@pytest.mark.parametrize("payload", [b"\xff", b"\x12\x05\x01", b"\x12\xff\xff\xff\xff\x0f"])
def test_what_is_no_payload_is_no_command(payload: bytes) -> None:
    assert commands.read(payload) is None


def test_a_rebirth_is_asked_for_by_name_and_true_alone() -> None:
    for fields, asked in (
        ({"name": "Node Control/Rebirth", "boolean_value": True}, True),
        ({"name": "Node Control/Rebirth", "boolean_value": False}, False),
        ({"name": "Node Control/Rebirth", "boolean_value": True, "is_null": True}, False),
        ({"name": "Node Control/Rebirth", "int_value": 1}, False),
        ({"name": "Node Control/Reboot", "boolean_value": True}, False),
        ({"alias": 0, "boolean_value": True}, False),
    ):
        order = commands.read(_payload(fields))
        assert order is not None
        assert commands.asks_rebirth(order) is asked, fields


def test_a_write_is_the_same_command_however_often_it_comes_and_says_no_time_of_its_own() -> None:
    payload = _payload({"name": "a", "long_value": 5}, timestamp=77)
    order = commands.read(payload)
    assert order is not None
    bodies = [list(commands.writes(order, device(), "t", payload)) for _time in range(2)]
    assert bodies[0] == bodies[1]
    told = orjson.loads(bodies[0][0])
    assert (told["ts"], told["exp"], told["args"]) == (77, 30_077, {"tag": "a", "value": 5})
    other = list(commands.writes(order, device(), "u", payload))
    assert orjson.loads(other[0])["cid"] != told["cid"]
    order = commands.read(_payload({"name": "a", "long_value": 5}))
    assert order is not None
    assert order.ms == 0  # which the judge of commands refuses


def _payload(*metrics: dict[str, Any], timestamp: int = 0) -> bytes:
    made = Payload(timestamp=timestamp) if timestamp else Payload()
    for metric in metrics:
        made.metrics.add(**metric)
    return bytes(made.SerializeToString())


def test_ids_come_from_the_site_or_from_the_section() -> None:
    own = Topics(IDENTITY, SparkplugSettings())
    assert own.of("DATA", "press-1") == "spBv1.0/e1.s1/DDATA/gw-01/press-1"
    assert (own.device_of("_gw", "gw-01"), own.device_of("l1", "_line")) == ("", "l1._line")
    said = Topics(IDENTITY, SparkplugSettings(group="Plant 1", node="Hall", marker="m"))
    assert (said.ndeath, said.marker) == ("spBv1.0/Plant 1/NDEATH/Hall", "m")


def test_telling_a_row_costs_a_fraction_of_an_object_for_each_metric() -> None:
    made = Device("a1", Aliases(), Style())
    names = [f"r{number:03}" for number in range(200)]
    tags = [{"n": name, "t": "int"} for name in names]
    meta = {"rev": "1", "asset": {"id": "a1", "name": {}, "kind": "x"}, "tags": tags}
    made.describe(Record(1, "meta", "l1", "a1", 0, orjson.dumps(meta)))
    rows = [row(ms, None, **dict.fromkeys(names, ms * 37 % 65536)) for ms in range(1, 30)]

    def own() -> None:
        for record in rows:
            made.tell(record, hist=False, since_birth=True)

    def objects() -> None:
        for record in rows:
            told = orjson.loads(record.body)["rows"][0]
            payload = Payload(timestamp=1, seq=1)
            for alias, value in enumerate(told["m"].values()):
                payload.metrics.add(alias=alias, timestamp=told["t"], long_value=value)
            payload.SerializeToString()

    quickest = {}
    for act in (own, objects):
        act()
        times = []
        for _try in range(5):
            begun = time.process_time_ns()
            act()
            times.append(time.process_time_ns() - begun)
        quickest[act] = min(times) / len(rows) / len(names)
    assert quickest[own] * 3 < quickest[objects], quickest
