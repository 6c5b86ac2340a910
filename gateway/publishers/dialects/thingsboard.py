"""ThingsBoard's gateway API: every asset is a device behind the gateway's own.

Source: thingsboard.io, "Gateway MQTT API"; tb-mqtt-client 1.13.14, tb_gateway_mqtt.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gateway.publishers.dialects.asking import number_of, scalars, wish, writes
from gateway.publishers.dialects.carrier import Part
from gateway.publishers.dialects.dialect import Dialect, device_of, plug
from gateway.publishers.dialects.samples import rows
from gateway.publishers.inbox import Topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.model import Record
    from gateway.publishers.dialects.asking import Answer
    from gateway.publishers.inbox import Arrived

ROOT = "v1/gateway"
OWN = "v1/devices/me"
OWN_RPC = f"{OWN}/rpc/request/"


class ThingsBoard(Dialect):
    """Of one publisher; the user name is the gateway's access token."""

    name = "thingsboard"
    most = 65_536  # ThingsBoard's NETTY_MAX_PAYLOAD_SIZE, as installed

    def speaks(self, record: Record, *, hist: bool) -> bool:
        """It has words for all of them: what an asset is becomes its attributes."""
        del record, hist
        return True

    def lane(self, record: Record, *, hist: bool) -> str:
        """One topic for the telemetry of all devices, another for what they are."""
        del hist
        what = "attributes" if record.cls == "meta" else "telemetry"
        return f"{OWN if record.asset == self.gateway else ROOT}/{what}"

    def parts(self, record: Record, *, hist: bool) -> Sequence[Part]:
        """A past time is simply stored: history needs no words of its own."""
        if record.cls == "meta":
            told = orjson.dumps(_attributes(record.body))
        else:
            found = [b'{"ts":%d,"values":%b}' % row for row in rows(record)]
            if not found:
                return ()
            told = b"[%b]" % b",".join(found)
        if record.asset != self.gateway:
            told = b"{%b:%b}" % (orjson.dumps(device_of(record.line, record.asset)), told)
        return (Part(self.lane(record, hist=hist), told),)

    def introduce(self, assets: Sequence[str]) -> Sequence[Part]:
        """Connect devices: from then on RPC for them comes here."""
        return [
            Part(f"{ROOT}/connect", orjson.dumps({"device": asset, "type": "default"}))
            for asset in assets
        ]

    def dismiss(self, assets: Sequence[str]) -> Sequence[Part]:
        """Disconnect them."""
        return [
            Part(f"{ROOT}/disconnect", orjson.dumps({"device": asset}))
            for asset in assets
            if asset != self.gateway
        ]

    def topics(self, *, commands: bool) -> Sequence[Topic]:
        """RPC and shared attributes, while commands are allowed."""
        if not commands:
            return ()
        heard = (f"{ROOT}/rpc", f"{ROOT}/attributes", f"{OWN_RPC}+", f"{OWN}/attributes")
        return tuple(map(Topic, heard))

    def asked(self, topic: str, fields: dict[str, object], *, retained: bool) -> Iterable[Arrived]:
        """RPC to a device or to the gateway; a shared attribute is written to the tag so named."""
        if topic.startswith(OWN_RPC):
            return self._own(topic.removeprefix(OWN_RPC), fields, retained=retained)
        if topic == f"{OWN}/attributes":
            return ()
        token: object
        device, data = fields.get("device"), fields.get("data")
        if not isinstance(device, str) or not isinstance(data, dict):
            return ()
        if topic == f"{ROOT}/attributes":
            token = (device, self._now_ms() // 1000, orjson.dumps(data))
            return self._asking.ask(
                device, writes(scalars(data)), lambda _answer: (), token=token, retained=retained
            )
        number, method = number_of(data.get("id")), data.get("method")
        if not isinstance(method, str):
            return ()

        def reply(answer: Answer) -> Sequence[Part]:
            body = {"device": device, "id": number, "data": _said(answer)}
            return (Part(f"{ROOT}/rpc", orjson.dumps(body)),)

        token = (device, orjson.dumps(data))
        one = wish(method, data.get("params"))
        return self._asking.ask(device, [one], reply, token=token, retained=retained)

    def _own(self, number: str, fields: dict[str, object], *, retained: bool) -> Iterable[Arrived]:
        method = fields.get("method")
        if not isinstance(method, str):
            return ()

        def reply(answer: Answer) -> Sequence[Part]:
            return (Part(f"{OWN}/rpc/response/{number}", orjson.dumps(_said(answer))),)

        token = (number, orjson.dumps(fields))
        one = wish(method, fields.get("params"))
        return self._asking.ask(self.gateway, [one], reply, token=token, retained=retained)


def _said(answer: Answer) -> dict[str, object]:
    said: dict[str, object] = {"success": answer.ok}
    if answer.msg:
        said["error"] = answer.msg
    if answer.data:
        said["data"] = answer.data
    return said


def _attributes(body: bytes) -> dict[str, object]:
    """What an asset is: its names, kind and profile, and the units of its tags."""
    meta = orjson.loads(body)
    asset = meta["asset"]
    told = {key: asset[key] for key in ("kind", "tz", "profile", "piece") if key in asset}
    told |= {f"name_{language}": name for language, name in asset["name"].items()}
    told["units"] = {tag["n"]: tag["u"] for tag in meta["tags"] if "u" in tag}
    told["rev"] = meta["rev"]
    return told


plugin = plug(ThingsBoard)
