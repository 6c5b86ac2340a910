"""Frames: building one, and finding the answer to a question in what came in.

    FE FE FE FE  68 A0…A5 68  C  L  data + 33 each  CS  16

An answer belongs to its question when its address, its function and its data identifier do, and
its checksum is right. A refusal (D6 of C set) names no identifier, so one that comes late can't be
told from another's: `drivers.lines.link` waits it out.

Source: DL/T 645-2007, data link layer (frames) and application layer (reading data, subsequent
data, the address); its checksums and an address are those of PyPI's dlt645 in tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.dlt645.messages import error_word
from drivers.lines.framing import Found
from gateway.errors import RequestRefused

if TYPE_CHECKING:
    from collections.abc import Hashable

READ, READ_MORE, READ_ADDRESS = 0x11, 0x12, 0x13
ANY = b"\xaa"
ANYONE = ANY * 6
"""The wildcard: whichever meter is there answers, with its own address."""
MORE = 0x20
"""Of the control code: subsequent frames are to be asked for."""
MOST_FRAMES = 32
"""Subsequent frames that an answer may have; the longest block of the standard takes two."""

_START, _END, _OFFSET = 0x68, 0x16, 0x33
_WAKE = b"\xfe" * 4
_ANSWER, _REFUSED = 0x80, 0xC0
_HEAD, _FRAME = 10, 12
"""Bytes before the data; bytes of a frame without any."""
_PROBED = 0x04000401
"""The communication address, which every meter holds."""
_SHIFT = bytes((byte + _OFFSET) & 0xFF for byte in range(256))
_UNSHIFT = bytes((byte - _OFFSET) & 0xFF for byte in range(256))


@dataclass(frozen=True, slots=True)
class Query:
    """A question, prepared once.

    Attributes:
        unit: the meter's address as it goes over the wire, lowest byte first.
        control: what is asked: READ, READ_MORE or READ_ADDRESS.
        data: identifier and number of the frame, without the offset.
        size: bytes of data in the right answer, about.
    """

    unit: bytes
    control: int
    data: bytes
    size: int

    @property
    def body(self) -> bytes:
        """Address, control code and data."""
        return self.unit + bytes((self.control,)) + self.data

    @property
    def mirrors(self) -> bool:
        """Answers have another control code."""
        return False

    def whole(self, data: bytes, refused: int = 0) -> bytes:
        """Control code and data of an answer, of what `Dlt645.read` left of it, or of a refusal."""
        if refused:
            return bytes((self.control | _REFUSED, refused))
        return data[:1] + self.data[:4] + data[1:] + self.data[4:]


def read(address: str, di: int, size: int) -> Query:
    """Ask a meter for what it holds under an identifier."""
    return Query(wire(address), READ, di.to_bytes(4, "little"), size)


def more(asked: Query, number: int) -> Query:
    """Ask for the next part of an answer; parts are counted from 1."""
    return Query(asked.unit, READ_MORE, asked.data[:4] + bytes((number,)), asked.size + 1)


def whoever() -> Query:
    """Ask the meter that is there for its address."""
    return Query(ANYONE, READ_ADDRESS, b"", 6)


def read_any(low: bytes) -> Query:
    """Ask whichever meter's address ends so for that address, under its identifier.

    Args:
        low: the lowest digits, as they go over the wire; the rest is any.
    """
    unit = low + ANY * (len(ANYONE) - len(low))
    return Query(unit, READ, _PROBED.to_bytes(4, "little"), len(ANYONE))


def wire(address: str) -> bytes:
    """Twelve digits as six bytes, the lowest first."""
    return bytes.fromhex(address)[::-1]


def spelled(unit: bytes | bytearray) -> str:
    """Six bytes as twelve digits."""
    return unit[::-1].hex().upper()


class Dlt645:
    """See `drivers.lines.framing.Framing`."""

    most = 4 + _FRAME + 255
    stall_s = 0.5
    """Between the bytes of a frame (data link layer)."""
    names_refused = False

    def wrap(self, body: bytes) -> bytes:
        """The frame of a question."""
        data = body[7:].translate(_SHIFT)
        frame = bytes((_START, *body[:6], _START, body[6], len(data))) + data
        return _WAKE + frame + bytes((sum(frame) & 0xFF, _END))

    def size(self, query: Query) -> int:
        """Bytes of the right answer, those that wake included."""
        return len(_WAKE) + _FRAME + len(query.data) + query.size

    def find(self, data: bytes | bytearray, query: Query) -> Found | None:
        """The first frame that may be the answer to a question; its control code and data."""
        place = data.find(_START)
        while place >= 0:
            content = _content(data, place)
            if content and _answers(data[place + 1 : place + 7], content, query):
                # What wakes is of the frame, and no noise before it.
                awake = len(data[:place]) - len(data[:place].rstrip(_WAKE[:1]))
                return Found(place - awake, place + _FRAME + len(content) - 1, content)
            place = data.find(_START, place + 1)
        return None

    def find_late(self, data: bytes | bytearray, query: Query) -> Found | None:
        """The same, but for refusals."""
        found = self.find(data, query)
        return None if found is None or found.pdu[0] & _REFUSED == _REFUSED else found

    def read(self, query: Query, pdu: bytes) -> bytes:
        """Control code and data, without what the question said already.

        Raises:
            RequestRefused: the meter says no.
        """
        control, data = pdu[0], pdu[1:]
        if control & _REFUSED == _REFUSED:
            raise RequestRefused(error_word(data[0]), data[0])
        if query.control == READ_MORE:
            data = data[:-1]
        return pdu[:1] + (data if query.control == READ_ADDRESS else data[4:])

    def question(self, data: bytes) -> int:
        """The end of the first whole question of any master in some bytes; 0 where none is."""
        place = data.find(_START)
        while place >= 0:
            content = _content(data, place)
            if content and not content[0] & _ANSWER:
                return place + _FRAME + len(content) - 1
            place = data.find(_START, place + 1)
        return 0

    def probe(self, unit: Hashable, number: int) -> Query:
        """For the address itself, under its identifier: nothing else is answered like that."""
        del number
        assert isinstance(unit, bytes)  # noqa: S101 - the units of these questions are
        return whoever() if unit == ANYONE else read(spelled(unit), _PROBED, 6)


def _content(data: bytes | bytearray, place: int) -> bytes:
    """Control code and data of the frame that begins here; nothing where it is none, or not yet."""
    head = data[place : place + _HEAD]
    if len(head) < _HEAD or head[7] != _START:
        return b""
    end = place + _HEAD + head[9]
    if len(data) < end + 2 or data[end + 1] != _END or sum(data[place:end]) & 0xFF != data[end]:
        return b""
    return bytes(head[8:9]) + bytes(data[place + _HEAD : end]).translate(_UNSHIFT)


def _is_meant(unit: bytes, asked: bytes) -> bool:
    """Whether an address is the one that was asked, or one of those."""
    if unit == asked:
        return ANY not in asked
    known = asked.rstrip(ANY)
    return asked.endswith(ANY) and unit.startswith(known) and spelled(unit).isdecimal()


def _answers(unit: bytes | bytearray, content: bytes, query: Query) -> bool:
    """Whether a frame that is whole answers a question."""
    control, data = content[0], content[1:]
    if query.control == READ_ADDRESS and control == READ_ADDRESS | _ANSWER:
        # Some repeat the wildcard, where the standard wants their own address.
        is_address = len(data) == len(ANYONE) and spelled(data).isdecimal()
        return is_address and bytes(unit) in {data, ANYONE}
    if not _is_meant(bytes(unit), query.unit):
        return False
    if control == query.control | _REFUSED:
        return len(data) == 1
    if control & ~MORE != query.control | _ANSWER or data[:4] != query.data[:4]:
        return False
    return query.control != READ_MORE or (len(data) > 4 and data[-1:] == query.data[4:])  # noqa: PLR2004
