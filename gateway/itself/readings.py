"""What the gateway's own tags say now: counters that others keep, and the process itself."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.model import Batch, Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gateway.alarms.board import Alarms
    from gateway.clock import Clock
    from gateway.driver import Link
    from gateway.health import Health
    from gateway.ledger import Ledger
    from gateway.model import Tag, Value
    from gateway.publishers.base import Publisher
    from gateway.store import Store

PROCESS = Path("/proc/self")
ZONES = Path("/sys/class/thermal")


@dataclass(frozen=True, slots=True)
class Parts:
    """The running gateway, as far as its own readings and alarms come from it.

    Attributes:
        links, publishers: ask for those that are there now.
    """

    clock: Clock
    health: Health
    ledger: Ledger
    alarms: Alarms
    store: Store
    links: Callable[[], Sequence[Link]]
    publishers: Callable[[], Mapping[str, Publisher]]


def lacking() -> list[str]:
    """Gauges for which this machine has no source."""
    needs = {"memory": _memory(), "descriptors": _descriptors(), "temperature": _temperature()}
    return [name for name, value in needs.items() if value is None]


class Readings:
    """Takes the readings.

    Args:
        parts: the running gateway.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._started_ns = parts.clock.mono_ns()
        self._last = (self._started_ns, _cpu_s())

    def take(self, tags: tuple[Tag, ...]) -> Batch:
        """One batch of these tags; what can't be read is bad."""
        clock = self._parts.clock
        mono_ns = clock.mono_ns()
        found: dict[str, Value] = {}
        for some in (self._process(mono_ns), self._polls(), self._store(), self._each()):
            found.update(some)
        values = tuple(found.get(tag.name) for tag in tags)
        quality = tuple(Quality.BAD if value is None else Quality.GOOD for value in values)
        return Batch(
            device=tags[0].device,
            tags=tags,
            values=values,
            quality=quality if any(quality) else None,
            time_ns=clock.wall_ns(),
            mono_ns=mono_ns,
        )

    def _process(self, mono_ns: int) -> Iterator[tuple[str, Value]]:
        cpu_s = _cpu_s()
        (last_ns, last_s), self._last = self._last, (mono_ns, cpu_s)
        elapsed_s = (mono_ns - last_ns) * 1e-9
        yield "cpu", round((cpu_s - last_s) / elapsed_s * 100, 1) if elapsed_s > 0 else 0.0
        yield "cpu_time", round(cpu_s, 2)
        yield "uptime", round((mono_ns - self._started_ns) * 1e-9)
        yield "memory", _memory()
        yield "descriptors", _descriptors()
        yield "temperature", _temperature()
        yield "clock_trusted", self._parts.clock.trusted()

    def _polls(self) -> Iterator[tuple[str, Value]]:
        devices = list(self._parts.health.devices.values())
        links = self._parts.links()
        yield "devices_failing", sum(bool(device.error) for device in devices)
        yield "tags_bad", sum(device.bad_tags for device in devices)
        yield "polls_ok", sum(device.ok for device in devices)
        yield "polls_failed", sum(device.failed for device in devices)
        yield "polls_missed", sum(device.missed for device in devices)
        yield "round_trip", round(max((d.round_trip_ms for d in devices), default=0.0), 2)
        yield "answers_late", sum(link.late for link in links)
        yield "answers_rejected", sum(link.rejected for link in links)
        yield "readings_refused", sum(self._parts.ledger.refused().values())
        yield "alarms_active", len(self._parts.alarms.standing())
        yield "alarms_silenced", self._parts.alarms.silenced

    def _store(self) -> Iterator[tuple[str, Value]]:
        status = self._parts.store.status()
        now_ms = self._parts.clock.wall_ns() // 1_000_000
        yield "store_bytes", status.bytes
        yield "store_free", status.free
        age_s = max(0, now_ms - status.oldest_ms) // 1000 if status.oldest_ms else 0
        yield "store_span", age_s
        yield "store_uncommitted", status.uncommitted
        yield "store_commits", status.commits
        yield "store_wear", status.wear
        yield "store_failing", status.failing is not None
        yield "store_dropped", sum(status.dropped.values())
        yield "store_bad_rows", status.bad_rows
        yield "store_recovered", status.recovered

    def _each(self) -> Iterator[tuple[str, Value]]:
        """Devices and publishers one by one, and what is still to be sent."""
        for name, health in self._parts.health.devices.items():
            prefix = f"device.{name}"
            yield f"{prefix}.round_trip", round(health.round_trip_ms, 2)
            yield f"{prefix}.polls_ok", health.ok
            yield f"{prefix}.polls_failed", health.failed
            yield f"{prefix}.polls_missed", health.missed
        told = {name: one.status() for name, one in self._parts.publishers().items()}
        yield "outbox", max((status.outbox for status in told.values()), default=0)
        for name, status in told.items():
            prefix = f"publish.{name}"
            yield f"{prefix}.connected", status.connected
            yield f"{prefix}.outbox", status.outbox
            yield f"{prefix}.in_flight", status.in_flight
            yield f"{prefix}.acked", status.acked
            yield f"{prefix}.held", len(status.held)
            yield f"{prefix}.aside", status.aside


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory() -> float | None:
    """Resident memory in MB; None where the system doesn't tell."""
    try:
        pages = int(PROCESS.joinpath("statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return round(pages * resource.getpagesize() / 1e6, 1)


def _descriptors() -> int | None:
    try:
        return len(os.listdir(PROCESS / "fd"))  # noqa: PTH208 - counted, not used
    except OSError:
        return None


def _temperature() -> float | None:
    """The hottest zone of the box in °C; None where it has none."""
    found: list[float] = []
    for zone in ZONES.glob("thermal_zone*/temp"):
        try:
            found.append(int(zone.read_text("ascii")) / 1000)
        except (OSError, ValueError):
            continue
    return max(found, default=None)
