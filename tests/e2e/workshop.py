"""The whole gateway as its user starts it: simulated workshop, site file, real broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway import api
from tests.e2e.mosquitto import Subscriber, free_ports, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "simulators/scenarios"
NXGATE = (sys.executable, "-m", "gateway")


@dataclass
class Workshop:
    """A simulator that runs, and a gateway that is started and ended as often as a test likes."""

    folder: Path
    site: Path
    truth: Path
    gateway: subprocess.Popen[bytes] | None = None
    simulator: subprocess.Popen[bytes] | None = None
    command: Sequence[str] = NXGATE
    env: Mapping[str, str] | None = None

    def start(self) -> None:
        with (self.folder / "gateway.log").open("ab") as log:
            self.gateway = subprocess.Popen(
                [*self.command, "run", str(self.site)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env=self.env,
            )

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the gateway; its exit code."""
        assert self.gateway is not None
        self.gateway.send_signal(how)
        code = self.gateway.wait(30)
        self.gateway = None
        return code

    def log(self) -> str:
        return (self.folder / "gateway.log").read_text("utf-8")

    def events(self) -> list[Any]:
        return [json.loads(line) for line in self.truth.read_text("utf-8").splitlines()]


def snapshot(made: Workshop) -> dict[str, Any]:
    """What the running gateway says of itself."""

    async def one() -> dict[str, Any]:
        snapshots = api.follow(made.folder / "store")
        async with contextlib.aclosing(snapshots):  # type: ignore[type-var]
            return await anext(snapshots)

    return asyncio.run(one())


@contextlib.contextmanager
def workshop(folder: Path, broker_port: int, *, poll: str = "1s") -> Iterator[Workshop]:
    """Run the demo's simulator on free ports; the site file points at it and at the broker.

    Args:
        folder: for the site file, the store, the truth and the logs.
        broker_port: where the broker listens.
        poll: how often the gateway reads each device.
    """
    base = free_ports(3)
    scenario = folder / "workshop.yaml"
    text = (SCENARIOS / "workshop.yaml").read_text("utf-8")
    scenario.write_text(text.replace("\nseed:", "\nlog_reads: true\nseed:"), "utf-8")
    shutil.copy(SCENARIOS / "workshop.x.yaml", folder)
    text = (SCENARIOS / "workshop.site.yaml").read_text("utf-8")
    for offset in range(3):
        text = text.replace(f":{15021 + offset}", f":{base + offset}")
    text = text.replace(":18883", f":{broker_port}").replace("poll: 1s", f"poll: {poll}")
    text = text.replace("heartbeat: 30s", "heartbeat: 30s, spread: 0s")
    site = folder / "site.yaml"
    site.write_text(text, "utf-8")
    truth = folder / "truth.jsonl"
    command = [*NXGATE, "simulate", str(scenario), "--truth", str(truth), "--port-base", str(base)]
    with (folder / "simulator.log").open("wb") as log:
        simulator = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    made = Workshop(folder, site, truth, simulator=simulator)
    try:
        wait_for(lambda: truth.exists() and truth.stat().st_size > 0, "the simulator runs")
        yield made
    finally:
        if made.gateway is not None:
            made.gateway.kill()
            made.gateway.wait()
        simulator.terminate()
        simulator.wait(30)


def bodies(subscriber: Subscriber, tail: str) -> list[dict[str, Any]]:
    """Payloads of all messages on topics that end so, in the order of arrival."""
    return [json.loads(heard.payload) for heard in subscriber.on(tail)]
