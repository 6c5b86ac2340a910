"""Lines that meters are on, as a site file writes them."""

from __future__ import annotations

import pytest

from drivers.dlt645 import plugin
from drivers.dlt645.config import line
from drivers.lines.ports import SerialLine
from gateway.driver import AddressError


def test_the_factory_setting_is_the_usual_one() -> None:
    found = line("dlt645:///dev/ttyS1")
    assert isinstance(found, SerialLine)
    assert (found.baud, found.parity, found.bits, found.stop) == (2400, "E", 8, 1)
    assert found.pace.seconds(24) == pytest.approx(24 * 11 / 2400)
    assert found.pace.silence_s >= 0.02


def test_a_line_behind_a_server_keeps_its_own_time_unless_its_speed_is_said() -> None:
    bare = line("dlt645+tcp://10.0.0.9")
    assert bare.endpoint == "10.0.0.9:4001"
    assert bare.pace.seconds(100) == 0
    told = line("dlt645+tcp://10.0.0.9:4001?baud=2400")
    assert told.pace.seconds(24) == pytest.approx(24 * 11 / 2400)
    assert told.key == bare.key


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("dlt645://10.0.0.9:4001", "names no port"),
        ("dlt645:///", "names no port"),
        ("dlt645:///dev/ttyS1?baud=2401", "baud is 2401"),
        ("dlt645:///dev/ttyS1?bits=7", "bits is 7"),
        ("dlt645:///dev/ttyS1?address=1", "a line has no address"),
        ("dlt645+tcp://", "names no host"),
        ("dlt645+tls://10.0.0.9", "is not DL/T 645"),
    ],
)
def test_what_is_no_such_line_is_said(url: str, says: str) -> None:
    with pytest.raises(AddressError, match=says):
        plugin.check_link(url)


def test_speeds_to_try() -> None:
    found = plugin.variants("dlt645:///dev/ttyS1", [2400, 9600], ["E"])  # type: ignore[attr-defined]
    assert found == (
        "dlt645:///dev/ttyS1?baud=2400&parity=E",
        "dlt645:///dev/ttyS1?baud=9600&parity=E",
    )
