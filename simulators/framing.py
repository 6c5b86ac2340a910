"""How requests are cut out of what comes in, and how answers are framed: TCP, RTU, ASCII.

The checksums and lengths are the simulators' own.

Source: Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3; Modbus over Serial Line
V1.02, 2.5.1 (RTU, CRC) and 2.5.2 (ASCII, LRC).
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

MBAP = 7
MIN_LENGTH, MAX_LENGTH = 2, 254
"""Unit id and a PDU of 1 to 253 bytes."""
LONGEST = 513
"""Characters of the longest frame: one of ASCII."""
FIXED = {**dict.fromkeys((1, 2, 3, 4, 5, 6, 8), 8), 7: 4, 11: 4, 12: 4, 17: 4, 22: 10, 43: 7}
"""Function code → length of an RTU request; those of `COUNTED` have their byte count in them."""
COUNTED = {15: 6, 16: 6, 23: 10}
"""Function code → where the byte count of an RTU request stands."""


class Senseless(Exception):  # noqa: N818 - what came makes none
    """Where the next request begins can't be known any more."""


class Request(NamedTuple):
    """One request.

    Attributes:
        frame: as it came.
        unit: who is asked.
        pdu: function code and data.
    """

    frame: bytes
    unit: int
    pdu: bytes


class Framing(Protocol):
    """One way of putting requests and answers on a wire."""

    head: int
    """Bytes of an answer that a client can check; 0: all of them, by a checksum."""
    patience_s: float
    """What came in before a longer pause than this is no part of a request."""

    def cut(self, data: bytearray) -> list[Request]:
        """Take whole requests off the front of what came in, or raise `Senseless`."""

    def wrap(self, body: bytes, request: Request) -> bytes:
        """Frame an answer: unit id and PDU."""


class Tcp:
    """An MBAP header before each, with the request's transaction id."""

    head = 9
    patience_s = math.inf

    def cut(self, data: bytearray) -> list[Request]:
        """Take whole requests off the front, or raise `Senseless`."""
        found = []
        while len(data) > MBAP:
            length = data[4] << 8 | data[5]
            if data[2] or data[3] or not MIN_LENGTH <= length <= MAX_LENGTH:
                raise Senseless
            end = 6 + length
            if end > len(data):
                break
            frame = bytes(data[:end])
            found.append(Request(frame, frame[6], frame[MBAP:]))
            del data[:end]
        return found

    def wrap(self, body: bytes, request: Request) -> bytes:
        """Frame an answer."""
        return request.frame[:4] + len(body).to_bytes(2, "big") + body


class Rtu:
    """A CRC behind each; what has no right one is passed over byte by byte, as noise."""

    head = 0
    patience_s = 0.1  # 3.5 characters on the line; a computer's own pauses are longer

    def cut(self, data: bytearray) -> list[Request]:
        """Take whole requests off the front."""
        found = []
        start = 0
        while start < len(data):
            frame = bytes(data[start : start + _length(data[start:])])
            if len(frame) >= 4 and crc(frame[:-2]) == frame[-2:]:  # noqa: PLR2004 - unit, code, CRC
                found.append(Request(frame, frame[0], frame[1:-2]))
                del data[: start + len(frame)]
                start = 0
            else:
                start += 1
        if len(data) > LONGEST:
            del data[:-LONGEST]
        return found

    def wrap(self, body: bytes, request: Request) -> bytes:  # noqa: ARG002 - a line has no ids
        """Frame an answer."""
        return body + crc(body)


class Ascii:
    """Hex digits between a colon and the line's end, an LRC among them."""

    head = 0
    patience_s = 1.0  # 2.5.2.1

    def cut(self, data: bytearray) -> list[Request]:
        """Take whole requests off the front."""
        found = []
        while (end := data.find(b"\r\n")) >= 0:
            start = data.rfind(b":", 0, end)
            frame = bytes(data[max(start, 0) : end + 2])
            del data[: end + 2]
            try:
                whole = bytes.fromhex(frame[1:-2].decode("ascii"))
            except ValueError:
                continue
            if start >= 0 and len(whole) > 2 and not sum(whole) & 0xFF:  # noqa: PLR2004 - as above
                found.append(Request(frame, whole[0], whole[1:-1]))
        if len(data) > LONGEST:
            del data[:-LONGEST]
        return found

    def wrap(self, body: bytes, request: Request) -> bytes:  # noqa: ARG002 - a line has no ids
        """Frame an answer."""
        whole = body + bytes([-sum(body) & 0xFF])
        return b":" + whole.hex().upper().encode() + b"\r\n"


def framing(scheme: str) -> Framing:
    """The framing of a link's scheme."""
    match scheme:
        case "modbus+tcp":
            return Tcp()
        case "modbus+ascii":
            return Ascii()
    return Rtu()


def crc(body: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first."""
    rest = 0xFFFF
    for byte in body:
        rest = rest >> 8 ^ _CRC[(rest ^ byte) & 0xFF]
    return rest.to_bytes(2, "little")


def _divide(rest: int) -> int:
    for _bit in range(8):
        rest = rest >> 1 ^ (0xA001 if rest & 1 else 0)
    return rest


_CRC = tuple(_divide(byte) for byte in range(256))


def _length(data: bytearray) -> int:
    """Bytes of the RTU request that begins so; of an unknown function, all there is."""
    function = data[1] if len(data) > 1 else 0
    if function in FIXED:
        return FIXED[function]
    at = COUNTED.get(function)
    if at is None:
        return len(data)
    return at + 3 + data[at] if at < len(data) else len(data)
