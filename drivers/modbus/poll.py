"""One poll under way: values as they come, and what to do with a block that is refused. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.modbus.messages import refused
from drivers.modbus.refusals import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE
from gateway.errors import RequestRefused
from gateway.model import Quality

if TYPE_CHECKING:
    from drivers.modbus.prepared import PreparedPlan, Read
    from gateway.errors import DecodeError
    from gateway.model import Value

PROBES = 16
"""Halvings that one poll may spend on finding out which address a device refuses."""

NO_CODE = 0
"""Stands for an answer of the wrong length, which came with no exception."""
_FOR_GOOD = {ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE}
"""Exceptions that the same question will get again; others may pass."""
_DIVISIBLE = {ILLEGAL_ADDRESS, ILLEGAL_VALUE, NO_CODE}
"""Where a part of the question may well be answered."""


class Poll:
    """Works through the reads of a plan.

    A refused block is replaced by its halves, which stand where it stood, so the values stay in
    the order that `PreparedPlan.arrange` expects of the plan as it was when the poll began.

    Attributes:
        todo: what is still to be asked, last first.
        values: so far, in the order of the reads.
        good: every value so far is one.
    """

    __slots__ = ("_arrange", "_changed", "_kept", "_plan", "_spare", "good", "todo", "values")

    def __init__(self, plan: PreparedPlan) -> None:
        self._plan = plan
        self._arrange = plan.arrange
        self._kept: list[Read] = []
        self._changed = False
        self._spare = PROBES
        self.todo = list(reversed(plan.reads))
        self.values: list[Value] = []
        self.good = plan.is_complete

    def answered(self, read: Read, data: bytes) -> None:
        """Decode an answer."""
        if not read.decode(data, self.values):
            self.good = False
        self._kept.append(read)
        if self._plan.refused:
            self._plan.forget(read)

    def refused(self, read: Read, error: RequestRefused | DecodeError, peer: str) -> None:
        """Halve what can be halved; else its tags are bad, and set aside if that won't change."""
        code = error.code if isinstance(error, RequestRefused) else NO_CODE
        if code in _DIVISIBLE and len(read.block.tags) > 1:
            self._changed = True
            low, high = self._plan.halves(read)
            if self._spare:
                self._spare -= 1
                self.todo += (high, low)
                return
            self._kept += (low, high)
        elif code in _FOR_GOOD:
            self._changed = True
        else:
            self._kept.append(read)
        self.good = False
        self.values += [None] * len(read.block.tags)
        self._plan.note(read, lambda tag: refused(tag, read.block, peer, str(error), code))

    def finish(self, now_ns: int) -> tuple[tuple[Value, ...], tuple[Quality, ...] | None]:
        """Values and qualities in the order of the tags; the plan learns what was found out."""
        if self._changed:
            self._plan.change(self._kept, now_ns)
        ordered = self._arrange(self.values)
        if self.good:
            return ordered, None
        return ordered, tuple(Quality.BAD if v is None else Quality.GOOD for v in ordered)
