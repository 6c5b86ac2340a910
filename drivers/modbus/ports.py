"""Where a line's frames come and go: a serial port, or a serial server over TCP.

    modbus+rtu:///dev/serial/by-id/usb-…?baud=9600&parity=N&stop=1
    modbus+ascii:///dev/ttyS1?baud=9600&parity=E&bits=7
    modbus+rtuovertcp://10.0.0.9:4001

Keys: `baud`, `parity` (N, E, O), `stop` (1, 2), `bits` (8; 7 for ASCII), `rs485` (true: the driver
of the port switches direction), `max_delay` (how long an answer may take at most, 1s),
`turnaround` (how long a device thinks, about, for `nxgate plan`: 10ms).
"""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl, urlsplit

from drivers.modbus.config import endpoint
from gateway.driver import AddressError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.modbus.line import Wire

SCHEMES = ("modbus+rtu", "modbus+ascii", "modbus+rtuovertcp")
BAUDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400)
MAX_DELAY_S = 1.0
TURN_S = 0.01
MOST_S = 60.0
"""What a bridge by radio may need."""
FAST_SILENCE_S = 0.00175
"""Above 19200 baud the pause between frames is fixed (Serial Line V1.02, 2.5.1.1)."""
SERVER_SILENCE_S = 0.0
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
_EXAMPLE = "modbus+rtu:///dev/serial/by-id/usb-…?baud=9600&parity=N"


class Line(Protocol):
    """One end of a line."""

    @property
    def url(self) -> str:
        """As the site file writes it."""

    @property
    def endpoint(self) -> str:
        """For messages."""

    @property
    def silence_s(self) -> float:
        """Pause that the line is left in before a frame."""

    @property
    def max_delay_s(self) -> float:
        """After so long no answer comes any more."""

    @property
    def turn_s(self) -> float:
        """How long a device takes until its answer begins, about."""

    @property
    def is_bus(self) -> bool:
        """Whether closing and opening it brings nothing for devices that are silent."""

    def seconds(self, count: int) -> float:
        """How long so many bytes take on the line."""

    async def connect(self, make: Callable[[], Wire]) -> Wire:
        """Open it.

        Raises:
            OSError, ValueError: it can't be.
        """

    def refused(self, error: Exception) -> str:
        """Say for people why it can't be opened."""


@dataclass(frozen=True, slots=True)
class SerialLine:
    """A port of this machine.

    Attributes:
        parity: N, E or O.
    """

    url: str
    path: str
    baud: int = 9600
    parity: str = "N"
    stop: int = 1
    bits: int = 8
    rs485: bool = False
    max_delay_s: float = MAX_DELAY_S
    turn_s: float = TURN_S
    is_bus: bool = True

    @property
    def endpoint(self) -> str:
        """The path of the port."""
        return self.path

    @property
    def silence_s(self) -> float:
        """3.5 characters, or what is fixed for fast lines."""
        return 3.5 * self.seconds(1) if self.baud <= 19200 else FAST_SILENCE_S  # noqa: PLR2004

    def seconds(self, count: int) -> float:
        """How long so many bytes take on the line."""
        return count * (1 + self.bits + (self.parity != "N") + self.stop) / self.baud

    async def connect(self, make: Callable[[], Wire]) -> Wire:
        """Open the port; no other program may hold it.

        Raises:
            OSError, ValueError: it can't be.
        """
        from drivers.modbus.serial_port import attach  # noqa: PLC0415 - pyserial, where it is used

        wire = make()
        attach(self, wire)
        return wire

    def refused(self, error: Exception) -> str:
        """Say for people why it can't be opened."""
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else str(error)
        text = _(
            "{path}: can't open the port: {reason}. Check the adapter's plug, that the gateway's "
            "user is in group dialout, and that no other program holds the port."
        )
        return text.format(path=self.path, reason=reason)


@dataclass(frozen=True, slots=True)
class ServerLine:
    """A serial server that takes RTU frames over TCP."""

    url: str
    host: str
    port: int
    max_delay_s: float = MAX_DELAY_S
    turn_s: float = TURN_S
    silence_s: float = SERVER_SILENCE_S
    is_bus: bool = False

    @property
    def endpoint(self) -> str:
        """`host:port`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def seconds(self, count: int) -> float:
        """Nothing: the line behind the server keeps its own time, within the time-out."""
        del count
        return 0.0

    async def connect(self, make: Callable[[], Wire]) -> Wire:
        """Connect.

        Raises:
            OSError: refused or unreachable.
        """
        loop = asyncio.get_running_loop()
        _transport, wire = await loop.create_connection(make, self.host, self.port)
        return wire

    def refused(self, error: Exception) -> str:
        """Say for people why it can't be reached."""
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if isinstance(number, int) and number > 0 else str(error)
        text = _(
            "{endpoint}: can't connect: {reason}. Check power, cable and address, and "
            "whether another master holds the device's only connection."
        )
        return text.format(endpoint=self.endpoint, reason=reason or _("no answer"))


def line(url: str) -> Line:
    """Read the URL of a line.

    Raises:
        AddressError: with what is wrong and what to write.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise AddressError(
            "bad-link",
            _("`{url}`: the port or the brackets are wrong").format(url=url),
            _("write it like `{example}`").format(example=_EXAMPLE),
        ) from None
    if parts.scheme not in SCHEMES:
        raise AddressError(
            "bad-link",
            _("`{url}` is not Modbus").format(url=url),
            _("write it like `{example}`").format(example=_EXAMPLE),
        )
    given = _options(url, parts.query)
    delay_s = _seconds(url, given, "max_delay", MAX_DELAY_S, 0.01)
    turn_s = _seconds(url, given, "turnaround", TURN_S, 0.0)
    if parts.scheme == "modbus+rtuovertcp":
        if given:
            raise _odd(url, next(iter(given)), "max_delay, turnaround")
        where = endpoint(url.partition("?")[0], parts.scheme)
        return ServerLine(url, where.host, where.port, delay_s, turn_s)
    if parts.netloc or not parts.path.strip("/"):
        raise AddressError(
            "bad-link",
            _("`{url}` names no port").format(url=url),
            _("write it like `{example}`").format(example=_EXAMPLE),
        )
    seven = parts.scheme == "modbus+ascii"
    made = SerialLine(
        url=url,
        path=parts.path,
        baud=int(_one_of(url, given, "baud", "9600", *map(str, BAUDS))),
        parity=_one_of(url, given, "parity", "N", "N", "E", "O"),
        stop=int(_one_of(url, given, "stop", "1", "1", "2")),
        bits=int(_one_of(url, given, "bits", "8", "8", *(["7"] if seven else []))),
        rs485=_one_of(url, given, "rs485", "false", "true", "false") == "true",
        max_delay_s=delay_s,
        turn_s=turn_s,
    )
    if given:
        raise _odd(url, next(iter(given)), "baud, parity, stop, bits, rs485, max_delay, turnaround")
    return made


def _options(url: str, query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    given = dict(pairs)
    if len(given) < len(pairs):
        raise AddressError(
            "bad-link", _("`{url}` says something twice").format(url=url), _("keep one of the two")
        )
    return given


def _one_of(url: str, given: dict[str, str], key: str, default: str, *words: str) -> str:
    word = given.pop(key, default)
    if word not in words:
        what = _("`{url}`: {key} is {word}").format(url=url, key=key, word=word or '""')
        raise AddressError("bad-link", what, _("there are: {known}").format(known=", ".join(words)))
    return word


def _seconds(url: str, given: dict[str, str], key: str, default: float, least: float) -> float:
    word = given.pop(key, f"{default:g}s")
    match = _DURATION.fullmatch(word)
    seconds = float(match[1]) * (0.001 if match[2] == "ms" else 1) if match else -1.0
    if not least <= seconds <= MOST_S:
        what = _("`{url}`: {key} is {word}").format(url=url, key=key, word=word)
        next_ = _("write e.g. {key}=250ms, up to {most:g}s").format(key=key, most=MOST_S)
        raise AddressError("bad-link", what, next_)
    return seconds


def _odd(url: str, key: str, known: str) -> AddressError:
    what = _("`{url}`: a line has no {key}").format(url=url, key=key)
    return AddressError("bad-link", what, _("there are: {known}").format(known=known))
