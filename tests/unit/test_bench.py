"""The bench's own instruments: what they report must be so."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.bench.lean_server import BLOCKS, Device, blocks
from tests.bench.process import Running
from tests.bench.subscriber import Subscriber, quantile
from tests.bench.workload import WORKLOADS, write_site

if TYPE_CHECKING:
    from pathlib import Path


class Wire(asyncio.Transport):
    """Takes what a device writes."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        self.sent += bytes(data)


def ask(device: Device, wire: Wire, at: int, count: int) -> list[int]:
    """Read registers; checks the head of the answer."""
    wire.sent = b""
    device.data_received(bytes.fromhex("0007 0000 0006 01 03") + at.to_bytes(2) + count.to_bytes(2))
    assert wire.sent[:9] == bytes.fromhex("0007 0000") + (3 + 2 * count).to_bytes(2) + bytes(
        (1, 3, 2 * count)
    )
    data = wire.sent[9:]
    return [int.from_bytes(data[n : n + 2]) for n in range(0, len(data), 2)]


def device(registers: int) -> tuple[Device, Wire]:
    wire = Wire()
    made = Device(registers, blocks(registers))
    made.connection_made(wire)
    return made, wire


def test_all_values_change_at_every_poll_in_one_block_or_in_two() -> None:
    made, wire = device(200)
    before: list[int] | None = None
    for _ in range(BLOCKS * 2):
        now = ask(made, wire, 0, 125) + ask(made, wire, 125, 75)
        if before is not None:
            assert all(a != b for a, b in zip(before[:-2], now[:-2], strict=True))
        before = now


def test_the_last_two_registers_tell_when_the_answer_was_given() -> None:
    made, wire = device(100)
    before_us = time.time_ns() // 1000
    high, low = ask(made, wire, 0, 100)[-2:]
    after_us = time.time_ns() // 1000
    assert before_us <= before_us & ~0xFFFF_FFFF | high << 16 | low <= after_us


def test_a_lean_device_refuses_what_it_does_not_have() -> None:
    made, wire = device(100)
    made.data_received(bytes.fromhex("0007 0000 0006 01 03 0000 0065"))
    assert wire.sent == bytes.fromhex("0007 0000 0003 01 83 02")
    wire.sent = b""
    question = bytes.fromhex("0008 0000 0006 01 03 0000 0001")
    made.data_received(question[:5])
    made.data_received(question[5:] + question)
    assert len(wire.sent) == 2 * 11, "in pieces and in heaps"


def subscriber() -> Subscriber:
    """Make one without a broker."""
    made = Subscriber.__new__(Subscriber)
    made.messages = []
    made.seqs = set()
    made._tags = ("r098", "r099")
    return made


def give(
    made: Subscriber, seq: int, values: dict[str, int | None], cls: str = "telemetry/live"
) -> None:
    body = {"id": f"gw:3:{seq}", "rows": [{"t": 1, "m": values}]}
    made.take(f"cii/v1/c/e/s/_dev/dev-00/{cls}", json.dumps(body).encode())


def test_the_age_of_values_and_missing_ids(capsys: pytest.CaptureFixture[str]) -> None:
    made = subscriber()
    start_ns = time.time_ns()
    stamp = (start_ns // 1000 - 5000) & 0xFFFF_FFFF
    stamped: dict[str, int | None] = {"r098": stamp >> 16, "r099": stamp & 0xFFFF}
    give(made, 10, {**stamped, "r000": 1})
    give(made, 11, {"r000": 1}, "state")
    give(made, 14, {"r000": None, "r098": 1})
    got = made.figures(start_ns, time.time_ns())
    assert got["messages"] == 2
    assert got["values"] == 5
    assert got["nulls"] == 1
    assert got["missing_ids"] == 2, "12 and 13"
    assert got["latency_ms_p50"] is not None
    assert 5 <= got["latency_ms_p50"] < 1000
    assert made.figures(0, start_ns)["messages"] == 0
    assert capsys.readouterr().out.startswith("first ")


def test_quantiles() -> None:
    ages = [n * 1000 for n in range(1, 101)]
    assert (quantile(ages, 0.5), quantile(ages, 0.99), quantile(ages, 1.0)) == (51, 100, 100)
    assert quantile([], 0.5) is None


def test_cpu_and_memory_of_a_process_are_its_own(tmp_path: Path) -> None:
    program = (
        "import time, sys\n"
        "while time.process_time() < 0.3: pass\n"
        "print('worked', time.process_time(), flush=True)\n"
        "sys.stdin.readline()\n"
    )
    with Running((sys.executable, "-c", program), tmp_path / "log") as worker:
        told = float(worker.line().split()[1])
        assert told <= worker.cpu_s < told + 0.1
        assert 3 < worker.rss_mb < 100
        worker.stop()
    with Running((sys.executable, "-c", "raise SystemExit('gone')"), tmp_path / "log") as worker:
        with pytest.raises(RuntimeError, match="gone"):
            worker.line()
        assert worker.stop() == []


def test_the_site_file_has_every_register_of_every_device(tmp_path: Path) -> None:
    from gateway.templates import load  # noqa: PLC0415 - the only test here that needs it

    work = WORKLOADS["W2"]
    plant = load(write_site(tmp_path, work, range(20_000, 20_050), 1883))
    tags = [tag for device in plant.devices for group in device.groups for tag in group.tags]
    assert len(plant.devices) == 50
    assert len(tags) == work.values_per_s
    assert work.stamp_tags == ("r198", "r199")
