"""A line on virtual time: no late answer becomes another question's value."""

from __future__ import annotations

import itertools
import os
import random
from typing import TYPE_CHECKING

import pytest

from drivers.lines.link import LineLink
from drivers.lines.ports import Pace
from drivers.modbus.client import query, write_query
from drivers.modbus.frames import Ascii, Rtu
from drivers.modbus.register import Function, Store, Writing
from gateway.errors import DriverError, RequestRefused, RequestTimeout
from tests.modbus_line import Bus, Device, rtu, told
from tests.unit.virtual_loop import VirtualLoop, run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from drivers.modbus.client import Query

TIMEOUT_S = 0.5
NEVER = float("inf")
PATIENT = Pace(byte_s=0.001, silence_s=0.004, max_delay_s=3.0)


def on(bus: Bus, check: Callable[[LineLink[Query], VirtualLoop], Awaitable[None]]) -> None:
    loop = VirtualLoop()

    async def run() -> None:
        link = LineLink(bus, Rtu(), loop)
        await link.open()
        await check(link, loop)
        await link.close()

    run_virtual(loop, run())


def read(unit: int, start: int = 100, count: int = 2) -> Query:
    return query(Function.HOLDING, start, count, unit)


def words(unit: int, start: int = 100, count: int = 2) -> bytes:
    return b"".join(told(unit, 3, start + n) for n in range(count))


def delays(*seconds: float) -> Callable[[], float]:
    """These, then 10 ms for ever."""
    return itertools.chain(seconds, itertools.repeat(0.01)).__next__


def test_an_answer_is_read_and_frames_are_apart() -> None:
    bus = Bus({1: Device(1, delays())})

    async def check(link: LineLink[Query], loop: VirtualLoop) -> None:
        for _turn in range(3):
            data, wall_ns, mono_ns = await link.ask(read(1), TIMEOUT_S)
            assert data == words(1)
            assert (wall_ns, mono_ns) == (loop.wall_ns(), loop.mono_ns())
        heard = [at + bus.pace.seconds(8) + 0.01 + bus.pace.seconds(9) for at, _frame in bus.sent]
        for (at, _frame), before in zip(bus.sent[1:], heard, strict=False):
            assert at - before >= bus.pace.silence_s - 1e-9

    on(bus, check)


@pytest.mark.parametrize("probes", [True, False])
def test_a_late_answer_is_not_the_next_ones_value(probes: bool) -> None:  # noqa: FBT001
    """What pymodbus' own RTU client gets wrong: asked 100, 200, 300, got the one before."""
    bus = Bus({1: Device(1, delays(0.55), probes)})

    async def check(link: LineLink[Query], _loop: VirtualLoop) -> None:
        with pytest.raises(RequestTimeout):
            await link.ask(read(1, 100), TIMEOUT_S)
        for start in (200, 300, 400):
            data, *_times = await link.ask(read(1, start), TIMEOUT_S)
            assert data == words(1, start)
        assert link.late == 1

    on(bus, check)


def test_the_same_question_again_gets_its_own_answer() -> None:
    """The answers look alike, so only the probe tells which one it is."""
    bus = Bus({1: Device(1, delays(0.9))})

    async def check(link: LineLink[Query], loop: VirtualLoop) -> None:
        with pytest.raises(RequestTimeout):
            await link.ask(read(1), TIMEOUT_S)
        asked_s = loop.time()
        data, _wall_ns, mono_ns = await link.ask(read(1), TIMEOUT_S)
        assert data == words(1)
        assert mono_ns / 1e9 > asked_s + 0.4, "not the one that was owed"
        assert [frame[1] for _at, frame in bus.sent] == [3, 8, 3]

    on(bus, check)


def test_a_device_that_is_silent_to_probes_is_waited_for() -> None:
    bus = Bus({1: Device(1, delays(NEVER), probes=None)})

    async def check(link: LineLink[Query], loop: VirtualLoop) -> None:
        with pytest.raises(RequestTimeout):
            await link.ask(read(1), TIMEOUT_S)
        with pytest.raises(RequestTimeout):
            await link.ask(read(1), TIMEOUT_S)  # the probe
        bus.devices[1].free_s = 0.0
        data, *_times = await link.ask(read(1), TIMEOUT_S)
        assert data == words(1)
        last, before = bus.sent[-1][0], bus.sent[-2][0]
        assert last - before >= bus.pace.max_delay_s
        bus.devices[1].delay = delays(NEVER)
        with pytest.raises(RequestTimeout):
            await link.ask(read(1), TIMEOUT_S)
        bus.devices[1].free_s = 0.0
        count = len(bus.sent)
        await link.ask(read(1), TIMEOUT_S)
        assert [frame[1] for _at, frame in bus.sent[count:]] == [3], "it is known to be so now"
        assert loop.time() > 0

    on(bus, check)


def test_others_are_asked_while_one_owes_an_answer() -> None:
    bus = Bus({1: Device(1, delays(0.9)), 2: Device(2, delays())})

    async def check(link: LineLink[Query], _loop: VirtualLoop) -> None:
        with pytest.raises(RequestTimeout):
            await link.ask(read(1), TIMEOUT_S)
        for _turn in range(30):
            data, *_times = await link.ask(read(2), TIMEOUT_S)
            assert data == words(2)
        assert link.late == 1
        count = len(bus.sent)
        await link.ask(read(1), TIMEOUT_S)
        assert len(bus.sent) == count + 1, "what it owed has come: no probe"

    on(bus, check)


def test_questions_that_come_back_are_taken_off_once() -> None:
    bus = Bus({1: Device(1, delays())}, echo=True)

    async def check(link: LineLink[Query], _loop: VirtualLoop) -> None:
        assert (await link.ask(read(1), TIMEOUT_S))[0] == words(1)
        write = write_query(Writing(Store.REGISTER, 7, (5,)), 1)
        await link.ask(write, TIMEOUT_S)  # its answer looks like the question
        bus.devices[1].delay = delays(NEVER)
        with pytest.raises(RequestTimeout):
            await link.ask(write, TIMEOUT_S)  # what comes back is no confirmation

    on(bus, check)


def test_noise_before_an_answer_is_passed_over() -> None:
    bus = Bus({1: Device(1, delays())}, spoil=lambda frame: b"\x00\xff\x01\x03" + frame)

    async def check(link: LineLink[Query], _loop: VirtualLoop) -> None:
        assert (await link.ask(read(1), TIMEOUT_S))[0] == words(1)
        assert link.rejected == 1

    on(bus, check)


def test_a_garbled_answer_is_none_and_is_shown() -> None:
    bus = Bus({1: Device(1, delays())}, spoil=lambda frame: frame[:-1] + b"\x00")

    async def check(link: LineLink[Query], _loop: VirtualLoop) -> None:
        with pytest.raises(RequestTimeout, match="what came was no answer: 01 03 04"):
            await link.ask(read(1), TIMEOUT_S)

    on(bus, check)


def test_a_refusal_is_one() -> None:
    device = Device(1, delays())
    device.answer = lambda body: bytes([1, body[1] | 0x80, 2])  # type: ignore[method-assign]

    async def check(link: LineLink[Query], _loop: VirtualLoop) -> None:
        with pytest.raises(RequestRefused) as caught:
            await link.ask(read(1), TIMEOUT_S)
        assert caught.value.code == 2

    on(Bus({1: device}), check)


def schedules(chance: random.Random, units: int) -> dict[int, Device]:
    def delay() -> float:
        kind = chance.random()
        if kind < 0.6:
            return chance.uniform(0.002, 0.3)
        return chance.uniform(0.4, 0.95) if kind < 0.9 else NEVER

    kinds = (True, True, False, None)
    return {unit: Device(unit, delay, chance.choice(kinds)) for unit in range(1, units + 1)}


def late_answers(seed: int, questions: int) -> tuple[int, int, int]:
    """Ask at random; return how many were answered, how many not, and how many came late."""
    chance = random.Random(seed)
    devices = schedules(chance, 3)
    # The longest delay is under max_delay also where a device works off what it owes first.
    bus = Bus(devices, echo=chance.random() < 0.3, pace=PATIENT)
    counts = [0, 0, 0]

    async def check(link: LineLink[Query], _loop: VirtualLoop) -> None:
        for _turn in range(questions):
            unit, start = chance.randrange(1, 4), chance.choice((100, 200))
            count = chance.choice((1, 2, 2, 5))
            for device in devices.values():
                if device.free_s == NEVER:
                    device.free_s = 0.0
            try:
                data, *_times = await link.ask(read(unit, start, count), TIMEOUT_S)
            except DriverError:
                counts[1] += 1
                continue
            counts[0] += 1
            assert data == words(unit, start, count), (seed, _turn)
        counts[2] = link.late

    on(bus, check)
    return counts[0], counts[1], counts[2]


def some(schedules: int) -> Iterator[int]:
    yield from range(schedules)


def test_late_answers_by_the_hundred() -> None:
    found = [late_answers(seed, 10) for seed in some(300)]
    answered, unanswered, late = (sum(one) for one in zip(*found, strict=True))
    assert answered > 1000
    assert unanswered > 500
    assert late > 100


@pytest.mark.soak
def test_ten_thousand_schedules() -> None:
    count = int(os.environ.get("NXGATE_SCHEDULES", "10000"))
    found = [late_answers(seed, 10) for seed in some(count)]
    print("answered, not, late:", *(sum(one) for one in zip(*found, strict=True)))


@pytest.mark.parametrize("framing", [Rtu(), Ascii()], ids=["RTU", "ASCII"])
def test_mutated_answers_are_no_values(framing: Rtu | Ascii) -> None:
    """Bits flipped, bytes lost, put in or swapped: only a right checksum makes a value."""
    chance = random.Random(5)
    asked = read(1, 100, 4)
    right = framing.wrap(bytes([1, 3, 8]) + words(1, 100, 4))
    assert framing.find(right, asked) == (0, len(right), bytes([3, 8]) + words(1, 100, 4))
    taken = 0
    for _turn in range(int(os.environ.get("NXGATE_MUTATIONS", "20000"))):
        data = bytearray(right)
        for _change in range(chance.randrange(1, 4)):
            place = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[place] ^= 1 << chance.randrange(8)
                case 1:
                    del data[place]
                case 2:
                    data.insert(place, chance.randrange(256))
                case _:
                    data[place] = chance.randrange(256)
        found = framing.find(bytes(data), asked)
        if found is not None and found.pdu != bytes([3, 8]) + words(1, 100, 4):
            taken += 1
            assert framing.find(framing.wrap(bytes([1]) + found.pdu), asked) is not None
    assert taken <= 20, "about one in 65,536 has a right CRC by chance, and one in 256 a right LRC"


def test_frames_are_those_of_the_specification() -> None:
    """The worked example of the serial line specification, and a CRC made bit by bit."""
    body = bytes.fromhex("02 07")
    assert Rtu().wrap(body) == bytes.fromhex("02 07 41 12")
    assert Rtu().wrap(body) == rtu(body)
    assert Ascii().wrap(bytes.fromhex("01 03 00 6B 00 03")) == b":0103006B00038E\r\n"
