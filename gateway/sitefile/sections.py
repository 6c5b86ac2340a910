"""The sections of a site file, and the site that they make together."""

import zoneinfo
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from gateway.sitefile.destination import InfluxPublish, MqttPublish
from gateway.sitefile.document import Document
from gateway.sitefile.equipment import DeviceConfig
from gateway.sitefile.explain import Wrong, describe, nearest
from gateway.sitefile.files import FilePath
from gateway.sitefile.machines import AssetConfig, InventoryItem
from gateway.sitefile.mapping import MappingConfig
from gateway.sitefile.metering import PER, MediumFactors
from gateway.sitefile.names import IndustryName, Level, Name
from gateway.sitefile.part import Part
from gateway.sitefile.shifts import CalendarConfig
from gateway.sitefile.tariffs import TariffConfig
from gateway.sitefile.units import (
    Day,
    Duration,
    Maybe,
    Period,
    Size,
    at_least,
    between,
    seconds,
    size_bytes,
)
from gateway.words import _


def _zone(value: str) -> str:
    """Check a time zone by asking for it: listing all of them costs 50 ms of the start."""
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        known = zoneinfo.available_timezones()
        offset = value.upper().startswith(("UTC", "GMT"))  # UTC+8 is not UTC, however near
        near = None if offset else nearest(value, known)
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

    cluster: Level = Field(description="The industry cluster.", examples=["wenzhou-shoes"])
    enterprise: Level = Field(description="The firm.", examples=["demo-footwear"])
    site: Level = Field(description="Its factory.", examples=["plant-1"])
    gateway: Level = Field(
        description="This box; unique within the site, part of every record's id.",
        examples=["gw-01"],
    )
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        description="Zone of shifts, hours and days.", examples=["Asia/Shanghai"]
    )
    industry: Maybe[IndustryName] = Field(
        default=None,
        description="Industry profile; without it the gateway only moves tags.",
        examples=["shoes"],
    )
    extensions: tuple[FilePath, ...] = Field(
        default=(),
        description="Files with the firm's own signals, rules and KPIs.",
        examples=[["extra.yaml"]],
    )


class BaselineConfig(Part):
    """The days before the retrofit, [from, to), that later figures are compared with."""

    from_: Day = Field(alias="from", description="Its first day.", examples=["2026-03-01"])
    to: Day = Field(description="The first day after it.", examples=["2026-04-01"])

    @model_validator(mode="after")
    def _forward(self) -> "BaselineConfig":
        if self.from_ >= self.to:
            what = _("to is not after from")
            raise Wrong("upside-down", what, _("write the first day after the baseline"), ("to",))
        return self


class KeepConfig(Part):
    """How long delivered records stay as history."""

    telemetry: Period = Field(
        default=seconds("30d"),
        description="For telemetry.",
        examples=["30d"],
        json_schema_extra={"default": "30d"},
    )
    kpi: Period = Field(
        default=seconds("3y"),
        description="For states, figures, events and alarms.",
        examples=["3y"],
        json_schema_extra={"default": "3y"},
    )


class StoreConfig(Part):
    """The durable queue on disk."""

    path: FilePath = Field(
        default=Path("/var/lib/nxgate"),
        description="Its folder.",
        examples=["/var/lib/nxgate"],
        json_schema_extra={"default": "/var/lib/nxgate"},
    )
    size: Annotated[Size, AfterValidator(at_least("16MiB"))] = Field(
        default=size_bytes("2GiB"),
        description="What it may take of the disk; beyond, the oldest goes first.",
        examples=["2GiB"],
        json_schema_extra={"default": "2GiB"},
    )
    keep: KeepConfig = Field(
        default=KeepConfig(),
        description="How long history is kept.",
        examples=[{"telemetry": "30d", "kpi": "3y"}],
    )
    commit: Annotated[Duration, AfterValidator(between("10ms", "10s"))] = Field(
        default=0.5,
        description="Records are written to the disk together, this often.",
        examples=["500ms"],
        json_schema_extra={"default": "500ms"},
    )


class Site(Part):
    """A site file, read: all of it that holds."""

    site: SiteInfo = Field(description="Who this gateway is.")
    devices: dict[Name, DeviceConfig] = Field(
        default_factory=dict, description="What is read: PLCs, meters, servers."
    )
    assets: dict[Name, AssetConfig] = Field(
        default_factory=dict, description="The machines, and which tags tell of them."
    )
    inventory: dict[Name, InventoryItem] = Field(
        default_factory=dict, description="Machines of the factory that aren't connected."
    )
    baseline: BaselineConfig | None = Field(
        default=None, description="The days before the retrofit, to compare with."
    )
    calendar: CalendarConfig | None = Field(
        default=None, description="When the factory plans to work."
    )
    tariff: TariffConfig | FilePath | None = Field(
        default=None, description="Time-of-use tariff, or the file that holds it."
    )
    factors: dict[str, MediumFactors] = Field(
        default_factory=dict,
        description="Conversion of media into coal and CO2, with their sources.",
        json_schema_extra={"propertyNames": {"enum": list(PER)}},
    )
    publish: dict[Name, Annotated[MqttPublish | InfluxPublish, Field(discriminator="kind")]] = (
        Field(default_factory=dict, description="Where records are sent to.")
    )
    store: StoreConfig = Field(
        default=StoreConfig(), description="Where records wait until they have arrived."
    )

    _document: Document = PrivateAttr()
    _invalid: frozenset[tuple[str, ...]] = PrivateAttr(default=frozenset())
    _beside: tuple[Path, ...] = PrivateAttr(default=())
    _mappings: dict[str, MappingConfig] = PrivateAttr(default_factory=dict)

    @property
    def document(self) -> Document:
        """The file itself, for the places of its values."""
        return self._document

    @property
    def invalid(self) -> frozenset[tuple[str, ...]]:
        """Paths of what stands in the file but doesn't hold.

        A path is an item's (`devices, plc-1`), left out here, or that of a key of an item which
        is kept without it (`devices, plc-1, poll`). What refers to one of these is not unknown.
        """
        return self._invalid

    @property
    def beside(self) -> tuple[Path, ...]:
        """Files of the site's own that were read with it."""
        return self._beside

    @property
    def mappings(self) -> dict[str, MappingConfig]:
        """The mapping files, by the publisher that names each."""
        return self._mappings

    def attach(
        self,
        document: Document,
        invalid: frozenset[tuple[str, ...]],
        beside: tuple[Path, ...] = (),
        mappings: dict[str, MappingConfig] | None = None,
    ) -> None:
        """Take in what the reader knows beside the values; once, when it has read them."""
        self._document = document
        self._invalid = invalid
        self._beside = beside
        self._mappings = mappings or {}

    def is_invalid(self, *path: str) -> bool:
        """Say whether a path, or what it stands in, was left out because it doesn't hold."""
        return any(path[:n] in self._invalid for n in range(1, len(path) + 1))
