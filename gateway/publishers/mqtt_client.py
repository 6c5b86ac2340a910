"""paho on the event loop: one `Connection` is one MQTT connection, from CONNECT to its end.

With `mqtt_packets.py` the only importer of paho. Each connection has a client of its own, so that
paho never resends, or sends an old Will, on its own account: what happens after a loss is decided
in `delivery.py`. Connecting blocks (name, TCP, TLS, the CONNECT packet) and runs in a thread; from
then on paho's socket is driven by the loop, and its callbacks only take notes, which are acted
upon once paho has returned.
"""

# ruff: noqa: ANN401 - what paho passes to callbacks is Any to it as well

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from paho.mqtt.enums import LogLevel, MQTTProtocolVersion

from gateway.errors import BrokerUnavailable, ConfigError
from gateway.publishers import tls
from gateway.publishers.causes import CODES, Cause, explain
from gateway.publishers.mqtt_packets import LIMITS, Client
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import paho.mqtt.client as paho
    from paho.mqtt.reasoncodes import ReasonCode

    from gateway.publishers.dial import Dialer
    from gateway.publishers.inbox import Inbox
    from gateway.publishers.message import Message
    from gateway.settings import MqttSettings

log = logging.getLogger("nxgate.mqtt")

WINDOW = 1000
"""Unacknowledged messages at most; the round trip tells how many are worth it."""
KEEPALIVE_S = 30
CONNECT_S = 10
"""For TCP and for TLS, each."""
CONNACK_S = 10.0
GOODBYE_S = 1.0
TICK_S = 1.0
PORTS = {"mqtt": 1883, "mqtts": 8883}


class Connection:
    """One connection to one broker; satisfies `message.Transport`.

    Args:
        config: credentials, certificates.
        url: the broker to use of those configured.
        client_id: what the broker knows the gateway by.
        version: `5` or `3.1.1`.
        will: what the broker says when the connection breaks; None: nothing.
        on_acks: called with (message, reason code) for each answer, several at once.
        inbox: what to listen to, and who takes it; None: nothing.

    Attributes:
        on_acks: a format that has found messages answered says so here, never from within `send`.
        spoke: True once CONNECT may have reached the broker, and with it the Will.
        ended: resolves with the reason when the connection is over, whoever ended it.
    """

    def __init__(
        self,
        config: MqttSettings,
        url: str,
        client_id: str,
        version: str,
        will: Message | None,
        on_acks: Callable[[Sequence[tuple[Message, int]]], None],
        inbox: Inbox | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._config = config
        self._url = urlsplit(url)
        self._version = version
        self.on_acks = on_acks
        self._inbox = inbox
        self.spoke = False
        self.ended: asyncio.Future[BrokerUnavailable] = self._loop.create_future()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._granted: asyncio.Future[bool] | None = None
        self._retained: asyncio.Future[bytes] | None = None
        self._sent: dict[int, Message] = {}
        self._window = WINDOW
        self._max_packet = 0
        self._retains = True
        self._leaving: BrokerUnavailable | None = None
        self._ending: BrokerUnavailable | None = None
        self._said = ""
        self._fd = -1
        self._flushing = False
        self._writing = False
        self._ticker: asyncio.TimerHandle | None = None
        protocol = MQTTProtocolVersion.MQTTv5 if version == "5" else MQTTProtocolVersion.MQTTv311
        client = self._paho = Client(client_id, protocol)
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(0)  # the window is ours, paho's would only queue
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        client.on_connect = self._note_connack
        client.on_disconnect = self._note_end
        client.on_subscribe = self._note_granted
        client.on_message = self._note_message
        client.on_log = self._note_log

    @property
    def window(self) -> int:
        """How many messages may be unacknowledged at once."""
        return self._window

    async def open(self, dialer: Dialer) -> None:
        """Connect and wait for the broker's answer.

        Raises:
            BrokerUnavailable: with what came back, and its cause.
        """
        try:
            await dialer.dial(self._connect, self._give_up)
        except (OSError, ValueError, ConfigError) as error:
            self.spoke = False
            raise explain(error) from error
        self._attach()
        try:
            async with asyncio.timeout(CONNACK_S):
                await self._accepted
        except TimeoutError as error:
            raise BrokerUnavailable(_("the broker doesn't answer CONNECT"), Cause.SILENT) from error
        self._paho.on_log = None
        if self._inbox is not None:
            self._paho.listen(self._inbox.topics)

    def excess(self, message: Message) -> int:
        """Bytes beyond the broker's Maximum Packet Size (MQTT 5, 3.2.2.3.6)."""
        if not self._max_packet:
            return 0
        rest = len(message.topic.encode()) + len(message.payload) + 5
        length_bytes = -(-rest.bit_length() // 7)
        return 1 + length_bytes + rest - self._max_packet

    def send(self, message: Message) -> None:
        """Publish with the next `flush`; QoS 1 is answered through `on_acks`, QoS 0 never."""
        if self._ending is not None:
            return
        retain = message.retain and self._retains
        if mid := self._paho.post(message.topic, message.payload, qos=message.qos, retain=retain):
            self._sent[mid] = message

    def flush(self) -> None:
        """Write what was sent, in one piece, unless the socket is full already."""
        if self._ending is None and not self._writing and self._paho.want_write():
            self._guarded(self._flush)

    async def retained(self, topic: str, wait_s: float) -> bytes | None:
        """Ask for the retained message of a topic.

        Most brokers send it together with the grant. Some look it up beside their other work:
        they have `wait_s` after the grant, and twice as long as that took where they are slow.

        Args:
            topic: no wildcards.
            wait_s: the least time after the grant for a message to come.

        Returns:
            None where there is none, or it may not be read.

        Raises:
            BrokerUnavailable: the connection broke meanwhile.
        """
        self._granted = self._loop.create_future()
        self._retained = self._loop.create_future()
        self._paho.subscribe(topic, 1)
        asked_s = self._loop.time()
        try:
            async with asyncio.timeout(CONNACK_S):
                granted = await self._granted
            if not granted:
                return None
            async with asyncio.timeout(max(wait_s, 2 * (self._loop.time() - asked_s))):
                return await self._retained
        except TimeoutError:
            return None
        finally:
            self._retained = self._granted = None
            if self._ending is None:
                self._paho.unsubscribe(topic)

    def fail(self, reason: BrokerUnavailable) -> None:
        """End it as if it had broken, so that the Will is sent."""
        self._end(reason)

    def leave(self, reason: BrokerUnavailable, *, with_will: bool = False) -> None:
        """Say goodbye; `ended` then resolves with `reason`. On MQTT 5 `with_will` has it sent."""
        if self._ending is None and self._leaving is None:
            self._leaving = reason
            self._paho.part(with_will=with_will)

    async def close(self, *, with_will: bool = False) -> None:
        """Say goodbye and release the socket."""
        self.leave(BrokerUnavailable(_("closed")), with_will=with_will)
        await asyncio.wait([self.ended], timeout=GOODBYE_S)
        self.abort()

    def abort(self) -> None:
        """Release the socket as it is; safe to call twice."""
        self._end(BrokerUnavailable(_("given up")))
        transport = self._paho.socket()
        if transport is not None:
            transport.close()

    def _connect(self) -> None:
        """Blocks; runs in the dialer's thread, before any of paho's socket callbacks are set."""
        client, config, url = self._paho, self._config, self._url
        if config.username is not None:
            password = config.password.read() if config.password is not None else None
            client.username_pw_set(config.username, password)
        if url.scheme not in PORTS:
            text = _("MQTT over WebSocket comes with a later release")
            raise BrokerUnavailable(text, Cause.UNSUITABLE)
        if url.scheme == "mqtts":
            client.tls_set_context(tls.context(config.tls))
        self.spoke = True
        host, port = url.hostname or "", url.port or PORTS[url.scheme]
        if self._version == "5":
            limits = None if self._inbox is None else LIMITS
            client.connect(host, port, KEEPALIVE_S, clean_start=True, properties=limits)
        else:
            client.connect(host, port, KEEPALIVE_S)

    def _give_up(self) -> None:
        """Take back a connect that nobody waits for any more."""
        self._paho.disconnect()
        self.abort()

    def _attach(self) -> None:
        """Hand paho's socket over to the loop."""
        if self._ending is not None:
            self._finish()
            return
        transport = self._paho.socket()
        if transport is None:
            self._end(BrokerUnavailable(_("the broker closed the connection"), Cause.DROPPED))
            return
        if isinstance(transport, socket.socket):
            transport.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._fd = transport.fileno()
        self._paho.on_socket_register_write = self._want_write
        self._paho.on_socket_close = self._detach
        self._loop.add_reader(self._fd, self._guarded, self._read)
        self._ticker = self._loop.call_later(TICK_S, self._tick)
        if self._paho.want_write():
            self._flush()

    def _detach(self, *_paho: Any) -> None:
        """Take the socket from the loop, before paho closes it."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._fd = -1

    def _guarded(self, step: Callable[[], None]) -> None:
        """Let paho work. Nothing that it stumbles over may reach the loop or leave it half done."""
        try:
            step()
        except Exception as error:
            log.exception("paho failed")
            self._ending = self._ending or BrokerUnavailable(repr(error))
        if self._ending is not None:
            self._finish()

    def _read(self) -> None:
        client = self._paho
        while True:
            client.loop_read()
            transport = client.socket()
            # TLS reads whole records: what it has decrypted already, the loop knows nothing of.
            if transport is None or not (client.unread or getattr(transport, "pending", int)()):
                break
        if client.acks:
            acks = [(self._sent.pop(mid), code) for mid, code in client.acks if mid in self._sent]
            client.acks.clear()
            self.on_acks(acks)
        if client.arrived and self._inbox is not None:
            for topic, payload, retained in client.take():
                self._inbox.take(topic, payload, retained=retained)

    def _want_write(self, *_paho: Any) -> None:
        """Write at the end of this turn of the loop, so that a burst is one pass over paho."""
        if not self._flushing and not self._writing:
            self._flushing = True
            self._loop.call_soon(self._guarded, self._flush)

    def _flush(self) -> None:
        self._flushing = False
        self._paho.loop_write()
        if self._fd < 0:
            return
        wants = self._paho.want_write()
        if wants and not self._writing:
            self._loop.add_writer(self._fd, self._guarded, self._flush)
        elif self._writing and not wants:
            self._loop.remove_writer(self._fd)
        self._writing = wants

    def _tick(self) -> None:
        self._ticker = self._loop.call_later(TICK_S, self._tick)
        self._guarded(self._misc)

    def _misc(self) -> None:
        self._paho.loop_misc()

    def _end(self, reason: BrokerUnavailable) -> None:
        self._ending = self._ending or reason
        self._finish()

    def _finish(self) -> None:
        """Tell everyone who waits that it is over."""
        reason = self._ending
        if reason is None or self.ended.done():
            return
        self._detach()
        if self._ticker is not None:
            self._ticker.cancel()
        for waiter in (self._accepted, self._granted, self._retained):
            if waiter is not None and not waiter.done():
                waiter.set_exception(reason)
                waiter.exception()  # it may have nobody waiting
        self.ended.set_result(reason)

    def _note_connack(
        self,
        _client: Any,
        _data: Any,
        _flags: paho.ConnectFlags,
        reason: ReasonCode,
        properties: Any,
    ) -> None:
        if reason.is_failure:
            text = _("the broker answered: {reason}").format(reason=reason)
            self._ending = BrokerUnavailable(text, CODES.get(reason.value, Cause.NETWORK))
            return
        self._window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        self._max_packet = getattr(properties, "MaximumPacketSize", 0)
        self._retains = bool(getattr(properties, "RetainAvailable", 1))
        if not self._accepted.done():
            self._accepted.set_result(None)

    def _note_end(
        self,
        _client: Any,
        _data: Any,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Any,
    ) -> None:
        if self._ending is not None:
            return
        if self._leaving is not None:
            self._ending = self._leaving
        elif flags.is_disconnect_packet_from_server:
            text = _("the broker ended the connection: {reason}").format(reason=reason)
            self._ending = BrokerUnavailable(text, CODES.get(reason.value, Cause.NETWORK))
        elif self._paho.offence:
            self._ending = BrokerUnavailable(self._paho.offence, Cause.OFFENCE)
        elif self._accepted.done():
            self._ending = BrokerUnavailable(_("the connection broke"))
        elif "ALERT" in self._said:
            self._ending = BrokerUnavailable(self._said, Cause.TLS)
        else:
            text = _("the broker closed the connection without an answer to CONNECT")
            self._ending = BrokerUnavailable(text, Cause.DROPPED)

    def _note_granted(
        self, _client: Any, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if self._granted is not None and not self._granted.done():
            self._granted.set_result(not refused)
        if self._inbox is not None:
            self._inbox.granted("".join(refused))

    def _note_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        if self._inbox is not None:
            self._paho.arrived.append(message)
        elif message.retain and self._retained is not None and not self._retained.done():
            self._retained.set_result(bytes(message.payload))

    def _note_log(self, _client: Any, _data: Any, level: int, text: str) -> None:
        """Until CONNACK only: the TLS alert over a client certificate shows nowhere else."""
        if level == LogLevel.MQTT_LOG_ERR:
            self._said = text
