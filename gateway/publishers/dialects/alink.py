"""Alibaba's Alink JSON: assets are sub-devices, which the gateway logs in.

Source: help.aliyun.com, Link: "Manage topological relationships" (topo/add, 30 at most),
"Connect or disconnect sub-devices" (combine/login, QoS 0), "Gateway reports data in batches" (200
properties, 20 events, 20 sub-devices), "Historical data reporting".
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from gateway.errors import ConfigError
from gateway.publishers.dialects.asking import number_of, scalars, wish, writes
from gateway.publishers.dialects.carrier import Part
from gateway.publishers.dialects.dialect import Dialect, identifier, plug
from gateway.publishers.dialects.samples import samples
from gateway.publishers.dialects.signing import alink, alink_sign
from gateway.publishers.inbox import Topic
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gateway.model import Record, Value
    from gateway.publishers.dialects.asking import Answer
    from gateway.publishers.dialects.samples import Sample
    from gateway.publishers.format import Parts
    from gateway.publishers.inbox import Arrived
    from gateway.publishers.message import Transport
    from gateway.publishers.mqtt_client import Connection
    from gateway.settings import MqttSettings

log = logging.getLogger("nxgate.publish")

MOST_PROPERTIES = 200
MOST_TOPOLOGY = 30
LOGIN_S = 5.0
"""Records wait so long for the answers to logins."""
OK = 200
BUSY = frozenset({429, 500, 503, 520, 6401, 6205})
"""Too many requests, or the sub-device isn't online yet: it will pass."""
LATER, WRONG = 0x97, 0x99
PACK, HISTORY = "thing/event/property/pack/post", "thing/event/property/history/post"
SET, SERVICE = "thing/service/property/set", "thing/service/"


class Alink(Dialect):
    """Of one publisher; assets that `platform.children` doesn't name aren't told."""

    name = "alink"
    most = 256 << 10

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._count = 0
        self._complaint = ""
        self._logins: set[str] = set()
        self._go: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def opened(self, connection: Connection, begin: Callable[[Transport], None]) -> None:
        """Let records go once the sub-devices are logged in, or should have been."""
        self._logins.clear()
        super().opened(connection, partial(self._hold, begin))

    def closed(self) -> None:
        """No login is waited for any more."""
        super().closed()
        self._go = None
        if self._timer is not None:
            self._timer.cancel()

    def sign(self, config: MqttSettings, client_id: str) -> tuple[MqttSettings, str]:
        """The password signs who and when."""
        del client_id
        platform = self._platform
        encrypted = config.brokers[0].startswith(("mqtts", "wss"))
        login = alink(platform.product, platform.device, self._now_ms(), encrypted=encrypted)
        return login.into(config, platform.secret), login.client_id

    def tells(self, asset: str) -> bool:
        """The gateway and its sub-devices."""
        return asset == self.gateway or asset in self._platform.children

    def lane(self, record: Record, *, hist: bool) -> str:
        """Live or history, of all sub-devices."""
        del record
        return f"{self._sys}/{HISTORY if hist else PACK}"

    def parts(self, record: Record, *, hist: bool) -> Sequence[Part]:
        """As many messages as their limits make of it; each is to be answered with 200."""
        kind = record.cls.partition("/")[0]
        groups = [(sample.t_ms, group) for sample in samples(record) for group in _groups(sample)]
        events = kind in {"event", "alarm"}
        topic = self.lane(record, hist=hist)
        found = []
        for t_ms, values in groups:
            told: dict[str, object] = {
                name: {"value": value, "time": t_ms} for name, value in values.items()
            }
            if events:
                told = {identifier(record.cls): {"value": values, "time": t_ms}}
            body = self._history(record, told, events) if hist else self._pack(record, told, events)
            number = self._number()
            method = (HISTORY if hist else PACK).replace("/", ".")
            fields: dict[str, object] = {"id": number, "version": "1.0", "sys": {"ack": 1}}
            fields |= {"method": method, "params": body}
            found.append(Part(topic, orjson.dumps(fields), awaits=number))
        return found

    def introduce(self, assets: Sequence[str]) -> Sequence[Part]:
        """Sub-devices are said to be behind this gateway, and logged in."""
        now_ms = self._now_ms()
        logins = [login for asset in assets if (login := self._login(asset, now_ms))]
        topology = [
            {"signmethod" if key == "signMethod" else key: value for key, value in login.items()}
            for login in logins
        ]
        added = [
            self._plain("thing/topo/add", topology[at : at + MOST_TOPOLOGY])
            for at in range(0, len(topology), MOST_TOPOLOGY)
        ]
        return [
            *added,
            *(self._session("login", {**one, "cleanSession": "true"}) for one in logins),
        ]

    def dismiss(self, assets: Sequence[str]) -> Sequence[Part]:
        """Sub-devices are logged out."""
        children = self._platform.children
        return [
            self._session(
                "logout",
                {"productKey": children[asset].product, "deviceName": children[asset].device},
            )
            for asset in assets
            if asset in children
        ]

    def topics(self, *, commands: bool) -> Sequence[Topic]:
        """Answers to what is sent; settings and services while commands are allowed."""
        answers = [f"{self._sys}/{what}_reply" for what in (PACK, HISTORY, "thing/topo/add")]
        answers.append(f"{self._ext}/combine/login_reply")
        if commands:
            places = [self._sys, *(self._sys_of(name) for name in self._platform.children)]
            answers += [f"{place}/{what}" for place in places for what in (SET, f"{SERVICE}+")]
        return tuple(map(Topic, answers))

    def asked(self, topic: str, fields: dict[str, object], *, retained: bool) -> Iterable[Arrived]:
        """An answer to something sent; or properties to be set, or a service."""
        if topic.endswith("_reply"):
            self._answered(topic, fields)
            return ()
        _empty, _sys, product, device, what = topic.split("/", 4)
        params, number = fields.get("params"), number_of(fields.get("id"))
        if what == SET:
            wishes = writes(scalars(params))
        else:
            wishes = [wish(what.removeprefix(SERVICE), params)]

        def reply(answer: Answer) -> Sequence[Part]:
            said: dict[str, object] = {"id": number, "code": OK if answer.ok else 460}
            said["data"] = answer.data if what != SET else {}
            if answer.msg:
                said["message"] = answer.msg
            return (Part(f"{topic}_reply", orjson.dumps(said)),)

        asset = self._named(product, device)
        return self._asking.ask(asset, wishes, reply, token=(topic, number), retained=retained)

    @property
    def _sys(self) -> str:
        return f"/sys/{self._platform.product}/{self._platform.device}"

    @property
    def _ext(self) -> str:
        return f"/ext/session/{self._platform.product}/{self._platform.device}"

    def _sys_of(self, asset: str) -> str:
        child = self._platform.children[asset]
        return f"/sys/{child.product}/{child.device}"

    def _named(self, product: str, device: str) -> str:
        children = self._platform.children.items()
        return next(
            (name for name, c in children if (c.product, c.device) == (product, device)),
            self.gateway,
        )

    def _hold(self, begin: Callable[[Transport], None], transport: Transport) -> None:
        self._go = partial(begin, transport)
        if self._logins:
            self._timer = asyncio.get_running_loop().call_later(LOGIN_S, self._release)
        else:
            self._release()

    def _release(self) -> None:
        go, self._go = self._go, None
        if go is not None:
            go()

    def _answered(self, topic: str, fields: dict[str, object]) -> None:
        """Take the platform's own answer; what it complains of is told when it is news."""
        code = number_of(fields.get("code"))
        complaint = ""
        if code != OK:
            complaint = f"{topic.rpartition('/')[2]}: {code} {fields.get('message', '')}".strip()
        if complaint and complaint != self._complaint:
            text = _("{name}: the platform answers {answer}")
            log.warning(text.format(name=self.name, answer=complaint[:200]))
        self._complaint = complaint or self._complaint
        verdict = 0 if code == OK else LATER if code in BUSY else WRONG
        if topic.endswith("login_reply"):
            self._logins.discard(str(fields.get("id")))
            if not self._logins:
                self._release()
        if self._carrier is not None:
            self._carrier.replied(str(fields.get("id")), verdict)

    def _number(self) -> str:
        self._count = (self._count + 1) % (1 << 32)
        return str(self._count)

    def _identity_of(self, asset: str) -> dict[str, str]:
        child = self._platform.children[asset]
        return {"productKey": child.product, "deviceName": child.device}

    def _pack(self, record: Record, told: object, events: bool) -> dict[str, object]:  # noqa: FBT001
        said = {"properties": {} if events else told, "events": told if events else {}}
        if record.asset == self.gateway:
            return {**said, "subDevices": []}
        device = {"identity": self._identity_of(record.asset), **said}
        return {"properties": {}, "events": {}, "subDevices": [device]}

    def _history(self, record: Record, told: object, events: bool) -> list[dict[str, object]]:  # noqa: FBT001
        identity = {"productKey": self._platform.product, "deviceName": self._platform.device}
        if record.asset != self.gateway:
            identity = self._identity_of(record.asset)
        said = {"properties": [] if events else [told], "events": [told] if events else []}
        return [{"identity": identity, **said}]

    def _login(self, asset: str, now_ms: int) -> dict[str, str] | None:
        child = self._platform.children[asset]
        if child.secret is None:
            return None
        try:
            secret = child.secret.read()
        except ConfigError as error:
            log.warning("%s", error)
            return None
        client = f"{child.product}&{child.device}"
        return {
            **self._identity_of(asset),
            "clientId": client,
            "timestamp": str(now_ms),
            "signMethod": "hmacSha256",
            "sign": alink_sign(client, child.product, child.device, now_ms, secret),
        }

    def _session(self, what: str, params: dict[str, str]) -> Part:
        number = self._number()
        if what == "login":
            self._logins.add(number)
        body = orjson.dumps({"id": number, "params": params})
        return Part(f"{self._ext}/combine/{what}", body, qos=0)

    def _plain(self, what: str, params: object) -> Part:
        fields = {"id": self._number(), "version": "1.0", "params": params}
        fields["method"] = what.replace("/", ".")
        return Part(f"{self._sys}/{what}", orjson.dumps(fields))


def _groups(sample: Sample) -> Iterator[dict[str, Value]]:
    """The values of a time as Alink's properties, no more than a message holds.

    A truth value is 0 or 1 there.
    """
    items = iter(
        (identifier(name), int(value) if isinstance(value, bool) else value)
        for name, value in sample.values.items()
    )
    while group := dict(islice(items, MOST_PROPERTIES)):
        yield group


plugin = plug(Alink)
