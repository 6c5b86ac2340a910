"""What figures cost: 200 machines at a reading a second, and a year of one machine replayed.

Live: CPU-seconds of `observe`, `advance` and the log, for each second that passes, over some hours
with stops, rejects and closed windows. Replay: a trace of a year, a line each ten seconds and one
at each change of state, from `nxgate replay` as it is called, both passes and the start included.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway import config
from gateway.figures.calendar import Calendar
from gateway.ledger import Ledger
from gateway.templates import Drivers, resolve

if TYPE_CHECKING:
    from gateway.model import Value

SIGNALS = ("state", "count", "reject", "energy", "power")
MACHINES = 200
ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 3, 2, 6, tzinfo=ZONE)
HEAD = (
    "site: {cluster: bench, enterprise: bench, site: bench, gateway: gw-bench,"
    " timezone: Asia/Shanghai}\nassets:\n"
)
STATES = ("running", "running", "running", "idle", "fault", "setup")


def bench(hours: float, days: int) -> dict[str, float]:
    """Measure both.

    Args:
        hours: of 200 machines, live.
        days: of one machine, replayed.

    Returns:
        `live_core_percent`, `replay_s`, `replay_lines` and `replay_lines_per_s`.
    """
    with tempfile.TemporaryDirectory(prefix="nxgate-bench-") as name:
        folder = Path(name)
        percent = live(folder, round(hours * 3600))
        print(f"figures of {MACHINES} machines: {percent:.2f} % of a core", flush=True)
        count = write_trace(folder / "year.jsonl", days)
        took_s = replay(folder)
    print(f"{count} lines of {days} days replayed in {took_s:.1f} s", flush=True)
    return {
        "live_core_percent": percent,
        "replay_s": took_s,
        "replay_lines": count,
        "replay_lines_per_s": count / took_s,
    }


def live(folder: Path, seconds: int) -> float:
    """CPU of the figures of all machines, in percent of one core."""
    names = [f"m{number:03}" for number in range(MACHINES)]
    site_file = folder / "live.yaml"
    assets = "".join(f"  {name}: {{line: l1, ideal_cycle: 5s}}\n" for name in names)
    site_file.write_text(HEAD + assets, "utf-8")
    site, faults = config.read(site_file)
    plant, more = resolve(site, Drivers(), dict.fromkeys(names, SIGNALS))
    if faults or more:
        raise ValueError([*faults, *more])
    ledger = Ledger(plant.assets, Calendar(ZONE, plant.rosters))
    lots = random.Random(1)
    start_ms = round(START.timestamp() * 1000)
    values = {name: dict.fromkeys(SIGNALS, 0.0) for name in names}
    states = dict.fromkeys(names, "running")
    used_s = 0.0
    for second in range(seconds):
        now_ms = start_ms + second * 1000
        for name in names:
            read = values[name]
            if lots.random() < 1 / 300:
                states[name] = lots.choice(STATES)
            if states[name] == "running":
                read["count"] += second % 5 == 0
                read["reject"] += lots.random() < 1 / 500
            read["energy"] = round(read["energy"] + 0.002, 3)
            read["power"] = round(7 + lots.random(), 2)
        polls: list[tuple[str, dict[str, Value]]] = [
            (name, {**values[name], "state": states[name]}) for name in names
        ]
        began_s = time.process_time()
        for name, poll in polls:
            ledger.observe(name, now_ms, poll)
        ledger.advance(now_ms + 500)
        ledger.take_log()
        used_s += time.process_time() - began_s
    return 100 * used_s / seconds


def write_trace(path: Path, days: int) -> int:
    """Write a machine's trace; how many lines it has."""
    lots = random.Random(1)
    state, until, count, energy, lines = "running", 0, 0, 0.0, 0
    with path.open("w", encoding="utf-8", buffering=1 << 20) as file:
        for second in range(0, days * 86_400, 10):
            t = (START + timedelta(seconds=second)).isoformat()
            head = f'{{"t": "{t}", "asset": "m1", "signal": '
            if second >= until:
                state, until = lots.choice(STATES), second + lots.randrange(60, 3600)
                file.write(f'{head}"state", "value": "{state}"}}\n')
                lines += 1
            count += state == "running"
            energy += 0.02
            told = (
                f'"count", "value": {count}' if second % 20 else f'"energy", "value": {energy:.2f}'
            )
            file.write(f"{head}{told}}}\n")
            lines += 1
    return lines


def replay(folder: Path) -> float:
    """Seconds that the command takes for `year.jsonl`."""
    site = folder / "year.yaml"
    site.write_text(f"{HEAD}  m1: {{line: l1, ideal_cycle: 10s}}\n", "utf-8")
    command = [sys.executable, "-m", "gateway", "replay", str(site), str(folder / "year.jsonl")]
    began_s = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - began_s
