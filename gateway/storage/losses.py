"""What publishers will never get, in the log: at once, then summed up.

Each loss is declared to its publisher, to the record. For people one line is news and the same
line every second is none: a broker that takes no message of a useful size, or a store that is
small for an outage, would fill the log for as long as it lasts.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.storage.facts import Dropped

log = logging.getLogger("nxgate.store")

SUM_UP_S = 600.0


class Losses:
    """Of all publishers.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._told_s: dict[tuple[str, str, str], float] = {}
        self._untold: dict[tuple[str, str, str], int] = {}

    def say(self, dropped: Dropped) -> None:
        """Log a loss, with those of its kind that were not logged yet."""
        kind = (dropped.publisher, dropped.cls, dropped.reason)
        count = self._untold.pop(kind, 0) + dropped.count
        told_s = self._told_s.get(kind)
        if told_s is not None and self._now() < told_s + SUM_UP_S:
            self._untold[kind] = count
            return
        self._told_s[kind] = self._now()
        text = _("{publisher} will never get {count} records of {cls}: {reason}")
        publisher, cls, reason = kind
        log.warning(text.format(publisher=publisher, count=count, cls=cls, reason=reason))
