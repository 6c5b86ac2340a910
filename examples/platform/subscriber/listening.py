"""The broker: what is heard is acknowledged after it is stored, and not before.

The session outlives the connection, so that what comes while a subscriber is away waits for it;
what it doesn't live to see is missed by its id, and asked for again.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from .contract import filters
from .storing import Heard, now_ms

if TYPE_CHECKING:
    from .holes import Holes
    from .storing import Storing

log = logging.getLogger("subscriber")

SESSION_S = 300
"""How long a broker keeps the share of a subscriber that is away: long enough for a restart. It
goes on giving it that share, so that of one that is dead everything has to be asked for again."""
UNDER_WAY = 500
"""Messages that the broker may have under way to us: what a kill sends again, and one batch."""
BATCH_S = 0.2
LOOK_S = 2.0


class Listening:
    """One subscriber of a group.

    Args:
        url: `mqtt://host:1883` or `mqtts://…`.
        name: its client id, the same after a restart.
        group: of those who share the load.
        storing: stores.
        holes: asks again for what is missing.
        login: user and password, or None.
        session_s: how long the broker keeps what comes while it is away.
    """

    def __init__(
        self,
        url: str,
        name: str,
        group: str,
        storing: Storing,
        holes: Holes,
        login: tuple[str, str] | None = None,
        session_s: int = SESSION_S,
    ) -> None:
        self._group = group
        self._storing = storing
        self._holes = holes
        self._lock = threading.Lock()
        self._heard: list[tuple[int, paho.MQTTMessage, int]] = []
        self._connections = 0
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv5, manual_ack=True
        )
        self._client.on_connect = self._connected
        self._client.on_message = self._take
        parts = urlsplit(url)
        if login is not None:
            self._client.username_pw_set(*login)
        if parts.scheme == "mqtts":
            self._client.tls_set()
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = session_s
        properties.ReceiveMaximum = UNDER_WAY
        port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        self._client.connect_async(
            parts.hostname or "localhost", port, clean_start=False, properties=properties
        )

    def run(self, until: threading.Event) -> None:
        """Listen and store until told to stop; a database that fails ends it, unacknowledged."""
        self._client.loop_start()
        look_at = time.monotonic() + LOOK_S
        try:
            while not until.wait(BATCH_S):
                self._store()
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + LOOK_S
                    for topic, payload in self._holes.look():
                        log.info("asking for what is missing: %s %s", topic, payload)
                        self._client.publish(topic, payload, qos=1)
            self._store()
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _store(self) -> None:
        """Store a batch, then acknowledge it."""
        with self._lock:
            batch, self._heard = self._heard, []
        if not batch:
            return
        self._storing.keep(
            Heard(message.topic, bytes(message.payload), arrived)
            for _conn, message, arrived in batch
        )
        for connection, message, _arrived in batch:
            if connection == self._connections:  # an older one's are sent again
                self._client.ack(message.mid, message.qos)

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, code: Any, _p: Any) -> None:  # noqa: ANN401 - paho's
        if code.is_failure:
            log.warning("no connection: %s", code)
            return
        with self._lock:
            self._connections += 1
        client.subscribe([(each, 1) for each in filters(self._group)])

    def _take(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:  # noqa: ANN401
        with self._lock:
            self._heard.append((self._connections, message, now_ms()))
