"""Keys that are fixed already and do nothing yet: their features come with later releases.

They are checked like all others, and `nxgate check` names them as notices, so that nobody takes
silence for a working feature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sitefile.destination import InfluxPublish, MqttPublish
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.errors import Fault
    from gateway.sitefile.sections import Site

SERVED = {"cii", "sparkplug", "thingsboard", "umh", "jetlinks", "huawei", "alink", "mapping"}
"""Formats over MQTT that have a publisher."""

Found = tuple[tuple[str, ...], str]
"""Path, and what the feature is called."""


def serves(publish: MqttPublish | InfluxPublish) -> bool:
    """Say whether this release has what a publisher needs."""
    return isinstance(publish, MqttPublish) and not any(_publishing((), publish))


def notices(site: Site) -> list[Fault]:
    """Return a notice, of code `later`, for each thing a site file asks for in vain as yet."""
    found = (*_publishers(site), *_sections(site))
    document = site.document
    return sorted(
        document.fault(path, "later", what, _("it is read and not used until then"), key=True)
        for path, what in found
    )


def _publishers(site: Site) -> Iterator[Found]:
    for name, publish in site.publish.items():
        path = ("publish", name)
        if isinstance(publish, InfluxPublish):
            continue
        yield from _publishing(path, publish)
        if publish.commands is not None and "config" in publish.commands.allow:
            what = _("configuration by command comes with a later release")
            yield (*path, "commands", "allow"), what


def _publishing(path: tuple[str, ...], publish: MqttPublish) -> Iterator[Found]:
    """Find what keeps a publisher from being served at all."""
    if publish.format not in SERVED:
        what = _("the format {format} comes with a later release").format(format=publish.format)
        yield (*path, "format"), what
    if any(url.startswith("ws") for url in publish.brokers):
        key = "url" if publish.url else "urls"
        yield (*path, key), _("MQTT over WebSocket comes with a later release")


def _sections(site: Site) -> Iterator[Found]:
    if site.inventory:
        yield ("inventory",), _("networking rates come with a later release")
    if site.baseline is not None:
        yield ("baseline",), _("the comparison with a baseline comes with a later release")
