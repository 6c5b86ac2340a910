"""What should be known of the commands that a site file allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.errors import Fault
    from gateway.sitefile.sections import Site


def notices(site: Site) -> list[Fault]:
    """Tell what is allowed to whoever reaches the broker, and what is allowed in vain."""
    return [*_unsigned(site), *_unheard(site)]


def takes(command: str, site: Site) -> bool:
    """Say whether a platform may send a command at all."""
    allowed = (getattr(publish, "commands", None) for publish in site.publish.values())
    return any(command in commands.allow for commands in allowed if commands is not None)


def _unsigned(site: Site) -> Iterator[Fault]:
    for name, publish in site.publish.items():
        commands = getattr(publish, "commands", None)
        if commands is not None and commands.unsigned:
            what = _("unsigned commands are taken: MQTT doesn't tell who sent them")
            next_ = _("give key: and delete unsigned, so that only the platform can command")
            if getattr(publish, "format", "cii") != "cii":
                next_ = _("have the broker's access list say who may publish there")
            path = ("publish", name, "commands", "unsigned")
            yield site.document.fault(path, "unsigned", what, next_, key=True)


def _unheard(site: Site) -> Iterator[Fault]:
    if any(getattr(publish, "commands", None) for publish in site.publish.values()):
        return
    for device, config in site.devices.items():
        for tag, about in config.tags.items():
            if about.write is not None:
                what = _("no publisher takes commands, so only nxgate write can set it")
                next_ = _("add commands: to a publisher where the platform is to set it")
                path = ("devices", device, "tags", tag, "write")
                yield site.document.fault(path, "unheard", what, next_, key=True)
