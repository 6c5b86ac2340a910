"""What can go wrong between a question and its answer, on request."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

HEADER = 9
"""Bytes of an answer that a client can check: MBAP, function, byte count or exception code."""


class FaultKind(StrEnum):
    """The faults of a link and of a device on it."""

    LATE = "late"
    """The answer comes after a delay."""
    REFUSED = "refused"
    """The port refuses connections and those that stand are reset; all units of the link."""
    DROPPED = "dropped"
    """The request is swallowed."""
    GARBLED = "garbled"
    """One bit of the answer's head is flipped: a wrong id, protocol, length, unit, function …"""
    EXCEPTION = "exception"
    """Every request is answered by an exception."""
    NONE = "none"
    """None of these: ends what is wrong with the device."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that a unit has.

    Attributes:
        by_s: how late (late).
        code: which exception (exception).
    """

    kind: FaultKind
    by_s: float = 0.0
    code: int = 4


def delay_s(faults: Iterable[Fault]) -> float:
    """Return how late an answer goes out under these faults, in s."""
    return sum(fault.by_s for fault in faults if fault.kind is FaultKind.LATE)


def refusal(faults: Iterable[Fault]) -> int:
    """Return the exception code that these faults ask for; the first of them decides."""
    return next(fault.code for fault in faults if fault.kind is FaultKind.EXCEPTION)


def garble(answer: bytes, random: Random) -> bytes:
    """Flip one bit in the head of an answer's frame."""
    bit = random.randrange(min(HEADER, len(answer)) * 8)
    garbled = bytearray(answer)
    garbled[bit >> 3] ^= 1 << (bit & 7)
    return bytes(garbled)
