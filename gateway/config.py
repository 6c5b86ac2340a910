"""The site file: all of its keys, read item by item so that one bad tag hides no other fault.

What refers from one place to another (a binding to a tag, a template, an industry) is for
`templates.resolve`, which sees the templates; here each item is held against its own rules. Every
key is fixed from the first release on, also those whose feature comes later, because a strict
parser makes a later change a break; `notices` says which these are.
"""

import zoneinfo
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from gateway.destination import CommandsConfig, InfluxPublish, MqttPublish, TlsConfig
from gateway.document import Document, examine, validate
from gateway.equipment import (
    AlarmConfig,
    AssetConfig,
    DeviceConfig,
    InventoryItem,
    Part,
    ProductConfig,
    SecurityConfig,
    TagConfig,
    WriteConfig,
)
from gateway.errors import ConfigError, Fault
from gateway.explain import Wrong, describe, nearest
from gateway.files import FilePath, SecretFile
from gateway.names import Level
from gateway.shifts import CalendarConfig, LineCalendar, ShiftConfig
from gateway.units import Day, Duration, Size, between
from gateway.words import _

__all__ = [
    "AlarmConfig",
    "AssetConfig",
    "BaselineConfig",
    "CalendarConfig",
    "CommandsConfig",
    "DeviceConfig",
    "InfluxPublish",
    "InventoryItem",
    "KeepConfig",
    "LineCalendar",
    "MqttPublish",
    "ProductConfig",
    "SecretFile",
    "SecurityConfig",
    "ShiftConfig",
    "Site",
    "SiteInfo",
    "StoreConfig",
    "TagConfig",
    "TlsConfig",
    "WriteConfig",
    "read",
]


def _zone(value: str) -> str:
    """Check a time zone by asking for it: listing all of them costs 50 ms of the start."""
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        known = zoneinfo.available_timezones()
        near = nearest(value, known)
        next_ = _("write region and city, e.g. Asia/Shanghai")
        if not known:
            next_ = _("this system has no time zones: install its tzdata package")
        elif near:
            next_ = _("did you mean {near}?").format(near=near)
        what = _("{value} is not a time zone").format(value=describe(value))
        raise Wrong("unknown-timezone", what, next_) from error
    return value


class SiteInfo(Part):
    """Who this gateway is: the levels of its topics, its time zone, its industry."""

    cluster: Level = Field(examples=["wenzhou-shoes"])
    enterprise: Level = Field(examples=["demo-footwear"])
    site: Level = Field(examples=["plant-1"])
    gateway: Level = Field(examples=["gw-01"])
    timezone: Annotated[str, AfterValidator(_zone)] = Field(examples=["Asia/Shanghai"])
    industry: str | None = Field(default=None, pattern="^[a-z0-9_-]+$", examples=["shoes"])
    extensions: tuple[FilePath, ...] = Field(default=(), examples=[["extra.yaml"]])


class BaselineConfig(Part):
    """The days before the retrofit, [from, to), that later figures are compared with."""

    from_: Day = Field(alias="from", examples=["2026-03-01"])
    to: Day = Field(examples=["2026-04-01"])

    @model_validator(mode="after")
    def _forward(self) -> "BaselineConfig":
        if self.from_ >= self.to:
            what = _("to is not after from")
            raise Wrong("upside-down", what, _("write the first day after the baseline"), ("to",))
        return self


class KeepConfig(Part):
    """How long delivered records stay as history."""

    telemetry: Duration = Field(
        default=30 * 86400.0, examples=["30d"], json_schema_extra={"default": "30d"}
    )
    kpi: Duration = Field(
        default=3 * 365 * 86400.0, examples=["3y"], json_schema_extra={"default": "3y"}
    )


class StoreConfig(Part):
    """The durable queue on disk."""

    path: FilePath = Field(
        default=Path("/var/lib/nxgate"),
        examples=["/var/lib/nxgate"],
        json_schema_extra={"default": "/var/lib/nxgate"},
    )
    size: Annotated[Size, Field(ge=16 << 20)] = Field(
        default=2 << 30, examples=["2GiB"], json_schema_extra={"default": "2GiB"}
    )
    keep: KeepConfig = Field(default=KeepConfig(), examples=[{"telemetry": "30d", "kpi": "3y"}])
    commit: Annotated[Duration, AfterValidator(between("10ms", "10s"))] = Field(
        default=0.5, examples=["500ms"], json_schema_extra={"default": "500ms"}
    )


class Site(Part):
    """A site file, read.

    Attributes:
        document: the file itself, for the places of its values.
        invalid: paths of items that exist but don't hold, so that what refers to them isn't
            reported as unknown.
    """

    site: SiteInfo
    devices: dict[str, DeviceConfig] = Field(default_factory=dict)
    assets: dict[str, AssetConfig] = Field(default_factory=dict)
    inventory: dict[str, InventoryItem] = Field(default_factory=dict)
    baseline: BaselineConfig | None = None
    calendar: CalendarConfig | None = None
    publish: dict[str, MqttPublish | InfluxPublish] = Field(default_factory=dict)
    store: StoreConfig = StoreConfig()

    _document: Document = PrivateAttr()
    _invalid: frozenset[tuple[str, ...]] = PrivateAttr(default=frozenset())

    @property
    def document(self) -> Document:
        """The file itself, for the places of its values."""
        return self._document

    @property
    def invalid(self) -> frozenset[tuple[str, ...]]:
        """Paths of items that exist but don't hold."""
        return self._invalid


def read(path: Path | str) -> tuple[Site, list[Fault]]:
    """Read a site file.

    Raises:
        ConfigError: the file can't be read at all.
    """
    document, faults = examine(path)
    if document is None:
        raise ConfigError(faults)
    site, more = validate(document, (), Site)
    if site is None:
        raise ConfigError(sorted([*faults, *more]))
    site._document = document  # noqa: SLF001
    return site, sorted([*faults, *more])
