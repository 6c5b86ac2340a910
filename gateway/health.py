"""Counters and state of each device: what happened, since when, what it said.

Written by the poller, read by displays; nobody decides anything from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(slots=True)
class DeviceHealth:
    """One device's polls.

    Attributes:
        polls: attempts; ok, failed: how they ended.
        missed: polls that fell due while the one before was still unfinished; never queued.
        bad_tags: tags of the last good poll that could not be read.
        round_trip_ms: of the last good poll.
        since_ms: UTC ms since when `error` holds (or since when all is well).
        error: why the last poll failed, or "".
        fault: the same as a code, see `DriverError.fault`, or "".
        refused: tag → what the device said when it was asked for, as long as it is refused.
    """

    polls: int = 0
    ok: int = 0
    failed: int = 0
    missed: int = 0
    bad_tags: int = 0
    round_trip_ms: float = 0.0
    since_ms: int = 0
    error: str = ""
    fault: str = ""
    refused: dict[str, str] = field(default_factory=dict)

    def succeeded(self, now_ms: int, round_trip_ms: float, bad_tags: int) -> bool:
        """Count a good poll; True when it ends a failure, so that it is logged once."""
        recovered = bool(self.error) or not self.ok
        self.polls += 1
        self.ok += 1
        self.round_trip_ms = round_trip_ms
        self.bad_tags = bad_tags
        if recovered:
            self.since_ms = now_ms
            self.error = self.fault = ""
        return recovered

    def fell(self, now_ms: int, error: str, fault: str) -> bool:
        """Count a failed poll; True when the failure is new, so that it is logged once."""
        news = not self.error
        self.polls += 1
        self.failed += 1
        if news:
            self.since_ms = now_ms
        self.error, self.fault = error, fault
        return news

    def told_no(self, group: Iterable[str], refused: Mapping[str, str]) -> list[str]:
        """Note which tags of a group are refused; what is new, so that it is logged once."""
        news = [text for tag, text in refused.items() if tag not in self.refused]
        for tag in group:
            self.refused.pop(tag, None)
        self.refused.update(refused)
        return news


@dataclass(slots=True)
class Health:
    """All devices of one gateway."""

    devices: dict[str, DeviceHealth] = field(default_factory=dict)

    def device(self, name: str) -> DeviceHealth:
        """The counters of a device, made at first use."""
        return self.devices.setdefault(name, DeviceHealth())
