"""How long records take from their time to their arrival, apart for live ones and for history."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.words import _
from verifying.bounded import Bounded

if TYPE_CHECKING:
    from verifying.arrival import Message
    from verifying.findings import Findings

LIVE_MS = 10_000
SLACK_MS = 5_000
"""For the broker's and the network's own time, and a listener that is behind."""
APART_MS = 2_000
"""Clocks that differ by more are told; ages are then judged against the smallest one seen."""
_STEPS = 32
"""Steps of the scale per factor e: 3 % each."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds; None where nothing came."""

    count: int
    p50: float | None
    p99: float | None
    max: float | None
    min: float | None


class Scale:
    """Counts on a logarithmic scale: quantiles within 3 %, whatever the number."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._count = 0
        self._max = -math.inf
        self._min = math.inf

    def add(self, ms: float) -> None:
        """Count one; negative where the clocks differ."""
        step = round(math.log1p(min(max(0.0, ms), 1e15)) * _STEPS)
        self._counts[step] = self._counts.get(step, 0) + 1
        self._count += 1
        self._max = max(self._max, ms)
        self._min = min(self._min, ms)

    def spread(self) -> Spread:
        """Return the figures."""
        if not self._count:
            return Spread(0, None, None, None, None)
        return Spread(self._count, self._quantile(0.5), self._quantile(0.99), self._max, self._min)

    def _quantile(self, share: float) -> float:
        left = math.ceil(share * self._count)
        for step in sorted(self._counts):
            left -= self._counts[step]
            if left <= 0:
                return min(self._max, math.expm1(step / _STEPS))
        return self._max


class Lateness:
    """Measures first deliveries."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.live = Scale()
        self.history = Scale()
        self._least: Bounded[tuple[object, str], float] = Bounded(10_000)

    @property
    def clocks_apart_ms(self) -> float:
        """By how much the clock here and a gateway's differ at least, where that is certain."""
        return max((abs(ms) for _who, ms in self._least.items() if abs(ms) > APART_MS), default=0)

    def take(self, message: Message) -> None:
        """Measure one record."""
        late_ms = message.arrival.wall_ms - message.body["ts"]
        if message.hist:
            self.history.add(late_ms)
            return
        self.live.add(late_ms)
        who = (message.site, message.gateway)
        least = self._least.get(who)
        if least is None or late_ms < least:
            least = late_ms or 0.5
            self._least.put(who, least)
        age_ms = late_ms - least if abs(least) > APART_MS else late_ms
        if message.body.get("clock") == "unsync":
            self._findings.leave("late", _("times marked unsync"))
            return
        self._findings.judge("late")
        if age_ms > LIVE_MS + SLACK_MS:
            what = _("{seconds:.1f} s old, and not marked hist").format(seconds=age_ms / 1000)
            self._findings.fault("late", message.topic, message.id, what)
