"""Records as line protocol: what each class becomes, and that no text breaks out of its line."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ids import make_key
from gateway.model import Record
from gateway.publishers.influx_lines import Lines
from gateway.settings import Identity
from tests.e2e.mqtt_rig import CLASSES, draft

ROOT = "cluster=c1,enterprise=e1,site=s1,line=l1,asset=press-1"
KEY = make_key(7, 2_000_042)


def lines(cls: str, body: object, ts_ms: int = 1_790_000_000_000) -> list[str]:
    record = Record(KEY, cls, "l1", "press-1", ts_ms, orjson.dumps(body))
    encoding = Lines(Identity("c1", "e1", "s1", "gw-01"))
    return encoding.payload(record, hist=False).decode().splitlines()


def sample(name: str, **fields: object) -> list[str]:
    made = draft(name)
    return lines(made.cls, json.loads(made.body) | fields, made.ts_ms)


def test_numbers_and_truth_values_are_taken_over_as_they_are() -> None:
    rows = [{"t": 5, "m": {"kw": 7.25, "good": 4410, "on": True, "tiny": 1e-9}}]
    (line,) = lines("telemetry", {"rev": "a", "rows": rows})
    assert line == f"telemetry,{ROOT} kw=7.25,good=4410,on=true,tiny=1e-9 5000000"


def test_a_null_is_no_value_and_its_mark_stands_in_quality() -> None:
    rows = [{"t": 5, "m": {"kw": None, "good": 4}, "q": {"kw": 2}}, {"t": 6, "m": {"kw": None}}]
    assert lines("telemetry", {"rev": "a", "rows": rows}) == [
        f"telemetry,{ROOT} good=4 5000000",
        f"quality,{ROOT} kw=2 5000000",
    ]


def test_names_and_texts_are_escaped() -> None:
    rows = [{"t": 5, "m": {"oven 1,a=b": 1, "time": 2, "back\\slash": 3, "text": 'a "b"\\\nc'}}]
    (line,) = lines("telemetry", {"rev": "a", "rows": rows})
    told = 'oven\\ 1\\,a\\=b=1,time_=2,back/slash=3,text="a \\"b\\"\\\\ c"'
    assert line == f"telemetry,{ROOT} {told} 5000000"


def test_times_of_a_doubtful_clock_stand_apart() -> None:
    body = {"clock": "unsync", "rev": "a", "rows": [{"t": 5, "m": {"a": 1}}]}
    assert lines("telemetry", body) == [f"telemetry,{ROOT},clock=unsync a=1 5000000"]


def test_a_closed_window_stands_at_its_start_with_its_revision() -> None:
    (line,) = sample("oee", rev=2)
    head, fields, time = line.split(" ")
    assert head == f"oee,{ROOT},window=hour,shift=day,product=P-8,rev=2"
    assert time == "1790000000000000000"
    for told in ("a=0.85", "time_s_delay=540", "count_good=1180", 'basis_quality="measured"'):
        assert told in fields.split(","), told
    assert 'id="gw-01:7:2000042"' in fields


def test_an_open_window_stands_at_the_time_of_its_record() -> None:
    made = draft("energy")
    (line,) = lines(made.cls, json.loads(made.body) | {"final": False}, 1_790_000_900_123)
    head, fields, time = line.split(" ")
    assert head == f"energy_open,{ROOT},window=quarter,medium=electricity"
    assert time == "1790000900123000000"
    assert "start=1790000000000" in fields
    assert "rev=0" in fields


def test_what_may_be_told_twice_in_a_millisecond_has_its_number_below_it() -> None:
    made = draft("state")
    (state,) = lines(made.cls, json.loads(made.body), 1_790_000_001_000)
    assert state.startswith(f"state,{ROOT} ")
    assert 'state="fault"' in state
    assert "code=4" in state
    assert "since=1790000000900" in state
    assert state.endswith(" 1790000001000000042")
    (event,) = sample("event")
    assert event.startswith(f"event,{ROOT},type=order_change ")
    assert event.endswith(" 1790000001900000042")
    assert '\\"from\\"' in event


@pytest.mark.parametrize(
    ("value", "told"), [(True, "value=1.0"), (81.5, "value=81.5"), ("E1", 'value_text="E1"')]
)
def test_an_alarms_value_keeps_one_type(value: object, told: str) -> None:
    (line,) = sample("alarm", value=value)
    assert told in line.split(" ")[1].split(",")
    assert f"alarm,{ROOT},alarm=overtemp " in line


def test_meta_has_no_place_there() -> None:
    encoding = Lines(Identity("c1", "e1", "s1", "gw-01"))
    for name, cls in CLASSES.items():
        record = Record(KEY, cls, "l1", "press-1", 1, draft(name).body)
        assert encoding.speaks(record, hist=True) == (name != "meta")


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(names, values, min_size=1, max_size=6))
def test_no_text_breaks_out_of_its_line(told: dict[str, object]) -> None:
    made = lines("telemetry", {"rev": "a", "rows": [{"t": 5, "m": told}]})
    wanted = sum(value is not None for value in told.values())
    assert len(made) == (wanted > 0)
    for line in made:
        assert line.startswith(f"telemetry,{ROOT} ")
        assert line.endswith(" 5000000")
        assert _fields(line) == wanted


def _fields(line: str) -> int:
    """Count fields as the protocol's rules have it: commas outside texts, and unescaped."""
    body = line.removeprefix(f"telemetry,{ROOT} ").removesuffix(" 5000000")
    count, quoted, at = 1, False, 0
    while at < len(body):
        if body[at] == "\\":
            at += 1
        elif body[at] == '"' and (quoted or body[at - 1] == "="):
            quoted = not quoted
        elif body[at] == "," and not quoted:
            count += 1
        at += 1
    assert not quoted
    return count
