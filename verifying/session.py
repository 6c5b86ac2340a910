"""One MQTT session of the judge. The only importer of paho here.

Driven by hand, a step at a time, so that everything happens in one thread and in order.
"""

# ruff: noqa: ANN401 - what paho passes to callbacks is Any to it as well

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from gateway.errors import GatewayError
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEEPALIVE_S = 30
CONNECT_S = 10.0
SESSION_S = 3600
"""How long the broker keeps a lasting session while it is away."""
STEP_S = 0.1
_UNKNOWN_VERSION = {-1, 0x01, 0x84}
"""What brokers say, or don't say, to a version that they don't know."""
_REFUSED = 0x80


class CannotListen(GatewayError):  # noqa: N818 - reads as what it is
    """The broker can't be reached, or refuses."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to get in.

    Attributes:
        tls: True for mqtts.
        ca, cert, key: PEM files.
        version: `5`, `3.1.1` or `auto`: 5, and 3.1.1 where the broker doesn't know 5.
    """

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None
    ca: Path | None
    cert: Path | None
    key: Path | None
    version: str


@dataclass(frozen=True, slots=True)
class Heard:
    """One PUBLISH; `retain` is the flag as it came."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class Session:
    """A client of the broker.

    Args:
        access: where, and how to get in.
        name: its client id.
        take: called with every message.
        lasting: the broker keeps the session while it is away (MQTT 5).

    Attributes:
        version: of MQTT in use.
        resumed: whether the broker still had the session at the newest connect.
    """

    def __init__(
        self, access: Access, name: str, take: Callable[[Heard], None], *, lasting: bool = False
    ) -> None:
        self._access = access
        self._name = name
        self._take = take
        self._lasting = lasting
        self._client: paho.Client | None = None
        self._answer: tuple[int, str] | None = None
        self._granted: list[int] | None = None
        self.version = "3.1.1" if access.version == "3.1.1" else "5"
        self.resumed = False

    def connect(self, *, first: bool = True) -> None:
        """Connect; at the first time try the older version where the broker asks for it.

        Raises:
            CannotListen: with what came back.
        """
        while True:
            self.drop()
            try:
                self._try(first=first)
            except (OSError, ValueError) as error:
                self.drop()
                reason = getattr(error, "strerror", None) or error  # without [Errno …]
                raise CannotListen(self._refusal(str(reason))) from error
            code, text = self._answer or (-1, _("it doesn't answer CONNECT"))
            if code == 0:
                return
            self.drop()
            falls_back = first and self.version == "5" and self._access.version == "auto"
            if code not in _UNKNOWN_VERSION or not falls_back:
                raise CannotListen(self._refusal(text))
            self.version = "3.1.1"

    def subscribe(self, topics: str, *, published: bool) -> None:
        """Subscribe at QoS 2, so that the QoS of publishing is seen as it was.

        Args:
            topics: the filter.
            published: no kept messages, and the retain flag as it was published (MQTT 5); else
                kept messages come first, and they alone have the flag.

        Raises:
            CannotListen: the broker doesn't allow it.
        """
        client = self._client
        if client is None:
            return
        self._granted = None
        if self.version == "5":
            handling = (
                SubscribeOptions.RETAIN_DO_NOT_SEND
                if published
                else SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
            )
            options = SubscribeOptions(qos=2, retainAsPublished=published, retainHandling=handling)
            client.subscribe(topics, options=options)
        else:
            client.subscribe(topics, 2)
        until_s = time.monotonic() + CONNECT_S
        while self._granted is None and time.monotonic() < until_s and self.step():
            pass
        if self._granted is not None and max(self._granted) >= _REFUSED:
            text = _("it doesn't let this user subscribe to {topics}").format(topics=topics)
            raise CannotListen(self._refusal(text))

    def step(self, wait_s: float = STEP_S) -> bool:
        """Let paho work for a moment; False where the connection is over."""
        client = self._client
        return client is not None and client.loop(wait_s) == MQTTErrorCode.MQTT_ERR_SUCCESS

    def leave(self) -> None:
        """Say goodbye and leave nothing behind at the broker."""
        client = self._client
        if client is None:
            return
        properties = None
        if self.version == "5":
            properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0
        client.disconnect(properties=properties)
        until_s = time.monotonic() + 1.0
        while client.is_connected() and time.monotonic() < until_s and self.step():
            pass
        self.drop()

    def drop(self) -> None:
        """Close the connection as it is; safe to call twice."""
        client, self._client = self._client, None
        transport = client.socket() if client is not None else None
        if transport is not None:
            transport.close()

    def _try(self, *, first: bool) -> None:
        access, five = self._access, self.version == "5"
        client = self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            self._name,
            clean_session=None if five else True,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        self._answer = None
        client.connect_timeout = CONNECT_S
        if access.username is not None:
            client.username_pw_set(access.username, access.password)
        if access.tls:
            context = ssl.create_default_context(cafile=access.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if access.cert is not None:
                context.load_cert_chain(access.cert, access.key, password=_no_password)
            client.tls_set_context(context)
        client.on_connect = self._note_answer
        client.on_subscribe = self._note_granted
        client.on_message = self._note_message
        if five:
            asked = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            asked.ReceiveMaximum = 65_535
            if self._lasting:
                asked.SessionExpiryInterval = SESSION_S
            client.connect(
                access.host, access.port, KEEPALIVE_S, clean_start=first, properties=asked
            )
        else:
            client.connect(access.host, access.port, KEEPALIVE_S)
        until_s = time.monotonic() + CONNECT_S
        while self._answer is None and time.monotonic() < until_s and self.step():
            pass

    def _refusal(self, reason: str) -> str:
        access = self._access
        scheme = "mqtts" if access.tls else "mqtt"
        return _(
            "{scheme}://{host}:{port}: can't listen: {reason}: check address, credentials and"
            " certificates"
        ).format(scheme=scheme, host=access.host, port=access.port, reason=reason)

    def _note_answer(self, _client: Any, _data: Any, flags: Any, code: Any, _more: Any) -> None:
        self._answer = (int(getattr(code, "value", code)), str(code))
        self.resumed = bool(flags.session_present)

    def _note_granted(self, _client: Any, _data: Any, _mid: Any, codes: Any, _more: Any) -> None:
        self._granted = [int(getattr(code, "value", code)) for code in codes]

    def _note_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = repr(message._topic)  # noqa: SLF001 - bytes that are no text
        self._take(Heard(topic, bytes(message.payload), message.qos, bool(message.retain)))


def _no_password() -> str:
    """Keep OpenSSL from asking at the terminal."""
    raise ValueError(_("the key is encrypted; give one that is not"))
