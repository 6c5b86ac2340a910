"""The gateway's own tags: fixed names, so that a platform may build on them.

Counters count since the start of the process; `uptime` tells when that was. What there are many
of is summed up, and told one by one for the first few: devices and publishers in the order of the
site file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.contract import OWN_LINE
from gateway.model import Asset, Device, Group, Kind, Tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.model import AlarmSpec
    from gateway.plant import Plant

SELF = "_gw"
"""The device that these tags are of, as `src` in the meta names it; no device of a site can have
this name."""
PERIOD_S = 60.0
MOST_DEVICES = 16
MOST_PUBLISHERS = 8


class Gauge(NamedTuple):
    """One tag: name, what it holds, unit, where it is taken, names for people."""

    name: str
    kind: Kind
    unit: str
    at: str
    zh: str
    en: str


_FLAG, _COUNT, _NUMBER = Kind.BIT, Kind.U64, Kind.F64

GATEWAY = (
    Gauge("cpu", _NUMBER, "%", "process", "处理器占用（单核）", "CPU of one core"),
    Gauge("memory", _NUMBER, "MB", "process", "常驻内存", "Resident memory"),
    Gauge("uptime", _NUMBER, "s", "process", "运行时间", "Time since the start"),
    Gauge("cpu_time", _NUMBER, "s", "process", "累计处理器时间", "CPU time used"),
    Gauge("descriptors", _COUNT, "", "process", "打开的文件描述符", "Open descriptors"),
    Gauge("temperature", _NUMBER, "°C", "box", "设备温度", "Temperature of the box"),
    Gauge("clock_trusted", _FLAG, "", "box", "时钟已同步", "Clock is synchronised"),
    Gauge("devices_failing", _COUNT, "", "poller", "故障设备数", "Devices that fail"),
    Gauge("tags_bad", _COUNT, "", "poller", "读不到的点数", "Tags that can't be read"),
    Gauge("polls_ok", _COUNT, "", "poller", "成功轮询次数", "Polls answered"),
    Gauge("polls_failed", _COUNT, "", "poller", "失败轮询次数", "Polls that failed"),
    Gauge("polls_missed", _COUNT, "", "poller", "错过轮询次数", "Polls that fell due too soon"),
    Gauge("round_trip", _NUMBER, "ms", "poller", "最长响应时间", "Longest round trip"),
    Gauge("answers_late", _COUNT, "", "links", "迟到应答数", "Answers that came too late"),
    Gauge("answers_rejected", _COUNT, "", "links", "拒收应答数", "Answers that were rejected"),
    Gauge("readings_refused", _COUNT, "", "ledger", "过迟未计读数", "Readings too late to count"),
    Gauge("alarms_active", _COUNT, "", "alarms", "当前报警数", "Alarms that are active"),
    Gauge("alarms_silenced", _COUNT, "", "alarms", "维修中屏蔽的报警数", "Alarms silenced"),
    Gauge("outbox", _COUNT, "", "publishers", "待发记录数", "Records to be delivered"),
    Gauge("store_bytes", _COUNT, "B", "store", "存储占用", "Size of the store"),
    Gauge("store_free", _COUNT, "B", "store", "磁盘剩余空间", "Free on its disk"),
    Gauge("store_span", _NUMBER, "s", "store", "存储跨度", "Age of its oldest record"),
    Gauge("store_uncommitted", _COUNT, "B", "store", "未落盘字节数", "Bytes not on disk yet"),
    Gauge("store_commits", _COUNT, "", "store", "落盘次数", "Commits"),
    Gauge("store_wear", _COUNT, "B/d", "store", "每日写入量", "Bytes written a day"),
    Gauge("store_failing", _FLAG, "", "store", "磁盘拒写", "The disk refuses"),
    Gauge(
        "store_dropped", _COUNT, "", "store", "内存放不下而丢弃的记录", "Dropped for want of memory"
    ),
    Gauge("store_bad_rows", _COUNT, "", "store", "损坏记录数", "Records found unreadable"),
    Gauge("store_recovered", _COUNT, "", "store", "修复的存储段", "Segments recovered"),
)

DEVICE = (
    Gauge("round_trip", _NUMBER, "ms", "poller", "响应时间", "round trip"),
    Gauge("polls_ok", _COUNT, "", "poller", "成功轮询次数", "polls answered"),
    Gauge("polls_failed", _COUNT, "", "poller", "失败轮询次数", "polls that failed"),
    Gauge("polls_missed", _COUNT, "", "poller", "错过轮询次数", "polls that fell due too soon"),
)

PUBLISHER = (
    Gauge("connected", _FLAG, "", "publisher", "已连接", "connected"),
    Gauge("outbox", _COUNT, "", "publisher", "待发记录数", "records to be delivered"),
    Gauge("in_flight", _COUNT, "", "publisher", "在途消息数", "messages under way"),
    Gauge("acked", _COUNT, "", "publisher", "已确认记录数", "records acknowledged"),
    Gauge("held", _COUNT, "", "publisher", "被拒主题数", "topics refused"),
    Gauge("aside", _COUNT, "", "publisher", "搁置记录数", "records set aside"),
)


def tags_of(plant: Plant, lacking: Iterable[str]) -> tuple[Tag, ...]:
    """The gateway's tags.

    Args:
        plant: its devices and publishers.
        lacking: gauges that this machine has no source for.
    """
    absent = set(lacking)
    parts = [_tag(gauge) for gauge in GATEWAY if gauge.name not in absent]
    for device in plant.devices[:MOST_DEVICES]:
        parts += _tags(f"device.{device.name}", device.name, DEVICE)
    for publisher in list(plant.destinations)[:MOST_PUBLISHERS]:
        parts += _tags(f"publish.{publisher}", publisher, PUBLISHER)
    return tuple(parts)


def _tags(prefix: str, owner: str, gauges: Iterable[Gauge]) -> Iterator[Tag]:
    for gauge in gauges:
        named = gauge._replace(
            name=f"{prefix}.{gauge.name}", zh=f"{owner} {gauge.zh}", en=f"{owner}: {gauge.en}"
        )
        yield _tag(named)


def _tag(gauge: Gauge) -> Tag:
    return Tag(
        device=SELF,
        name=gauge.name,
        kind=gauge.kind,
        at=gauge.at,
        register=None,
        unit=gauge.unit or None,
        text={"zh": gauge.zh, "en": gauge.en},
    )


def asset_of(gateway: str, tags: Iterable[Tag], alarms: tuple[AlarmSpec, ...]) -> Asset:
    """The gateway as an asset."""
    return Asset(
        name=gateway,
        line=OWN_LINE,
        kind="gateway",
        text={"zh": "网关", "en": "Gateway"},
        bindings=(),
        kpi=None,
        alarms=alarms,
        loose=tuple(tags),
    )


def device_of(tags: tuple[Tag, ...]) -> Device:
    """The device that its tags are read from, all in one group."""
    return Device(SELF, "", 0.0, (Group(SELF, "default", PERIOD_S, tags),), {})
