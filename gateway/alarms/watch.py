"""One alarm: hysteresis, delays, and what its record says.

The terms are those of ISA-18.2 (IEC 62682): deadband, on-delay and off-delay, acknowledgement,
and out of service for maintenance. Rules where the standard leaves room:

- A value that could not be read neither raises nor clears, and stops no delay under way.
- A doubtful one (outside its plausible range) may raise and never clears: what can't be trusted
  is no proof that a danger is over.
- An alarm that is raised three times within a minute chatters; from then on it is over only once
  the value has been back for a minute, so it can't fill store and platform.
- Out of service, an alarm may end and none begins; one that would have begun begins afterwards
  if the value is still beyond its limit.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import orjson

from gateway.model import Draft, Quality
from gateway.words import chosen

if TYPE_CHECKING:
    from gateway.model import AlarmSpec, Record, Value

CHATTER = 3
CHATTER_S = 60.0


class Watch:
    """One alarm of one asset.

    Args:
        line, asset: whose.
        spec: what it watches and when it is raised.

    Attributes:
        active, acked: how it stands.
        raised_ms, cleared_ms: UTC ms, 0 before the first time.
        silenced: how often it would have been raised out of service.
        in_service: False during maintenance.
        text: what people read of it.
    """

    def __init__(self, line: str, asset: str, spec: AlarmSpec) -> None:
        self.line = line
        self.asset = asset
        self.spec = spec
        self.active = False
        self.acked = False
        self.raised_ms = 0
        self.cleared_ms = 0
        self.silenced = 0
        self.in_service = True
        self.text = spec.text.get(chosen()) or next(iter(spec.text.values()), spec.name)
        self._value: Value = None
        self._by = ""
        self._since_ns: int | None = None
        self._is_known = True
        self._is_muted = False
        self._raises: deque[int] = deque(maxlen=CHATTER)

    def read(self, value: Value, quality: Quality, mono_ns: int, time_ms: int) -> Draft | None:
        """Take a reading; a record where the alarm begins or ends with it.

        Args:
            value: in the tag's unit.
            quality: of the value.
            mono_ns: when it was read, for delays.
            time_ms: the same in UTC ms, for the record.
        """
        stands = self._stands(value, quality)
        self._is_known = stands is not None
        if stands is None:
            return None
        if stands is self.active:
            self._since_ns = None
            self._is_muted = False
            return None
        self._value = value
        if self._since_ns is None:
            self._since_ns = mono_ns
        return self.check(mono_ns, time_ms)

    def check(self, mono_ns: int, time_ms: int) -> Draft | None:
        """Let time pass; a record where a delay is over."""
        if self._since_ns is None or not self._is_known:
            return None
        if mono_ns - self._since_ns < self._delay_s() * 1e9:
            return None
        if not self.active and not self.in_service:
            self.silenced += not self._is_muted
            self._is_muted = True
            return None
        self._since_ns = None
        self.active = not self.active
        if self.active:
            self._raises.append(mono_ns)
            self.raised_ms, self.cleared_ms = time_ms, 0
            self.acked, self._by = False, ""
        else:
            self.cleared_ms = time_ms
        return self.tell(time_ms)

    def acknowledge(self, by: str, now_ms: int) -> Draft | None:
        """Note that somebody has seen it; None where there is nothing new to see."""
        if self.acked or not self.raised_ms:
            return None
        self.acked, self._by = True, by
        return self.tell(now_ms)

    def recall(self, record: Record) -> bool:
        """Take up what an earlier process told; False where that says something else by now."""
        body = orjson.loads(record.body)
        body.pop("clock", None)
        self.active, self.acked = bool(body.get("active")), bool(body.get("acked"))
        self.raised_ms, self.cleared_ms = body.get("raised") or 0, body.get("cleared") or 0
        self._value, self._by = body.get("value"), body.get("by", "")
        if not self.spec.signal:  # the gateway's own, with words for the very case
            self.text = body.get("text", self.text)
        same = orjson.loads(self._body()) == body
        return same and (record.line, record.asset) == (self.line, self.asset)

    def move(self, since_ms: int, delta_ms: int) -> None:
        """Shift its times from one on: the clock was wrong by so much."""
        self.raised_ms += delta_ms if self.raised_ms >= since_ms else 0
        self.cleared_ms += delta_ms if self.cleared_ms >= since_ms else 0

    def tell(self, now_ms: int) -> Draft:
        """The record of how it stands."""
        return Draft(f"alarm/{self.spec.name}", self.line, self.asset, now_ms, self._body())

    def _stands(self, value: Value, quality: Quality) -> bool | None:
        """Whether the value keeps or makes the alarm active; None where it can't be told."""
        spec = self.spec
        if value is None or quality is Quality.BAD or value != value:  # noqa: PLR0124 - NaN
            return None
        if spec.equals is not None:
            stands = value == spec.equals
        elif isinstance(value, str):
            return None
        elif spec.above is not None:
            back = spec.above if spec.clear is None or not self.active else spec.clear
            stands = value > back
        else:
            limit = spec.below or 0.0
            back = limit if spec.clear is None or not self.active else spec.clear
            stands = value < back
        return None if quality is Quality.UNCERTAIN and self.active and not stands else stands

    def _delay_s(self) -> float:
        if not self.active:
            return self.spec.delay_s
        raises = self._raises
        if len(raises) == CHATTER and raises[-1] - raises[0] <= CHATTER_S * 1e9:
            return max(CHATTER_S, self.spec.clear_delay_s)
        return self.spec.clear_delay_s

    def _body(self) -> bytes:
        spec = self.spec
        limits = (spec.above, spec.below, spec.equals)
        fields: dict[str, object] = {
            "alarm": spec.name,
            "sev": spec.severity,
            "active": self.active,
            "acked": self.acked,
            "raised": self.raised_ms,
            "cleared": self.cleared_ms or None,
            "text": self.text,
            "value": self._value,
            "limit": next((limit for limit in limits if limit is not None), None),
        }
        if self._by:
            fields["by"] = self._by
        return orjson.dumps(fields)
