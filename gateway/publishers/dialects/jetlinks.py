"""JetLinks' official MQTT protocol: assets are children of the gateway.

Source: jetlinks-official-protocol, TopicMessageCodec.java and document-mqtt.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gateway.publishers.dialects.asking import number_of, scalars, wish, writes
from gateway.publishers.dialects.carrier import Part
from gateway.publishers.dialects.dialect import Dialect, device_of, plug
from gateway.publishers.dialects.samples import rows
from gateway.publishers.dialects.signing import jetlinks
from gateway.publishers.inbox import Topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.model import Record
    from gateway.publishers.dialects.asking import Answer, Wish
    from gateway.publishers.inbox import Arrived
    from gateway.settings import MqttSettings

WRITE, INVOKE = "properties/write", "function/invoke"


class JetLinks(Dialect):
    """Of one publisher."""

    name = "jetlinks"

    def sign(self, config: MqttSettings, client_id: str) -> tuple[MqttSettings, str]:
        """The user name holds the time, and the password signs it."""
        platform = self._platform
        login = jetlinks(platform.device, platform.secure_id, self._now_ms())
        del client_id
        return login.into(config, platform.secret), login.client_id

    def lane(self, record: Record, *, hist: bool) -> str:
        """Where the reports of an asset begin."""
        del hist
        return self._base(device_of(record.line, record.asset))

    def parts(self, record: Record, *, hist: bool) -> Sequence[Part]:
        """A report for the values of each time; what happened is an event of its own."""
        del hist
        base = self._base(device_of(record.line, record.asset))
        kind, _slash, what = record.cls.partition("/")
        field, topic = "properties", f"{base}/properties/report"
        if kind in {"event", "alarm"}:
            field = "data"
            topic = f"{base}/event/{what if kind == 'event' else f'alarm_{what}'}"
        shape = b'{"messageId":"%d-%d","timestamp":%d,"' + field.encode() + b'":%b}'
        return [
            Part(topic, shape % (record.key, index, t, values))
            for index, (t, values) in enumerate(rows(record))
        ]

    def introduce(self, assets: Sequence[str]) -> Sequence[Part]:
        """Children come online."""
        return [self._presence(asset, "online") for asset in assets]

    def dismiss(self, assets: Sequence[str]) -> Sequence[Part]:
        """Children go offline."""
        return [self._presence(asset, "offline") for asset in assets if asset != self.gateway]

    def topics(self, *, commands: bool) -> Sequence[Topic]:
        """Writes and functions of the gateway and its children, while commands are allowed."""
        if not commands:
            return ()
        own = self._base(self.gateway)
        return [
            Topic(f"{base}/{tail}") for base in (own, f"{own}/child/+") for tail in (WRITE, INVOKE)
        ]

    def asked(self, topic: str, fields: dict[str, object], *, retained: bool) -> Iterable[Arrived]:
        """A write of properties, or a function: one of our commands, or a tag's name."""
        own = self._base(self.gateway)
        rest = topic.removeprefix(f"{own}/")
        asset, back = self.gateway, own
        if rest.startswith("child/"):
            _child, device, rest = rest.split("/", 2)
            asset, back = self._asset_of(device), f"{own}/child-reply/{device}"
        number = number_of(fields.get("messageId"))
        wishes, extra = _wishes(rest, fields)

        def reply(answer: Answer) -> Sequence[Part]:
            said = {
                "messageId": number,
                "timestamp": self._now_ms(),
                "success": answer.ok,
                **extra,
            }
            if answer.msg:
                said |= {"code": "refused", "message": answer.msg}
            elif rest == INVOKE:
                said["output"] = answer.data
            return (Part(f"{back}/{rest}/reply", orjson.dumps(said)),)

        token = (topic, number)
        return self._asking.ask(asset, wishes, reply, token=token, retained=retained)

    def _base(self, asset: str) -> str:
        platform = self._platform
        own = f"/{platform.product}/{platform.device}"
        return own if asset == self.gateway else f"{own}/child/{self._device_of(asset)}"

    def _presence(self, asset: str, what: str) -> Part:
        now_ms = self._now_ms()
        said = {"messageId": f"{what}-{now_ms}", "timestamp": now_ms}
        return Part(f"{self._base(asset)}/{what}", orjson.dumps(said))


def _wishes(what: str, fields: dict[str, object]) -> tuple[list[Wish], dict[str, object]]:
    """What is asked, and what of it the answer repeats."""
    if what == WRITE:
        values = scalars(fields.get("properties"))
        return writes(values), {"properties": values}
    name, inputs = fields.get("functionId"), fields.get("inputs")
    if not isinstance(name, str):
        return [], {}
    given: object = inputs
    if isinstance(inputs, list):
        given = {
            i["name"]: i.get("value")
            for i in inputs
            if isinstance(i, dict) and isinstance(i.get("name"), str)
        }
    return [wish(name, given)], {"functionId": name}


plugin = plug(JetLinks)
