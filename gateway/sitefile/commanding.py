"""Which commands a platform may send, and what should be known of what the site file allows."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from gateway.sitefile.explain import Wrong
from gateway.sitefile.files import SecretFile
from gateway.sitefile.part import Part, example
from gateway.sitefile.units import Flag, Maybe
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.errors import Fault
    from gateway.sitefile.sections import Site


class CommandsConfig(Part):
    """Which commands a platform may send; writes are allowed tag by tag."""

    model_config = example({"key": {"file": "command.key"}, "allow": ["resend", "context"]})

    key: Maybe[SecretFile] = Field(
        default=None,
        description="File of the key that commands are signed with, mode 600; one key a line.",
        examples=[{"file": "command.key"}],
    )
    allow: tuple[Literal["resend", "context", "config", "ack"], ...] = Field(
        default=(), description="Commands beside writes.", examples=[["resend", "context"]]
    )
    unsigned: Flag = Field(
        default=False,
        description="Take commands without a signature: whoever may publish may command.",
        examples=[False],
    )

    @model_validator(mode="after")
    def _proven(self) -> "CommandsConfig":
        if self.key is None and not self.unsigned:
            what = _("nothing says how to know who sends a command")
            next_ = _(
                "add key: {{file: command.key}} with a key that the platform has too"
            ).format()
            raise Wrong("missing-key", what, next_)
        return self


def notices(site: "Site") -> "list[Fault]":
    """Tell what is allowed to whoever reaches the broker, and what is allowed in vain."""
    return [*_unsigned(site), *_unheard(site)]


def takes(command: str, site: "Site") -> bool:
    """Say whether a platform may send a command at all."""
    allowed = (getattr(publish, "commands", None) for publish in site.publish.values())
    return any(command in commands.allow for commands in allowed if commands is not None)


def _unsigned(site: "Site") -> "Iterator[Fault]":
    for name, publish in site.publish.items():
        commands = getattr(publish, "commands", None)
        if commands is not None and commands.unsigned:
            what = _("unsigned commands are taken: MQTT doesn't tell who sent them")
            next_ = _("give key: and delete unsigned, so that only the platform can command")
            path = ("publish", name, "commands", "unsigned")
            yield site.document.fault(path, "unsigned", what, next_, key=True)


def _unheard(site: "Site") -> "Iterator[Fault]":
    if any(getattr(publish, "commands", None) for publish in site.publish.values()):
        return
    for device, config in site.devices.items():
        for tag, about in config.tags.items():
            if about.write is not None:
                what = _("no publisher takes commands, so nobody can write it")
                next_ = _("add commands: to a publisher, or delete write")
                path = ("devices", device, "tags", tag, "write")
                yield site.document.fault(path, "unheard", what, next_, key=True)
