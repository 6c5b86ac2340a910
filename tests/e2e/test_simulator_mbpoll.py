"""Simulated serial lines read and written by mbpoll, on libmodbus: two units on one port."""

from __future__ import annotations

import re
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from simulators.place import Place
from tests.e2e.served_line import simulated

if TYPE_CHECKING:
    from pathlib import Path

BITS = ["1", "0", "1", "1", "0", "0", "1", "1", "1"]


def mbpoll(place: Place, unit: int, *options: str, write: tuple[str, ...] = ()) -> list[str]:
    """Values as mbpoll spells them, or its complaint."""
    line = ("-m", "rtu", "-b", "115200", "-P", "none", "-s", "1")
    done = subprocess.run(
        ("mbpoll", *line, "-a", str(unit), "-0", "-1", "-o", "1", *options, place.path, *write),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    values = re.findall(r"^\[\d+\]:\s+(\S+)", done.stdout, re.MULTILINE)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "failed" in line]
    return values or said or re.findall(r"Written \d+ \w+", done.stdout)


def test_all_functions_on_two_units_of_one_line(tmp_path: Path) -> None:
    place = Place("modbus+rtu", path=str(tmp_path / "line"), query="baud=115200")
    with simulated(place) as where:
        assert mbpoll(where, 1, "-t", "4", "-r", "0") == ["1000"]
        assert mbpoll(where, 2, "-t", "4", "-r", "0") == ["2000"]
        assert mbpoll(where, 1, "-t", "4:float", "-B", "-r", "1") == ["-12.5"]
        assert mbpoll(where, 2, "-t", "3", "-r", "5", "-c", "2") == ["65535", "2"]
        assert mbpoll(where, 1, "-t", "1", "-r", "20", "-c", "9") == BITS
        assert mbpoll(where, 1, "-t", "0", "-r", "3", write=("1",)) == ["Written 1 references"]
        assert mbpoll(where, 1, "-t", "0", "-r", "10", write=("1", "0", "1"))
        assert mbpoll(where, 1, "-t", "0", "-r", "10", "-c", "3") == ["1", "0", "1"]
        assert mbpoll(where, 2, "-t", "4", "-r", "100", write=("4242",))
        assert mbpoll(where, 2, "-t", "4:float", "-B", "-r", "102", write=("2.5",))
        assert mbpoll(where, 2, "-t", "4", "-r", "100") == ["4242"]
        assert mbpoll(where, 2, "-t", "4:float", "-B", "-r", "102") == ["2.5"]
        (complaint,) = mbpoll(where, 1, "-t", "4", "-r", "199", "-c", "2")
        assert "Illegal data address" in complaint
        (complaint,) = mbpoll(where, 3, "-t", "4", "-r", "0")
        assert "timed out" in complaint, "nobody speaks for a unit that isn't there"


@pytest.mark.parametrize("baud", ["9600", "19200"])
def test_a_line_is_as_fast_as_its_baud(baud: str, tmp_path: Path) -> None:
    place = Place("modbus+rtu", path=str(tmp_path / "line"), query=f"baud={baud}")
    assert place.byte_s == pytest.approx(10 / int(baud))
    with simulated(place) as where:
        began = time.monotonic()
        assert len(mbpoll(where, 1, "-t", "4", "-r", "0", "-c", "100", "-b", baud)) == 100
        took = time.monotonic() - began
    assert took >= 213 * 10 / int(baud), "8 bytes there and 205 back"
