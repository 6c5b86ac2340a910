"""`make demo`: a simulated shoe workshop, a broker and the gateway, with live OEE on screen.

With `--seconds N` it ends by itself, prints what arrived at the broker, and fails when an asset
of the site file sent no telemetry or no OEE.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt  # noqa: TID251 - the demo's subscriber is a stranger to the gateway
from paho.mqtt.enums import CallbackAPIVersion  # noqa: TID251
from rich.console import Console
from rich.table import Table

from gateway.templates import load
from gateway.words import _, choose
from simulators import broker
from simulators.ports import free_ports

SCENARIOS = Path(__file__).parent / "scenarios"
FOLDER = Path("run/demo")
FIRST_PORT = 15021
BROKER_PORT = 18883


class Arrivals:
    """What a subscriber of one wildcard saw."""

    def __init__(self, port: int) -> None:
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.oee: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "demo-subscriber")
        self._client.on_connect = lambda client, *_: client.subscribe("cii/v1/#", qos=1)
        self._client.on_message = self._note
        deadline = time.monotonic() + 15
        while True:
            try:
                self._client.connect(broker.HOST, port)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        self._client.loop_start()

    def _note(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        levels = message.topic.split("/")
        with self._lock:
            self.counts[levels[6]][levels[7]] += 1
            if levels[7] == "oee" and message.payload:
                record = json.loads(message.payload)
                if record["win"]["kind"] == "hour":
                    self.oee[levels[6]] = record

    def close(self) -> None:
        """Stop listening."""
        self._client.disconnect()
        self._client.loop_stop()


def main() -> int:
    """Run the demo; 0 when every asset's figures arrived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, help="end by itself after so long")
    parser.add_argument("--amqtt", action="store_true", help="amqtt also where mosquitto is")
    arguments = parser.parse_args()
    choose()
    for number in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal ends the others too
        signal.signal(number, lambda *_: sys.exit(1))
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    base, broker_port = _free_ports(3), _free_ports(1)
    site = _write_site(base, broker_port)
    started: list[subprocess.Popen[bytes]] = []
    try:
        process, name = broker.start(broker_port, FOLDER, installed=not arguments.amqtt)
        started.append(process)
        arrivals = Arrivals(broker_port)
        listening = _("broker: {name} on {host}:{port}")
        print(listening.format(name=name, host=broker.HOST, port=broker_port))
        nxgate = [sys.executable, "-m", "gateway"]
        scenario = [str(SCENARIOS / "workshop.yaml"), "--port-base", str(base)]
        started.append(_start([*nxgate, "simulate", *scenario], "simulator.log"))
        started.append(_start([*nxgate, "run", str(site)], "gateway.log"))
        text = _("site file: {site}   logs: {folder}/*.log   Ctrl-C ends it")
        print(text.format(site=site, folder=FOLDER))
        _watch([*nxgate, "watch", str(site)], arguments.seconds)
        broken = [p.args for p in started if p.poll() is not None]
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
        for process in reversed(started):
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
    arrivals.close()
    if broken:
        text = _("ended before the demo did: {commands}; see {folder}/*.log")
        print(text.format(commands=broken, folder=FOLDER), file=sys.stderr)
        return 1
    return _tell(arrivals, site)


def _write_site(base: int, broker_port: int) -> Path:
    """Copy the workshop's site file with the ports that are free here."""
    text = (SCENARIOS / "workshop.site.yaml").read_text("utf-8")
    for offset in range(3):
        text = text.replace(f":{FIRST_PORT + offset}", f":{base + offset}")
    text = text.replace(f":{BROKER_PORT}", f":{broker_port}")
    site = FOLDER / "site.yaml"
    site.write_text(text, "utf-8")
    for extra in SCENARIOS.glob("workshop.x*.yaml"):
        shutil.copy(extra, FOLDER)
    return site


def _free_ports(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on."""
    base = free_ports(broker.HOST, FIRST_PORT if count > 1 else BROKER_PORT, count)
    if base is None:
        sys.exit(_("no free ports on loopback"))
    return base


def _start(command: list[str], log: str) -> subprocess.Popen[bytes]:
    with (FOLDER / log).open("wb") as out:
        return subprocess.Popen(  # noqa: S603 - our own words
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # Ctrl-C is for the demo, which ends the others in order
        )


def _watch(command: list[str], seconds: float | None) -> None:
    """Show the live table until the time is up or the user has seen enough."""
    if seconds:
        command += ["--seconds", str(seconds)]
    try:
        subprocess.run(command, check=False)  # noqa: S603 - our own words
    except KeyboardInterrupt:
        print()


def _tell(arrivals: Arrivals, site: Path) -> int:
    """Print what arrived; 1 when an asset's figures did not."""
    assets = [asset for asset in load(site).assets if asset.kpi is not None]
    table = Table(title=_("what arrived at the broker"), title_justify="left")
    heads = (_("asset"), _("messages by class"), _("OEE of the hour"), "A", "P", "Q")
    for head in (*heads, _("coverage"), _("pieces")):
        table.add_column(head)
    missing: list[str] = []
    for asset in assets:
        counts = arrivals.counts.get(asset.name, Counter())
        last = arrivals.oee.get(asset.name)
        if not counts["telemetry"] or last is None:
            missing.append(asset.name)
        ratios = ["–"] * 5
        pieces = "–"
        if last is not None:
            ratios = [
                "–" if last[key] is None else f"{last[key] * 100:.1f} %"
                for key in ("oee", "a", "p", "q", "coverage")
            ]
            pieces = f"{last['count']['total']:.4g} {last['count']['u']}"
        by_class = ", ".join(f"{cls} {count}" for cls, count in sorted(counts.items()))
        table.add_row(asset.name, by_class, *ratios, pieces)
    console = Console() if sys.stdout.isatty() else Console(width=140)
    console.print(table)
    if missing:
        text = _("no figures from: {assets}; see {folder}/gateway.log")
        print(text.format(assets=", ".join(missing), folder=FOLDER), file=sys.stderr)
        return 1
    print(_("all {count} assets sent their figures").format(count=len(assets)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
