"""What a run of registers held at a moment, and the file that keeps it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from gateway.errors import GatewayError
from gateway.words import _

if TYPE_CHECKING:
    from pathlib import Path

MOST = 2000
"""Registers in one region: more take minutes on a slow line, and most would match by chance."""
_REGION = re.compile(r"(holding|input):(\d{1,5})-(\d{1,5})")
_LAST = 65535


@dataclass(frozen=True, slots=True)
class Region:
    """Registers of one table, both ends in it."""

    table: str
    first: int
    last: int

    def __str__(self) -> str:
        """As the command line spells it."""
        return f"{self.table}:{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a region held.

    Attributes:
        words: one per register; None where the device gives none.
        time_ms: UTC.
        device: for messages.
        link: of a device that no site file names, else "".
        unit: of such a device.
        shown: what a display showed at that moment, "" where nobody said.
    """

    region: Region
    words: tuple[int | None, ...]
    time_ms: int
    device: str
    link: str = ""
    unit: int = 1
    shown: str = ""


def region(text: str) -> Region:
    """Read `holding:0-200`.

    Raises:
        GatewayError: it is none.
    """
    match = _REGION.fullmatch(text.strip())
    first, last = (int(match[2]), int(match[3])) if match else (1, 0)
    if match is None or not first <= last <= _LAST:
        what = _("{text} names no registers: write e.g. holding:0-200 or input:0-80")
        raise GatewayError(what.format(text=text))
    if last - first >= MOST:
        what = _("{text} are more than {most} registers: take a part of them")
        raise GatewayError(what.format(text=text, most=MOST))
    return Region(match[1], first, last)


def save(reading: Reading, path: Path) -> None:
    """Keep a reading in a file.

    Raises:
        GatewayError: the disk refuses.
    """
    held = {
        "region": str(reading.region),
        "words": reading.words,
        "time": reading.time_ms,
        "device": reading.device,
        "link": reading.link,
        "unit": reading.unit,
        "shown": reading.shown,
    }
    try:
        path.write_bytes(orjson.dumps(held) + b"\n")
    except OSError as error:
        what = _("{path} can't be written: {reason}")
        raise GatewayError(what.format(path=path, reason=error.strerror or error)) from error


def saved(path: Path) -> Reading:
    """Read what `save` kept.

    Raises:
        GatewayError: there is no such file, or it is something else.
    """
    try:
        held: dict[str, Any] = orjson.loads(path.read_bytes())
        where = region(str(held["region"]))
        words = tuple(None if word is None else int(word) for word in held["words"])
        made = Reading(
            region=where,
            words=words,
            time_ms=int(held["time"]),
            device=str(held["device"]),
            link=str(held["link"]),
            unit=int(held["unit"]),
            shown=str(held["shown"]),
        )
    except OSError as error:
        what = _("{path} can't be read: {reason}")
        raise GatewayError(what.format(path=path, reason=error.strerror or error)) from error
    except (ValueError, KeyError, TypeError, GatewayError) as error:
        what = _("{path} is no reading that nxgate infer --save has kept")
        raise GatewayError(what.format(path=path)) from error
    if len(words) != where.last - where.first + 1 or not all(
        word is None or 0 <= word <= _LAST for word in words
    ):
        raise GatewayError(
            _("{path} is no reading that nxgate infer --save has kept").format(path=path)
        )
    return made
