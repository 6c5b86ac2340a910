"""The judge listens to the real gateway: lines cut, broker restarted, gateway killed."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.mosquitto import Mosquitto, wait_for
from tests.e2e.relay import Relay
from tests.e2e.workshop import NXGATE, ROOT, workshop

if TYPE_CHECKING:
    from pathlib import Path

ALWAYS = (
    "topic", "payload", "schema", "qos", "retain", "kept", "address", "hist", "late", "identity",
    "order", "missing", "status", "speaker", "null", "meta", "tags",
)  # fmt: skip
"""Rules that a run of some seconds has an occasion for."""


def listens(folder: Path, rounds: int, pause_s: float) -> dict[str, Any]:
    """Break everything in turn, round by round; return what the judge said."""
    with (
        Mosquitto(folder) as broker,
        Relay(broker.port) as line,
        Relay(broker.port) as judges_line,
        workshop(folder, line.port, poll="100ms") as made,
    ):
        url = f"mqtt://127.0.0.1:{judges_line.port}"
        seconds = 12 + rounds * (5 + 4 * pause_s)
        command = [*NXGATE, "verify", url, "--for", f"{seconds:.0f}s", "--json"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as judge:
            log = folder / "mosquitto.log"

            def connects() -> int:
                return log.read_text("utf-8", "replace").count("Sending CONNACK to nxgate-verify")

            wait_for(lambda: connects() == 2, "the judge listens")
            time.sleep(1.2)
            made.start()
            for number in range(rounds):
                time.sleep(pause_s)
                # The judge's own line is cut: its session stands, and what was queued comes.
                judges_line.shut()
                time.sleep(0.3)
                judges_line.open()
                wait_for(lambda n=number: connects() == 3 + 3 * n, "the judge is back")  # type: ignore[misc]
                time.sleep(pause_s)
                line.shut()
                broker.stop()
                broker.start()
                wait_for(lambda n=number: connects() == 5 + 3 * n, "and hears what is kept")  # type: ignore[misc]
                time.sleep(1.2)
                line.open()
                time.sleep(pause_s)
                made.end(signal.SIGKILL)
                made.start()
                time.sleep(pause_s)
            said = judge.communicate(timeout=seconds + 30)[0]
    told: dict[str, Any] = json.loads(said)
    wrong = [rule for rule in told["rules"] if rule["faults"]]
    assert not wrong, json.dumps(wrong, indent=1)
    assert judge.returncode == 0
    assert (told["connection_breaks"], told["unheard_times"]) == (2 * rounds, rounds)
    assert told["classes"]["telemetry"]["late"], "the outage's values came as history"
    assert told["waited_for"] == told["missing"] == 0
    judged = {rule["rule"]: rule["judged"] for rule in told["rules"]}
    assert all(judged[rule] for rule in ALWAYS), judged
    return told


def test_a_gateway_passes_whatever_breaks(tmp_path: Path) -> None:
    listens(tmp_path, 1, 0.8)


@pytest.mark.soak
def test_a_gateway_passes_whatever_breaks_for_long(tmp_path: Path) -> None:
    told = listens(tmp_path, 20, 5.0)
    print(f"\n{told['messages']} messages, {told['duplicates']} duplicates")
