"""Meters that speak DL/T 645-2007 on one line: bytes in, bytes out, with faults; no socket.

Frames are built and cut here, with no line shared with the driver, so that a mistake in one can't
cancel out one in the other.

Source: DL/T 645-2007, data link layer (frames) and application layer (reading).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

WAKE = b"\xfe\xfe\xfe\xfe"
LONGEST = 200
"""Bytes of data in one frame, by which an answer is cut (data link layer)."""
OTHER, NO_DATA = 0x01, 0x02
"""Of the error word."""

_READ, _READ_MORE, READ_ADDRESS = 0x11, 0x12, 0x13

Hold = Mapping[int, bytes] | Callable[[int], bytes | None]
"""Identifier → data, the lowest byte first; or a function that gives it, None for nothing."""


def number(value: float, size: int, decimals: int) -> bytes:
    """A number in BCD, the lowest byte first; a sign is the highest bit."""
    digits = f"{abs(round(value * 10**decimals)):0{2 * size}d}"[-2 * size :]
    data = bytearray(int(digits[at : at + 2], 16) for at in range(0, 2 * size, 2))
    if value < 0:
        data[0] |= 0x80
    return bytes(reversed(data))


def text(words: str, size: int) -> bytes:
    """ASCII, filled up with NULs, the last letter first."""
    return words.encode("ascii").ljust(size, b"\0")[::-1]


@dataclass
class Meter:
    """One meter.

    Attributes:
        address: its twelve digits.
        holds: what it has under which identifier.
        longest: bytes of data in one frame; what is longer comes in subsequent frames.
        delay_s: until its answer begins.
        refusal: error word that all questions are answered with; 0: none.
        is_silent: it answers nothing.
        spoil: what becomes of the frames that it sends.
        asked: identifiers that it was asked for, in order.
    """

    address: str
    holds: Hold
    longest: int = LONGEST
    delay_s: float = 0.02
    refusal: int = 0
    is_silent: bool = False
    spoil: Callable[[bytes], bytes] = bytes
    asked: list[int] = field(default_factory=list)
    _rest: tuple[int, int, bytes] = (0, 0, b"")

    def answer(self, control: int, data: bytes) -> bytes:
        """The frame that answers a question; nothing where it answers none."""
        if self.is_silent:
            return b""
        if control == READ_ADDRESS:
            return self._frame(control | 0x80, bytes.fromhex(self.address)[::-1])
        is_known = control in {_READ, _READ_MORE} and len(data) >= 4  # noqa: PLR2004 - an identifier
        if self.refusal or not is_known:
            return self._refuse(control, self.refusal or OTHER)
        return self._hold(control, data)

    def _hold(self, control: int, data: bytes) -> bytes:
        di = int.from_bytes(data[:4], "little")
        self.asked.append(di)
        if control == _READ_MORE:
            return self._go_on(di, data)
        held = self.holds(di) if callable(self.holds) else self.holds.get(di)
        if held is None:
            return self._refuse(control, NO_DATA)
        return self._part(control, di, held, 0)

    def _go_on(self, di: int, data: bytes) -> bytes:
        """Give the next part of what was begun, and no other."""
        begun, given, rest = self._rest
        if di != begun or data[4:] != bytes((given + 1,)) or not rest:
            return self._refuse(_READ_MORE, NO_DATA)
        return self._part(_READ_MORE, di, rest, given + 1)

    def _part(self, control: int, di: int, data: bytes, place: int) -> bytes:
        room = self.longest - 5
        part, rest = data[:room], data[room:]
        self._rest = di, place, rest
        answer = control | 0x80 | (0x20 if rest else 0)
        tail = bytes((place,)) if control == _READ_MORE else b""
        return self._frame(answer, di.to_bytes(4, "little") + part + tail)

    def _refuse(self, control: int, word: int) -> bytes:
        return self._frame(control | 0xC0, bytes((word,)))

    def _frame(self, control: int, data: bytes) -> bytes:
        return self.spoil(WAKE + frame(bytes.fromhex(self.address)[::-1], control, data))


@dataclass
class Party:
    """The meters on one line, and what they have heard of a question as yet.

    Attributes:
        meters: each hears everything, and answers to its own address or the wildcard.
    """

    meters: list[Meter]
    _heard: bytearray = field(default_factory=bytearray)

    def take(self, data: bytes) -> list[tuple[float, bytes]]:
        """Hear bytes; give what goes out, and after how many seconds each."""
        self._heard += data
        answers: list[tuple[float, bytes]] = []
        while (found := cut(self._heard)) is not None:
            unit, control, content, end = found
            del self._heard[:end]
            known = unit.rstrip(b"\xaa")[::-1].hex()  # AA stands for any, from the highest down
            meant = [meter for meter in self.meters if meter.address.endswith(known)]
            answers += [(meter.delay_s, meter.answer(control, content)) for meter in meant]
        del self._heard[:-300]
        return [(delay_s, answer) for delay_s, answer in answers if answer]


def frame(unit: bytes, control: int, data: bytes) -> bytes:
    """A frame, without what wakes.

    Args:
        unit: address as it goes over the wire, lowest byte first.
        control: control code.
        data: without the offset.
    """
    shifted = bytes((byte + 0x33) % 256 for byte in data)
    body = b"\x68" + unit + b"\x68" + bytes((control, len(data))) + shifted
    return body + bytes((sum(body) % 256, 0x16))


def cut(data: bytes | bytearray) -> tuple[bytes, int, bytes, int] | None:
    """The first whole frame: address, control code, data, and where it ends; None: none as yet."""
    for start in range(len(data) - 11):
        if data[start] != 0x68 or data[start + 7] != 0x68:  # noqa: PLR2004 - the start
            continue
        end = start + 12 + data[start + 9]
        if end > len(data) or data[end - 1] != 0x16:  # noqa: PLR2004 - the end
            continue
        if sum(data[start : end - 2]) % 256 != data[end - 2]:
            continue
        content = bytes((byte - 0x33) % 256 for byte in data[start + 10 : end - 2])
        return bytes(data[start + 1 : start + 7]), data[start + 8], content, end
    return None
