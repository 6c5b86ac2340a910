"""Where a line's frames come and go: a serial port, or a serial server over TCP.

    modbus+rtu:///dev/serial/by-id/usb-…?baud=9600&parity=N&stop=1
    modbus+ascii:///dev/ttyS1?baud=9600&parity=E&bits=7
    modbus+rtuovertcp://10.0.0.9:4001

Keys: `baud`, `parity` (N, E, O), `stop` (1, 2), `bits` (8; 7 for ASCII), `rs485` (true: the driver
of the port switches direction), `max_delay` (how long an answer may take at most, 1s),
`turnaround` (how long a device thinks, about, for `nxgate plan`: 10ms).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl, urlsplit

from drivers.modbus.config import Endpoint, endpoint
from drivers.modbus.sockets import dial, reason_of
from gateway.driver import AddressError
from gateway.errors import ConnectionLost
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
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
_EXAMPLE = "modbus+rtu:///dev/serial/by-id/usb-…?baud=9600&parity=N"


@dataclass(frozen=True, slots=True)
class Pace:
    """How a line passes bytes, and how long its devices take.

    Attributes:
        byte_s: seconds that a byte takes; 0 where the line lies behind a server, which keeps its
            own time within the time-out.
        silence_s: pause that the line is left in before a frame.
        max_delay_s: after so long no answer comes any more.
        turn_s: how long a device takes until its answer begins, about.
        is_bus: whether closing and opening it brings nothing for devices that are silent.
    """

    byte_s: float
    silence_s: float
    max_delay_s: float = MAX_DELAY_S
    turn_s: float = TURN_S
    is_bus: bool = True

    def seconds(self, count: int) -> float:
        """How long so many bytes take."""
        return count * self.byte_s


class Line(Protocol):
    """One end of a line."""

    @property
    def url(self) -> str:
        """As the site file writes it."""

    @property
    def endpoint(self) -> str:
        """For messages."""

    @property
    def pace(self) -> Pace:
        """Its times."""

    async def connect(self, make: Callable[[], Wire]) -> Wire:
        """Open it, or raise `ConnectionLost` with what to look at."""


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

    @property
    def endpoint(self) -> str:
        """The path of the port."""
        return self.path

    @property
    def pace(self) -> Pace:
        """3.5 characters of silence, or what is fixed for fast lines."""
        byte_s = (1 + self.bits + (self.parity != "N") + self.stop) / self.baud
        silence_s = 3.5 * byte_s if self.baud <= 19200 else FAST_SILENCE_S  # noqa: PLR2004
        return Pace(byte_s, silence_s, self.max_delay_s, self.turn_s)

    async def connect(self, make: Callable[[], Wire]) -> Wire:
        """Open the port; no other program may hold it.

        Raises:
            ConnectionLost: no such port, no right to it, held by another program, or settings
                that it doesn't take.
        """
        from drivers.modbus.serial_port import attach  # noqa: PLC0415 - pyserial, where it is used

        wire = make()
        try:
            attach(self, wire)
        except (OSError, ValueError) as error:
            text = _(
                "{path}: can't open the port: {reason}. Check the adapter's plug, that the "
                "gateway's user is in group dialout, and that no other program holds the port."
            )
            reason = reason_of(error, 0)
            raise ConnectionLost(text.format(path=self.path, reason=reason)) from error
        return wire


@dataclass(frozen=True, slots=True)
class ServerLine:
    """A serial server that takes RTU frames over TCP."""

    url: str
    where: Endpoint
    pace: Pace

    @property
    def endpoint(self) -> str:
        """`host:port`."""
        return str(self.where)

    async def connect(self, make: Callable[[], Wire]) -> Wire:
        """Connect, or raise `ConnectionLost`."""
        return await dial(make, self.where)


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
        return ServerLine(url, where, Pace(0.0, 0.0, delay_s, turn_s, is_bus=False))
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
