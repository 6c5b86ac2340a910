"""What went over a site's wires, played back: `nxgate simulate --wire`.

Each request is answered as it was at that time of the recording, which begins anew at its end. A
request that the recording doesn't have is refused, and said once.

Source of the lines: gateway/tracing/wire.py.
"""

from __future__ import annotations

import json
import math
import time
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from gateway.errors import ConfigError, Fault
from gateway.words import _
from simulators import pdu
from simulators.dlt645 import NO_DATA, READ_ADDRESS, WAKE, cut, frame
from simulators.server import Link
from simulators.tag_meter import TURN_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from simulators.place import Place
    from simulators.server import Answers

Answered = list[tuple[float, bytes | None]]
"""When a question was asked, in s of the recording, and what came: None where nothing did."""

TAIL_S = 1.0
"""From the last question of a recording to its beginning again."""
MOST_FAULTS = 20
"""Lines that are told where a file is no recording."""
MOST_ODD = 1000
"""Questions that the recording doesn't have, of which so many are said."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A file of exchanges, read.

    Attributes:
        answers: link → unit and PDU of a question → its answers.
        lasts_s: from its first question to its end.
        count: of questions.
    """

    answers: Mapping[str, Mapping[bytes, Answered]]
    lasts_s: float
    count: int


def read(path: Path) -> Recording:
    """Read a recording.

    Raises:
        ConfigError: with every line that is none of a recording.
    """
    answers: dict[str, dict[bytes, Answered]] = {}
    faults: list[Fault] = []
    first_s, last_s, count = math.inf, -math.inf, 0
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    at_s, link, asked, answered = _exchange(json.loads(line))
                except (ValueError, KeyError, TypeError, AttributeError):
                    faults.append(_no_exchange(path, number))
                    if len(faults) == MOST_FAULTS:
                        break
                    continue
                first_s, last_s, count = min(first_s, at_s), max(last_s, at_s), count + 1
                times = answers.setdefault(link, {}).setdefault(asked, [])
                if not times or times[-1][1] != answered:  # the same again says nothing new
                    times.append((at_s, answered))
    except (OSError, UnicodeDecodeError) as error:
        what = _("can't be read ({error})").format(error=getattr(error, "strerror", 0) or error)
        next_ = _("name a file that nxgate record --wire has written")
        raise ConfigError([Fault(str(path), 0, 0, "unreadable-file", what, next_)]) from error
    if not count and not faults:
        what, next_ = _("the recording is empty"), _("record for longer")
        faults.append(Fault(str(path), 0, 0, "empty-file", what, next_))
    if faults:
        raise ConfigError(faults)
    for each in answers.values():
        for asked, times in each.items():
            times.sort(key=_when)
            each[asked] = [(at_s - first_s, answered) for at_s, answered in times]
    return Recording(answers, last_s - first_s + TAIL_S, count)


def _when(one: tuple[float, bytes | None]) -> float:
    return one[0]


def _no_exchange(path: Path, number: int) -> Fault:
    what = _("this is no question with its answer")
    next_ = _("delete the line, or record anew: nxgate record SITE --wire -o FILE")
    return Fault(str(path), number, 1, "bad-exchange", what, next_)


class Playback:
    """A recording on this machine's ports and lines.

    Attributes:
        links: by the URL that was recorded.
    """

    def __init__(
        self, recording: Recording, places: Mapping[str, Place], say: Callable[[str], None]
    ) -> None:
        """Set up; time begins here, but nothing listens before `open`.

        Args:
            recording: what to play.
            places: link → where it is served; links without a place are left out.
            say: takes a line for each question that the recording doesn't have.
        """
        self._recording = recording
        self._say = say
        self._began_s = time.monotonic()
        self._odd: set[tuple[str, int, bytes]] = set()
        self.links: dict[str, Link] = {}
        ports: dict[object, tuple[Link, dict[bytes, Answered], dict[int, Answers], Recorded]] = {}
        # Modbus before meters: on a line with both it has framings to choose from.
        for url, place in sorted(places.items(), key=lambda one: one[1].is_meters):
            # Links at two speeds, or of two protocols, on one line are one line here.
            if place.key not in ports:
                speak: dict[int, Answers] = {}
                meters = Recorded(self._now)
                ports[place.key] = Link(place, speak, meters=meters), {}, speak, meters
            link, known, speak, meters = ports[place.key]
            self.links[url] = link
            if place.is_meters:
                meters.answers |= recording.answers.get(url, {})
                continue
            known |= recording.answers.get(url, {})
            for unit in {asked[0] for asked in known} - speak.keys():
                speak[unit] = partial(self._answer, known, url, unit)

    async def open(self) -> None:
        """Listen.

        Raises:
            ConfigError: a port is taken.
        """
        for url, link in self.links.items():
            try:
                if not link.is_open:
                    await link.open()
            except OSError as error:
                await self.close()
                what = _("{place} is taken ({error})").format(
                    place=link.place, error=error.strerror or error
                )
                next_ = _("end what holds the port, or choose others with --port-base")
                raise ConfigError([Fault(url, 0, 0, "port-taken", what, next_)]) from error

    async def close(self) -> None:
        """Stop listening; safe to call twice."""
        for link in self.links.values():
            await link.close()

    def _answer(
        self, every: Mapping[bytes, Answered], link: str, unit: int, asked: bytes
    ) -> bytes | None:
        """What was answered at this time of the recording."""
        if asked.startswith(pdu.LOOPBACK):  # a client's own probe, each with another number
            return asked
        known = every.get(bytes([unit]) + asked) or _part(every, unit, asked)
        if known is None:
            if (link, unit, asked) not in self._odd and len(self._odd) < MOST_ODD:
                self._odd.add((link, unit, asked))
                text = _("unit {unit}, {link}: {asked} is not in the recording")
                self._say(text.format(unit=unit, link=link, asked=asked.hex(" ")))
            return pdu.refuse(asked[0], pdu.ILLEGAL_ADDRESS)
        return _at(known, self._now())

    def _now(self) -> float:
        """Where in the recording it is."""
        return (time.monotonic() - self._began_s) % self._recording.lasts_s


class Recorded:
    """The meters of a line that speak DL/T 645, as they were recorded.

    Attributes:
        answers: address, control code and data of a question → its answers.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.answers: dict[bytes, Answered] = {}
        self._now = now
        self._heard = bytearray()

    def take(self, data: bytes) -> list[tuple[float, bytes]]:
        """Hear bytes; give what goes out. An unknown identifier is refused by who is known."""
        self._heard += data
        answers: list[tuple[float, bytes]] = []
        while (found := cut(self._heard)) is not None:
            unit, control, content, end = found
            del self._heard[:end]
            known = self.answers.get(unit + bytes((control,)) + content)
            if known is None:
                answer = bytes((control | 0xC0, NO_DATA))
                answer = answer if any(one[:6] == unit for one in self.answers) else b""
            else:
                answer = _at(known, self._now()) or b""
            if answer:
                who = answer[1:] if control == READ_ADDRESS else unit
                answers.append((TURN_S, WAKE + frame(who, answer[0], answer[1:])))
        del self._heard[:-300]
        return answers


def _at(known: Answered, now_s: float) -> bytes | None:
    """The answer of that time: the last before it, or the first."""
    return known[max(0, bisect_right(known, now_s, key=_when) - 1)][1]


def _part(every: Mapping[bytes, Answered], unit: int, asked: bytes) -> Answered | None:
    """A read of what was read as a part of more."""
    if asked[0] not in pdu.READS or len(asked) != pdu.SINGLE:
        return None
    first, count = int.from_bytes(asked[1:3], "big"), int.from_bytes(asked[3:5], "big")
    for known, answered in every.items():
        at, many = int.from_bytes(known[2:4], "big"), int.from_bytes(known[4:6], "big")
        if known[:2] == bytes((unit, asked[0])) and at <= first and first + count <= at + many:
            return [(at_s, _slice(data, first - at, count)) for at_s, data in answered]
    return None


def _slice(answer: bytes | None, skip: int, count: int) -> bytes | None:
    """The answer to a read that skips some elements at the front; a refusal stays one."""
    if answer is None or answer[0] not in pdu.READS:
        return answer
    data = answer[2:]
    if pdu.READS[answer[0]].is_bits:
        data = pdu.pack_bits(pdu.unpack_bits(data, skip + count)[skip:])
    else:
        data = data[2 * skip : 2 * (skip + count)]
    return bytes((answer[0], len(data))) + data


def _exchange(fields: dict[str, str | None]) -> tuple[float, str, bytes, bytes | None]:
    """Time, link, question and answer of a line, or any of several errors."""
    at = datetime.fromisoformat(str(fields["t"]))
    answer = fields["answer"]
    asked = bytes.fromhex(str(fields["ask"]))
    answered = None if answer is None else bytes.fromhex(answer)
    if len(asked) < 2 or answered == b"":  # noqa: PLR2004 - unit and function
        raise ValueError
    return at.timestamp(), str(fields["link"]), asked, answered
