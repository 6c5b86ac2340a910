"""The format `sparkplug`: an edge node, whose devices are the site's assets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gateway import __version__
from gateway.bucket import TokenBucket
from gateway.contract import root_of
from gateway.errors import BrokerUnavailable
from gateway.publishers.causes import Cause
from gateway.publishers.format import Format, Parts
from gateway.publishers.inbox import Topic
from gateway.publishers.message import Message
from gateway.publishers.mqtt import MqttPublisher
from gateway.publishers.sparkplug import commands
from gateway.publishers.sparkplug.encoding import Devices
from gateway.publishers.sparkplug.host import Host, Turn
from gateway.publishers.sparkplug.metrics import Style
from gateway.publishers.sparkplug.numbering import Numbering
from gateway.publishers.sparkplug.session import Session, death
from gateway.publishers.sparkplug.topics import Topics
from gateway.publishers.sparkplug.wire import Type
from gateway.settings import SparkplugSettings
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.clock import Clock
    from gateway.model import Record
    from gateway.publishers.base import Publisher, RecordStore
    from gateway.publishers.inbox import Arrived
    from gateway.publishers.message import Transport
    from gateway.publishers.mqtt_client import Connection
    from gateway.settings import Identity, MqttSettings

log = logging.getLogger("nxgate.publish")

REBIRTHS_S, REBIRTHS = 1.0, 10.0
"""Rebirths that are granted each second, and at once: a host that asks without end would else keep
the node from everything else."""


class Node(Format):
    """One edge node.

    Args:
        parts: what it is made of.
    """

    ends_with_will = True

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._clock = parts.clock
        self._store = parts.store
        self._numbering = Numbering(parts.store.folder / f"sparkplug-{parts.name}.bdseq")
        self._host = Host()
        self._granted = TokenBucket(REBIRTHS_S, parts.clock, REBIRTHS)
        self._connection: Connection | None = None
        self._session: Session | None = None
        self._start: Callable[[Transport], None] | None = None
        settings = parts.config.sparkplug or SparkplugSettings()
        self._config = parts.config
        self._topics = Topics(parts.identity, settings)
        self._host_name = settings.primary_host
        self._devices = Devices(self._topics, Style(settings.aliases, settings.datatypes))
        self.encoding = self._devices
        software = f"nxgate {__version__}"
        self._devices.node.state("Properties/Software", Type.STRING, software, self._now_ms())

    def adopt(self, config: MqttSettings) -> None:
        """Be what another version of the section says, from the next connection on."""
        self._config = config

    async def begin(self) -> None:
        """Another CONNECT, with a number of its own."""
        await self._numbering.next()

    def take_back(self) -> None:
        """No broker has heard of it."""
        self._numbering.take_back()

    def will(self, mqtt: str) -> Message:
        """NDEATH."""
        del mqtt
        return self._death()

    def topics(self, *, commands: bool) -> Sequence[Topic]:
        """Rebirth always; writes where some are allowed; the primary host's STATE as it is kept."""
        found = [Topic(self._topics.ncmd)]
        if commands:
            found.append(Topic(self._topics.dcmd))
        if self._topics.state:
            found.append(Topic(self._topics.state, kept=True))
        return found

    def opened(self, connection: Connection, begin: Callable[[Transport], None]) -> None:
        """Be born, as soon as the primary host is there."""
        self._connection, self._start = connection, begin
        self._host.forget()
        if self._host_name:
            text = _("the primary host {host} hasn't said that it is online")
            self.waits_for = text.format(host=self._host_name)
            log.info("%s: %s", self._parts.name, self.waits_for)
        else:
            self._begin()

    def offered(self, records: Sequence[Record]) -> None:
        """Keep what the births of the next session are to say."""
        if self._session is not None:
            self._devices.await_(records)
        else:
            self._devices.see(records)

    def answered(self, acks: Sequence[tuple[Message, int]]) -> Sequence[tuple[Message, int]]:
        """What the marker's answer answers."""
        return acks if self._session is None else self._session.answered(acks)

    def closed(self) -> None:
        """The connection is over, if there was one."""
        if self._session is not None:
            self._session.end()
        self._connection = self._session = self._start = None
        self.waits_for = ""
        self._devices.ended()

    def farewell(self, mqtt: str, reason: str) -> Sequence[Message]:
        """NDEATH, behind which nothing goes."""
        del mqtt, reason
        if self._session is not None:
            self._session.end()
        return (self._death(),)

    def gone(self, records: Sequence[Record]) -> Iterable[Message]:
        """DDEATH for each."""
        for record in records:
            device = self._devices.of(record)
            if device.name and not device.is_gone:
                device.is_gone = True
                if self._session is not None:
                    self._session.bury(device)
        return ()

    def hear(self, topic: str, payload: bytes, *, retained: bool) -> Iterable[Arrived]:
        """Take a STATE or a rebirth, and read what is to be written."""
        if topic == self._topics.state:
            self._take_state(payload)
            return
        order = commands.read(payload)
        if order is None:
            text = _("{name}: what came on {topic} is no payload of Sparkplug, and is passed over")
            log.warning(text.format(name=self._parts.name, topic=topic))
        elif topic == self._topics.ncmd:
            if commands.asks_rebirth(order) and not retained:
                self._rebirth()
        else:
            found = self._devices.named(topic.rpartition("/")[2])
            if found is None:
                return
            device, (line, asset) = found
            target = f"{root_of(self._parts.identity)}/{line}/{asset}/cmd/write"
            for body in commands.writes(order, device, topic, payload):
                yield target, body, retained

    def _begin(self) -> None:
        """NBIRTH and DBIRTHs, then records."""
        if self._connection is None or self._start is None:
            return
        self.waits_for = ""
        session = self._session = Session(
            self._connection, self._topics, self._devices, self._numbering.now, self._clock
        )
        self._devices.bear(self._store.current().values(), self._store.last_key)
        session.begin()
        self._start(session)

    def _rebirth(self) -> None:
        if self._session is None:
            return
        if self._granted.try_take():
            self._session.begin()
            self._session.flush()
        else:
            text = _("{name}: rebirth is asked for too often, and not done")
            log.warning(text.format(name=self._parts.name))

    def _take_state(self, payload: bytes) -> None:
        """Begin when the host comes; leave, to try the next server, when it goes."""
        match self._host.hear(payload):
            case Turn.CAME if self._session is None:
                self._begin()
            case Turn.WENT:
                self._leave()
            case _:
                pass

    def _leave(self) -> None:
        """The primary host isn't here: elsewhere it may be."""
        connection = self._connection
        if connection is None or (self._session is None and len(self._config.brokers) == 1):
            return
        if self._session is not None:
            self._session.end()
            connection.send(self._death())
            connection.flush()
        text = _("the primary host {host} is offline").format(host=self._host_name)
        connection.leave(BrokerUnavailable(text, Cause.HOST), with_will=True)

    def _death(self) -> Message:
        payload = death(self._numbering.now, self._now_ms())
        return Message(0, self._topics.ndeath, payload, retain=False, again=False)

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000


def plugin(
    *, name: str, config: MqttSettings, store: RecordStore, identity: Identity, clock: Clock
) -> Publisher:
    """Make the publisher; nothing is opened yet."""
    return MqttPublisher(
        name=name, config=config, store=store, identity=identity, clock=clock, form=Node
    )
