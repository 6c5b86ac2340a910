"""The simulators read by strangers: mbpoll, and libmodbus called from C's side.

Neither shares a line with this repository, so what they read is what is on the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import ctypes.util
import json
import re
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from simulators import scenario
from simulators.encode import f32, u16, u32_low_first
from simulators.memory import Area, Memory, Table
from simulators.pdu import answer
from simulators.place import Place
from simulators.server import Link

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKSHOP = Path(scenario.__file__).parent / "scenarios" / "workshop.yaml"
BITS = [1, 0, 1, 1, 0, 0, 1, 1, 1]


@contextlib.contextmanager
def served() -> Iterator[int]:
    """Serve one unit with all four tables on a loop of its own thread; yields the port."""
    kept = Memory(
        (
            Area(Table.COIL, 0, 100, writable=range(100)),
            Area(Table.DISCRETE, 0, 100),
            Area(Table.HOLDING, 0, 200, writable=range(100, 110)),
            Area(Table.INPUT, 0, 200),
        )
    )
    kept.put(Table.COIL, 10, bytes(BITS))
    kept.put(Table.DISCRETE, 20, bytes(BITS))
    kept.put(Table.HOLDING, 0, u16(4660) + u32_low_first(3_000_000_000) + f32(-12.5))
    kept.put(Table.INPUT, 5, u16(65535) + u16(7))
    link = Link(Place.of("modbus+tcp://127.0.0.1:0"), {17: partial(answer, kept)})
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(link.open(), loop).result(5)
        yield link.place.port
    finally:
        asyncio.run_coroutine_threadsafe(link.close(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def mbpoll(port: int, *options: str, unit: int = 17) -> list[str]:
    """Poll once; return the values as mbpoll spells them, or its complaint."""
    command = ("mbpoll", "-m", "tcp", "-a", str(unit), "-0", "-1", "-p", str(port))
    done = subprocess.run(
        (*command, *options), capture_output=True, text=True, timeout=20, check=False
    )
    values = re.findall(r"^\[\d+\]:\s+(\S+)", done.stdout, re.MULTILINE)
    return values or [line for line in done.stderr.splitlines() if "failed" in line]


def test_mbpoll_reads_all_four_functions() -> None:
    with served() as port:
        bits = [str(bit) for bit in BITS]
        assert mbpoll(port, "-t", "0", "-r", "10", "-c", "9", "127.0.0.1") == bits
        assert mbpoll(port, "-t", "1", "-r", "20", "-c", "9", "127.0.0.1") == bits
        assert mbpoll(port, "-t", "3", "-r", "5", "-c", "2", "127.0.0.1") == ["65535", "7"]
        assert mbpoll(port, "-t", "4", "-r", "0", "127.0.0.1") == ["4660"]


def test_mbpoll_reads_wide_numbers() -> None:
    with served() as port:
        # Low word first is mbpoll's own order; -B is high word first.
        assert mbpoll(port, "-t", "4:int", "-r", "1", "127.0.0.1") == [str(3_000_000_000 - 2**32)]
        assert mbpoll(port, "-t", "4:float", "-B", "-r", "3", "127.0.0.1") == ["-12.5"]


def test_mbpoll_is_told_what_is_not_there() -> None:
    with served() as port:
        (complaint,) = mbpoll(port, "-t", "4", "-r", "199", "-c", "2", "127.0.0.1")
        assert "Illegal data address" in complaint
        (complaint,) = mbpoll(port, "-t", "4", "-r", "0", "127.0.0.1", unit=18)
        assert "Target device failed to respond" in complaint


class LibModbus:
    """The few functions of libmodbus that a client needs."""

    def __init__(self, port: int, unit: int) -> None:
        self._lib = ctypes.CDLL("libmodbus.so.5", use_errno=True)
        self._lib.modbus_new_tcp.restype = ctypes.c_void_p
        self._lib.modbus_strerror.restype = ctypes.c_char_p
        self._lib.modbus_get_float_abcd.restype = ctypes.c_float
        self._context = ctypes.c_void_p(self._lib.modbus_new_tcp(b"127.0.0.1", port))
        self._lib.modbus_set_slave(self._context, unit)
        self._lib.modbus_set_response_timeout(self._context, 0, 300_000)
        self._check(self._lib.modbus_connect(self._context))

    def close(self) -> None:
        self._lib.modbus_close(self._context)
        self._lib.modbus_free(self._context)

    def bits(self, function: str, at: int, count: int) -> list[int]:
        data = (ctypes.c_uint8 * count)()
        self._check(getattr(self._lib, function)(self._context, at, count, data))
        return list(data)

    def words(self, function: str, at: int, count: int) -> list[int]:
        data = (ctypes.c_uint16 * count)()
        self._check(getattr(self._lib, function)(self._context, at, count, data))
        return list(data)

    def write(self, at: int, values: list[int]) -> None:
        data = (ctypes.c_uint16 * len(values))(*values)
        self._check(self._lib.modbus_write_registers(self._context, at, len(values), data))

    def write_one(self, function: str, at: int, value: int) -> None:
        self._check(getattr(self._lib, function)(self._context, at, value))

    def write_bits(self, at: int, values: list[int]) -> None:
        data = (ctypes.c_uint8 * len(values))(*values)
        self._check(self._lib.modbus_write_bits(self._context, at, len(values), data))

    def f32(self, words: list[int]) -> float:
        value: float = self._lib.modbus_get_float_abcd((ctypes.c_uint16 * 2)(*words))
        return value

    def _check(self, result: int) -> None:
        if result < 0:
            raise OSError(self._lib.modbus_strerror(ctypes.get_errno()).decode())


@contextlib.contextmanager
def libmodbus(port: int, unit: int = 17) -> Iterator[LibModbus]:
    client = LibModbus(port, unit)
    try:
        yield client
    finally:
        client.close()


def test_libmodbus_reads_and_writes() -> None:
    with served() as port, libmodbus(port) as client:
        assert client.bits("modbus_read_bits", 10, 9) == BITS
        assert client.bits("modbus_read_input_bits", 20, 9) == BITS
        assert client.words("modbus_read_input_registers", 5, 2) == [65535, 7]
        words = client.words("modbus_read_registers", 0, 125)
        assert len(words) == 125
        assert words[0] == 4660
        assert words[1] + (words[2] << 16) == 3_000_000_000
        assert client.f32(words[3:5]) == -12.5

        client.write(100, [1, 2, 65535])
        client.write_one("modbus_write_register", 103, 9)
        assert client.words("modbus_read_registers", 100, 4) == [1, 2, 65535, 9]
        client.write_one("modbus_write_bit", 50, 1)
        client.write_bits(51, BITS)
        assert client.bits("modbus_read_bits", 50, 10) == [1, *BITS]
        with pytest.raises(OSError, match="Illegal data address"):
            client.write(99, [1])


@contextlib.contextmanager
def simulated(tmp_path: Path, *options: str, stdin: bool = False) -> Iterator[Simulated]:
    """Run `nxgate simulate` on free ports until the block ends, then stop it politely."""
    command = (sys.executable, "-m", "gateway", "--lang", "en", "simulate", *options)
    process = subprocess.Popen(
        (*command, "--port-base", "0", "--truth", str(tmp_path / "truth.jsonl")),
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        text=True,
    )
    run = Simulated(process, tmp_path / "truth.jsonl")
    try:
        yield run
    finally:
        run.stop()


class Simulated:
    """A simulator process and what it printed."""

    def __init__(self, process: subprocess.Popen[str], truth: Path) -> None:
        self.process = process
        self.truth = truth
        self.ports: dict[str, int] = {}

    def devices(self, count: int) -> None:
        """Read the lines of the devices."""
        for _ in range(count):
            line = self.line()
            found = re.match(r"(\S+)\s+unit 1\s+modbus\+tcp://127\.0\.0\.1:(\d+)  \w", line)
            assert found, line
            self.ports[found[1]] = int(found[2])

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip()

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        assert self.process.wait(10) == 0, "ends cleanly"


def test_the_workshop_read_while_it_works_and_its_truth(tmp_path: Path) -> None:
    with simulated(tmp_path, str(WORKSHOP)) as run:
        run.devices(3)
        with libmodbus(run.ports["plc-last"], unit=1) as plc:
            before = plc.words("modbus_read_registers", 102, 4)
            deadline = time.monotonic() + 15
            while plc.words("modbus_read_registers", 102, 4) == before:
                assert time.monotonic() < deadline, "no shoe in fifteen seconds"
                time.sleep(0.05)
            # From here on nothing but what the truth says: stop, then compare.
            run.process.send_signal(signal.SIGTERM)
            assert run.process.wait(10) == 0
        truth = [json.loads(line) for line in run.truth.read_text("utf-8").splitlines()]
        assert {event["on"] for event in truth} == set(run.ports)
        shoes = [event for event in truth if event["type"] == "shoe"]
        assert before[0] + (before[1] << 16) == shoes[0]["n"] - 1
        end = {event["on"]: event for event in truth if event["type"] == "end"}
        assert end["plc-last"]["made"]["left"] >= 1
        assert end["plc-inj"]["time_s"]["setup"] > 0


def test_the_meter_read_by_a_stranger(tmp_path: Path) -> None:
    with simulated(tmp_path, str(WORKSHOP)) as run:
        run.devices(3)
        with libmodbus(run.ports["meter-1"], unit=1) as meter:
            volts = meter.f32(meter.words("modbus_read_registers", 8198, 2)) * 0.1
            watts = meter.f32(meter.words("modbus_read_registers", 8210, 2)) * 0.1
            kwh = meter.f32(meter.words("modbus_read_registers", 4126, 2))
            with pytest.raises(OSError, match="Illegal function"):
                meter.bits("modbus_read_bits", 0, 1)
        assert 220 < volts < 236
        assert 27_000 < watts < 29_000, "warming up"
        assert 4182.375 <= kwh < 4182.5


def test_it_ends_by_itself_and_on_request(tmp_path: Path) -> None:
    with simulated(tmp_path, str(WORKSHOP), "--seconds", "0.5") as run:
        run.devices(3)
        assert run.process.wait(10) == 0
    events = [json.loads(line)["type"] for line in run.truth.read_text("utf-8").splitlines()]
    assert events.count("end") == 3


def test_faults_by_timeline_and_by_command(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "name: plan\n"
        "devices:\n"
        "  plc: {serves: toe-lasting, link: 'modbus+tcp://127.0.0.1:15000', cycle: 1s}\n"
        "timeline:\n"
        "  - {at: 0s, on: plc, fault: dropped, for: 700ms}\n",
        "utf-8",
    )
    with simulated(tmp_path, str(plan), stdin=True) as run:
        run.devices(1)
        port = run.ports["plc"]
        assert run.line() == "plc: requests dropped begins"
        with libmodbus(port, unit=1) as plc:
            with pytest.raises(OSError, match="timed out"):
                plc.words("modbus_read_registers", 100, 1)
            assert run.line() == "plc: requests dropped is over"
        with libmodbus(port, unit=1) as plc:
            plc.words("modbus_read_registers", 100, 1)
            run.type("{on: plc, fault: exception, code: 6}")
            assert run.line() == "plc: exception 6 begins"
            with pytest.raises(OSError, match="busy"):
                plc.words("modbus_read_registers", 100, 1)
            run.type("{on: plc, fault: none}")
            assert run.line() == "plc: exception 6 is over"
            plc.words("modbus_read_registers", 100, 1)
        run.type("{on: plc, fault: refused}")
        assert run.line() == "plc: connections refused begins"
        with pytest.raises(OSError, match="refused"), libmodbus(port, unit=1):
            pass
        run.type("{on: plc, fault: none}")
        assert run.line() == "plc: connections refused is over"
        run.type("{on: plc, fault: late, by: 200ms}")
        assert run.line() == "plc: answers 0.2 s late begins"
        with libmodbus(port, unit=1) as plc:
            asked = time.monotonic()
            plc.words("modbus_read_registers", 100, 1)
            assert time.monotonic() - asked >= 0.2
        run.type("{on: plx, fault: late, by: 200ms}")
        assert run.line().startswith('command:1:6: on: no such machine: "plx"')
    faults = [
        (event["fault"], event["active"])
        for event in map(json.loads, run.truth.read_text("utf-8").splitlines())
        if event["type"] == "fault"
    ]
    assert faults[:4] == [
        ("dropped", True),
        ("dropped", False),
        ("exception", True),
        ("exception", False),
    ]


def test_a_taken_port_and_a_bad_scenario_are_told_with_their_line(tmp_path: Path) -> None:
    with served() as port:
        plan = tmp_path / "plan.yaml"
        plan.write_text(
            "name: plan\n"
            "devices:\n"
            f"  plc: {{serves: toe-lasting, link: 'modbus+tcp://127.0.0.1:{port}', cycle: 1s}}\n",
            "utf-8",
        )
        command = (sys.executable, "-m", "gateway", "--lang", "en", "simulate", str(plan))
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 2
        told = f"devices.plc.link: can't listen on 127.0.0.1:{port} (Address already in use)"
        assert f"plan.yaml:3:36: {told}" in done.stderr
        assert "Traceback" not in done.stderr
