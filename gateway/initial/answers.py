"""The answers that a site file is made of: a file of their own, written by hand or by `interview`.

Its keys are the site file's where there are such; `check` then judges what stands behind them.

    site: {cluster: wenzhou-shoes, enterprise: demo, site: plant-1, gateway: gw-01,
           timezone: Asia/Shanghai, industry: shoes}
    scan: [{link: "modbus+rtu:///dev/ttyUSB0?baud=9600", units: 1-20}]
    devices: {plc-1: {link: "modbus+tcp://10.0.0.5", template: inovance/h5u}}
    broker: {url: "mqtts://broker.example", username: gw-01, password: {file: mqtt.password}}
    store: /var/lib/nxgate
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import ConfigError
from gateway.sitefile.document import load, validate

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.sitefile.document import Document

SITE_KEYS = ("cluster", "enterprise", "site", "gateway", "timezone", "industry")
Mapping = dict[str, Any]


class Scan(BaseModel):
    """A link whose devices are searched for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    link: str = Field(description="As a device has it.", examples=["modbus+tcp://10.0.0.5"])
    units: str | int | None = Field(default=None, description="Else all.", examples=["1-20"])


class Answers(BaseModel):
    """All of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: Mapping = Field(description="Names.", examples=[{"gateway": "gw-01"}])
    scan: tuple[Scan, ...] = Field(default=(), description="Links to search.")
    devices: dict[str, Mapping] = Field(default={}, description="As in a site file.")
    broker: Mapping | None = Field(
        default=None, description="Where to publish.", examples=[{"url": "mqtt://127.0.0.1:1883"}]
    )
    store: str | None = Field(
        default=None, description="The folder of the store.", examples=["/var/lib/nxgate"]
    )


def read(path: Path) -> tuple[Document, Answers]:
    """Read an answers file.

    Raises:
        ConfigError: it can't be read, or is built in another way; all faults at once.
    """
    document = load(path)
    answers, faults = validate(document, (), Answers)
    if answers is None:
        raise ConfigError(sorted(faults))
    return document, answers
