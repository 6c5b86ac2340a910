"""How a site file writes a line: the URL's path or host, and the keys behind the question mark.

    modbus+rtu:///dev/serial/by-id/usb-…?baud=9600&parity=N&stop=1
    modbus+ascii:///dev/ttyS1?baud=9600&parity=E&bits=7
    modbus+rtu:///COM3?baud=9600
    modbus+rtuovertcp://10.0.0.9:4001
    dlt645+serial:///dev/ttyS1?baud=2400&parity=E
    dlt645+tcp://10.0.0.9:4001

Keys: `baud`, `parity` (N, E, O), `stop` (1, 2), `bits` (8; 7 for ASCII), `rs485` (high, low: the
driver of the port switches direction by RTS, which is high or low while it sends; `rs485_before`,
`rs485_after`: how long it keeps the line before and after), `max_delay` (how long an answer may
take at most), `turnaround` (how long a device thinks, about, for `nxgate plan`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from drivers.lines.endpoint import endpoint
from drivers.lines.ports import Direction, Pace, SerialLine, ServerLine
from gateway.driver import AddressError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence

BAUDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400)
MOST_S = 60.0
"""What a bridge by radio may need."""
MOST_HELD_S = 0.1
"""Linux keeps the line no longer (RS485_MAX_RTS_DELAY of its serial core)."""
_KEYS = "baud, parity, stop, bits, rs485, rs485_before, rs485_after, max_delay, turnaround"
_COM = re.compile(r"^/(COM\d+)$", re.IGNORECASE)
"""A port of Windows, which has no folder before it."""
_SETTINGS = re.compile(r"(?<=[?&])(baud|parity)=[^&]*&?")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")


@dataclass(frozen=True, slots=True)
class Usual:
    """What a protocol's lines are where the URL says nothing else.

    Attributes:
        example: a URL to show.
        bits: first the usual, then what else there is.
        port: of a serial server.
        turn_s: how long a device takes until its answer begins, about.
        max_delay_s: after so long no answer comes any more.
        silence_s: pause before a frame that the protocol wants, whatever the speed.
    """

    example: str
    baud: int = 9600
    parity: str = "N"
    bits: tuple[str, ...] = ("8",)
    port: int = 502
    turn_s: float = 0.01
    max_delay_s: float = 1.0
    silence_s: float = 0.0


def serial_line(url: str, usual: Usual) -> SerialLine:
    """Read the URL of a serial port.

    Raises:
        AddressError: with what is wrong and what to write.
    """
    parts, given = _parted(url, usual)
    delay_s = _seconds(url, given, "max_delay", usual.max_delay_s, 0.01)
    turn_s = _seconds(url, given, "turnaround", usual.turn_s, 0.0)
    if parts[0] or not parts[1].strip("/"):
        raise AddressError(
            "bad-link",
            _("`{url}` names no port").format(url=url),
            _("write it like `{example}`").format(example=usual.example),
        )
    made = SerialLine(
        url=url,
        path=_COM.sub(r"\1", parts[1]),
        baud=int(_one_of(url, given, "baud", str(usual.baud), *map(str, BAUDS))),
        parity=_one_of(url, given, "parity", usual.parity, "N", "E", "O"),
        stop=int(_one_of(url, given, "stop", "1", "1", "2")),
        bits=int(_one_of(url, given, "bits", usual.bits[0], *usual.bits)),
        rs485=_direction(url, given),
        max_delay_s=delay_s,
        turn_s=turn_s,
        least_silence_s=usual.silence_s,
    )
    if given:
        raise _odd(url, next(iter(given)), _KEYS)
    return made


def server_line(url: str, usual: Usual) -> ServerLine:
    """Read the URL of a serial server; `baud` and `parity` say how the line behind it stands.

    Without `baud` what frames take on that line is a part of the time-out.

    Raises:
        AddressError: with what is wrong and what to write.
    """
    _parts, given = _parted(url, usual)
    delay_s = _seconds(url, given, "max_delay", usual.max_delay_s, 0.01)
    turn_s = _seconds(url, given, "turnaround", usual.turn_s, 0.0)
    parity = _one_of(url, given, "parity", usual.parity, "N", "E", "O")
    baud = int(_one_of(url, given, "baud", "0", *map(str, BAUDS))) if "baud" in given else 0
    byte_s = (1 + int(usual.bits[0]) + (parity != "N") + 1) / baud if baud else 0.0
    if given:
        raise _odd(url, next(iter(given)), "baud, parity, max_delay, turnaround")
    where = endpoint(url.partition("?")[0], url.partition(":")[0], usual.port)
    return ServerLine(url, where, Pace(byte_s, usual.silence_s, delay_s, turn_s, is_bus=False))


def _parted(url: str, usual: Usual) -> tuple[tuple[str, str], dict[str, str]]:
    """Host part and path, and the keys."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise AddressError(
            "bad-link",
            _("`{url}`: the port or the brackets are wrong").format(url=url),
            _("write it like `{example}`").format(example=usual.example),
        ) from None
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    given = dict(pairs)
    if len(given) < len(pairs):
        raise AddressError(
            "bad-link", _("`{url}` says something twice").format(url=url), _("keep one of the two")
        )
    return (parts.netloc, parts.path), given


def _direction(url: str, given: dict[str, str]) -> Direction | None:
    """How the port's driver switches direction, where it does."""
    before_s = _seconds(url, given, "rs485_before", 0.0, 0.0, MOST_HELD_S)
    after_s = _seconds(url, given, "rs485_after", 0.0, 0.0, MOST_HELD_S)
    level = _one_of(url, given, "rs485", "none", "none", "high", "low")
    return None if level == "none" else Direction(level == "low", before_s, after_s)


def _one_of(url: str, given: dict[str, str], key: str, default: str, *words: str) -> str:
    word = given.pop(key, default)
    if word not in words:
        what = _("`{url}`: {key} is {word}").format(url=url, key=key, word=word or '""')
        raise AddressError("bad-link", what, _("there are: {known}").format(known=", ".join(words)))
    return word


def _seconds(
    url: str, given: dict[str, str], key: str, default: float, least: float, most: float = MOST_S
) -> float:
    word = given.pop(key, f"{default:g}s")
    match = _DURATION.fullmatch(word)
    seconds = float(match[1]) * (0.001 if match[2] == "ms" else 1) if match else -1.0
    if not least <= seconds <= most:
        what = _("`{url}`: {key} is {word}").format(url=url, key=key, word=word)
        next_ = _("write e.g. {key}=250ms, up to {most:g}s").format(key=key, most=most)
        raise AddressError("bad-link", what, next_)
    return seconds


def _odd(url: str, key: str, known: str) -> AddressError:
    what = _("`{url}`: a line has no {key}").format(url=url, key=key)
    return AddressError("bad-link", what, _("there are: {known}").format(known=known))


def variants(url: str, bauds: Sequence[int], parities: Sequence[str]) -> tuple[str, ...]:
    """The URL of a line with each speed and parity in place of its own."""
    bare = _SETTINGS.sub("", url).rstrip("?&")
    sign = "&" if "?" in bare else "?"
    return tuple(f"{bare}{sign}baud={baud}&parity={p}" for baud in bauds for p in parities)
