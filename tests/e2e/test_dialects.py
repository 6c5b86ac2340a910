"""Each dialect against mosquitto, with a subscriber that knows nothing but the platform's words."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.dialect_rig import (
    COMMANDS,
    T0,
    Answering,
    all_drafts,
    bodies,
    platform,
    say,
    settings,
    speaking,
    topics,
)
from tests.e2e.mosquitto import Mosquitto, Subscriber, wait_for
from tests.e2e.mqtt_rig import ROOT, draft

if TYPE_CHECKING:
    from tests.e2e.mqtt_rig import Rig

RECORDED = Path(__file__).parents[1] / "cases/thingsboard/recorded.json"
OEE_T = 1_790_000_000_000


class Desk:
    """Answers each command as the gateway's own desk would."""

    def __init__(self, rig: Rig, code: str = "ok") -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self._rig = rig
        self._code = code
        rig.publisher.listen(self._take)

    def _take(self, publisher: str, topic: str, payload: bytes, *, retained: bool) -> None:
        assert publisher == "cluster"
        assert not retained
        body = json.loads(payload)
        self.taken.append((topic, body))
        base = topic.rpartition("/cmd/")[0]
        reply = {"v": "1.0", "cid": body["cid"], "ts": 1, "code": self._code}
        reply |= {"msg": "too much"} if self._code != "ok" else {"data": {"after": 9}}
        self._rig.publisher.reply(f"{base}/reply/{body['cid']}", json.dumps(reply).encode())


def shape(value: object) -> object:
    """A payload without its values: keys, and what kind of thing stands there."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    return type(value).__name__


def test_thingsboard_is_told_as_its_own_gateway_tells_it(tmp_path: Path) -> None:
    recorded = dict(json.loads(RECORDED.read_text("utf-8"))["sent"])

    async def main(broker: Mosquitto, tb: Subscriber) -> None:
        publish = settings(broker.port, "thingsboard", tmp_path, commands=COMMANDS)
        async with speaking(tmp_path, publish) as rig:
            desk = Desk(rig)
            await rig.connected()
            rows = [
                {"t": T0, "m": {"spindle_kw": 7.31, "good": 4410}},
                {"t": T0 + 500, "m": {"spindle_kw": 7.4, "good": 4411}},
            ]
            await rig.delivered(rig.make(draft("telemetry", rows=rows)))
            await rig.delivered(rig.make(*all_drafts()))
            request = {"device": "press-1", "data": {"id": 7, "method": "speed", "params": 900}}
            say(tb, "v1/gateway/rpc", request)
            await rig.until(lambda: len(bodies(tb, "v1/gateway/rpc")) > 1, "the reply")
            say(tb, "v1/gateway/rpc", request)  # as a broker sends a message twice
            say(
                tb, "v1/gateway/attributes", {"device": "press-1", "data": {"limit": 5, "on": True}}
            )
            await rig.until(lambda: len(desk.taken) == 3, "the attributes")
        topic, command = desk.taken[0]
        assert topic == f"{ROOT}/l1/press-1/cmd/write"
        assert command["args"] == {"tag": "speed", "value": 900}
        assert [body["args"]["tag"] for _topic, body in desk.taken[1:]] == ["limit", "on"]

    with Mosquitto(tmp_path) as broker, Subscriber(broker.port, "v1/#") as tb:
        asyncio.run(main(broker, tb))
        wait_for(lambda: bodies(tb, "v1/gateway/disconnect"), "the goodbye")
        told = bodies(tb, "v1/gateway/telemetry")
        assert told[0] == recorded["v1/gateway/telemetry"]
        assert told[1]["press-1"] == recorded["v1/gateway/telemetry"]["press-1"]
        assert told[2]["press-1"][0]["values"]["machine_state"] == "fault"
        assert told[3]["press-1"][0]["ts"] == OEE_T
        assert told[3]["press-1"][0]["values"]["oee_hour_oee"] == pytest.approx(0.78667, abs=1e-5)
        assert bodies(tb, "v1/gateway/connect") == [recorded["v1/gateway/connect"]]
        assert bodies(tb, "v1/gateway/disconnect") == [recorded["v1/gateway/disconnect"]]
        (attributes,) = [b for b in bodies(tb, "v1/gateway/attributes") if "press-1" in b]
        assert attributes["press-1"]["kind"] == recorded["v1/gateway/attributes"]["press-1"]["kind"]
        reply = bodies(tb, "v1/gateway/rpc")[1]
        assert reply["data"].pop("data") == {"after": 9}
        assert reply == recorded["v1/gateway/rpc"]
        assert topics(tb)[0] == "v1/gateway/connect"


def test_umh_raw_is_one_value_a_topic(tmp_path: Path) -> None:
    async def main(broker: Mosquitto, umh: Subscriber) -> None:
        async with speaking(tmp_path, settings(broker.port, "umh", tmp_path)) as rig:
            await rig.connected()
            await rig.delivered(rig.make(*all_drafts()))
        for heard in umh.heard:
            assert set(json.loads(heard.payload)) == {"timestamp_ms", "value"}
        place = "umh/v1/e1/s1/l1/press-1/_raw"
        assert bodies(umh, f"{place}/spindle_kw") == [
            {"timestamp_ms": T0, "value": 7.31},
            {"timestamp_ms": T0 + 500, "value": 7.4},
        ]
        assert bodies(umh, f"{place}/machine_state")[0]["value"] == "fault"
        assert bodies(umh, f"{place}/oee_hour_count_good") == [
            {"timestamp_ms": OEE_T, "value": 1180}
        ]

    with Mosquitto(tmp_path) as broker, Subscriber(broker.port, "umh/#") as umh:
        asyncio.run(main(broker, umh))


def test_umh_historian_is_many_values_a_topic(tmp_path: Path) -> None:
    async def main(broker: Mosquitto, umh: Subscriber) -> None:
        known = platform(tmp_path, contract="_historian")
        publish = settings(broker.port, "umh", tmp_path, platform=known)
        async with speaking(tmp_path, publish) as rig:
            await rig.connected()
            await rig.delivered(rig.make(*all_drafts()))
        told = bodies(umh, "umh/v1/e1/s1/l1/press-1/_historian")
        assert told[:2] == [
            {"timestamp_ms": T0, "spindle_kw": 7.31, "good": 4410},
            {"timestamp_ms": T0 + 500, "spindle_kw": 7.4, "good": 4411},
        ]
        for body in told:
            assert isinstance(body.pop("timestamp_ms"), int)
            assert body

    with Mosquitto(tmp_path) as broker, Subscriber(broker.port, "umh/#") as umh:
        asyncio.run(main(broker, umh))


def test_jetlinks_children_report_and_are_written_to(tmp_path: Path) -> None:
    child = "/a1GW/GW-01/child/PRESS-01"

    async def main(broker: Mosquitto, jetlinks: Subscriber) -> None:
        publish = settings(broker.port, "jetlinks", tmp_path, commands=COMMANDS)
        async with speaking(tmp_path, publish) as rig:
            desk = Desk(rig)
            await rig.connected()
            await rig.delivered(rig.make(*all_drafts()))
            say(
                jetlinks, f"{child}/properties/write", {"messageId": "m4", "properties": {"rpm": 9}}
            )
            say(
                jetlinks,
                f"{child}/function/invoke",
                {
                    "messageId": "m5",
                    "functionId": "reset",
                    "inputs": [{"name": "value", "value": 1}],
                },
            )
            back = "/a1GW/GW-01/child-reply/PRESS-01"
            await rig.until(lambda: bodies(jetlinks, f"{back}/function/invoke/reply"), "a reply")
            (said,) = bodies(jetlinks, f"{back}/properties/write/reply")
            assert said.pop("timestamp") > OEE_T
            assert said == {"messageId": "m4", "success": True, "properties": {"rpm": 9}}
        assert [body["args"] for _topic, body in desk.taken] == [
            {"tag": "rpm", "value": 9},
            {"tag": "reset", "value": 1},
        ]

    with Mosquitto(tmp_path) as broker, Subscriber(broker.port, "/a1GW/#") as jetlinks:
        asyncio.run(main(broker, jetlinks))
        wait_for(lambda: bodies(jetlinks, f"{child}/offline"), "the goodbye")
        reports = bodies(jetlinks, f"{child}/properties/report")
        assert set(reports[0].pop("messageId")) <= set("0123456789-")
        assert reports[0] == {
            "timestamp": T0,
            "properties": {"spindle_kw": 7.31, "good": 4410},
        }
        (event,) = bodies(jetlinks, f"{child}/event/order_change")
        assert json.loads(event["data"]["event_order_change"]) == {"from": "WO-76", "to": "WO-77"}
        assert topics(jetlinks)[0] == f"{child}/online"
        assert topics(jetlinks)[-1] == f"{child}/offline"


def test_huawei_sub_devices_report_and_are_commanded(tmp_path: Path) -> None:
    root = "$oc/devices/GW-01"
    report = f"{root}/sys/gateway/sub_devices/properties/report"

    async def main(broker: Mosquitto, huawei: Subscriber) -> None:
        publish = settings(broker.port, "huawei", tmp_path, commands=COMMANDS)
        async with speaking(tmp_path, publish) as rig:
            Desk(rig, "rejected")
            await rig.connected()
            await rig.delivered(rig.make(*all_drafts()))
            command = {
                "object_device_id": "PRESS-01",
                "service_id": "machine",
                "command_name": "set_rpm",
                "paras": {"value": 900},
            }
            say(huawei, f"{root}/sys/commands/request_id=r-1", command)
            answer = f"{root}/sys/commands/response/request_id=r-1"
            await rig.until(lambda: bodies(huawei, answer), "the response")
            assert bodies(huawei, answer)[0] == {
                "result_code": 1,
                "response_name": "set_rpm",
                "paras": {"error": "too much"},
            }

    with Mosquitto(tmp_path) as broker, Subscriber(broker.port, "$oc/#") as huawei:
        asyncio.run(main(broker, huawei))
        wait_for(lambda: len(bodies(huawei, f"{root}/sys/events/up")) > 2, "the goodbye")
        first = bodies(huawei, report)[0]["devices"]
        assert first == [
            {
                "device_id": "PRESS-01",
                "services": [
                    {
                        "service_id": "machine",
                        "properties": {"spindle_kw": 7.31, "good": 4410},
                        "event_time": "2026-09-21T14:13:20.200Z",
                    },
                    {
                        "service_id": "machine",
                        "properties": {"spindle_kw": 7.4, "good": 4411},
                        "event_time": "2026-09-21T14:13:20.700Z",
                    },
                ],
            }
        ]
        events = [body["services"][0] for body in bodies(huawei, f"{root}/sys/events/up")]
        assert [one["event_type"] for one in events] == [
            "add_sub_device_request",
            "sub_device_update_status",
            "sub_device_update_status",
        ]
        assert [one["paras"]["device_statuses"][0]["status"] for one in events[1:]] == [
            "ONLINE",
            "OFFLINE",
        ]


def test_alink_sub_devices_log_in_and_report_within_the_limits(tmp_path: Path) -> None:
    own = "/sys/a1GW/GW-01"

    async def main(broker: Mosquitto, alink: Subscriber) -> None:
        publish = settings(broker.port, "alink", tmp_path, commands=COMMANDS)
        async with speaking(tmp_path, publish) as rig:
            desk = Desk(rig)
            await rig.connected()
            many = {f"v{n}": n for n in range(450)}
            live = draft("telemetry", rows=[{"t": T0, "m": many}])
            await rig.delivered(rig.make(*all_drafts(), live))
            say(
                alink,
                "/sys/a1SUB/PRESS-01/thing/service/property/set",
                {"id": "6", "version": "1.0", "params": {"rpm": 9, "on": 1}},
            )
            answer = "/sys/a1SUB/PRESS-01/thing/service/property/set_reply"
            await rig.until(lambda: bodies(alink, answer), "the reply")
            assert bodies(alink, answer)[-1] == {"id": "6", "code": 200, "data": {}}
        assert [body["args"]["tag"] for _topic, body in desk.taken] == ["rpm", "on"]

    with Mosquitto(tmp_path) as broker, Answering(broker.port, "#") as alink:
        alink.silent.add("property/set")
        asyncio.run(main(broker, alink))
        wait_for(lambda: bodies(alink, "/ext/session/a1GW/GW-01/combine/logout"), "the goodbye")
        posts = bodies(alink, f"{own}/thing/event/property/pack/post")
        identity = {"productKey": "a1SUB", "deviceName": "PRESS-01"}
        device = posts[0]["params"]["subDevices"][0]
        assert device["identity"] == identity
        assert device["properties"]["spindle_kw"] == {"value": 7.31, "time": T0}
        sizes = [len(post["params"]["subDevices"][0]["properties"]) for post in posts]
        assert max(sizes) == 200
        assert (sizes.count(200), sizes.count(50)) == (2, 1)
        numbers = [post["id"] for post in posts]
        assert len(set(numbers)) == len(numbers)
        assert posts[0]["method"] == "thing.event.property.pack.post"
        (login,) = bodies(alink, "/ext/session/a1GW/GW-01/combine/login")
        assert login["params"].keys() == {
            "productKey",
            "deviceName",
            "clientId",
            "timestamp",
            "signMethod",
            "sign",
            "cleanSession",
        }
        (added,) = bodies(alink, f"{own}/thing/topo/add")
        assert added["params"][0]["deviceName"] == "PRESS-01"
        assert len(bodies(alink, "/ext/session/a1GW/GW-01/combine/logout")) == 1


def test_alink_keeps_what_the_platform_has_no_room_for(tmp_path: Path) -> None:
    """PUBACK is not enough: a post that is answered with 429 is sent again."""

    async def main(broker: Mosquitto, alink: Answering) -> None:
        async with speaking(tmp_path, settings(broker.port, "alink", tmp_path)) as rig:
            await rig.connected()
            made = rig.make(draft("telemetry", rows=[{"t": T0, "m": {"good": 1}}]))
            topic = "/sys/a1GW/GW-01/thing/event/property/pack/post"
            await rig.until(lambda: bodies(alink, topic), "it is sent")
            await asyncio.sleep(0.3)
            assert not rig.store.position("cluster").is_acked(made[0].key)
            alink.code = 200
            await rig.delivered(made)
            assert len(bodies(alink, topic)) > 1

    with Mosquitto(tmp_path) as broker, Answering(broker.port, "#", code=429) as alink:
        asyncio.run(main(broker, alink))
