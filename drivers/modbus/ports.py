"""Lines that Modbus is spoken on, by their URLs: RTU and ASCII on a port, RTU over TCP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.lines.url import Usual, serial_line, server_line
from gateway.driver import AddressError
from gateway.words import _

if TYPE_CHECKING:
    from drivers.lines.ports import Line

_EXAMPLE = "modbus+rtu:///dev/serial/by-id/usb-…?baud=9600&parity=N"
_RTU = Usual(_EXAMPLE)
_ASCII = Usual(_EXAMPLE, bits=("8", "7"))


def line(url: str) -> Line:
    """Read the URL of a line.

    Raises:
        AddressError: with what is wrong and what to write.
    """
    match url.partition(":")[0]:
        case "modbus+rtu":
            return serial_line(url, _RTU)
        case "modbus+ascii":
            return serial_line(url, _ASCII)
        case "modbus+rtuovertcp":
            return server_line(url, _RTU)
    raise AddressError(
        "bad-link",
        _("`{url}` is not Modbus").format(url=url),
        _("write it like `{example}`").format(example=_EXAMPLE),
    )
