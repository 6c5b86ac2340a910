"""What must agree within a site file, beyond what each item can know of itself.

References to tags, templates and profiles are checked where these are known, in `templates`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gateway.sitefile.destination import MqttPublish
from gateway.sitefile.equipment import DEFAULT_GROUP
from gateway.sitefile.explain import Wrong, describe, instead
from gateway.sitefile.files import SecretFile, check_authority, check_keys, check_pair, check_secret
from gateway.sitefile.metering import WEIGHED, unit_of
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.errors import Fault
    from gateway.sitefile.sections import Site
    from gateway.sitefile.tls import TlsConfig


def contradictions(site: Site) -> list[Fault]:
    """Return the faults between items of a site file."""
    return [
        *_groups(site),
        *_lines(site),
        *_links(site),
        *_dates(site),
        *_twice(site),
        *_client_ids(site),
        *_shared(site),
        *_within(site),
        *_factors(site),
    ]


def check_secrets(site: Site) -> list[Fault]:
    """Return the faults of the files that hold secrets and certificates.

    Apart from `read`, because a file is often checked on another machine than the one it is for.
    """
    faults = []
    for path, check in _files(site):
        try:
            check()
        except Wrong as wrong:
            faults.append(site.document.fault(path, wrong.code, wrong.what, wrong.next))
    return sorted(faults)


def _groups(site: Site) -> Iterator[Fault]:
    for name, device in site.devices.items():
        known = [DEFAULT_GROUP, *device.groups]
        for tag, config in device.tags.items():
            if config.group is not None and config.group not in known:
                what = _("{device} has no group {group}").format(
                    device=name, group=describe(config.group)
                )
                otherwise = _("add it with its pace, e.g. groups: {{{group}: 1min}}").format(
                    group=config.group
                )
                next_ = instead(config.group, known, otherwise)
                path = ("devices", name, "tags", tag, "group")
                yield site.document.fault(path, "unknown-group", what, next_)


def _lines(site: Site) -> Iterator[Fault]:
    known = {asset.line for asset in site.assets.values()}
    known |= {machine.line for machine in site.inventory.values()}
    certain = not any(path[0] == "assets" for path in site.invalid)
    for line in site.calendar.lines if site.calendar and certain else ():
        if line not in known:
            what = _("no asset is on a line of this name")
            otherwise = _("give a machine this line, or delete the line's shifts")
            next_ = instead(line, known, otherwise)
            path = ("calendar", "lines", line)
            yield site.document.fault(path, "unknown-line", what, next_, key=True)


def _dates(site: Site) -> Iterator[Fault]:
    """Lines and machines that overtime and stops name."""
    certain = not any(path[0] == "assets" for path in site.invalid)
    if site.calendar is None or not certain:
        return
    lines = {asset.line for asset in site.assets.values()}
    for section in ("overtime", "stops"):
        for index, entry in enumerate(getattr(site.calendar, section)):
            for key, known in (("line", lines), ("asset", set(site.assets))):
                name = getattr(entry, key, None)
                if name is None or name in known:
                    continue
                what = _("no asset is on a line of this name")
                if key == "asset":
                    what = _("there is no asset {name}").format(name=name)
                next_ = instead(name, known)
                path = ("calendar", section, index, key)
                code = "unknown-line" if key == "line" else "unknown-asset"
                yield site.document.fault(path, code, what, next_)


def _twice(site: Site) -> Iterator[Fault]:
    """Find machines that are listed as not connected, and are."""
    for name in site.inventory:
        if name in site.assets:
            what = _("stands under assets too, so it is connected")
            next_ = _("delete it here; inventory is for machines that aren't connected")
            yield site.document.fault(("inventory", name), "duplicate-name", what, next_, key=True)


def _client_ids(site: Site) -> Iterator[Fault]:
    """Find two sessions that would end each other at the same broker, for ever."""
    seen: dict[tuple[str, str, int | None], str] = {}
    for name, publish in site.publish.items():
        if not isinstance(publish, MqttPublish) or publish.client_id is None:
            continue
        urls = [urlsplit(url) for url in publish.brokers]
        keys = [(publish.client_id, url.hostname or "", url.port) for url in urls]
        other = next((seen[key] for key in keys if key in seen), None)
        if other:
            what = _("{other} uses the same client id at the same broker").format(
                other=f"publish.{other}"
            )
            next_ = _("give each its own: a broker ends one session when the other begins")
            path = ("publish", name, "client_id")
            yield site.document.fault(path, "duplicate-client-id", what, next_)
        seen.update(dict.fromkeys(keys, name))


def _shared(site: Site) -> Iterator[Fault]:
    """Whom a shared machine is said to work for."""
    lines = {asset.line for asset in site.assets.values()}
    for name, asset in site.assets.items():
        at = ("assets", name, "shared", "among")
        among = () if asset.shared is None else asset.shared.among
        if isinstance(among, str):
            if among not in lines:
                what = _("there is no line {name}").format(name=among)
                yield site.document.fault(at, "unknown-line", what, instead(among, lines))
            continue
        for place, consumer in enumerate(among):
            path = (*at, consumer if isinstance(among, dict) else place)
            if consumer == name:
                what = _("a machine can't share its energy out to itself")
                yield site.document.fault(path, "unknown-asset", what, _("delete it"))
            elif consumer not in site.assets and not site.is_invalid("assets", consumer):
                what = _("there is no asset {name}").format(name=consumer)
                next_ = instead(consumer, site.assets)
                yield site.document.fault(path, "unknown-asset", what, next_)


def _within(site: Site) -> Iterator[Fault]:
    """Meters that stand behind another one."""
    for name, asset in site.assets.items():
        at, outer, seen = ("assets", name, "within"), asset.within, {name}
        if outer is not None and outer not in site.assets:
            if not site.is_invalid("assets", outer):
                what = _("there is no asset {name}").format(name=outer)
                yield site.document.fault(at, "unknown-asset", what, instead(outer, site.assets))
            continue
        while outer in site.assets and outer not in seen:
            seen.add(outer)
            outer = site.assets[outer].within
        if outer == name:
            what = _("the meter would stand behind itself")
            yield site.document.fault(at, "contradiction", what, _("delete it"))


def _factors(site: Site) -> Iterator[Fault]:
    """Factors must be per the unit that their medium is measured in."""
    for medium, factors in site.factors.items():
        for name in WEIGHED:
            wanted = unit_of(medium, name)
            for place, factor in enumerate(getattr(factors, name)):
                if factor.unit != wanted:
                    what = _("{medium} is converted in {unit}").format(medium=medium, unit=wanted)
                    next_ = _("convert the value and write unit: {unit}").format(unit=wanted)
                    path = ("factors", medium, name, place, "unit")
                    yield site.document.fault(path, "wrong-unit", what, next_)


def _files(site: Site) -> Iterator[tuple[tuple[str, ...], Callable[[], object]]]:
    """List each file to look at: where the site file names it, and how to check it."""
    secrets: list[tuple[tuple[str, ...], SecretFile | None]] = [
        (("devices", name, "security", "password"), device.security.password)
        for name, device in site.devices.items()
        if device.security
    ]
    for name, publish in site.publish.items():
        path: tuple[str, ...] = ("publish", name)
        if not isinstance(publish, MqttPublish):
            secrets.append(((*path, "token"), publish.token))
            yield from _certificates((*path, "tls"), publish.tls)
            continue
        secrets.append(((*path, "password"), publish.password))
        if publish.platform is not None:
            at = (*path, "platform")
            secrets.append(((*at, "secret"), publish.platform.secret))
            for child, settings in publish.platform.children.items():
                secrets.append(((*at, "children", child, "secret"), settings.secret))
        if publish.commands and publish.commands.key:
            keys = publish.commands.key.file
            yield (*path, "commands", "key", "file"), partial(check_keys, keys)
        yield from _certificates((*path, "tls"), publish.tls)
    for name, device in site.devices.items():
        yield from _certificates(("devices", name, "tls"), device.tls)
        if device.security and device.security.cert and device.security.key:
            where = ("devices", name, "security")
            yield (*where, "key"), partial(check_secret, device.security.key)
            yield (*where, "cert"), partial(check_pair, device.security.cert, device.security.key)
    for path, secret in secrets:
        if secret is not None:
            yield (*path, "file"), partial(check_secret, secret.file)


def _certificates(
    path: tuple[str, ...], tls: TlsConfig | None
) -> Iterator[tuple[tuple[str, ...], Callable[[], object]]]:
    """List the files of a connection's certificates."""
    if tls and tls.ca:
        yield (*path, "ca"), partial(check_authority, tls.ca)
    if tls and tls.cert and tls.key:
        yield (*path, "key"), partial(check_secret, tls.key)
        yield (*path, "cert"), partial(check_pair, tls.cert, tls.key)


def _links(site: Site) -> Iterator[Fault]:
    """Devices of one connection have one set of certificates."""
    first: dict[str, str] = {}
    for name, device in site.devices.items():
        other = first.setdefault(device.link, name)
        if device.tls != site.devices[other].tls:
            what = _("{other} is on the same link, with other certificates").format(other=other)
            next_ = _("write the same tls: for both")
            path = ("devices", name, "tls" if device.tls else "link")
            yield site.document.fault(path, "contradiction", what, next_, key=True)
