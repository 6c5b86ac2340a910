"""Frames of serial lines, RTU and ASCII: building one, and finding the answer to a question.

A line carries no transaction id, so an answer is known by its unit, its function, its length and
its checksum, and by nothing else. It is hunted for in what came in: noise before it, an echo of the
question, or the rest of somebody else's frame are passed over.

Source: Modbus over Serial Line V1.02, 2.5.1 (RTU, CRC) and 2.5.2 (ASCII, LRC).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, cast

from pymodbus.framer import FramerAscii, FramerRTU

from drivers.lines.framing import Found
from drivers.modbus.queries import loopback
from drivers.modbus.refusals import exception
from drivers.modbus.register import Store
from gateway.errors import DecodeError, RequestRefused
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Hashable

    from drivers.modbus.queries import Query

DIAGNOSTICS = 8
SHORTEST = 8
"""Bytes of the shortest question that a plain master asks, with its CRC."""
_EXCEPTION = 0x80
_ASKED = {*range(1, 7), Store.COILS, Store.REGISTERS}
"""Functions of reading and writing (Modbus Application Protocol V1.1b3, 6.1 to 6.6, 6.11, 6.12)."""


class _Modbus(ABC):
    """What both kinds of frames have in common: see `drivers.lines.framing.Framing`."""

    most = 513
    """The longest is one of ASCII."""
    stall_s = 0.0
    names_refused = True

    @abstractmethod
    def find(self, data: bytes | bytearray, query: Query) -> Found | None:
        """The first frame that may be the answer to a question."""

    def find_late(self, data: bytes | bytearray, query: Query) -> Found | None:
        """The same: an exception repeats the function that it refuses."""
        return self.find(data, query)

    def read(self, query: Query, pdu: bytes) -> bytes:
        """The data of an answer.

        Raises:
            RequestRefused: it is an exception.
            DecodeError: it confirms something else than was written.
        """
        if pdu[0] == query.function | _EXCEPTION:
            raise RequestRefused(exception(pdu[1]), pdu[1])
        if query.echo and pdu != query.echo:
            raise DecodeError(_("it confirmed something else than was written"), pdu)
        return pdu[1:] if query.echo else pdu[2:]

    @abstractmethod
    def question(self, data: bytes) -> int:
        """The end of the first whole question of any master in some bytes; 0 where none is."""

    def probe(self, unit: Hashable, number: int) -> Query:
        """Function 8, "return query data", with a number never used before."""
        return loopback(number, cast("int", unit))


class Rtu(_Modbus):
    """Binary frames with a CRC; the pause between them is the line's business."""

    name = "RTU"

    def wrap(self, body: bytes) -> bytes:
        """A frame of unit id and PDU."""
        return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")

    def size(self, query: Query) -> int:
        """Bytes of the right answer."""
        return (len(query.echo) or query.size + 2) + 3

    def find(self, data: bytes | bytearray, query: Query) -> Found | None:
        """The first frame that may be the answer to a question."""
        place = data.find(query.unit)
        while place >= 0:
            length = _length(data[place + 1 : place + 1 + query.head], query)
            end = place + length
            if length and end <= len(data) and self._is_whole(bytes(data[place:end])):
                pdu = bytes(data[place + 1 : end - 2])
                if _is_of(pdu, query):
                    return Found(place, end, pdu)
            place = data.find(query.unit, place + 1)
        return None

    def question(self, data: bytes) -> int:
        """The end of the first whole question of any master in some bytes; 0 where none is."""
        for start in range(len(data) - SHORTEST + 1):
            end = start + _asked(data[start:]) + 2
            if 2 < end - start <= len(data) - start and self._is_whole(data[start:end]):  # noqa: PLR2004 - the CRC
                return end
        return 0

    def _is_whole(self, frame: bytes) -> bool:
        return FramerRTU.compute_CRC(frame[:-2]) == int.from_bytes(frame[-2:], "big")


class Ascii(_Modbus):
    """Frames of hex digits between a colon and a line's end, with an LRC."""

    name = "ASCII"

    def wrap(self, body: bytes) -> bytes:
        """A frame of unit id and PDU."""
        whole = body + bytes([FramerAscii.compute_LRC(body)])
        return b":" + whole.hex().upper().encode() + b"\r\n"

    def size(self, query: Query) -> int:
        """Characters of the right answer."""
        return 2 * (len(query.echo) or query.size + 2) + 7

    def find(self, data: bytes | bytearray, query: Query) -> Found | None:
        """The first frame that may be the answer to a question."""
        end = data.find(b"\r\n")
        while end >= 0:
            start = data.rfind(b":", 0, end)
            body = _unhex(data[start + 1 : end]) if start >= 0 else b""
            is_like_it = _length(body[1 : 1 + query.head], query) == len(body) + 2
            if body[:1] == bytes([query.unit]) and is_like_it and _is_of(body[1:], query):
                return Found(start, end + 2, body[1:])
            end = data.find(b"\r\n", end + 2)
        return None

    def question(self, data: bytes) -> int:
        """The end of the first whole question of any master in some bytes; 0 where none is."""
        end = data.find(b"\r\n")
        while end >= 0:
            body = _unhex(data[data.rfind(b":", 0, end) + 1 : end])
            if body and _asked(body) == len(body):
                return end + 2
            end = data.find(b"\r\n", end + 2)
        return 0


def _asked(body: bytes) -> int:
    """How long the unit id and PDU of a question are that begin so; 0 where it is none."""
    if len(body) < SHORTEST - 2 or body[1] not in _ASKED:
        return 0
    return 6 if body[1] < Store.COILS else 7 + body[6] if len(body) > 6 else 0  # noqa: PLR2004 - its byte count


def _is_of(pdu: bytes, query: Query) -> bool:
    """Tell the answer to a probe from that to an earlier one: its number is in it."""
    return query.function != DIAGNOSTICS or pdu == query.echo or pdu[0] != DIAGNOSTICS


def _length(head: bytes | bytearray, query: Query) -> int:
    """Bytes of the RTU frame that begins so, behind its unit id; 0 where it is no answer."""
    if len(head) < 2:  # noqa: PLR2004 - function, and what tells the length
        return 0
    if head[0] == query.function | _EXCEPTION:
        return 5
    if head[0] != query.function:
        return 0
    if query.echo:
        return len(query.echo) + 3
    if head[1] == query.size:
        return query.size + 5
    length = query.length(head)
    return length + 3 if length else 0


def _unhex(digits: bytes | bytearray) -> bytes:
    """Unit id and PDU of an ASCII frame; nothing where the LRC or a digit is wrong."""
    try:
        whole = bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return b""
    body = whole[:-1]
    return body if whole and FramerAscii.compute_LRC(body) == whole[-1] else b""
