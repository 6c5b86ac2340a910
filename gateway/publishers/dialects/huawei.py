"""Huawei IoTDA: assets are sub-devices of the gateway.

Source: support.huaweicloud.com, api-iothub: iot_06_v5_3006 (batch reporting), 3004 (commands),
3008 (setting properties), 3022 (status of sub-devices), 30181 (adding sub-devices).
"""

from __future__ import annotations

import string
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

from gateway.publishers.dialects.asking import scalars, wish, writes
from gateway.publishers.dialects.carrier import Part
from gateway.publishers.dialects.dialect import Dialect, device_of, identifier, plug
from gateway.publishers.dialects.samples import samples, spelt
from gateway.publishers.dialects.signing import huawei
from gateway.publishers.inbox import Topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.model import Record
    from gateway.publishers.dialects.asking import Answer, Wish
    from gateway.publishers.inbox import Arrived
    from gateway.settings import MqttSettings

MOST_STATUSES = 100
MOST_ADDED = 50
_WORD = (string.ascii_letters + string.digits + "_").encode()
REQUEST = "request_id="


class Huawei(Dialect):
    """Of one publisher."""

    name = "huawei"
    most = 1 << 20

    def sign(self, config: MqttSettings, client_id: str) -> tuple[MqttSettings, str]:
        """The password signs the hour."""
        del client_id
        login = huawei(self._platform.device, self._now_ms())
        return login.into(config, self._platform.secret), login.client_id

    def lane(self, record: Record, *, hist: bool) -> str:
        """The gateway's own report, or that of sub-devices."""
        del hist
        if record.asset == self.gateway:
            return f"{self._root}/sys/properties/report"
        return f"{self._root}/sys/gateway/sub_devices/properties/report"

    def parts(self, record: Record, *, hist: bool) -> Sequence[Part]:
        """One report, with a service for the values of each time."""
        service = orjson.dumps(self._platform.service)
        services = [
            b'{"service_id":%b,"properties":%b,"event_time":"%b"}' % (service, values, _iso(t))
            for t, values in _properties(record)
        ]
        if not services:
            return ()
        told = b'{"services":[%b]}' % b",".join(services)
        if record.asset != self.gateway:
            device = orjson.dumps(self._device_of(device_of(record.line, record.asset)))
            told = b'{"devices":[{"device_id":%b,%b]}' % (device, told[1:])
        return (Part(self.lane(record, hist=hist), told),)

    def introduce(self, assets: Sequence[str]) -> Sequence[Part]:
        """Sub-devices whose product is given are added; all are online."""
        children = self._platform.children
        new = [
            {"name": asset, "node_id": asset, "product_id": children[asset].product}
            for asset in assets
            if asset in children and children[asset].product
        ]
        added = [
            self._event("add_sub_device_request", {"devices": some})
            for some in _by(new, MOST_ADDED)
        ]
        return [*added, *self._statuses(assets, "ONLINE")]

    def dismiss(self, assets: Sequence[str]) -> Sequence[Part]:
        """Sub-devices are offline."""
        return self._statuses([asset for asset in assets if asset != self.gateway], "OFFLINE")

    def topics(self, *, commands: bool) -> Sequence[Topic]:
        """Commands and settings of properties, while commands are allowed."""
        if not commands:
            return ()
        return (Topic(f"{self._root}/sys/commands/+"), Topic(f"{self._root}/sys/properties/set/+"))

    def asked(self, topic: str, fields: dict[str, object], *, retained: bool) -> Iterable[Arrived]:
        """A command of ours or a tag's name; or properties to be set."""
        base, _slash, request = topic.rpartition("/")
        if not request.startswith(REQUEST):
            return ()
        device = fields.get("object_device_id")
        asset = self.gateway
        if isinstance(device, str) and device != self._platform.device:
            asset = self._asset_of(device)
        is_command = base.endswith("/commands")
        wishes = _command(fields) if is_command else _settings(fields)

        def reply(answer: Answer) -> Sequence[Part]:
            said: dict[str, object] = {"result_code": 0 if answer.ok else 1}
            if is_command:
                said["response_name"] = fields.get("command_name")
                said["paras"] = dict(answer.data)
                if answer.msg:
                    said["paras"] = {"error": answer.msg}
            else:
                said["result_desc"] = answer.msg or "success"
            return (Part(f"{base}/response/{request}", orjson.dumps(said)),)

        return self._asking.ask(asset, wishes, reply, token=topic, retained=retained)

    @property
    def _root(self) -> str:
        return f"$oc/devices/{self._platform.device}"

    def _statuses(self, assets: Sequence[str], status: str) -> list[Part]:
        told = [{"device_id": self._device_of(asset), "status": status} for asset in assets]
        return [
            self._event("sub_device_update_status", {"device_statuses": some})
            for some in _by(told, MOST_STATUSES)
        ]

    def _event(self, kind: str, paras: dict[str, object]) -> Part:
        now = datetime.fromtimestamp(self._now_ms() / 1000, UTC)
        event = {
            "service_id": "$sub_device_manager",
            "event_type": kind,
            "event_time": now.strftime("%Y%m%dT%H%M%SZ"),
            "paras": paras,
        }
        return Part(f"{self._root}/sys/events/up", orjson.dumps({"services": [event]}))


def _by(items: list[dict[str, str]], most: int) -> Iterable[list[dict[str, str]]]:
    return (items[at : at + most] for at in range(0, len(items), most))


def _command(fields: dict[str, object]) -> list[Wish]:
    name = fields.get("command_name")
    return [wish(name, fields.get("paras"))] if isinstance(name, str) else []


def _settings(fields: dict[str, object]) -> list[Wish]:
    services = fields.get("services")
    given = services if isinstance(services, list) else []
    return [
        one
        for service in given
        if isinstance(service, dict)
        for one in writes(scalars(service.get("properties")))
    ]


def _properties(record: Record) -> list[tuple[int, bytes]]:
    """Times and properties, under names that the platform takes."""
    found = spelt(record)
    if found is not None and all(_is_plain(values) for _t, values in found):
        return found
    return [
        (t, orjson.dumps({identifier(name): value for name, value in values.items()}))
        for t, values in samples(record)
    ]


def _is_plain(values: bytes) -> bool:
    """Tell whether all that stands in quotation marks is letters, digits and underscores."""
    return b"\\" not in values and not b"".join(values.split(b'"')[1::2]).translate(None, _WORD)


def _iso(t_ms: int) -> bytes:
    """UTC with milliseconds, which the platform takes for a time of acquisition."""
    seconds, ms = divmod(t_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z".encode()


plugin = plug(Huawei)
