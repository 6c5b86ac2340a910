"""What is refused at the door: counted, and told of sparingly.

Whoever may publish on a command topic may send anything, as often as the broker lets them, and may
send a good command again for as long as they like. So each of these costs a count and no more: a
few get an audit line and a reply, the rest are summed up once in ten minutes. A flood of them can
neither fill the disk nor push the lines of real commands out of the audit log.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from gateway.bucket import TokenBucket
from gateway.commands.authority import Reason
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.clock import Clock
    from gateway.commands.authority import Refusal

log = logging.getLogger("nxgate.commands")

SUM_UP_S = 600.0
LINES = 20
"""Audit lines at once; a further one each `SUM_UP_S`."""
REPLIES, REPLIES_PER_S = 20, 2.0
_PROVEN = {Reason.CLOCK, Reason.EXPIRED, Reason.TIMES, Reason.DUPLICATE, Reason.BUSY}
"""Of messages whose signature is right: their replies aren't held up by a flood of others."""


class Crowd:
    """Takes all that is refused at the door.

    Args:
        clock: both clocks.
        note: adds a line to the audit log.
        reply: answers a refusal that can be answered.

    Attributes:
        counts: by reason, since the start.
    """

    def __init__(
        self,
        clock: Clock,
        note: Callable[[str, Mapping[str, object]], None],
        reply: Callable[[Refusal], None],
    ) -> None:
        self._clock = clock
        self._note = note
        self._reply = reply
        self._lines = TokenBucket(1 / SUM_UP_S, clock, LINES)
        self._replies = {
            proven: TokenBucket(REPLIES_PER_S, clock, REPLIES) for proven in (True, False)
        }
        self._unwritten: Counter[str] = Counter()
        self._since_ms = 0
        self.counts: Counter[str] = Counter()

    def take(self, refusal: Refusal) -> None:
        """Count a refusal; answer and write it down, where that is still allowed."""
        reason = refusal.reason
        self.counts[reason] += 1
        if reason is Reason.FOREIGN:
            return  # another gateway's, of the same site
        if refusal.reply is not None and self._replies[reason in _PROVEN].try_take():
            self._reply(refusal)
        if self._lines.try_take():
            self._note("refused", _about(refusal))
            return
        if not self._unwritten:
            self._since_ms = self._now_ms()
        self._unwritten[reason.value] += 1

    def sum_up(self) -> None:
        """Write down what was only counted; each `SUM_UP_S`, and at the stop."""
        if not self._unwritten:
            return
        counts = dict(sorted(self._unwritten.items()))
        self._unwritten.clear()
        self._note("refused", {"since": self._since_ms, "counts": counts})
        shown = ", ".join(f"{count} {reason}" for reason, count in counts.items())
        log.warning(_("commands refused since the last message: {counts}").format(counts=shown))

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000


def _about(refusal: Refusal) -> dict[str, object]:
    """A refusal as the audit log has it: nothing of an unproven body but its id."""
    about: dict[str, object] = {
        "reason": refusal.reason,
        "publisher": refusal.inbound.publisher,
        "topic": refusal.inbound.topic[:256],
        "bytes": len(refusal.inbound.payload),
    }
    if refusal.cid:
        about["cid"] = refusal.cid
    return about
