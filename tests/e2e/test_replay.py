"""A running gateway, recorded: its trace replayed tells what the broker got."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from gateway.api import SOCKET
from tests.e2e.mosquitto import Mosquitto, Subscriber, wait_for
from tests.e2e.workshop import NXGATE, ROOT, workshop

if TYPE_CHECKING:
    from pathlib import Path

ZONE = ZoneInfo("Asia/Shanghai")
MACHINES = ("injection-1", "lasting-1")


def said(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in {"v", "id", "ts", "hist"}}


def finals(records: list[tuple[str, str, dict[str, Any]]]) -> dict[tuple[str, str, int], Any]:
    """Closed windows by class, asset and revision; all of them shifts."""
    return {
        (cls, asset, body["rev"]): said(body)
        for cls, asset, body in records
        if body.get("final") and body["win"]["kind"] == "shift"
    }


@pytest.mark.soak
def test_what_is_recorded_beside_a_gateway_replays_as_it_was_told(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path) as broker,
        Subscriber(broker.port) as subscriber,
        workshop(tmp_path, broker.port) as made,
    ):
        start = datetime.now(ZONE).replace(second=0, microsecond=0) + timedelta(minutes=1)
        start += timedelta(minutes=(start - datetime.now(ZONE)).total_seconds() < 30)
        end = start + timedelta(minutes=1)
        text = re.sub(r"(?ms)^calendar:.*?(?=^\S|\Z)", "", made.site.read_text("utf-8"))
        shift = f'{{probe: {{start: "{start:%H:%M}", end: "{end:%H:%M}"}}}}'
        made.site.write_text(f"{text}\ncalendar:\n  shifts: {shift}\n", "utf-8")
        assert made.simulator is not None
        made.simulator.send_signal(signal.SIGSTOP)  # nothing answers before all of it is recorded
        made.start()
        wait_for((tmp_path / "store" / SOCKET).exists, "the gateway shows itself")
        trace = tmp_path / "trace.jsonl"
        command = [*NXGATE, "record", str(made.site), "-o", str(trace), "--for", "150s"]
        recorder = subprocess.Popen(command, cwd=ROOT)
        try:
            time.sleep(6)  # for it to listen; nothing is there to be seen of that
            made.simulator.send_signal(signal.SIGCONT)
            until = (end - datetime.now(ZONE)).total_seconds() + 15
            wait_for(lambda: trace.exists() and trace.stat().st_size > 0, "the trace begins")
            assert datetime.now(ZONE) < start - timedelta(seconds=1)
            wait_for(
                lambda: (
                    len({heard.topic for heard in subscriber.on("/oee")}) >= len(MACHINES)
                    and datetime.now(ZONE) > end + timedelta(seconds=20)
                ),
                "the shift is closed",
                until + 60,
            )
        finally:
            recorder.send_signal(signal.SIGINT)
            recorder.wait(30)
        assert made.end() == 0, made.log()
        live = [
            (cls, heard.topic.split("/")[6], json.loads(heard.payload))
            for heard in list(subscriber.heard)
            for cls in ("oee", "energy/electricity")
            if heard.topic.endswith(f"/{cls}") and heard.topic.split("/")[6] in MACHINES
        ]
        done = subprocess.run(
            [*NXGATE, "replay", str(made.site), str(trace)],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    replayed = [
        (one.pop("class"), one.pop("asset"), {k: v for k, v in one.items() if k != "line"})
        for one in told
    ]
    expected = finals(live)
    assert {asset for _cls, asset, _rev in expected} == set(MACHINES)
    got = {key: body for key, body in finals(replayed).items() if key[1] in MACHINES}
    assert got == expected
