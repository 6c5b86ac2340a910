"""A real broker on a free loopback port, and a foreign client that listens to it."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

MOSQUITTO = "/usr/sbin/mosquitto"
DEADLINE_S = 45.0


def free_port() -> int:
    """A TCP port of the loopback that nobody uses now; see `free_ports`."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first of some ports in a row, below those that outgoing connections take.

    One of theirs could be taken while a broker that is killed and started again has it free.
    """
    while True:
        base = random.randrange(12_000, 30_000, 10)
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            for port in range(base, base + count):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            return base


def wait_for(condition: Callable[[], object], what: str, limit_s: float = DEADLINE_S) -> None:
    """Wait until something is so; fail, saying what, when it isn't in time."""
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, f"not within {limit_s:g} s: {what}"
        time.sleep(0.01)


class Mosquitto:
    """mosquitto as a child process.

    Args:
        folder: for its configuration, log and database.
        extra: more lines of configuration.
        anonymous: let everybody in.
    """

    def __init__(self, folder: Path, *extra: str, anonymous: bool = True) -> None:
        assert Path(MOSQUITTO).exists(), f"{MOSQUITTO} is missing: apt install mosquitto"
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self.log = folder / "mosquitto.log"
        lines = (
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {str(anonymous).lower()}",
            "max_inflight_messages 0",
            "max_queued_messages 1000000",
            f"log_dest file {self.log}",
            "log_type all",
            "user root",
            *extra,
        )
        self._config.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self._listens, "mosquitto listens")

    def stop(self) -> None:
        """Let it save its database and end."""
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(subprocess.Popen.kill)

    def reload(self) -> None:
        """SIGHUP: read access rules again."""
        assert self._process is not None
        self._process.send_signal(1)

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        if self._process is not None:
            how(self._process)
            self._process.wait()
            self._process = None

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as a subscriber got it."""

    topic: str
    payload: bytes
    retained: bool
    """Kept by the broker, or published to be kept (MQTT 5: retain as published)."""


class Subscriber:
    """paho, in its own thread; it comes back by itself when the broker does."""

    def __init__(self, port: int, topic: str = "cii/v1/#", **login: str) -> None:
        self.heard: list[Heard] = []
        self._topic = topic
        self._ready = threading.Event()
        client = self._client = paho.Client(
            CallbackAPIVersion.VERSION2, f"judge-{port}", protocol=paho.MQTTv5
        )
        if login:
            client.username_pw_set(login["username"], login["password"])
        client.on_connect = self._subscribe
        client.on_disconnect = lambda *_paho: self._ready.clear()
        client.on_subscribe = lambda *_paho: self._ready.set()
        client.on_message = self._take
        client.reconnect_delay_set(1, 1)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = 65535
        client.connect("127.0.0.1", port, clean_start=True, properties=properties)
        client.loop_start()
        assert self._ready.wait(DEADLINE_S), "the subscriber is not connected"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def on(self, tail: str) -> list[Heard]:
        """What was heard on topics that end so."""
        return [heard for heard in list(self.heard) if heard.topic.endswith(tail)]

    def back(self) -> None:
        """Wait until the session stands again, after the broker went away."""
        assert self._ready.wait(DEADLINE_S), "the subscriber did not come back"

    def publish(self, topic: str, payload: bytes) -> None:
        """Say something that the broker keeps, as an earlier gateway would have."""
        self._client.publish(topic, payload, 1, retain=True).wait_for_publish(DEADLINE_S)

    def say(self, topic: str, payload: bytes) -> None:
        """Say something that the broker passes on and forgets."""
        self._client.publish(topic, payload, 1).wait_for_publish(DEADLINE_S)

    def forget(self, topic: str) -> None:
        """Have the broker keep nothing there."""
        self._client.publish(topic, b"", 1, retain=True).wait_for_publish(DEADLINE_S)

    def _subscribe(self, client: paho.Client, *_paho: Any) -> None:  # noqa: ANN401
        client.subscribe(self._topic, options=SubscribeOptions(qos=1, retainAsPublished=True))

    def _take(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:  # noqa: ANN401
        self.heard.append(Heard(message.topic, bytes(message.payload), message.retain))
