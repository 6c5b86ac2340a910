"""`make bench`: the gateway at work, measured from outside.

Modbus devices → gateway with its store → mosquitto at QoS 1 → a subscriber, all on loopback. The
gateway has one core to itself, the other processes share the next. Figures are medians of several
runs; each run starts everything anew.

- CPU-seconds per million values: all the gateway's threads, over the values that the subscriber
  got in the same time.
- Latency: from the moment a device writes the last answer of a poll to the moment the subscriber
  has the message.
- Start: from exec to the first value at the subscriber, with byte code, as pip makes it of what it
  installs.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from tests.bench import figures_bench, opcua_bench, second_bench, store_bench
from tests.bench.machine import facts, mosquitto
from tests.bench.process import ROOT, Running
from tests.bench.workload import WORKLOADS, Workload, write_site

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTLE_S = 3.0
"""Start-up work is over, and the first poll of every device is through."""
SAMPLE_S = 0.5


class Result(TypedDict):
    """Figures of one run, or medians of several; MB are 10^6 bytes.

    Nulls are values that could not be read, missing ids records that never came: both must be 0.
    What the devices take of their core shows that they aren't the bottleneck.
    """

    values_per_s: float
    delivered: float
    cpu_percent: float
    cpu_s_per_million: float
    rss_mb_max: float
    rss_mb_end: float
    start_s: float
    latency_ms_p50: float
    latency_ms_p99: float
    latency_ms_max: float
    messages_per_s: float
    bytes_per_value: float
    devices_cpu_percent: float
    nulls: float
    missing_ids: float


COLUMNS: dict[str, tuple[str, str]] = {
    "values_per_s": ("values/s", ",.0f"),
    "delivered": ("of expected", ".1%"),
    "cpu_percent": ("CPU %", ".2f"),
    "cpu_s_per_million": ("CPU-s/10^6", ".2f"),
    "rss_mb_max": ("RSS MB", ".1f"),
    "start_s": ("start s", ".2f"),
    "latency_ms_p50": ("p50 ms", ".2f"),
    "latency_ms_p99": ("p99 ms", ".2f"),
    "messages_per_s": ("msg/s", ".0f"),
    "missing_ids": ("missing ids", ".0f"),
}
"""Figure → its head and format in the table."""


def main() -> int:
    """Run, print a table, write JSON; 1 when values were lost."""
    options = _options()
    cores = _cores() if options.cpu_pin else ((), ())
    if options.workload not in {*WORKLOADS, "all"}:
        figures = _other(options, cores)
        if options.json:
            options.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
        return 0
    names = list(WORKLOADS) if options.workload == "all" else [options.workload]
    with tempfile.TemporaryDirectory(prefix="nxgate-bench-") as folder:
        machine = facts(Path(folder))
    print(", ".join(f"{key} {value}" for key, value in machine.items()), flush=True)
    for package in ("gateway", "drivers"):
        compileall.compile_dir(ROOT / package, quiet=1)
    print(f"gateway on core {cores[0] or 'any'}, the rest on {cores[1] or 'any'}", flush=True)
    _print_row("", [head for head, _ in COLUMNS.values()])
    results: dict[str, dict[str, object]] = {}
    lost = False
    for name in names:
        runs = []
        for number in range(options.runs):
            runs.append(measure(WORKLOADS[name], options.seconds, cores))
            _print_result(f"{name} run {number + 1}", runs[-1])
        median = Result(
            **{key: statistics.median(run[key] for run in runs) for key in runs[0]}  # type: ignore[literal-required, typeddict-item]
        )
        _print_result(f"{name} median", median)
        results[name] = {"median": median, "runs": runs}
        lost |= any(run["missing_ids"] or run["nulls"] for run in runs)
    report = {"machine": machine, "pinned": bool(cores[0]), "results": results}
    text = json.dumps(report, indent=2)
    if options.json:
        options.json.write_text(text + "\n", "utf-8")
        print(f"written to {options.json}")
    if lost:
        print("values were lost: nulls or missing ids", file=sys.stderr)
    return int(lost)


def _other(
    options: argparse.Namespace, cores: tuple[tuple[int, ...], tuple[int, ...]]
) -> Mapping[str, object]:
    """Measure what has a bench of its own."""
    if options.workload == "store":
        return store_bench.bench(options.runs, options.gib, options.seconds)
    if options.workload == "opcua":
        return opcua_bench.bench(options.seconds, cores, _start_broker)
    if options.workload == "second":
        return second_bench.bench(
            options.second,
            options.runs,
            lambda work, second: measure(work, options.seconds, cores, second),  # type: ignore[arg-type, return-value]
        )
    return figures_bench.bench(options.hours, options.days)


def measure(
    work: Workload,
    seconds: int,
    cores: tuple[tuple[int, ...], tuple[int, ...]],
    second: str = "",
) -> Result:
    """Do one run.

    Args:
        work: devices and registers.
        seconds: how long to measure, after the start has settled.
        cores: of the gateway, and of everything else.
        second: format of a second publisher, or `influx`; "": there is none.

    Raises:
        RuntimeError: a process ended or said nothing.
    """
    gateway_cores, other_cores = cores
    python = sys.executable
    with tempfile.TemporaryDirectory(prefix="nxgate-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        broker_port = _start_broker(stack, folder, other_cores)
        command = [python, "-m", "tests.bench.lean_server", str(work.devices), str(work.registers)]
        devices = stack.enter_context(Running(command, folder / "devices.log", other_cores))
        ports = [int(port) for port in devices.line().split()]
        section = second_bench.section(second, broker_port, folder)
        if second == "influx":
            section = _start_database(stack, folder, other_cores)
        site = write_site(folder, work, ports, broker_port, section if second else "")
        command = [python, "-m", "tests.bench.subscriber", str(broker_port), *work.stamp_tags]
        subscriber = stack.enter_context(Running(command, folder / "subscriber.log", other_cores))
        subscriber.line()

        command = [python, "-m", "gateway", "run", str(site)]
        gateway = stack.enter_context(Running(command, folder / "gateway.log", gateway_cores))
        first_ns = int(subscriber.line(of=gateway).split()[1])
        time.sleep(SETTLE_S)
        start_ns, cpu_s, devices_s = time.time_ns(), gateway.cpu_s, devices.cpu_s
        memory = [gateway.rss_mb]
        # A window of whole seconds holds as many polls wherever in a second it begins.
        end_ns = start_ns + seconds * 1_000_000_000
        while (left_s := (end_ns - time.time_ns()) / 1e9) > 0:
            time.sleep(min(left_s, SAMPLE_S))
            memory.append(gateway.rss_mb)
        used_s, devices_used_s = gateway.cpu_s - cpu_s, devices.cpu_s - devices_s
        gateway.stop()
        got = json.loads(subscriber.ask(f"{start_ns} {end_ns}"))
    took_s = (end_ns - start_ns) / 1e9
    values = got["values"]
    return {
        "values_per_s": values / took_s,
        "delivered": values / (work.values_per_s * took_s),
        "cpu_percent": 100 * used_s / took_s,
        "cpu_s_per_million": used_s / values * 1e6,
        "rss_mb_max": max(memory),
        "rss_mb_end": memory[-1],
        "start_s": (first_ns - gateway.started_ns) / 1e9,
        "latency_ms_p50": got["latency_ms_p50"],
        "latency_ms_p99": got["latency_ms_p99"],
        "latency_ms_max": got["latency_ms_max"],
        "messages_per_s": got["messages"] / took_s,
        "bytes_per_value": got["bytes"] / values,
        "devices_cpu_percent": 100 * devices_used_s / took_s,
        "nulls": got["nulls"],
        "missing_ids": got["missing_ids"],
    }


def _start_database(stack: ExitStack, folder: Path, cores: tuple[int, ...]) -> str:
    """Start VictoriaMetrics on a free port; the section of a publisher that writes to it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = ["victoria-metrics", f"-httpListenAddr=127.0.0.1:{port}"]
    command += [f"-storageDataPath={folder / 'database'}"]
    stack.enter_context(Running(command, folder / "database.log", cores))
    token = folder / "influx.token"
    token.write_text("none")
    token.chmod(0o600)
    url = f"http://127.0.0.1:{port}"
    return f"{{kind: influx, url: '{url}', org: bench, bucket: bench, token: {{file: {token}}}}}"


def _start_broker(stack: ExitStack, folder: Path, cores: tuple[int, ...]) -> int:
    """Start mosquitto on a free port, with room for a subscriber that reads in bursts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
        "max_inflight_messages 200\nmax_queued_messages 100000\n"
    )
    stack.enter_context(Running([mosquitto(), "-c", str(config)], folder / "broker.log", cores))
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return port


def _cores() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Give the gateway the last core and all else the others; a single one is shared."""
    *others, last = sorted(os.sched_getaffinity(0))
    return ((last,), tuple(others)) if others else ((), ())


def _print_result(name: str, result: Result) -> None:
    cells = [format(result[key], form) for key, (_, form) in COLUMNS.items()]  # type: ignore[literal-required]
    _print_row(name, cells)


def _print_row(name: str, cells: list[str]) -> None:
    print(f"{name:<10}", *(f"{cell:>11}" for cell in cells), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--workload",
        choices=[*WORKLOADS, "all", "store", "figures", "opcua", "second"],
        default="all",
    )
    parser.add_argument("--second", default="sparkplug", help="its format, or influx")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=20, help="of each run, measured")
    parser.add_argument("--gib", type=float, default=2.0, help="size of the store to open")
    parser.add_argument("--hours", type=float, default=2.0, help="of 200 machines' figures")
    parser.add_argument("--days", type=int, default=365, help="of a trace to replay")
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument(
        "--cpu-pin",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="the gateway on one core, all else on the others",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
