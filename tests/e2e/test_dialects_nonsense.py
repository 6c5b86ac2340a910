"""What a platform, or whoever reaches its topics, may say without harm."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.e2e.dialect_rig import COMMANDS, T0, settings, speaking
from tests.e2e.mosquitto import Mosquitto, Subscriber
from tests.e2e.mqtt_rig import draft

if TYPE_CHECKING:
    from pathlib import Path

DEEP = b"[" * 300 + b"]" * 300
SAID = (
    b"",
    b"\xff",
    b"[]",
    b"{}",
    b'{"device":"press-1","data":%b}' % DEEP,
    b'{"device":"press-1","data":{"id":%b,"method":"x","params":%b}}' % (DEEP, DEEP),
    b'{"device":["a"],"data":{"id":[],"method":{}}}',
    b'{"id":[1],"messageId":{},"code":[429],"params":%b}' % DEEP,
    b'{"id":1,"params":{"a":[],"b":{}},"properties":{"c":null},"functionId":7}',
    b'{"functionId":"f","inputs":[{"name":[1]},5,{"name":"value"}],"messageId":"1"}',
    b'{"object_device_id":7,"command_name":[],"services":[1,{"properties":[]}]}',
)
TOPICS = {
    "thingsboard": ("v1/gateway/rpc", "v1/gateway/attributes", "v1/devices/me/rpc/request/1"),
    "jetlinks": (
        "/a1GW/GW-01/child/PRESS-01/properties/write",
        "/a1GW/GW-01/function/invoke",
        "/a1GW/GW-01/child/x/function/invoke",
    ),
    "huawei": (
        "$oc/devices/GW-01/sys/commands/request_id=1",
        "$oc/devices/GW-01/sys/commands/odd",
        "$oc/devices/GW-01/sys/properties/set/request_id=2",
    ),
    "alink": (
        "/sys/a1GW/GW-01/thing/event/property/pack/post_reply",
        "/ext/session/a1GW/GW-01/combine/login_reply",
        "/sys/a1SUB/PRESS-01/thing/service/property/set",
        "/sys/a1SUB/PRESS-01/thing/service/x",
    ),
}


@pytest.mark.parametrize("form", TOPICS)
def test_nonsense_costs_no_connection(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.publishers.dialects.alink.LOGIN_S", 0.1)
    monkeypatch.setattr("gateway.publishers.dialects.carrier.REPLY_S", 0.1)

    async def main(broker: Mosquitto, platform: Subscriber) -> None:
        publish = settings(broker.port, form, tmp_path, commands=COMMANDS)
        async with speaking(tmp_path, publish) as rig:
            rig.publisher.listen(lambda *_said, **_kept: None)
            await rig.connected()
            since_ms = rig.publisher.status().since_ms
            for topic in TOPICS[form]:
                for said in SAID:
                    platform._client.publish(topic, said, 1).wait_for_publish(20)
            made = rig.make(draft("telemetry", rows=[{"t": T0, "m": {"good": 1}}]))
            await rig.delivered(made)
            assert rig.publisher.status().since_ms == since_ms

    with Mosquitto(tmp_path) as broker, Subscriber(broker.port, "nothing") as platform:
        asyncio.run(main(broker, platform))
