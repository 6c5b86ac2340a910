"""What all dialects share: assets as devices of the platform, records in parts, commands."""

from __future__ import annotations

import re
from collections import OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import orjson

from gateway.contract import OWN_LINE
from gateway.publishers.dialects.asking import Asking
from gateway.publishers.dialects.carrier import Carrier, Part
from gateway.publishers.format import Format, Parts
from gateway.publishers.message import Message
from gateway.publishers.mqtt import MqttPublisher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.clock import Clock
    from gateway.model import Place, Record
    from gateway.publishers.base import Factory, RecordStore
    from gateway.publishers.inbox import Arrived
    from gateway.publishers.message import Transport
    from gateway.publishers.mqtt_client import Connection
    from gateway.settings import Identity, MqttSettings, Platform

MOST_STATED = 8192
"""Windows whose newest statement is remembered: two hundred machines' of a day."""
LINE = "_line"
"""The asset that stands for its line, one on each: its name alone doesn't tell which."""
_FOREIGN = re.compile(r"[^A-Za-z0-9_]")


@lru_cache(maxsize=8192)
def identifier(name: str) -> str:
    """A name as platforms take it for a property: letters, digits and underscores."""
    return _FOREIGN.sub("_", name)


def device_of(line: str, asset: str) -> str:
    """What a platform that knows no lines calls an asset."""
    return asset if asset != LINE else f"{LINE}_{line}"


class Dialect(Format):
    """A format that spells records in parts.

    Attributes:
        name: of the format.
        most: bytes of a payload that the platform takes; 0: any.
        gateway: the gateway's own asset.
    """

    name = ""
    most = 0

    def __init__(self, parts: Parts) -> None:
        self.encoding = self
        self.gateway = parts.identity.gateway
        self._identity = parts.identity
        self._config = parts.config
        self._store = parts.store
        self._clock = parts.clock
        self._stated: OrderedDict[tuple[Place, str], int] = OrderedDict()
        self._lanes: dict[tuple[Place, bool], str] = {}
        self._lines: dict[str, str] = {}
        self._known: set[str] = set()
        self._carrier: Carrier | None = None
        self._asking = Asking(parts.identity, parts.clock, self._line_of, self.name)

    # what each of them says

    def parts(self, record: Record, *, hist: bool) -> Sequence[Part]:
        """Spell a record; nothing where it says nothing that the platform has words for."""
        raise NotImplementedError

    def lane(self, record: Record, *, hist: bool) -> str:
        """The topic that a record's parts go to, or what these have in common."""
        raise NotImplementedError

    def introduce(self, assets: Sequence[str]) -> Sequence[Part]:
        """Tell that devices are there, once on each connection."""
        del assets
        return ()

    def dismiss(self, assets: Sequence[str]) -> Sequence[Part]:
        """Tell that devices are gone, with the connection that ends."""
        del assets
        return ()

    def tells(self, asset: str) -> bool:
        """Tell whether the platform knows an asset."""
        del asset
        return True

    # as an encoding

    def speaks(self, record: Record, *, hist: bool) -> bool:
        """Everything but what an asset is, of the assets that the platform knows."""
        del hist
        return record.cls != "meta" and self.tells(device_of(record.line, record.asset))

    def topic(self, record: Record, *, hist: bool) -> str:
        """A lane of its own for each place: what is refused is held place by place."""
        key = (record.place, hist)
        lane = self._lanes.get(key)
        if lane is None:
            place = "/".join(record.place)
            lane = self._lanes[key] = f"{self.lane(record, hist=hist)} ({place})"
        return lane

    def payload(self, record: Record, *, hist: bool) -> bytes:
        """As it is stored; the carrier spells it."""
        del hist
        return record.body

    def retained(self, record: Record) -> bool:
        """No platform is told again what it has stored."""
        del record
        return False

    # as a format

    def adopt(self, config: MqttSettings) -> None:
        """Be what another version of the section says."""
        self._config = config
        self._lanes.clear()

    def opened(self, connection: Connection, begin: Callable[[Transport], None]) -> None:
        """Introduce the devices, then let records go."""
        self._carrier = carrier = Carrier(connection, self._spell, self._first, self.most)
        self._known.clear()
        places = [(line, asset) for line, asset, cls in self._store.current() if cls == "meta"]
        self._lines = {device_of(line, asset): line for line, asset in places}
        self._meet([asset for asset in self._lines if self.tells(asset)])
        begin(carrier)

    def answered(self, acks: Sequence[tuple[Message, int]]) -> Sequence[tuple[Message, int]]:
        """Tell which records have arrived whole."""
        return tuple(self._carrier.answered(acks)) if self._carrier is not None else acks

    def closed(self) -> None:
        """Nothing is under way any more."""
        if self._carrier is not None:
            self._carrier.close()
        self._carrier = None

    def farewell(self, mqtt: str, reason: str) -> Sequence[Message]:
        """Tell that the devices are gone."""
        del mqtt, reason
        known, self._known = sorted(self._known), set()
        return [_told(part) for part in self.dismiss(known)] if known else ()

    def gone(self, records: Sequence[Record]) -> Iterable[Message]:
        """Tell that devices which the site file no longer has are gone."""
        left = {device_of(r.line, r.asset) for r in records if r.cls == "meta"} & self._known
        self._known -= left
        return [_told(part) for part in self.dismiss(sorted(left))] if left else ()

    def answer(self, topic: str, payload: bytes) -> Iterable[Message]:
        """A command's reply in the platform's words."""
        return [_told(part) for part in self._asking.answer(topic, payload)]

    def hear(self, topic: str, payload: bytes, *, retained: bool) -> Iterable[Arrived]:
        """Read what the platform asks; what can't be read is nothing."""
        try:
            fields = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return ()
        if not isinstance(fields, dict):
            return ()
        try:
            return list(self.asked(topic, fields, retained=retained))
        except (TypeError, ValueError):  # nested beyond what can be written, or in an odd place
            return ()

    def asked(self, topic: str, fields: dict[str, object], *, retained: bool) -> Iterable[Arrived]:
        """Make commands of what the platform asks."""
        del topic, fields, retained
        return ()

    @property
    def _platform(self) -> Platform:
        assert self._config.platform is not None  # noqa: S101 - the site file's check
        return self._config.platform

    def _device_of(self, asset: str) -> str:
        """What the platform knows an asset by."""
        child = self._platform.children.get(asset)
        return child.device if child is not None else asset

    def _asset_of(self, device: str) -> str:
        """Which asset the platform means."""
        children = self._platform.children.items()
        return next((name for name, child in children if child.device == device), device)

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000

    def _line_of(self, asset: str) -> str:
        return OWN_LINE if asset == self.gateway else self._lines.get(asset, "main")

    def _spell(self, message: Message) -> Sequence[Part]:
        record = message.record
        assert record is not None  # noqa: S101 - the carrier asks for no other
        if record.subject and self._is_superseded(record):
            return ()
        return self.parts(record, hist=message.topic == self.topic(record, hist=True))

    def _is_superseded(self, record: Record) -> bool:
        """Tell whether a later statement of the same went ahead, which this one would cover up.

        A platform keeps one value for a name and a time: what comes from the backlog behind a
        restatement must not come last.
        """
        about = (record.place, record.subject)
        newest = self._stated.pop(about, 0)
        self._stated[about] = max(newest, record.key)
        if len(self._stated) > MOST_STATED:
            self._stated.popitem(last=False)
        return record.key < newest

    def _first(self, message: Message) -> Sequence[Part]:
        record = message.record
        if record is None:
            return ()
        device = device_of(record.line, record.asset)
        if device in self._known or not self.tells(device):
            return ()
        self._lines.setdefault(device, record.line)
        self._known.add(device)
        return self.introduce([device]) if device != self.gateway else ()

    def _meet(self, assets: Sequence[str]) -> None:
        assert self._carrier is not None  # noqa: S101 - there is a connection
        self._known.update(assets)
        others = [asset for asset in assets if asset != self.gateway]
        if others:
            self._carrier.post(self.introduce(others))
            self._carrier.flush()


def _told(part: Part) -> Message:
    return Message(0, part.topic, part.payload, part.retain, again=False, qos=part.qos)


def plug(form: Callable[[Parts], Format]) -> Factory:
    """What an entry point names for a format: a maker of publishers over MQTT that speak it."""

    def plugin(
        *, name: str, config: MqttSettings, store: RecordStore, identity: Identity, clock: Clock
    ) -> MqttPublisher:
        return MqttPublisher(
            name=name, config=config, store=store, identity=identity, clock=clock, form=form
        )

    return cast("Factory", plugin)
