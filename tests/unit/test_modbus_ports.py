"""URLs of serial lines and serial servers."""

from __future__ import annotations

import pytest

from drivers.lines.endpoint import Endpoint
from drivers.lines.ports import Direction, Pace, SerialLine, ServerLine
from drivers.modbus import plugin
from drivers.modbus.ports import line
from gateway.driver import AddressError

BY_ID = "/dev/serial/by-id/usb-FTDI_FT232R_A50285BI-if00-port0"


def test_a_port_with_nothing_said_is_9600_8n1() -> None:
    url = f"modbus+rtu://{BY_ID}"
    plugin.check_link(url)
    assert line(url) == SerialLine(url, BY_ID, 9600, "N", 1, 8, rs485=None, max_delay_s=1.0)
    assert line(url).endpoint == BY_ID


def test_everything_that_can_be_said() -> None:
    url = "modbus+rtu:///dev/ttyS1?baud=19200&parity=E&stop=2&rs485=high&max_delay=250ms&turnaround=5ms"
    made = line(url)
    assert made == SerialLine(
        url, "/dev/ttyS1", 19200, "E", 2, 8, rs485=Direction(), max_delay_s=0.25, turn_s=0.005
    )
    seven = "modbus+ascii:///dev/ttyS1?bits=7&parity=O"
    assert line(seven) == SerialLine(seven, "/dev/ttyS1", bits=7, parity="O")
    server = "modbus+rtuovertcp://10.0.0.9:4001?max_delay=2s"
    assert line(server) == ServerLine(
        server, Endpoint("10.0.0.9", 4001), Pace(0, 0, 2, is_bus=False)
    )


def test_a_port_of_windows_has_no_folder() -> None:
    made = line("modbus+rtu:///COM3?baud=19200")
    assert isinstance(made, SerialLine)
    assert (made.path, made.endpoint) == ("COM3", "COM3")
    assert line("modbus+rtu:///dev/COM3").endpoint == "/dev/COM3"


def test_the_time_that_bytes_take() -> None:
    at_9600 = line("modbus+rtu:///dev/ttyS1?parity=E").pace
    assert at_9600.seconds(8) == pytest.approx(8 * 11 / 9600)
    assert at_9600.silence_s == pytest.approx(3.5 * 11 / 9600)
    assert line("modbus+rtu:///dev/ttyS1?baud=115200").pace.silence_s == 0.00175
    assert line("modbus+rtuovertcp://h:1").pace.seconds(100) == 0
    assert line("modbus+rtuovertcp://h:1?baud=9600&parity=E").pace.seconds(96) == pytest.approx(
        0.11
    )


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("modbus+rtu://", "names no port"),
        ("modbus+rtu://host/dev/ttyS1", "names no port"),
        ("modbus+rtu:///dev/ttyS1?baud=9601", "baud is 9601"),
        ("modbus+rtu:///dev/ttyS1?baud=", 'baud is ""'),
        ("modbus+rtu:///dev/ttyS1?parity=even", "parity is even"),
        ("modbus+rtu:///dev/ttyS1?bits=7", "bits is 7"),
        ("modbus+rtu:///dev/ttyS1?stop=3", "stop is 3"),
        ("modbus+rtu:///dev/ttyS1?max_delay=1", "max_delay is 1"),
        ("modbus+rtu:///dev/ttyS1?max_delay=2min", "max_delay is 2min"),
        ("modbus+rtu:///dev/ttyS1?speed=9600", "a line has no speed"),
        ("modbus+rtu:///dev/ttyS1?baud=9600&baud=19200", "says something twice"),
        ("modbus+rtuovertcp://10.0.0.9:4001?baud=9601", "baud is 9601"),
        ("modbus+rtuovertcp://10.0.0.9:4001?rs485=high", "a line has no rs485"),
        ("modbus+rtuovertcp://10.0.0.9:0", "there is no port 0"),
        ("modbus+rtuovertcp://", "names no host"),
        ("opc.tcp://10.0.0.9:4840", "is not Modbus"),
    ],
)
def test_wrong_lines(url: str, says: str) -> None:
    with pytest.raises(AddressError) as caught:
        plugin.check_link(url)
    assert caught.value.code == "bad-link"
    assert says in caught.value.what
    assert caught.value.next
