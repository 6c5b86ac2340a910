"""The gateway's own alarms: what somebody should look at although every machine may be well.

They are ordinary alarms of the asset `_gw/{gateway}`; this room only says what each one sees. One
for each device and for each publisher, so that their number is that of the site file.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from gateway.driver import ends_of, has_rival
from gateway.itself.certificate import expiry_ms
from gateway.model import AlarmSpec, Quality
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gateway.health import DeviceHealth
    from gateway.itself.readings import Parts
    from gateway.model import Draft, Value
    from gateway.plant import Plant
    from gateway.publishers.base import PublisherStatus
    from gateway.settings import PublishSettings

SILENT_S = 300.0
DAY_MS = 86_400_000
EXPIRY_DAYS = 30.0
LOOK_AGAIN_S = 3600.0
"""How often certificates are looked at."""
REFUSED = frozenset({"credentials", "tls", "version", "unsuitable"})
"""Causes (publishers/causes.py) by which a broker refuses us, and which haste can't mend."""
TAKEN = "taken-over"


class _Kind(NamedTuple):
    """An alarm that the gateway has once, for each device, or for each publisher."""

    name: str
    severity: int
    zh: str
    en: str
    limit: dict[str, float | bool]


_SILENT = _Kind(
    "device_silent", 2, "设备长时间无应答", "A device doesn't answer", {"above": SILENT_S}
)
_STORE = _Kind(
    "store_failing", 1, "磁盘拒绝写入", "The disk refuses", {"equals": True, "delay_s": 10.0}
)
_CLOCK = _Kind(
    "clock_unsync",
    3,
    "时钟未同步",
    "The clock isn't synchronised",
    {"equals": False, "delay_s": 300.0},
)
_BROKER = (
    _Kind(
        "broker_refuses",
        2,
        "服务器拒绝连接",
        "The broker refuses the gateway",
        {"equals": True, "delay_s": 10.0},
    ),
    _Kind(
        "client_id_taken",
        1,
        "客户端标识被他人占用",
        "Another client uses the client id",
        {"equals": True, "clear_delay_s": 600.0},
    ),
    _Kind(
        "topic_refused",
        2,
        "服务器拒绝部分主题",
        "The broker refuses topics",
        {"above": 0.0, "delay_s": 10.0},
    ),
    _Kind("record_aside", 3, "有记录被搁置", "Records are set aside", {"above": 0.0}),
)
_RIVAL = _Kind(
    "second_master",
    2,
    "总线上有另一主站",
    "Another master asks on a line",
    {"equals": True, "clear_delay_s": 60.0},
)
_CERTIFICATE = _Kind(
    "certificate_expiring", 2, "证书即将到期", "A certificate expires", {"below": EXPIRY_DAYS}
)
_OF_DEVICE = _Kind(
    "device_certificate_expiring",
    2,
    "设备连接的证书即将到期",
    "A certificate of a device's connection expires",
    {"below": EXPIRY_DAYS},
)
CERTIFIED = "opc.tcp:"
"""The scheme of links whose certificates are looked at."""


def specs_of(plant: Plant) -> tuple[AlarmSpec, ...]:
    """The gateway's alarms: fixed names, `{alarm}-{device or publisher}` where there are many."""
    made = [_spec(_STORE), _spec(_CLOCK), _spec(_RIVAL)]
    made += [_spec(_SILENT, device.name) for device in plant.devices]
    made += [_spec(_OF_DEVICE, one.name) for one in plant.devices if one.link.startswith(CERTIFIED)]
    for name, settings in plant.destinations.items():
        made += [_spec(kind, name) for kind in _BROKER]
        if settings.tls is not None:
            made.append(_spec(_CERTIFICATE, name))
    return tuple(made)


def _spec(kind: _Kind, of: str = "") -> AlarmSpec:
    name = f"{kind.name}-{of}" if of else kind.name
    lead = f"{of}: " if of else ""
    text = {"zh": lead + kind.zh, "en": lead + kind.en}
    return AlarmSpec(name, kind.severity, text, **kind.limit)  # type: ignore[arg-type]


class Seen(NamedTuple):
    """What one alarm is held against, and in words for people."""

    alarm: str
    value: Value
    text: str = ""


class Trouble:
    """Looks for trouble, once a second.

    Args:
        parts: the running gateway.
        gateway: its name.
    """

    def __init__(self, parts: Parts, gateway: str) -> None:
        self._parts = parts
        self._gateway = gateway
        self._publish: dict[str, PublishSettings] = {}
        self._devices: frozenset[str] = frozenset()
        self._certified: tuple[tuple[str, str], ...] = ()  # device and link
        self._failing_ns: dict[str, int] = {}
        self._well: set[str] = set()  # said to be so: most are, and asking again costs
        self._look_ns = 0

    def plan(self, plant: Plant) -> None:
        """Take devices and publishers; at a start and at a change."""
        self._publish = dict(plant.destinations)
        self._devices = frozenset(device.name for device in plant.devices)
        certified = (one for one in plant.devices if one.link.startswith(CERTIFIED))
        self._certified = tuple((one.name, one.link) for one in certified)
        self._failing_ns = {n: t for n, t in self._failing_ns.items() if n in self._devices}
        self._well.clear()
        self._look_ns = 0

    def look(self, mono_ns: int, now_ms: int) -> list[Draft]:
        """Records of alarms that begin or end."""
        drafts: list[Draft] = []
        for alarm, value, text in self._all(mono_ns, now_ms):
            known = Quality.BAD if value is None else Quality.GOOD
            drafts += self._parts.alarms.read(
                self._gateway, alarm, value, known, mono_ns, now_ms, text
            )
        return drafts

    def _all(self, mono_ns: int, now_ms: int) -> Iterator[Seen]:
        failing = self._parts.store.status().failing
        yield Seen(_STORE.name, failing is not None, failing or "")
        yield Seen(_CLOCK.name, self._parts.clock.trusted(), self._parts.clock.doubt())
        shared = [link.url for link in self._parts.links() if has_rival(link)]
        yield Seen(_RIVAL.name, bool(shared), ", ".join(shared))
        for name, health in self._parts.health.devices.items():
            if (health.error or name not in self._well) and name in self._devices and health.polls:
                yield self._device(name, health, mono_ns)
        for name, publisher in self._parts.publishers().items():
            if name in self._publish:
                yield from self._publisher(name, publisher.status())
        if mono_ns >= self._look_ns:
            self._look_ns = mono_ns + round(LOOK_AGAIN_S * 1e9)
            yield from self._certificates(now_ms)
            yield from self._of_devices(now_ms)

    def _device(self, name: str, health: DeviceHealth, mono_ns: int) -> Seen:
        if not health.error:
            self._failing_ns.pop(name, None)
            self._well.add(name)
            return Seen(f"{_SILENT.name}-{name}", 0.0)
        self._well.discard(name)
        since_ns = self._failing_ns.setdefault(name, mono_ns)
        silent_s = (mono_ns - since_ns) // 1_000_000_000
        return Seen(f"{_SILENT.name}-{name}", float(silent_s), health.error)

    def _publisher(self, name: str, status: PublisherStatus) -> Iterator[Seen]:
        refuses, taken, refused, aside = (f"{kind.name}-{name}" for kind in _BROKER)
        yield Seen(refuses, status.cause in REFUSED, status.error)
        yield Seen(taken, status.cause == TAKEN, status.error)
        topics = "; ".join(f"{topic}: {why}" for topic, why in list(status.held.items())[:3])
        yield Seen(refused, float(len(status.held)), topics)
        yield Seen(aside, float(status.aside))

    def _certificates(self, now_ms: int) -> Iterator[Seen]:
        """Days until the first of a publisher's certificates expires."""
        for name, settings in self._publish.items():
            if settings.tls is None:
                continue
            files = [file for file in (settings.tls.cert, settings.tls.ca) if file is not None]
            ends = {file: expiry_ms(file) for file in files}
            known = {file: end for file, end in ends.items() if end is not None}
            if not known:
                continue
            yield _ending(_CERTIFICATE, name, known, now_ms)

    def _of_devices(self, now_ms: int) -> Iterator[Seen]:
        """Days until the first certificate of a device's connection expires, its own or ours."""
        ends = {link.url: ends_of(link) for link in self._parts.links()}
        for name, link in self._certified:
            if ends.get(link):
                yield _ending(_OF_DEVICE, name, ends[link], now_ms)


def _ending(
    kind: _Kind, name: str, ends: Mapping[Path, int] | Mapping[str, int], now_ms: int
) -> Seen:
    what, end = min(ends.items(), key=lambda item: item[1])
    text = _("{name}: {file} expires on {day}").format(
        name=name, file=what, day=time.strftime("%Y-%m-%d", time.gmtime(end // 1000))
    )
    return Seen(f"{kind.name}-{name}", round((end - now_ms) / DAY_MS, 2), text)
