"""What a site file and a template may say about a meter, and the lines that it can be on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.lines.url import Usual, serial_line, server_line
from gateway.driver import AddressError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivers.lines.ports import Line

_EXAMPLE = "dlt645:///dev/serial/by-id/usb-…?baud=2400&parity=E"
_USUAL = Usual(
    example=_EXAMPLE,
    baud=2400,
    parity="E",
    port=4001,
    turn_s=0.05,
    max_delay_s=1.0,
    silence_s=0.02,
)
"""RS-485 ports of meters stand at 2400 baud, even parity, unless set otherwise. A meter waits 20 to
500 ms before it answers; of pauses before a question nothing is said, so it is left as long.
Source: DL/T 645-2007, physical layer and data link layer."""


def line(url: str) -> Line:
    """Read the URL of a line: `dlt645:///dev/…` for a port, `dlt645+tcp://…` for a serial server.

    Raises:
        AddressError: with what is wrong and what to write.
    """
    match url.partition(":")[0]:
        case "dlt645":
            return serial_line(url, _USUAL)
        case "dlt645+tcp":
            return server_line(url, _USUAL)
    raise AddressError(
        "bad-link",
        _("`{url}` is not DL/T 645").format(url=url),
        _("write it like `{example}`").format(example=_EXAMPLE),
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """How one meter wants to be asked.

    Attributes:
        address: its twelve digits; "": whichever meter is alone on the line.
        blocks: whether it may be asked for all phases, or all tariffs, at once.
    """

    address: str = ""
    blocks: bool = True

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Settings:
        """Take what concerns this driver out of a device's options.

        Raises:
            AddressError: when the address is none.
        """
        address = options.get("address") or ""
        if not isinstance(address, str) or not re.fullmatch(r"(\d{12})?", address, re.ASCII):
            raise AddressError(
                "bad-option",
                _("`address` is {value}").format(value=address),
                _("write the twelve digits on the meter's plate"),
            )
        return cls(address, options.get("max_read") != 1)
