"""What `nxgate watch` says is not well: nothing is hidden, and nothing said where all is well."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from gateway import words
from gateway.diagnosis.running import MOST_ALARMS, concerns
from gateway.watch import lines, view

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    before = words.chosen()
    words.choose("en")
    yield
    words.choose(before)


def well() -> dict[str, Any]:
    publisher = {
        "connected": True, "error": "", "note": "", "outbox": 0, "held": {}, "parked": 0,
        "aside": 0,
    }  # fmt: skip
    device = {
        "error": "", "fault": "no-answer", "since_ms": 0, "missed": 0, "polls": 100, "refused": {},
    }  # fmt: skip
    return {
        "time": 1_790_000_000_000,
        "clock": {"doubt": "", "since_ms": 0},
        "reload": None,
        "stuck": [],
        "assets": [],
        "alarms": [],
        "devices": {"plc-1": device},
        "links": {"modbus+tcp://10.0.0.5:502": {"late": 0, "rejected": 0}},
        "publishers": {"cluster": publisher},
        "store": {"failing": None, "failing_since_ms": 0, "dropped": {}, "bad_rows": 0},
    }


def alarm(name: str) -> dict[str, Any]:
    return {"line": "l1", "asset": "oven", "name": name, "sev": 2, "text": "too hot"}


def test_where_all_is_well_nothing_is_said() -> None:
    assert concerns(well()) == []
    assert lines(well())[-1].endswith("cluster: connected · outbox 0")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("alarms",), [alarm("hot")], "alarm oven/hot (2): too hot"),
        (("clock", "doubt"), "not synchronised", "not synchronised"),
        (("store", "failing"), "the disk is full", "the disk is full"),
        (("store", "dropped"), {"telemetry": 7}, "7 records dropped for want of memory"),
        (("store", "bad_rows"), 3, "3 stored records unreadable"),
        (("publishers", "cluster", "note"), "speaks 3.1.1", "cluster: speaks 3.1.1"),
        (("publishers", "cluster", "held"), {"a/b": "Not authorized"}, "a/b: Not authorized"),
        (("publishers", "cluster", "aside"), 2, "cluster: 2 records set aside"),
        (("devices", "plc-1", "error"), "plc-1: no answer", "plc-1: no answer"),
        (("devices", "plc-1", "missed"), 25, "plc-1: 25 of 125 polls missed"),
        (("links", "modbus+tcp://10.0.0.5:502", "late"), 4, "4 answers came after"),
        (("links", "modbus+tcp://10.0.0.5:502", "rejected"), 5, "5 answers rejected"),
        (("reload",), {"faults": ["site.yaml:3: wrong"]}, "site.yaml:3: wrong"),
    ],
)
def test_each_thing_that_is_not_well_is_said(
    path: tuple[str, ...], value: object, said: str
) -> None:
    snapshot = well()
    place = snapshot
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (text,) = concerns(snapshot)
    assert said in text
    assert said in lines(snapshot)[-1]


@pytest.mark.parametrize(
    ("path", "name"),
    [(("store", "failing"), "store_failing"), (("clock", "doubt"), "clock_unsync")],
)
def test_what_an_alarm_says_is_said_once(path: tuple[str, str], name: str) -> None:
    snapshot = well() | {"alarms": [alarm(name)]}
    snapshot[path[0]][path[1]] = "the disk is full"
    assert concerns(snapshot) == [f"alarm oven/{name} (2): too hot"]


def test_below_the_table_each_thing_has_a_line_of_its_own() -> None:
    snapshot = well() | {"alarms": [alarm("hot"), alarm("hotter")], "version": "1", "gateway": "g"}
    caption = str(view(snapshot, 120).caption)
    assert [line.split(":")[0] for line in caption.splitlines()] == [
        "cluster", "alarm oven/hot (2)", "alarm oven/hotter (2)",
    ]  # fmt: skip


def test_a_flood_of_alarms_is_summed_up() -> None:
    snapshot = well() | {"alarms": [alarm(f"a{n}") for n in range(40)]}
    told = concerns(snapshot)
    assert len(told) == MOST_ALARMS + 1
    assert told[-1] == f"and {40 - MOST_ALARMS} more alarms"


@pytest.mark.parametrize(("width", "heads"), [(80, 5), (100, 5), (150, 9)])
def test_a_narrow_terminal_shows_values_and_oee(width: int, heads: int) -> None:
    values = [{"n": f"v{n}", "v": n, "q": 0, "u": "V"} for n in range(9)]
    figures = {"state": "running", "a": 0.9, "p": 0.8, "q": 1.0, "oee": 0.72, "coverage": 1.0}
    oven = {"line": "hall", "name": "oven", "figures": figures | {"total": 7}, "values": values}
    snapshot = well() | {"version": "1", "gateway": "g", "assets": [oven]}
    table = view(snapshot, width)
    assert len(table.columns) == heads
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(table)
    shown = console.export_text()
    assert "v1=1" in shown
    assert "72.0%" in shown
    assert max(map(len, shown.splitlines())) <= width
