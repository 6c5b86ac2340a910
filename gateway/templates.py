"""From a site file to a plant: profile, device templates and the site's own, merged and checked.

Whatever refers from one place to another is followed here: a device to its template, an asset to
its type, a binding to a tag and a signal, an address to its driver's grammar. All faults are told
at once, and each value remembers the line that it came from.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from gateway import config
from gateway.errors import ConfigError
from gateway.model import Asset, Binding
from gateway.plant import KpiText, Plant, ReasonText
from gateway.resolution import alarm, binding, references, settle
from gateway.resolution.derivation import derive
from gateway.resolution.device import build, outline
from gateway.resolution.energy_spec import currency_of
from gateway.resolution.industry import UNTYPED
from gateway.resolution.installed import DRIVERS, PUBLISHERS, Drivers, places
from gateway.resolution.kpi_spec import missing, specify
from gateway.resolution.reasons import walk
from gateway.sitefile import commanding, later
from gateway.sitefile.document import instead, nearest
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.derivation import Derivation
    from gateway.driver import Plugin
    from gateway.errors import Fault
    from gateway.kpi import KpiSpec
    from gateway.model import Device, Tag
    from gateway.resolution.binding import Bound
    from gateway.resolution.device import Outline
    from gateway.resolution.device_template import LoadedTemplate
    from gateway.resolution.industry import Industry
    from gateway.sitefile.sections import Site

__all__ = ["Drivers", "Plant", "instead", "load", "nearest", "resolve"]

DEVICE_LINE = "_dev"
"""The line of what no asset binds."""


def load(path: Path | str, plugins: Mapping[str, Plugin] | None = None) -> Plant:
    """Read a site file and everything that it refers to.

    Args:
        path: the site file.
        plugins: drivers by URL scheme; None: those installed.

    Raises:
        ConfigError: with all faults, sorted.
    """
    site, faults = config.read(path)
    plant, more = resolve(site, Drivers() if plugins is None else plugins)
    if faults or more:
        raise ConfigError(sorted({*faults, *more}))
    return plant


def resolve(
    site: Site,
    plugins: Mapping[str, Plugin],
    told: Mapping[str, Iterable[str]] | None = None,
) -> tuple[Plant, list[Fault]]:
    """Follow every reference of a site file.

    Args:
        site: as `config.read` gives it, also where that found faults.
        plugins: drivers by URL scheme.
        told: signals that a trace tells, by asset, whether a tag is bound to them or not; an
            asset without a type counts as the type `machine` that all industries share.

    Returns:
        The plant and what is wrong; with faults, here or in the file itself, the plant is good
        for looking at and for nothing else.
    """
    faults = list(references.duplicates(site))
    industry, wrong = references.industry(site, always=told is not None)
    faults += wrong
    templates, wrong = references.templates(site)
    faults += wrong
    outlines: dict[str, Outline] = {}
    for name in site.devices:
        outlines[name], wrong = outline(site, name, templates.get(name))
        faults += wrong
    types, wrong = references.types(site, industry, always=told is not None)
    faults += wrong
    bound, wrong = binding.match(site, types, outlines)
    faults += wrong
    watched, wrong = alarm.watch(site, types, outlines)
    faults += wrong
    devices, wrong = _devices(site, plugins, outlines, bound, watched)
    awaited = [fault for fault in wrong if fault.code == "later"]
    faults += [fault for fault in wrong if fault.code != "later"]
    taken = {(entry.device, entry.tag) for entry in bound}
    held = taken.union(*(places.values() for places in watched.values()))
    fed = {
        (tag.device, tag.name): (tag, group.period_s)
        for device in devices
        for group in device.groups
        for tag in group.tags
        if (tag.device, tag.name) in held
    }
    tags = {key: tag for key, (tag, _s) in fed.items()}
    joined, wrong = binding.join(bound, tags, site.document)
    faults += wrong
    notices = [*later.notices(site), *commanding.notices(site), *awaited, *_idle(site, outlines)]
    notices += _twins(site)
    periods = {key: period_s for key, (_tag, period_s) in fed.items()}
    assets: list[Asset] = []
    for name in site.assets:
        sound = industry if types[name] else None
        bindings = joined.get(name, ())
        if told and name in told:
            bindings += tuple(binding.unbound(told[name], bindings, types[name]))
        asset, derived, wrong, more = _asset(site, name, sound, bindings, periods)
        faults += wrong
        made = {(one.tag.device, one.tag.name): one.tag for one in derived}
        alarms, wrong = alarm.specify(
            site, name, watched.get(name, {}), {**tags, **made}, (*bindings, *derived)
        )
        assets.append(dataclasses.replace(asset, alarms=alarms))
        faults += wrong
        notices += more
    assets += _unbound(devices, templates, taken)
    sources = [template.path for template in templates.values()]
    sources += industry.files if industry else ()
    plant = Plant(
        identity=settle.identity(site),
        timezone=site.site.timezone,
        rosters=settle.rosters(site.calendar),
        publish=settle.publishers(site),
        databases=settle.databases(site),
        store=settle.store(site.store),
        devices=devices,
        assets=tuple(assets),
        kpis=_kpis(industry, currency_of(site)),
        drivers=places(DRIVERS),
        publishers=places(PUBLISHERS),
        files=(Path(site.document.file), *dict.fromkeys([*site.beside, *sources])),
        notices=tuple(sorted(set(notices))),
        reasons=_reasons(industry),
    )
    return plant, sorted(set(faults))


def _kpis(industry: Industry | None, currency: str) -> dict[str, KpiText]:
    """Describe the figures of a profile; money is in the currency of the site's tariff."""
    if industry is None:
        return {}
    priced = {"cost": currency, "average_price": f"{currency}/kWh"} if currency else {}
    return {
        name: KpiText(name, priced.get(name, kpi.unit), kpi.name, kpi.layer)
        for name, kpi in industry.profile.kpis.items()
    }


def _reasons(industry: Industry | None) -> tuple[ReasonText, ...]:
    """Describe the stop reasons of a profile."""
    found = walk(industry.profile.reasons) if industry else ()
    return tuple(
        ReasonText(key, str(loss), reason.name, reason.codes) for _path, key, reason, loss in found
    )


def _devices(
    site: Site,
    plugins: Mapping[str, Plugin],
    outlines: Mapping[str, Outline],
    bound: list[Bound],
    watched: Mapping[str, Mapping[str, tuple[str, str]]],
) -> tuple[tuple[Device, ...], list[Fault]]:
    """Build each device with the driver of its link."""
    needed = {(entry.device, entry.tag) for entry in bound}
    needed = needed.union(*(places.values() for places in watched.values()))
    units, faults = binding.units(bound, outlines, site.document)
    devices: list[Device] = []
    for name, out in outlines.items():
        scheme = site.devices[name].link.partition("://")[0]
        if scheme not in plugins:
            faults.append(_no_driver(site, name, scheme, plugins))
            continue
        wanted = {tag for device, tag in needed if device == name}
        spoken = {tag: unit for (device, tag), unit in units.items() if device == name}
        device, wrong = build(out, plugins[scheme], wanted, spoken)
        faults += wrong
        if device is not None:
            devices.append(device)
    return tuple(devices), faults


def _no_driver(site: Site, name: str, scheme: str, plugins: Mapping[str, Plugin]) -> Fault:
    path = ("devices", name, "link")
    known = ", ".join(sorted(plugins))
    what = _("no driver serves {scheme}").format(scheme=scheme)
    near = nearest(scheme, plugins)
    next_ = _("there are: {known}").format(known=known)
    if near:
        next_ = _("did you mean {near}?").format(near=f"{near}://")
    return site.document.fault(path, "unknown-link", what, next_)


def _twins(site: Site) -> Iterator[Fault]:
    """Give a notice of a device that reads the same meter as an earlier one, by a copied line."""
    first: dict[tuple[object, ...], str] = {}
    for name, device in site.devices.items():
        what_it_is = (device.link, device.unit, device.address, device.template)
        twin = first.setdefault(what_it_is, name)
        if device.template is not None and twin != name:
            key = "unit" if device.address is None else "address"
            what = _("it is the same device as {twin}: same link, {key} and template")
            next_ = _("give it its own {key}, unless one device is meant to be read twice")
            what, next_ = what.format(twin=twin, key=key), next_.format(key=key)
            yield site.document.fault(("devices", name), "same-device", what, next_, key=True)


def _idle(site: Site, outlines: Mapping[str, Outline]) -> Iterator[Fault]:
    """Give a notice of what is set and does nothing."""
    for name, out in outlines.items():
        if out.whole and not out.known:
            what, next_ = _("no tag of it is read"), _("add what to read under tags:")
            yield site.document.fault(("devices", name), "no-tags", what, next_, key=True)
    for name, asset in site.assets.items():
        figures = (
            "states",
            "reasons",
            "ideal_cycle",
            "products",
            "micro_stop",
            "parameters",
            "state_from",
            "levels",
            "count_from",
        )
        given = [key for key in figures if key in asset.model_fields_set]
        if asset.type is None and given:
            what = _("without a type no figures are computed, so {keys} does nothing").format(
                keys=", ".join(given)
            )
            next_ = _("add the type of machine")
            yield site.document.fault(("assets", name), "no-type", what, next_, key=True)


def _asset(
    site: Site,
    name: str,
    industry: Industry | None,
    bindings: tuple[Binding, ...],
    periods: Mapping[tuple[str, str], float],
) -> tuple[Asset, tuple[Binding, ...], list[Fault], list[Fault]]:
    """Build one asset, with figures where an industry knows its type.

    Returns:
        The asset, what is derived of it as if tags gave it, faults and notices.
    """
    settings = site.assets[name]
    kpi: KpiSpec | None = None
    faults: list[Fault] = []
    notices: list[Fault] = []
    derived: tuple[Binding, ...] = ()
    derivation: Derivation | None = None
    if industry:
        machine = industry.profile.types[settings.type or UNTYPED]
        made = derive(site, name, machine, bindings, periods)
        derived, derivation = made.bindings(name), made.derivation
        kpi, faults = specify(site, name, industry, (*bindings, *derived), periods)
        kpi = made.applied(kpi)
        faults = [*faults, *made.faults]
        notices = [*missing(site, name, industry, (*bindings, *derived)), *made.notices]
    asset = Asset(
        name=name,
        line=settings.line,
        kind=settings.type or "machine",
        text=settings.name or {},
        bindings=bindings,
        kpi=kpi,
        where=site.document.at(("assets", name)),
        derived=derivation,
        reasons=settings.reasons,
    )
    return asset, derived, faults, notices


def _unbound(
    devices: tuple[Device, ...],
    templates: Mapping[str, LoadedTemplate],
    taken: set[tuple[str, str]],
) -> Iterator[Asset]:
    """Make an asset of each device's tags that no asset binds."""
    for device in devices:
        tags: list[Tag] = [tag for group in device.groups for tag in group.tags]
        free = [tag for tag in tags if (tag.device, tag.name) not in taken]
        if not free:
            continue
        template = templates.get(device.name)
        yield Asset(
            name=device.name,
            line=DEVICE_LINE,
            kind="device",
            text=template.model.name if template else {},
            bindings=(),
            kpi=None,
            where=device.where,
            loose=tuple(free),
        )
