"""A line on virtual time: no late answer becomes another question's value."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from drivers.lines.link import LineLink
from drivers.lines.ports import Pace
from drivers.modbus.frames import Ascii, Rtu
from drivers.modbus.queries import query, write_query
from drivers.modbus.register import Function, Store, Writing
from gateway.errors import RequestRefused, RequestTimeout
from tests.modbus_line import Bus, Device, rtu, told
from tests.unit.virtual_loop import VirtualLoop, run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from drivers.modbus.queries import Query

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


def test_frames_are_those_of_the_specification() -> None:
    """The worked example of the serial line specification, and a CRC made bit by bit."""
    body = bytes.fromhex("02 07")
    assert Rtu().wrap(body) == bytes.fromhex("02 07 41 12")
    assert Rtu().wrap(body) == rtu(body)
    assert Ascii().wrap(bytes.fromhex("01 03 00 6B 00 03")) == b":0103006B00038E\r\n"
