"""Another master on a line: its questions are heard while ours wait, or between them.

A line has one master. Where a second one asks, answers meet on the wire, and what either of them
writes may be overwritten by the other. Questions are told from noise and from answers by their form
and their checksum, and it takes several of them, since a stray bit may make one out of an answer.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.clock import Clock

FEW = 3
"""So many questions in `WITHIN_S` make a master."""
WITHIN_S = 60.0
MOST = 600
"""Bytes that a question may be spread over; the longest frame has fewer."""


class Rivals:
    """Listens to what is nobody's answer.

    Args:
        question: the end of the first whole question in some bytes, 0 where there is none.
        clock: the monotonic one counts.
    """

    def __init__(self, question: Callable[[bytes], int], clock: Clock) -> None:
        self._question = question
        self._clock = clock
        self._rest = b""
        self._heard_ns: deque[int] = deque(maxlen=FEW)

    def hear(self, data: bytes) -> None:
        """Take bytes that nobody here asked for."""
        held = (self._rest + data)[-MOST:]
        while end := self._question(held):
            self._heard_ns.append(self._clock.mono_ns())
            held = held[end:]
        self._rest = held

    @property
    def is_there(self) -> bool:
        """Whether another master asks, as far as is known now."""
        heard = self._heard_ns
        return len(heard) == FEW and self._clock.mono_ns() - heard[0] <= WITHIN_S * 1e9
