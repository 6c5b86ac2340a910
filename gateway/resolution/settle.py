"""From the models of a site file to the plain settings that the running gateway takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.resolution import platforms
from gateway.secret import Secret
from gateway.settings import (
    CommandSettings,
    Identity,
    InfluxSettings,
    MqttSettings,
    Overtime,
    Roster,
    Rosters,
    Shift,
    SparkplugSettings,
    Stop,
    StoreSettings,
    Tls,
)
from gateway.sitefile.destination import InfluxPublish, MqttPublish
from gateway.sitefile.later import serves

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.sitefile.sections import Site, StoreConfig
    from gateway.sitefile.shifts import CalendarConfig, ShiftConfig, StopConfig
    from gateway.sitefile.sparkplug import SparkplugConfig
    from gateway.sitefile.tls import TlsConfig

DAY_MINUTES = 1440


def identity(site: Site) -> Identity:
    """Where the gateway stands."""
    info = site.site
    return Identity(info.cluster, info.enterprise, info.site, info.gateway)


def publishers(site: Site) -> dict[str, MqttSettings]:
    """The publishers that are served yet; `later.notices` tells of the others."""
    return {
        name: replace(
            mqtt(publish, _where(site, name)),
            platform=platforms.platform(publish, site.site.gateway),
            mapping=platforms.mapping(site.mappings.get(name), site.site.timezone),
        )
        for name, publish in site.publish.items()
        if isinstance(publish, MqttPublish) and serves(publish)
    }


def databases(site: Site) -> dict[str, InfluxSettings]:
    """The publishers that write to a database."""
    return {
        name: influx(publish, _where(site, name))
        for name, publish in site.publish.items()
        if isinstance(publish, InfluxPublish)
    }


def store(config: StoreConfig) -> StoreSettings:
    """The store's folder and bounds."""
    keep = config.keep
    return StoreSettings(config.path, config.size, keep.telemetry, keep.kpi, config.commit)


def rosters(config: CalendarConfig | None) -> Rosters:
    """The shifts of a site and of its lines; without a calendar all time is planned."""
    if config is None:
        return Rosters(None, {})

    def roster(shifts: Mapping[str, ShiftConfig], line: str | None) -> Roster:
        made = tuple(_shift(name, shift) for name, shift in shifts.items())
        overtime = tuple(
            Overtime(extra.on, _shift(extra.shift, worked))
            for extra in config.overtime
            if extra.line in {None, line} and (worked := extra.worked(shifts)) is not None
        )
        return Roster(made, config.holidays, config.workdays, overtime)

    lines = {name: roster(line.shifts, name) for name, line in config.lines.items()}
    if config.shifts:
        alone = {extra.line for extra in config.overtime if extra.line is not None} - lines.keys()
        lines |= {name: roster(config.shifts, name) for name in sorted(alone)}
    stops = tuple(
        Stop(stop.on, stop.start, stop.start + _length(stop), stop.line or "", stop.asset or "")
        for stop in config.stops
    )
    return Rosters(roster(config.shifts, None) if config.shifts else None, lines, stops)


def _length(stop: StopConfig) -> int:
    return (stop.end - stop.start) % DAY_MINUTES or DAY_MINUTES


def mqtt(publish: MqttPublish, where: str = "") -> MqttSettings:
    """One broker; `where` is the section's `file:line`."""
    commands = publish.commands
    return MqttSettings(
        brokers=publish.brokers,
        client_id=publish.client_id,
        username=publish.username,
        password=Secret(publish.password.file) if publish.password else None,
        tls=_tls(publish.tls),
        version=platforms.version(publish),
        heartbeat=publish.heartbeat,
        backlog=publish.backlog,
        spread=publish.spread,
        where=where,
        commands=CommandSettings(
            key=Secret(commands.key.file) if commands.key else None,
            allow=commands.allow,
            unsigned=commands.unsigned,
            where=where,
        )
        if commands
        else None,
        format=publish.format,
        sparkplug=sparkplug(publish.sparkplug) if publish.format == "sparkplug" else None,
    )


def sparkplug(config: SparkplugConfig | None) -> SparkplugSettings:
    """An edge node; "" where the site file leaves something to the gateway."""
    if config is None:
        return SparkplugSettings()
    return SparkplugSettings(
        group=config.group or "",
        node=config.node or "",
        primary_host=config.primary_host or "",
        aliases=config.aliases,
        datatypes=config.datatypes,
        marker=config.marker or "",
    )


def influx(publish: InfluxPublish, where: str = "") -> InfluxSettings:
    """One bucket; `where` is the section's `file:line`."""
    return InfluxSettings(
        url=publish.url,
        org=publish.org,
        bucket=publish.bucket,
        token=Secret(publish.token.file),
        tls=_tls(publish.tls),
        backlog=publish.backlog,
        where=where,
    )


def _tls(tls: TlsConfig | None) -> Tls | None:
    return Tls(tls.ca, tls.cert, tls.key) if tls else None


def _where(site: Site, name: str) -> str:
    line, _column = site.document.where(("publish", name))
    return f"{site.document.file}:{line}"


def _shift(name: str, config: ShiftConfig) -> Shift:
    """Count a shift's times on from the midnight before it begins."""

    def onward(minute: int) -> int:
        return config.start + (minute - config.start) % DAY_MINUTES

    breaks = tuple(
        (onward(start), onward(start) + (end - start) % DAY_MINUTES) for start, end in config.breaks
    )
    return Shift(name, config.start, config.start + config.length, config.days, breaks)
