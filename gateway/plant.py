"""The plant: a site with everything that it refers to resolved, ready to be run.

Plain data: no parser, no model that checks, nothing that a running gateway would carry for years
and use for a second.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - plain.py reads these hints
from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003

from gateway.errors import Fault  # noqa: TC001
from gateway.model import Asset, Device  # noqa: TC001
from gateway.settings import (  # noqa: TC001
    Identity,
    InfluxSettings,
    MqttSettings,
    PublishSettings,
    Rosters,
    StoreSettings,
)


@dataclass(frozen=True, slots=True)
class KpiText:
    """What a figure is, as the contract's meta describes it."""

    n: str
    u: str
    desc: Mapping[str, str]
    layer: str


@dataclass(frozen=True, slots=True)
class ReasonText:
    """A stop reason, as meta describes it.

    Attributes:
        n: its key in the profile.
        loss: that it belongs to.
        codes: what else is given for it, beside its key.
    """

    n: str
    loss: str
    desc: Mapping[str, str]
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Marks:
    """What a plant is made of, in short, by name (see difference.py).

    Attributes:
        devices: a digest of each.
        assets: a digest of each and of everything that its meta says: tags bound, figures' names.
        sources: the devices that an asset's signals and alarms come from.
    """

    devices: Mapping[str, str] = field(default_factory=dict)
    assets: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plant:
    """A site, resolved: everything that the gateway needs to know of it.

    Attributes:
        assets: those of the site file, then one for each device with unbound tags.
        kpis: what the figures of the profile are, by name.
        drivers: URL scheme → where its driver is, as `module:object`.
        publishers: kind → where its publisher is.
        files: all that was read, so that a change of any of them can be noticed.
        notices: what is no fault and should be known: figures that will be null, keys whose
            features come later.
        marks: filled in for a plant that runs or is to run.
        reasons: why machines may stand, as the profile has them.
        publish: the brokers to publish to.
        databases: the databases to write to.
    """

    identity: Identity
    timezone: str
    rosters: Rosters
    publish: Mapping[str, MqttSettings]
    store: StoreSettings
    devices: tuple[Device, ...]
    assets: tuple[Asset, ...]
    kpis: Mapping[str, KpiText]
    drivers: Mapping[str, str]
    publishers: Mapping[str, str]
    files: tuple[Path, ...]
    notices: tuple[Fault, ...]
    marks: Marks = field(default_factory=Marks)
    reasons: tuple[ReasonText, ...] = ()
    databases: Mapping[str, InfluxSettings] = field(default_factory=dict)

    @property
    def destinations(self) -> Mapping[str, PublishSettings]:
        """Whatever records are sent to, brokers first."""
        return {**self.publish, **self.databases}

    def reasons_of(self, asset: Asset) -> tuple[ReasonText, ...]:
        """Why an asset may stand; of one whose state is never known, nothing."""
        return self.reasons if asset.kpi is not None and "state" in asset.kpi.signals else ()

    @property
    def heartbeat_s(self) -> float:
        """The shortest heartbeat that a publisher asks for; records are shared by all of them."""
        return min((settings.heartbeat for settings in self.publish.values()), default=300.0)
