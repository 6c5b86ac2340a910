"""`make bench ARGS="--workload opcua"`: 1,000 nodes each second, by read and by subscription.

asyncua's server → gateway with its store → mosquitto at QoS 1 → a subscriber, all on loopback, each
in a process of its own. CPU-seconds are those of all the gateway's threads, over the values that
the subscriber got in the same time; nothing else is counted.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.opcua_server import URI
from tests.bench.process import Running

if TYPE_CHECKING:
    from collections.abc import Callable

NODES = 1000
SETTLE_S = 6.0
GOALS = {"read": 15.0, "subscription": 25.0}
"""CPU-seconds per million values; and 70 MB resident."""


def bench(
    seconds: int,
    cores: tuple[tuple[int, ...], tuple[int, ...]],
    start_broker: Callable[[ExitStack, Path, tuple[int, ...]], int],
) -> dict[str, dict[str, float]]:
    """Measure both ways, and print what each takes."""
    figures = {}
    for way, mode in (("read", "poll"), ("subscription", "subscribe")):
        got = figures[way] = measure(mode, seconds, cores, start_broker)
        print(
            f"{NODES} nodes each second by {way}: {got['values_per_s']:,.0f} values/s, "
            f"{got['cpu_s_per_million']:.2f} CPU-s per 10^6 values (goal {GOALS[way]:g}), "
            f"{got['rss_mb_max']:.1f} MB resident (goal 70), first value after "
            f"{got['start_s']:.2f} s, {got['nulls']:.0f} nulls",
            flush=True,
        )
    return figures


def measure(
    mode: str,
    seconds: int,
    cores: tuple[tuple[int, ...], tuple[int, ...]],
    start_broker: Callable[[ExitStack, Path, tuple[int, ...]], int],
) -> dict[str, float]:
    """Do one run."""
    gateway_cores, other_cores = cores
    with tempfile.TemporaryDirectory(prefix="nxgate-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        broker = start_broker(stack, folder, other_cores)
        command = [sys.executable, "-m", "tests.bench.opcua_server", str(NODES)]
        server = stack.enter_context(Running(command, folder / "server.log", other_cores))
        port = int(server.line())
        command = [sys.executable, "-m", "tests.bench.subscriber", str(broker), "-", "-"]
        subscriber = stack.enter_context(Running(command, folder / "subscriber.log", other_cores))
        subscriber.line()
        site = write_site(folder, mode, port, broker)
        command = [sys.executable, "-m", "gateway", "run", str(site)]
        gateway = stack.enter_context(Running(command, folder / "gateway.log", gateway_cores))
        first_ns = int(subscriber.line(of=gateway).split()[1])
        time.sleep(SETTLE_S)
        start_ns, cpu_s = time.time_ns(), gateway.cpu_s
        memory = [gateway.rss_mb]
        end_ns = start_ns + seconds * 1_000_000_000
        while (left_s := (end_ns - time.time_ns()) / 1e9) > 0:
            time.sleep(min(left_s, 0.5))
            memory.append(gateway.rss_mb)
        used_s = gateway.cpu_s - cpu_s
        gateway.stop()
        got = json.loads(subscriber.ask(f"{start_ns} {end_ns}"))
    return {
        "values_per_s": got["values"] / seconds,
        "cpu_s_per_million": used_s / max(got["values"], 1) * 1e6,
        "rss_mb_max": max(memory),
        "rss_mb_end": memory[-1],
        "start_s": (first_ns - gateway.started_ns) / 1e9,
        "nulls": got["nulls"],
        "missing_ids": got["missing_ids"],
    }


def write_site(folder: Path, mode: str, port: int, broker: int) -> Path:
    """Write the gateway's site file."""
    tags = "".join(
        f'      n{number:04}: {{at: "nsu={URI};s=n{number:04}"}}\n' for number in range(NODES)
    )
    site = folder / "site.yaml"
    site.write_text(
        "site: {cluster: bench, enterprise: bench, site: bench, gateway: gw-bench,"
        " timezone: Asia/Shanghai}\n"
        "devices:\n  cell:\n"
        f"    link: opc.tcp://127.0.0.1:{port}\n"
        "    security: {policy: None, mode: None}\n"
        f"    mode: {mode}\n    timeout: 2s\n    poll: 1s\n    tags:\n{tags}"
        "publish:\n"
        f"  cluster: {{kind: mqtt, url: 'mqtt://127.0.0.1:{broker}', format: cii}}\n"
        "store: {path: store, size: 1GiB}\n",
        "utf-8",
    )
    return site
