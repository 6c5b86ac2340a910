"""Answers that come late or mutated, by the thousand, over each framing on virtual time.

`make soak` runs 10,000 late-answer schedules and 1,000,000 mutated answers for each framing;
NXGATE_SCHEDULES and NXGATE_MUTATIONS give other numbers.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import pytest

from drivers.lines.endpoint import Endpoint
from drivers.lines.link import LineLink
from drivers.lines.ports import Pace, ServerLine
from drivers.modbus.client import TcpLink
from drivers.modbus.frames import Ascii, Rtu
from drivers.modbus.queries import query
from drivers.modbus.register import Function
from gateway.errors import ConnectionLost, DriverError
from tests.modbus_line import Bus, Device, Network, ascii_frame, rtu, tcp, told, unascii
from tests.unit.virtual_loop import run_virtual

if TYPE_CHECKING:
    from drivers.modbus.client import Answer
    from drivers.modbus.queries import Query

TIMEOUT_S = 0.5
NEVER = float("inf")
PATIENT = Pace(byte_s=0.001, silence_s=0.004, max_delay_s=3.0)
SERVER = Pace(0.0, 0.0, max_delay_s=3.0, is_bus=False)
FRAMINGS = ["rtu", "ascii", "rtuovertcp", "tcp"]
HEAD = 9
"""Bytes of a TCP answer before its data: header, unit, function, byte count."""


class AnyLink(Protocol):
    late: int

    @property
    def is_open(self) -> bool: ...

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def ask(self, query: Query, timeout_s: float) -> Answer: ...


def bus_of(framing: str, devices: dict[int, Device]) -> Bus:
    match framing:
        case "ascii":
            return Bus(
                devices, pace=PATIENT, make=lambda body, _asked: ascii_frame(body), parse=unascii
            )
        case "tcp":
            return Bus(devices, pace=SERVER, make=tcp, parse=lambda frame: frame[6:])
        case "rtuovertcp":
            return Bus(devices, pace=SERVER)
    return Bus(devices, pace=PATIENT)


def link_of(framing: str, bus: Bus, loop: Network) -> AnyLink:
    if framing == "tcp":
        return TcpLink("modbus+tcp://virtual", loop)
    if framing == "rtuovertcp":
        return LineLink(ServerLine("", Endpoint(bus.key, 1), bus.pace), Rtu(), loop)
    return LineLink(bus, Ascii() if framing == "ascii" else Rtu(), loop)


def words(unit: int, start: int, count: int) -> bytes:
    return b"".join(told(unit, 3, start + n) for n in range(count))


def devices_of(chance: random.Random, units: int) -> dict[int, Device]:
    def delay() -> float:
        kind = chance.random()
        if kind < 0.6:
            return chance.uniform(0.002, 0.3)
        return chance.uniform(0.4, 0.95) if kind < 0.9 else NEVER

    kinds = (True, True, False, None)
    return {unit: Device(unit, delay, chance.choice(kinds)) for unit in range(1, units + 1)}


def late_answers(framing: str, seed: int) -> tuple[int, int, int]:
    """Ask ten times at random; return how many were answered, not answered, and came late."""
    chance = random.Random(seed)
    devices, loop = devices_of(chance, 3), Network()
    loop.bus = bus = bus_of(framing, devices)
    bus.echo = framing == "rtu" and chance.random() < 0.3
    link = link_of(framing, bus, loop)
    counts = [0, 0]

    async def run() -> None:
        for turn in range(10):
            unit, start = chance.randrange(1, 4), chance.choice((100, 200))
            count = chance.choice((1, 2, 2, 5))
            for device in devices.values():
                if device.free_s == NEVER:
                    device.free_s = 0.0
            try:
                await link.open()
                data, *_times = await link.ask(
                    query(Function.HOLDING, start, count, unit), TIMEOUT_S
                )
            except DriverError:
                counts[1] += 1
                continue
            counts[0] += 1
            assert data == words(unit, start, count), (seed, turn)
        await link.close()

    run_virtual(loop, run())
    return counts[0], counts[1], link.late


@pytest.mark.parametrize("framing", FRAMINGS)
def test_late_answers_by_the_hundred(framing: str) -> None:
    """FAULTS 6: a late answer is never the next question's value, on whichever framing."""
    found = [late_answers(framing, seed) for seed in range(150)]
    answered, unanswered, late = (sum(one) for one in zip(*found, strict=True))
    assert answered > 500
    assert unanswered > 200
    assert late > 30


@pytest.mark.soak
@pytest.mark.parametrize("framing", FRAMINGS)
def test_ten_thousand_schedules(framing: str) -> None:
    count = int(os.environ.get("NXGATE_SCHEDULES", "10000"))
    found = [late_answers(framing, seed) for seed in range(count)]
    print(framing, "answered, not, late:", *(sum(one) for one in zip(*found, strict=True)))


def mutated(data: bytes, chance: random.Random, reach: int) -> bytes:
    """Change one to three of the first `reach` bytes: flip, lose, put in, replace, cut, repeat."""
    changed = bytearray(data)
    for _change in range(chance.randrange(1, 4)):
        if not changed:
            break
        place = chance.randrange(min(reach, len(changed)))
        match chance.randrange(7):
            case 0 | 1:
                changed[place] ^= 1 << chance.randrange(8)
            case 2:
                del changed[place]
            case 3:
                changed.insert(place, chance.randrange(256))
            case 4:
                changed[place] = chance.randrange(256)
            case 5 if chance.random() < 0.2:
                del changed[place:]
            case _:
                changed[place:place] = changed[: chance.randrange(reach)]
    return bytes(changed)


class Mutations:
    """A device whose every answer is mutated, asked again and again."""

    def __init__(self, framing: str, seed: int) -> None:
        self.framing = framing
        self.chance = random.Random(seed)
        self.answers = self.right = self.wrong = self.refused = self.lost = 0
        self.slowest_s = 0.0
        self.heard: list[bytes] = []

    def run(self, count: int) -> None:
        loop = Network()
        devices = {unit: Device(unit, lambda: 0.005, probes=unit > 1 or None) for unit in (1, 2)}
        loop.bus = bus = bus_of(self.framing, devices)
        bus.spoil = self._spoil
        bus.pace = replace(bus.pace, max_delay_s=0.1)
        run_virtual(loop, self._ask(link_of(self.framing, bus, loop), bus, loop, count))

    async def _ask(self, link: AnyLink, bus: Bus, loop: Network, count: int) -> None:
        while self.answers < count:
            unit, start = self.chance.randrange(1, 3), self.chance.choice((100, 7000))
            size = self.chance.choice((1, 2, 4))
            bus.sent.clear()
            del self.heard[:-8]
            began_s = loop.time()
            try:
                await link.open()
                data, *_times = await link.ask(query(Function.HOLDING, start, size, unit), 0.05)
            except DriverError as error:
                self.refused += not isinstance(error, ConnectionLost)
                self.lost += isinstance(error, ConnectionLost)
            else:
                if data == words(unit, start, size):
                    self.right += 1
                else:
                    self._judge(unit, data)
            self.slowest_s = max(self.slowest_s, loop.time() - began_s)
        await link.close()

    def _spoil(self, frame: bytes) -> bytes:
        self.answers += 1
        if self.framing != "tcp":
            self.heard.append(mutated(frame, self.chance, len(frame)))
            return self.heard[-1]
        changed = mutated(frame, self.chance, HEAD)
        # A right head before other data is beyond what TCP's form can tell.
        while frame[:HEAD] in changed:
            changed = mutated(frame, self.chance, HEAD)
        self.heard.append(changed)
        return changed

    def _judge(self, unit: int, data: bytes) -> None:
        """Only a right checksum, which chance gives now and then, may have made it a value."""
        body = bytes([unit, 3, len(data)]) + data
        heard = b"".join(self.heard)
        assert self.framing != "tcp", (data, self.heard)
        frame = ascii_frame(body) if self.framing == "ascii" else rtu(body)
        assert frame.upper() in heard.upper(), (data, self.heard)
        self.wrong += 1


def campaign(framing: str, count: int, seed: int) -> Mutations:
    found = Mutations(framing, seed)
    began = time.process_time()
    found.run(count)
    print(
        f"{framing}: {found.answers} mutated answers: {found.right} right all the same, "
        f"{found.refused} refused, {found.lost} connections lost, {found.wrong} wrong by a valid "
        f"checksum; slowest {found.slowest_s:.2f} s, {time.process_time() - began:.0f} s CPU"
    )
    return found


@pytest.mark.parametrize("framing", FRAMINGS)
def test_mutated_answers_are_no_values(framing: str) -> None:
    """FAULTS 2, 4, 5, 7, 8, 11: never a wrong value, never a question without an end."""
    found = campaign(framing, 5_000, 5)
    assert (found.right > 50) is (framing != "tcp"), "TCP has no second copy in a broken head"
    assert found.refused > 1_000
    assert found.slowest_s < 1
    assert found.wrong <= {"ascii": 50, "tcp": 0}.get(framing, 2)


@pytest.mark.soak
@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_million_mutated_answers(framing: str) -> None:
    count = int(os.environ.get("NXGATE_MUTATIONS", "1000000"))
    found = campaign(framing, count, 1)
    assert found.slowest_s < 1
    # One in 256 has a right LRC by chance, one in 65,536 a right CRC; length and unit narrow it.
    assert found.wrong <= {"ascii": count / 256, "tcp": 0}.get(framing, count / 8192)
