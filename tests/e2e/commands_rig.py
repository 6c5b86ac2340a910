"""A gateway as its user starts it, a libmodbus device behind it, and a platform that commands."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.clock import SystemClock
from tests.commands_kit import KEY, Platform
from tests.e2e.mosquitto import Subscriber, wait_for
from tests.e2e.test_foreign_modbus import libmodbus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
PLC = "_dev/plc-1"
GATEWAY = "_gw/gw-01"
SITE = """\
site: {{cluster: c1, enterprise: e1, site: s1, gateway: gw-01, timezone: UTC}}
devices:
  plc-1:
    link: {link}
    poll: 100ms
    timeout: 1s
    tags:
      setpoint: {{at: "holding:40", kind: u16, write: {{min: 0, max: 60000, every: {every}}}}}
      oven: {{at: "holding:41", kind: i16, scale: 0.1, write: {{min: -50, max: 250, every: 10ms}}}}
      locked: {{at: "holding:42", kind: u16}}
      gone: {{at: "holding:1999", kind: u32, write: {{min: 0, max: 9, every: 10ms}}}}
publish:
  cluster:
    kind: mqtt
    url: mqtt://127.0.0.1:{broker}
    spread: 0s
    version: {version}
    commands: {{key: {{file: command.key}}, allow: [resend, context, ack]}}
store: {{path: store, size: 64MiB, commit: 100ms}}
"""


class Now(SystemClock):
    """The platform's clock is the machine's."""

    wall = 0


@dataclass
class Plant:
    """What a test holds."""

    folder: Path
    link: str
    platform: Subscriber
    maker: Platform
    gateway: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the gateway and wait until it polls and listens."""
        count = len(self.platform.heard)
        with (self.folder / "gateway.log").open("ab") as log:
            self.gateway = subprocess.Popen(
                [sys.executable, "-m", "gateway", "run", str(self.folder / "site.yaml")],
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        wait_for(
            lambda: any(h.topic.endswith("telemetry/live") for h in self.platform.heard[count:]),
            "the gateway publishes",
        )

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self.gateway is not None
        self.gateway.send_signal(how)
        self.gateway.wait(30)
        self.gateway = None

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
        self.platform._client.publish(topic, payload, qos, retain)

    def reply(self, cid: str, *, count: int = 1) -> dict[str, Any]:
        """Wait for the `count`-th reply to a command."""
        wait_for(lambda: len(self.platform.on(f"/reply/{cid}")) >= count, f"reply to {cid}")
        body: dict[str, Any] = json.loads(self.platform.on(f"/reply/{cid}")[count - 1].payload)
        return body

    def send(
        self, place: str, name: str, args: Mapping[str, object], **fields: object
    ) -> dict[str, Any]:
        """Send a command and wait for its reply."""
        topic, payload = self.maker.command(place, name, args, **fields)
        self.publish(topic, payload)
        return self.reply(json.loads(payload)["cid"])

    def audit(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gateway", "audit", str(self.folder / "site.yaml"), *options],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def audited(self) -> list[dict[str, Any]]:
        """The audit log, as the command line gives it."""
        said = self.audit("--json")
        assert said.returncode == 0, said.stderr
        return [json.loads(line) for line in said.stdout.splitlines()]

    def log(self) -> str:
        return (self.folder / "gateway.log").read_text("utf-8")


@contextlib.contextmanager
def commanded(
    folder: Path, broker: int, *, every: str = "10ms", version: str = "5", link: str = ""
) -> Iterator[Plant]:
    """A device, a site file, a platform; the gateway is started by the test."""
    (folder / "command.key").write_text(f"{KEY}\n")
    (folder / "command.key").chmod(0o600)
    with contextlib.ExitStack() as stack:
        link = link or stack.enter_context(libmodbus(b"\0\x0a" * 50))
        text = SITE.format(link=link, broker=broker, every=every, version=version)
        (folder / "site.yaml").write_text(text, "utf-8")
        platform = stack.enter_context(Subscriber(broker))
        made = Plant(folder, link, platform, Platform(Now()))  # type: ignore[arg-type]
        try:
            yield made
        finally:
            if made.gateway is not None:
                made.gateway.kill()
                made.gateway.wait()


def settle(seconds: float) -> None:
    """Give what must not happen the time to happen."""
    time.sleep(seconds)
