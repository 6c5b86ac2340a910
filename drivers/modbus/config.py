"""What a site file and a template may say about a Modbus link and a device on it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from drivers.lines import endpoint as lines
from drivers.lines.endpoint import Certificates
from gateway.driver import AddressError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivers.lines.endpoint import Endpoint
    from drivers.modbus.register import Function

SCHEME, ENCRYPTED = "modbus+tcp", "modbus+tls"
DEFAULT_PORT, ENCRYPTED_PORT = 502, 802
"""Source of the second: Modbus/TCP Security Protocol Specification V2.1, 1."""

MAX_READ = 125
"""Registers in one answer (Modbus Application Protocol V1.1b3, 6.3)."""
MAX_BITS = 2000
"""Coils or discrete inputs in one answer (same, 6.1)."""

MOST_AT_ONCE = 16
"""Questions under way; a server with more takes no less time for them (Messaging Guide, 4.3.2)."""

_FILES = tuple(field.name for field in fields(Certificates))
WRITES = ("", "single", "multiple")
"""Either; one register or coil at a time; only the functions for several."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How one device wants to be asked.

    Attributes:
        unit: unit id, 0..255; 255 is what devices without one behind their port expect.
        max_read, max_bits: registers and bits that the device gives in one answer.
        gap: registers (or 16 bits each) that may be read and thrown away rather than asked
            around. The 16 of the default are 32 bytes. A second request costs more on most media:
            a round trip on TCP; on a 9600 baud bus 13 bytes of frame, two silent intervals and
            the 5 to 20 ms that a device takes to answer, together the time of 25 to 40 bytes.
            Where that is less on a link, less is read over (`plan.worth`).
        even: requests begin at even addresses and ask for even counts (some meters insist).
        at_once: questions that the device takes before it has answered the first, over TCP.
        write: `single` or `multiple`, where a device takes only one register (or coil) at a
            time, or only the functions for several; "" where it takes either.
    """

    unit: int = 1
    max_read: int = MAX_READ
    max_bits: int = MAX_BITS
    gap: int = 16
    even: bool = False
    at_once: int = 1
    write: str = ""

    @classmethod
    def of(cls, options: Mapping[str, object]) -> Settings:
        """Take what concerns this driver out of a device's options.

        Raises:
            AddressError: when a number is out of its range.
        """
        return _settings(*map(options.get, _KEYS))

    def widen(self, function: Function, start: int, end: int) -> tuple[int, int]:
        """The addresses to ask for, [start, end), so that the device takes the request."""
        if self.even and not function.is_bits:
            return start - start % 2, end + end % 2
        return start, end


_KEYS = tuple(field.name for field in fields(Settings))


@lru_cache(256, typed=True)  # asked for each tag, and the devices of a site are few in kind
def _settings(*given: object) -> Settings:
    """Check what was given, None where nothing was."""
    options = dict(zip(_KEYS, given, strict=True))
    usual = Settings()
    even = options.get("even")
    if even is None:
        even = usual.even
    if not isinstance(even, bool):
        raise AddressError(
            "bad-option", _("`even` is {value}").format(value=even), _("write true or false")
        )
    write = options.get("write") or usual.write
    if write not in WRITES:
        raise AddressError(
            "bad-option",
            _("`write` is {value}").format(value=write),
            _("write single or multiple, or leave it out"),
        )
    return Settings(
        unit=_within(options, "unit", usual.unit, 0, 255),
        max_read=_within(options, "max_read", usual.max_read, 2 if even else 1, MAX_READ),
        max_bits=_within(options, "max_bits", usual.max_bits, 1, MAX_BITS),
        gap=_within(options, "gap", usual.gap, 0, MAX_READ),
        even=even,
        at_once=_within(options, "at_once", usual.at_once, 1, MOST_AT_ONCE),
        write=str(write),
    )


def is_connection(url: str) -> bool:
    """Whether a link is a connection of Modbus TCP, plain or encrypted; else it is a line."""
    return url.startswith((f"{SCHEME}:", f"{ENCRYPTED}:"))


def endpoint(url: str) -> Endpoint:
    """Read `modbus+tcp://host[:port]` or `modbus+tls://host[:port]`.

    Raises:
        AddressError: with what is wrong and what to write.
    """
    if url.startswith(f"{ENCRYPTED}:"):
        return lines.endpoint(url.partition("?")[0], ENCRYPTED, ENCRYPTED_PORT)
    return lines.endpoint(url, SCHEME, DEFAULT_PORT)


def certificates(url: str) -> Certificates | None:
    """The files behind the question mark of a resolved link; None: it is plain.

    Raises:
        AddressError: something else stands there.
    """
    if not url.startswith(f"{ENCRYPTED}:"):
        return None
    given = dict(parse_qsl(url.partition("?")[2]))
    odd = next((key for key in given if key not in _FILES), None)
    if odd is not None:
        what = _("`{url}`: a line has no {key}").format(url=url, key=odd)
        raise AddressError(
            "bad-link", what, _("there are: {known}").format(known=", ".join(_FILES))
        )
    return Certificates(**given)


def _within(options: Mapping[str, object], key: str, default: int, low: int, high: int) -> int:
    value = options.get(key)
    if value is None:
        return default
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise AddressError(
        "bad-option",
        _("`{key}` is {value}").format(key=key, value=value),
        _("it must be a whole number from {low} to {high}").format(low=low, high=high),
    )
