"""What a site file settles for the running gateway, as plain data that knows no parser.

`gateway/sitefile/` holds the models that read and check these settings; here they are as the
rooms take them. Names are those of the site file.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - plain.py reads these hints
from dataclasses import dataclass, field
from datetime import date  # noqa: TC003
from pathlib import Path  # noqa: TC003

from gateway.secret import Secret  # noqa: TC001

MONDAY = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """Where this gateway stands: the topic levels above line and asset, and its own name."""

    cluster: str
    enterprise: str
    site: str
    gateway: str


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificates for a connection; without `ca` the system's authorities are trusted."""

    ca: Path | None
    cert: Path | None
    key: Path | None


@dataclass(frozen=True, slots=True)
class CommandSettings:
    """What a platform may have done; writes are allowed tag by tag.

    Attributes:
        key: file of the keys that sign commands; None: none are signed.
        allow: names of commands.
        unsigned: commands without a signature are taken too.
        where: `file:line` of the section, for messages.
    """

    key: Secret | None
    allow: tuple[str, ...]
    unsigned: bool
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class SparkplugSettings:
    """An edge node of Sparkplug B.

    Attributes:
        group, node: ids; "": enterprise and site, the gateway's name.
        primary_host: the host application that is waited for, or "".
        aliases: data names metrics by number.
        datatypes: data says each metric's datatype too.
        marker: topic of the markers behind data; "": one of the node's own.
    """

    group: str = ""
    node: str = ""
    primary_host: str = ""
    aliases: bool = True
    datatypes: bool = False
    marker: str = ""


@dataclass(frozen=True, slots=True)
class Child:
    """What a platform knows an asset by.

    Attributes:
        device: its id there.
        product: of the device; "": none is needed.
        secret: of the device, where the platform wants its login signed.
    """

    device: str
    product: str = ""
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class Platform:
    """What a platform knows the gateway and its assets by.

    Attributes:
        device, product: the gateway's own.
        secret: it signs with, never sent.
        secure_id: JetLinks' name of that secret.
        service: Huawei's service of an asset's properties.
        contract: UMH's data contract.
        children: by asset.
    """

    device: str
    product: str = ""
    secret: Secret | None = None
    secure_id: str = ""
    service: str = ""
    contract: str = ""
    children: Mapping[str, Child] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MappedField:
    """A value under another name and in another unit: value × times + plus.

    Attributes:
        name: on the wire; "": it isn't told.
    """

    name: str
    times: float = 1.0
    plus: float = 0.0


@dataclass(frozen=True, slots=True)
class MappedMessage:
    """A kind of message of a home-grown platform.

    Attributes:
        of: classes of records that it is made of, without what follows a slash.
        assets: patterns of their names.
        each: one message per `record`, `row` or `value`.
        time: how times are written: `ms`, `s`, `iso` or `local`.
        body, row, value: JSON text with placeholders; "" where there is none.
    """

    of: tuple[str, ...]
    assets: tuple[str, ...]
    topic: str
    each: str
    time: str
    body: str
    row: str = ""
    value: str = ""
    qos: int = 1
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping file, settled.

    Attributes:
        fields: by the gateway's name.
        others: values that no field names are told under their own names.
        timezone: of times written as `local`.
    """

    messages: tuple[MappedMessage, ...]
    fields: Mapping[str, MappedField]
    others: bool
    timezone: str


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """An MQTT broker of a platform.

    Attributes:
        brokers: URLs to try, in order.
        version: `5`, `3.1.1` or `auto`.
        heartbeat: s; a value that doesn't change is told again after so long.
        backlog: records/s sent beside live ones.
        spread: s; random wait before the backlog, so that many gateways don't come at once.
        where: `file:line` of the section, for messages.
        commands: None: none are taken.
        format: what is spoken over it, in the site file's words.
        sparkplug: of that format.
        platform: what the formats of other platforms need.
        mapping: of the format `mapping`.
    """

    brokers: tuple[str, ...]
    client_id: str | None
    username: str | None
    password: Secret | None
    tls: Tls | None
    version: str
    heartbeat: float
    backlog: float
    spread: float
    where: str = field(default="", compare=False)
    commands: CommandSettings | None = None
    format: str = "cii"
    sparkplug: SparkplugSettings | None = None
    platform: Platform | None = None
    mapping: Mapped | None = None

    @property
    def publisher(self) -> str:
        """The entry point of `nxgate.publishers` that serves it."""
        return "mqtt" if self.format == "cii" else self.format

    @property
    def known_as(self) -> object:
        """What the other side knows it by: with another one it is somebody else there."""
        return self.publisher, self.sparkplug


@dataclass(frozen=True, slots=True)
class InfluxSettings:
    """A bucket of an InfluxDB, or of what speaks its v2 interface.

    Attributes:
        token: file of the token.
        tls: certificates of an https server.
        backlog: records/s sent beside live ones.
        where: `file:line` of the section, for messages.
    """

    url: str
    org: str
    bucket: str
    token: Secret
    tls: Tls | None
    backlog: float
    where: str = field(default="", compare=False)

    @property
    def publisher(self) -> str:
        """The entry point of `nxgate.publishers` that serves it."""
        return "influx"

    @property
    def known_as(self) -> object:
        """What the other side knows it by."""
        return self.publisher


PublishSettings = MqttSettings | InfluxSettings


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """The durable queue on disk.

    Attributes:
        size: bytes it may take.
        keep_telemetry, keep_kpi: s that delivered records stay as history.
        commit: s between commits.
    """

    path: Path
    size: int
    keep_telemetry: float
    keep_kpi: float
    commit: float

    @property
    def keep(self) -> dict[str, float]:
        """Seconds by class of records, as the store takes them."""
        return {"telemetry": self.keep_telemetry, "kpi": self.keep_kpi}


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift as it recurs, in minutes after local midnight of the day it begins.

    Attributes:
        end: after `start`; beyond 1440 where it runs over midnight.
        days: weekdays it begins on, Monday 0.
        breaks: (start, end) within the shift, counted as `end` is.
    """

    name: str
    start: int
    end: int
    days: frozenset[int]
    breaks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Overtime:
    """A shift on one date, beside those of the week, or in place of the one of its name."""

    day: date
    shift: Shift


@dataclass(frozen=True, slots=True)
class Stop:
    """Planned down time on one date: maintenance, a power cut that was announced.

    Attributes:
        start, end: minutes after local midnight of the day; `end` beyond 1440 is the next day.
        line, asset: whose; "": of every one.
    """

    day: date
    start: int
    end: int
    line: str = ""
    asset: str = ""


@dataclass(frozen=True, slots=True)
class Roster:
    """The shifts of one line and the dates that are exceptions."""

    shifts: tuple[Shift, ...]
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    overtime: tuple[Overtime, ...] = ()

    def on(self, day: date) -> tuple[Shift, ...]:
        """The shifts that begin on a date; a make-up day (调休) works as a Monday does."""
        extra = {one.shift.name: one.shift for one in self.overtime if one.day == day}
        if day in self.workdays:
            weekday = MONDAY
        elif day in self.holidays:
            return tuple(extra.values())
        else:
            weekday = day.weekday()
        usual = {shift.name: shift for shift in self.shifts if weekday in shift.days}
        return tuple({**usual, **extra}.values())


@dataclass(frozen=True, slots=True)
class Rosters:
    """The shifts of a site.

    Attributes:
        site: of lines that have none of their own; None: all time is planned.
        lines: line → its own.
        stops: planned down time, by date.
    """

    site: Roster | None
    lines: Mapping[str, Roster]
    stops: tuple[Stop, ...] = ()

    def of(self, line: str) -> Roster | None:
        """The roster of a line; None: all of its time is planned."""
        return self.lines.get(line, self.site)

    def stops_of(self, line: str, asset: str) -> tuple[Stop, ...]:
        """The stops of an asset, and of its line."""
        return tuple(s for s in self.stops if s.line in {"", line} and s.asset in {"", asset})
