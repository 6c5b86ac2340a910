"""What can go wrong between a question and its answer, on request."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.words import _
from simulators.place import (
    ASCII,
    LINES,
    METERS_OVER_TCP,
    MODBUS,
    RTU,
    RTU_OVER_TCP,
    SCHEMES,
    SERVER,
    TCP,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from simulators.framing import Framing, Request


class FaultKind(StrEnum):
    """The faults of a link and of a device on it."""

    LATE = "late"
    """The answer comes after a delay."""
    REFUSED = "refused"
    """The port refuses connections and those that stand are reset; all units of the link."""
    UNPLUGGED = "unplugged"
    """The port is gone, and comes back as another device under its name; all units of the line."""
    HALF_OPEN = "half-open"
    """Connections that stand fall silent for good, and say nothing of it; a new one is served."""
    CUT = "cut"
    """The connection ends in the middle of the answer."""
    DROPPED = "dropped"
    """The request is swallowed."""
    GARBLED = "garbled"
    """One bit is flipped: of the answer's head over TCP, else anywhere."""
    EXCEPTION = "exception"
    """Every request is answered by an exception."""
    WRONG_UNIT = "wrong-unit"
    """Another unit answers."""
    WRONG_FUNCTION = "wrong-function"
    """The answer is one to another function."""
    WRONG_COUNT = "wrong-count"
    """The answer holds a register more or less than was asked for."""
    TRANSACTION = "transaction"
    """The answer has the transaction id of another question."""
    LENGTH = "length"
    """The length field says more than there is."""
    TRUNCATED = "truncated"
    """Half of the answer comes."""
    GLUED = "glued"
    """The answer comes twice, in one piece."""
    NOISE = "noise"
    """Bytes that nobody sent come before the answer."""
    ECHO = "echo"
    """The question comes back before the answer, as on RS-485 without suppression."""
    MASTER = "second-master"
    """Another master asks and is answered on the same line, just before the answer."""
    SWAPPED = "swapped"
    """Another device is in its place: every register holds something else."""
    SHIFTED = "shifted"
    """Other firmware: what was at an address is now one further."""
    RESET = "reset"
    """Its counters begin anew at 0; they go on from there."""
    ROLLOVER = "rollover"
    """Its counters are about to wrap."""
    RESTARTED = "restarted"
    """The server ends, and is there again with new sessions."""
    REORDERED = "reordered"
    """The server starts anew with its namespaces in another order; at the end once more."""
    BAD_NODES = "bad-nodes"
    """Nodes are bad: BadSensorFailure in place of a value."""
    CLOCK = "clock"
    """The server's clock is ahead: times of values."""
    CERTIFICATE = "certificate"
    """The server starts anew with another certificate and key, which it keeps."""
    NONE = "none"
    """None of these: ends what is wrong with the device."""


_LINES = frozenset({RTU, ASCII, RTU_OVER_TCP})
_CONNECTIONS = frozenset({TCP, RTU_OVER_TCP, METERS_OVER_TCP})
_MODBUS = frozenset(MODBUS)
SCHEMES_OF = {
    FaultKind.LATE: frozenset({*SCHEMES, SERVER}),
    FaultKind.REFUSED: _CONNECTIONS | {SERVER},
    FaultKind.HALF_OPEN: _CONNECTIONS | {SERVER},
    FaultKind.CUT: _CONNECTIONS & _MODBUS,
    FaultKind.RESTARTED: frozenset({SERVER}),
    FaultKind.REORDERED: frozenset({SERVER}),
    FaultKind.BAD_NODES: frozenset({SERVER}),
    FaultKind.CLOCK: frozenset({SERVER}),
    FaultKind.CERTIFICATE: frozenset({SERVER}),
    FaultKind.TRANSACTION: frozenset({TCP}),
    FaultKind.LENGTH: frozenset({TCP}),
    FaultKind.UNPLUGGED: LINES,
    FaultKind.ECHO: _LINES,
    FaultKind.MASTER: _LINES,
    **dict.fromkeys(
        (
            FaultKind.WRONG_UNIT,
            FaultKind.WRONG_FUNCTION,
            FaultKind.WRONG_COUNT,
            FaultKind.SWAPPED,
            FaultKind.SHIFTED,
        ),
        _MODBUS,
    ),
}
"""On which links a fault can be, where not on all."""
COUNTING = {FaultKind.RESET: 0.0, FaultKind.ROLLOVER: 0.99999}
"""Faults of counters → the share of their room that they have counted then."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that a unit has.

    Attributes:
        by_s: how late (late), or how far ahead (clock).
        code: which exception (exception).
        share: of the requests that it hits.
    """

    kind: FaultKind
    by_s: float = 0.0
    code: int = 4
    share: float = 1.0

    def fits(self, scheme: str) -> bool:
        """Whether it can be on a link of this scheme."""
        return scheme in SCHEMES_OF.get(self.kind, SCHEMES)

    def __str__(self) -> str:
        """Say it to people."""
        said = _said().get(self.kind, str(self.kind))
        said = said.format(seconds=self.by_s, code=self.code)
        if self.share < 1:
            return _("{fault}, {share:g} % of the time").format(fault=said, share=self.share * 100)
        return said


def delay_s(faults: Iterable[Fault]) -> float:
    """Return how late an answer goes out under these faults, in s."""
    return sum(fault.by_s for fault in faults if fault.kind is FaultKind.LATE)


def refusal(faults: Iterable[Fault]) -> int:
    """Return the exception code that these faults ask for; the first of them decides."""
    return next(fault.code for fault in faults if fault.kind is FaultKind.EXCEPTION)


def twist(body: bytes, kinds: set[FaultKind]) -> bytes:
    """Change what an answer says of itself, and frame it rightly all the same.

    Args:
        body: unit id and PDU.
        kinds: what is wrong with the unit.
    """
    unit, function, data = body[0], body[1], body[2:]
    is_read = function <= 4 and len(data) > 1  # noqa: PLR2004 - the four functions that read
    if FaultKind.SWAPPED in kinds and is_read:
        data = data[:1] + bytes(byte ^ 0x5A for byte in data[1:])
    if FaultKind.WRONG_COUNT in kinds and is_read:
        data = data[1:-2] if len(data) > 3 else data[1:] + b"\0\1"  # noqa: PLR2004 - one register
        data = bytes([len(data)]) + data
    if FaultKind.WRONG_UNIT in kinds:
        unit = unit % 247 + 1
    if FaultKind.WRONG_FUNCTION in kinds:
        function = function ^ 7 if function in {3, 4} else function ^ 3
    return bytes((unit, function)) + data


def spoil(
    answer: bytes, kinds: set[FaultKind], request: Request, framing: Framing, random: Random
) -> bytes:
    """Change what goes over the wire for an answer."""
    if FaultKind.GARBLED in kinds:
        answer = garble(answer, random, framing.head)
    if FaultKind.TRANSACTION in kinds:
        answer = (int.from_bytes(answer[:2], "big") + 1 & 0xFFFF).to_bytes(2, "big") + answer[2:]
    if FaultKind.LENGTH in kinds:
        answer = answer[:4] + (answer[4] << 8 | answer[5] + 7).to_bytes(2, "big") + answer[6:]
    answer = mangle(answer, kinds - {FaultKind.NOISE}, random)
    if FaultKind.MASTER in kinds:
        answer = _conversation(request, framing, random) + answer
    answer = mangle(answer, kinds & {FaultKind.NOISE}, random)
    if FaultKind.ECHO in kinds:
        answer = request.frame + answer
    return answer


def mangle(answer: bytes, kinds: set[FaultKind], random: Random) -> bytes:
    """Change the bytes of an answer, whatever protocol it is of."""
    if FaultKind.TRUNCATED in kinds or FaultKind.CUT in kinds:
        answer = answer[: max(1, len(answer) // 2)]
    if FaultKind.GLUED in kinds:
        answer += answer
    if FaultKind.NOISE in kinds:
        answer = random.randbytes(random.randint(1, 6)) + answer
    return answer


def garble(answer: bytes, random: Random, head: int = 0) -> bytes:
    """Flip one bit in the head of an answer's frame, or anywhere in it."""
    bit = random.randrange(min(head or len(answer), len(answer)) * 8)
    garbled = bytearray(answer)
    garbled[bit >> 3] ^= 1 << (bit & 7)
    return bytes(garbled)


def _conversation(request: Request, framing: Framing, random: Random) -> bytes:
    """What a second master asks another device, and what that answers."""
    unit = bytes([(request.unit + 100) % 247 + 1])
    asked = framing.wrap(unit + bytes((3, 0, random.randrange(256), 0, 2)), request)
    return asked + framing.wrap(unit + bytes((3, 4)) + random.randbytes(4), request)


def _said() -> dict[FaultKind, str]:
    return {
        FaultKind.LATE: _("answers {seconds:g} s late"),
        FaultKind.REFUSED: _("connections refused"),
        FaultKind.UNPLUGGED: _("port unplugged"),
        FaultKind.HALF_OPEN: _("connections half open"),
        FaultKind.CUT: _("connection cut in the answer"),
        FaultKind.DROPPED: _("requests dropped"),
        FaultKind.GARBLED: _("answers garbled"),
        FaultKind.EXCEPTION: _("exception {code}"),
        FaultKind.WRONG_UNIT: _("another unit answers"),
        FaultKind.WRONG_FUNCTION: _("answers of another function"),
        FaultKind.WRONG_COUNT: _("answers of another length"),
        FaultKind.TRANSACTION: _("wrong transaction ids"),
        FaultKind.LENGTH: _("wrong length fields"),
        FaultKind.TRUNCATED: _("answers cut short"),
        FaultKind.GLUED: _("answers doubled"),
        FaultKind.NOISE: _("noise before answers"),
        FaultKind.ECHO: _("questions come back"),
        FaultKind.MASTER: _("a second master on the line"),
        FaultKind.SWAPPED: _("another device in its place"),
        FaultKind.SHIFTED: _("registers shifted by one"),
        FaultKind.RESET: _("counters reset"),
        FaultKind.ROLLOVER: _("counters about to wrap"),
        FaultKind.RESTARTED: _("restarted"),
        FaultKind.REORDERED: _("namespaces in another order"),
        FaultKind.BAD_NODES: _("bad nodes"),
        FaultKind.CLOCK: _("clock {seconds:g} s ahead"),
        FaultKind.CERTIFICATE: _("another certificate"),
        FaultKind.NONE: _("no fault"),
    }
