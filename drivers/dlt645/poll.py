"""One poll under way: values as they come, and what to do with a question that is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.dlt645 import messages
from gateway.errors import RequestRefused
from gateway.model import Quality

if TYPE_CHECKING:
    from drivers.dlt645.plan import PreparedPlan, Read
    from gateway.errors import DecodeError
    from gateway.model import Value


class Poll:
    """Works through the reads of a plan.

    Attributes:
        todo: what is still to be asked, last first.
    """

    __slots__ = ("_kept", "_plan", "_values", "todo")

    def __init__(self, plan: PreparedPlan) -> None:
        self._plan = plan
        self._kept: list[Read] = []
        self._values: list[Value] = [None] * len(plan.tags)
        self.todo = list(reversed(plan.reads))

    def answered(self, read: Read, data: bytes) -> None:
        """Decode an answer, or raise `DecodeError`."""
        for one, value in zip(read.wanted, read.values(data), strict=True):
            self._values[one.tag] = value
        self._kept.append(read)
        if self._plan.refused:
            self._plan.forget(read)

    def refused(self, read: Read, error: RequestRefused | DecodeError, peer: str) -> None:
        """Divide what can be divided; else its tags are bad, and set aside if that won't change."""
        if read.is_divisible:
            self.todo += reversed(self._plan.parts(read))
            return
        code = error.code if isinstance(error, RequestRefused) else 0
        reason = str(error)
        self._plan.note(read, lambda tag: messages.refused(tag, read.di, peer, reason, code))
        if not code & messages.NO_DATA:
            self._kept.append(read)

    def finish(self, now_ns: int) -> tuple[tuple[Value, ...], tuple[Quality, ...] | None]:
        """Values and qualities in the order of the tags; the plan learns what was found out."""
        if tuple(self._kept) != self._plan.reads:
            self._plan.change(self._kept, now_ns)
        values = tuple(self._values)
        if None not in values:
            return values, None
        return values, tuple(Quality.BAD if v is None else Quality.GOOD for v in values)
