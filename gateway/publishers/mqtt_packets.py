"""paho's client, where its handling of single packets doesn't do.

Besides `mqtt_client.py` the only importer of paho. The hooks are not public: `tests/e2e` fails
if a new paho no longer calls them.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Literal

from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from gateway.publishers.sparing import unneeded
from gateway.words import _

with unneeded("urllib.request", unless="socks"):  # asked for proxies, by PySocks alone
    import paho.mqtt.client as paho

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paho.mqtt.client import MQTTMessage

    from gateway.publishers.inbox import Topic

MOST_INBOUND = 1 << 20
"""Bytes of a packet from the broker; commands and site files are far smaller."""

AT_ONCE = 4096
"""Bytes asked of the socket: of what answers messages, some hundreds of packets."""

_PUBLISH, _PUBACK = 0x30, 0x40
"""First bytes: PUBLISH without its flags, PUBACK."""
_LONGEST_PUBACK = 4
"""Packet identifier, reason code and an empty list of properties."""

LIMITS = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
"""Says so in CONNECT, to a broker that spoke MQTT 5 when it was looked at (brokers of version 3.1.1
leave such a CONNECT unanswered): it then keeps larger ones to itself, so that nobody who may send
commands can end our connection with one."""
LIMITS.MaximumPacketSize = MOST_INBOUND

_WITH_WILL = 0x04
"""MQTT 5.0, 3.14.2.1."""


def _options(*, kept: bool) -> SubscribeOptions:
    sending = SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE
    handling = sending if kept else SubscribeOptions.RETAIN_DO_NOT_SEND
    return SubscribeOptions(qos=1, noLocal=True, retainAsPublished=True, retainHandling=handling)


_OPTIONS = {kept: _options(kept=kept) for kept in (False, True)}


class Client(paho.Client):
    """One MQTT connection's packets.

    - What comes once per message is handled plainly: paho 2.2 builds a `ReasonCode` (copying a
      table of 43 entries) and a `Properties` for every PUBACK, half of what a message costs
      (39 → 20 µs), and drops the connection over codes that its table doesn't list for PUBACK,
      such as 0x95, which mosquitto sends for a payload over its limit.
    - A packet that is too large ends the connection before any of it is received. paho would
      first make room for what its length field says, up to 256 MiB.
    - So does a message at QoS 2: nothing is subscribed to at more than 1, and paho would keep
      each in memory until the broker completes it.
    - What has come is taken from the socket at once, and the PUBACKs that it begins with out of
      it. paho asks the socket for the first byte of a packet, for each byte of its length, for
      the rest, and then for one more packet.
    - What is posted in one turn of the loop goes out in one piece. paho makes an object with a
      lock of its own for each message, and asks the socket to send each.

    Attributes:
        unread: taken from the socket, and not looked at yet.
        acks: (message id, reason code) of answers not yet taken.
        arrived: messages not yet taken.
        offence: what the broker sent that it must not, or "".
    """

    def __init__(self, client_id: str, protocol: MQTTProtocolVersion) -> None:
        clean = None if protocol == MQTTProtocolVersion.MQTTv5 else True
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=clean,
            protocol=protocol,
            reconnect_on_failure=False,
        )
        self.acks: list[tuple[int, int]] = []
        self.arrived: list[MQTTMessage] = []
        self.offence = ""
        self.unread = b""
        self._posted: list[bytes | bytearray] = []
        self._properties = b"\0" if protocol == MQTTProtocolVersion.MQTTv5 else b""

    def post(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> int:
        """Publish with the next write.

        Returns:
            The packet identifier that `acks` names the answer by; 0 at QoS 0, which has none.

        Source: MQTT 5.0 and 3.1.1, 2.1 to 2.2.1 and 3.3.
        """
        mid = self._mid_generate() if qos else 0
        name = topic.encode()
        number = mid.to_bytes(2, "big") if qos else b""
        size = len(name) + 2 + len(number) + len(self._properties) + len(payload)
        head = bytearray((_PUBLISH | qos << 1 | retain,))
        while size > 0x7F:  # noqa: PLR2004 - seven bits a byte, the eighth says that more follow
            head.append(size & 0x7F | 0x80)
            size >>= 7
        head.append(size)
        head += len(name).to_bytes(2, "big")
        self._posted += (head, name, number, self._properties, payload)
        return mid

    def want_write(self) -> bool:
        """Tell whether something waits to be written."""
        return bool(self._posted) or super().want_write()

    def loop_write(self) -> MQTTErrorCode:
        """Write what waits, as far as the socket takes it."""
        self._dispatch()
        return super().loop_write()

    def _dispatch(self) -> None:
        """Queue what is posted, as one packet in paho's eyes."""
        if self._posted:
            posted, self._posted = b"".join(self._posted), []
            super()._packet_queue(_PUBLISH, posted, 0, 1)

    def _packet_queue(
        self,
        command: int,
        packet: bytes | bytearray,
        mid: int,
        qos: int,
        info: paho.MQTTMessageInfo | None = None,
    ) -> MQTTErrorCode:
        self._dispatch()  # a goodbye follows what was said before it
        return super()._packet_queue(command, packet, mid, qos, info)

    def take(self) -> list[tuple[str, bytes, bool]]:
        """Take the messages that came: topic, payload, retained."""
        arrived, self.arrived = self.arrived, []
        taken: list[tuple[str, bytes, bool]] = []
        for message in arrived:
            with contextlib.suppress(UnicodeDecodeError):  # a topic that no broker should pass on
                taken.append((message.topic, bytes(message.payload), message.retain))
        return taken

    def listen(self, topics: Sequence[Topic]) -> None:
        """Subscribe to what others say from now on, with the sender's own retain flag."""
        if self.protocol != MQTTProtocolVersion.MQTTv5:
            self.subscribe([(topic.filter, 1) for topic in topics])
        else:
            self.subscribe([(topic.filter, _OPTIONS[topic.kept]) for topic in topics])

    def part(self, *, with_will: bool) -> None:
        """Say goodbye; `with_will` asks a broker of MQTT 5 to send the Will all the same."""
        if with_will and self.protocol == MQTTProtocolVersion.MQTTv5:
            self.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=_WITH_WILL))
        else:
            self.disconnect()

    def _sock_recv(self, bufsize: int) -> bytes:
        if bufsize > MOST_INBOUND:
            self.offence = _("the broker sent a packet of {size} bytes").format(size=bufsize)
            raise ConnectionError(self.offence)
        held = self.unread or super()._sock_recv(AT_ONCE)
        if held and not self._in_packet["command"]:
            held = held[self._acknowledge(held) :]
            if not held:
                self.unread = b""
                raise BlockingIOError
        self.unread = held[bufsize:]
        return held[:bufsize]

    def _acknowledge(self, held: bytes) -> int:
        """Take the whole PUBACKs at the beginning of packets; return how many bytes they are."""
        at, end = 0, len(held)
        while at + 4 <= end and held[at] == _PUBACK:
            size = held[at + 1]
            if not 2 <= size <= _LONGEST_PUBACK or at + 2 + size > end:  # noqa: PLR2004
                break
            code = held[at + 4] if size > 2 else 0  # noqa: PLR2004 - an identifier alone: success
            self.acks.append((held[at + 2] << 8 | held[at + 3], code))
            at += 2 + size
        if at:
            self._last_bytes_received = time.monotonic()  # so that paho knows it is alive
        return at

    def _handle_publish(self) -> MQTTErrorCode:
        if self._in_packet["command"] & 0x06 > 0x02:  # noqa: PLR2004 - bits 2 and 1: QoS
            self.offence = _("the broker sent a message at QoS 2, which nothing is subscribed at")
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        return super()._handle_publish()

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        if cmd != "PUBACK" or len(packet) < 2:  # noqa: PLR2004 - a packet identifier
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        code = packet[2] if len(packet) > 2 else 0  # noqa: PLR2004
        self.acks.append((packet[0] << 8 | packet[1], code))
        return MQTTErrorCode.MQTT_ERR_SUCCESS
