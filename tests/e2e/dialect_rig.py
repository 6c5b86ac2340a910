"""A publisher of one dialect at mosquitto, and the settings that each dialect needs."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import orjson

from gateway.secret import Secret
from gateway.settings import Child, CommandSettings, MqttSettings, Platform
from tests.e2e.mosquitto import Subscriber
from tests.e2e.mqtt_rig import config, draft, running

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from gateway.model import Draft
    from tests.e2e.mqtt_rig import Rig

T0 = 1_790_000_000_200
ROWS = [
    {"t": T0, "m": {"spindle_kw": 7.31, "good": 4410}},
    {"t": T0 + 500, "m": {"spindle_kw": 7.4, "good": 4411}},
    {"t": T0 + 900, "m": {"spindle_kw": None}, "q": {"spindle_kw": 2}},
]
COMMANDS = CommandSettings(None, (), unsigned=True)
MODULES = {"mapping": "mapped"}


def all_drafts() -> list[Draft]:
    """One record of each class of one asset."""
    return [
        draft("meta"),
        draft("telemetry", rows=ROWS),
        *(draft(name) for name in ("state", "oee", "energy", "event", "alarm")),
    ]


def platform(folder: Path, **more: Any) -> Platform:  # noqa: ANN401
    """The gateway's identity at a platform, with a secret on disk."""
    secret = folder / "gw.secret"
    secret.write_text("0f1e2d3c4b5a\n")
    secret.chmod(0o600)
    child = Child("PRESS-01", "a1SUB", Secret(secret))
    usual: dict[str, Any] = {
        "device": "GW-01",
        "product": "a1GW",
        "secret": Secret(secret),
        "secure_id": "gw",
        "service": "machine",
        "contract": "_raw",
        "children": {"press-1": child},
    }
    return Platform(**(usual | more))


def settings(port: int, form: str, folder: Path, **more: Any) -> MqttSettings:  # noqa: ANN401
    """A section of one dialect."""
    usual: dict[str, Any] = {"format": form, "version": "5"}
    if form == "thingsboard":
        usual["username"] = "token"
    elif form != "mapping":
        usual["platform"] = platform(folder)
    return config(f"mqtt://127.0.0.1:{port}", **(usual | more))


def speaking(folder: Path, publish: MqttSettings) -> AbstractAsyncContextManager[Rig]:
    """Run a publisher of a section's format."""
    module = MODULES.get(publish.format, publish.format)
    make = importlib.import_module(f"gateway.publishers.dialects.{module}").plugin
    return running(folder / "store", publish, make=make)


def bodies(platform_: Subscriber, topic: str) -> list[Any]:
    """What was heard on one topic, read."""
    return [json.loads(heard.payload) for heard in list(platform_.heard) if heard.topic == topic]


def say(platform_: Subscriber, topic: str, body: object) -> None:
    """Ask something of the gateway."""
    platform_._client.publish(topic, orjson.dumps(body), 1).wait_for_publish(20)


class Answering(Subscriber):
    """A subscriber that answers as the platform does.

    Args:
        port: of the broker.
        topic: to listen to.
        code: that each answer has.
    """

    def __init__(self, port: int, topic: str, code: int = 200) -> None:
        self.code = code
        self.silent: set[str] = set()
        super().__init__(port, topic)

    def _take(self, client: Any, data: Any, message: Any) -> None:  # noqa: ANN401
        super()._take(client, data, message)
        topic = message.topic
        if topic.endswith("_reply") or any(topic.endswith(tail) for tail in self.silent):
            return
        fields = json.loads(message.payload)
        if "params" in fields:
            said = orjson.dumps({"id": fields["id"], "code": self.code, "data": {}})
            client.publish(f"{topic}_reply", said, 1)


def topics(platform_: Subscriber) -> list[str]:
    """What topics were heard, in the order of their first message."""
    return list(dict.fromkeys(heard.topic for heard in list(platform_.heard)))
