"""What one `format` of the site file says over MQTT, and when.

Connection, brokers, TLS, delivery, position and what people are told are the same for all of them
(`mqtt.MqttPublisher`); a format spells records (`encoding`) and decides what a connection begins
and ends with, what is listened to, and how a command reads in the canonical contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.clock import Clock
    from gateway.model import Record
    from gateway.publishers.base import Position, RecordStore
    from gateway.publishers.inbox import Arrived, Topic
    from gateway.publishers.message import Encoding, Message, Transport
    from gateway.publishers.mqtt_client import Connection
    from gateway.publishers.reporter import Reporter
    from gateway.settings import Identity, MqttSettings


@dataclass(frozen=True, slots=True)
class Parts:
    """What a format is made of.

    Attributes:
        name: of the publisher, its key in the site file.
        config: its section.
        identity: topic levels.
        store: tells epoch, keys and current statements.
        position: tells what is not delivered yet.
        clock: both clocks.
    """

    name: str
    config: MqttSettings
    identity: Identity
    store: RecordStore
    position: Position
    clock: Clock


class Format:
    """What a format says where it has nothing of its own to say.

    Attributes:
        encoding: spells records.
        look_at: topic whose retained message is looked at before the first session with each
            broker, or "".
        ends_with_will: a goodbye on MQTT 5 asks the broker to send the Will all the same.
        is_stale: the session stands for something that is over, and is to be begun anew.
        waits_for: why records don't go over a connection that stands, or "".
    """

    encoding: Encoding
    look_at = ""
    ends_with_will = False
    is_stale = False
    waits_for = ""

    def seen(self, payload: bytes, reporter: Reporter) -> None:
        """Take what stood at `look_at`."""

    def adopt(self, config: MqttSettings) -> None:
        """Be what another version of the section says, from the next connection on."""

    async def begin(self) -> None:
        """A connection is about to be tried."""

    def sign(self, config: MqttSettings, client_id: str) -> tuple[MqttSettings, str]:
        """Who the gateway is on the next connection: its section, and the client id.

        Args:
            config: the section, with user name and password as the site file gives them.
            client_id: what it gives, or the gateway's own choice.
        """
        return config, client_id

    def take_back(self) -> None:
        """The broker has not heard of the connection that was begun."""

    def will(self, mqtt: str) -> Message | None:
        """What the broker is to say when the connection breaks.

        Args:
            mqtt: version of the protocol, `5` or `3.1.1`.
        """
        del mqtt
        return None

    def topics(self, *, commands: bool) -> Sequence[Topic]:
        """What to listen to; `commands`: the site file allows some."""
        del commands
        return ()

    def opened(self, connection: Connection, begin: Callable[[Transport], None]) -> None:
        """A connection is accepted; call `begin` once records may go over it, now or later.

        Args:
            connection: carries messages, and may be wrapped.
            begin: takes what is to carry the records.
        """
        begin(connection)

    def offered(self, records: Sequence[Record]) -> None:
        """Take note of records that were just made, whether or not there is a connection."""

    def answered(self, acks: Sequence[tuple[Message, int]]) -> Sequence[tuple[Message, int]]:
        """Tell which messages the broker's answers answer; a wrapped connection has its own."""
        return acks

    def closed(self) -> None:
        """The connection is over, if there was one."""

    def greeting(self, mqtt: str) -> Sequence[Message]:
        """What goes ahead of a connection's first record."""
        del mqtt
        return ()

    def note(self, reason: str) -> None:
        """Give the next `news` or greeting a reason of the contract (start, config)."""

    def news(self, mqtt: str) -> Sequence[Message]:
        """What to say of a reason that was noted."""
        del mqtt
        return ()

    def beat(self, mqtt: str) -> Sequence[Message]:
        """What is said once a heartbeat."""
        del mqtt
        return ()

    def farewell(self, mqtt: str, reason: str) -> Sequence[Message]:
        """What goes behind a connection's last record; reason `stop` or `config`."""
        del mqtt, reason
        return ()

    def gone(self, records: Sequence[Record]) -> Iterable[Message]:
        """What makes the other side let go of these."""
        del records
        return ()

    def hear(self, topic: str, payload: bytes, *, retained: bool) -> Iterable[Arrived]:
        """Tell which canonical commands an arrived message is; none where it is something else."""
        yield topic, payload, retained

    def answer(self, topic: str, payload: bytes) -> Iterable[Message]:
        """Spell a command's reply, which is given in the canonical contract."""
        del topic, payload
        return ()
