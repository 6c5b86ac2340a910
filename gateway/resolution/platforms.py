"""What the formats of other platforms need, from the models of a site file to plain settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.secret import Secret
from gateway.settings import Child, Mapped, MappedField, MappedMessage, Platform
from gateway.sitefile.mapping import text

if TYPE_CHECKING:
    from gateway.sitefile.destination import MqttPublish
    from gateway.sitefile.files import SecretFile
    from gateway.sitefile.mapping import FieldConfig, MappingConfig, MessageConfig
    from gateway.sitefile.platform import ChildConfig, PlatformConfig

OLDER = frozenset({"jetlinks", "huawei", "alink"})
"""Platforms that are spoken to in MQTT 3.1.1, unless the site file says otherwise."""
SERVICE, CONTRACT = "machine", "_raw"


def version(publish: MqttPublish) -> str:
    """The version of MQTT: what the site file says, else what the platform speaks."""
    given = "version" in publish.model_fields_set
    return "3.1.1" if publish.format in OLDER and not given else publish.version


def platform(publish: MqttPublish, gateway: str) -> Platform | None:
    """What the platform knows the gateway and its assets by."""
    config: PlatformConfig | None = publish.platform
    if config is None:
        return Platform(gateway, contract=CONTRACT) if publish.format == "umh" else None
    return Platform(
        device=config.device or gateway,
        product=config.product or "",
        secret=_secret(config.secret),
        secure_id=config.secure_id or "",
        service=config.service or SERVICE,
        contract=config.contract or CONTRACT,
        children={
            name: _child(name, child, publish.format) for name, child in config.children.items()
        },
    )


def mapping(config: MappingConfig | None, timezone: str) -> Mapped | None:
    """A mapping file."""
    if config is None:
        return None
    return Mapped(
        messages=tuple(_message(message) for message in config.messages),
        fields={name: _field(name, field) for name, field in config.fields.items()},
        others=config.others == "keep",
        timezone=timezone,
    )


def _child(name: str, config: ChildConfig, form: str) -> Child:
    """Huawei makes a device's id of its product and its node, where none is chosen."""
    device = config.device or name
    if form == "huawei" and config.product and not config.device:
        device = f"{config.product}_{name}"
    return Child(device, config.product or "", _secret(config.secret))


def _field(name: str, config: FieldConfig) -> MappedField:
    return MappedField("" if config.drop else config.as_ or name, config.times, config.plus)


def _message(config: MessageConfig) -> MappedMessage:
    return MappedMessage(
        of=config.of,
        assets=config.assets,
        topic=config.topic,
        each=config.each,
        time=config.time,
        body=text(config.body),
        row=text(config.row),
        value=text(config.value),
        qos=config.qos,
        retain=config.retain,
    )


def _secret(config: SecretFile | None) -> Secret | None:
    return Secret(config.file) if config is not None else None
