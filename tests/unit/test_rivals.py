"""Another master on a line is heard; noise, echoes and answers are none. pymodbus spells frames."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest
from pymodbus.framer import FramerAscii, FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.bit_message import WriteMultipleCoilsRequest
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from drivers.dlt645.frames import Dlt645
from drivers.dlt645.frames import read as meter_read
from drivers.lines.link import LineLink
from drivers.lines.rivals import WITHIN_S, Rivals
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.frames import Ascii, Rtu
from drivers.modbus.queries import query
from drivers.modbus.register import Function
from gateway.clock import ManualClock
from gateway.driver import has_rival
from gateway.errors import Rival
from gateway.model import Device as Configured
from gateway.model import Kind, Tag, Write
from tests.modbus_line import Bus, Device
from tests.unit.virtual_loop import VirtualLoop, run_virtual

if TYPE_CHECKING:
    from pymodbus.pdu import ModbusPDU

    from drivers.lines.framing import Framing
    from drivers.modbus.queries import Query

ASKED: list[ModbusPDU] = [
    ReadHoldingRegistersRequest(address=10, count=4, dev_id=9),
    WriteSingleRegisterRequest(address=10, registers=[4], dev_id=9),
    WriteMultipleRegistersRequest(address=10, count=3, registers=[4, 5, 6], dev_id=9),
    WriteMultipleCoilsRequest(address=10, bits=[True] * 9, dev_id=9),
]
ANSWER = ReadHoldingRegistersResponse(registers=[1, 2, 3, 4], dev_id=9)
FRAMINGS = [(Rtu(), FramerRTU), (Ascii(), FramerAscii)]


def built(framer: type[FramerRTU | FramerAscii], pdu: ModbusPDU) -> bytes:
    return framer(DecodePDU(is_server=False)).buildFrame(pdu)


@pytest.mark.parametrize("pdu", ASKED)
@pytest.mark.parametrize(("framing", "framer"), FRAMINGS)
def test_a_question_is_known_by_its_form(
    framing: Rtu | Ascii, framer: type[FramerRTU | FramerAscii], pdu: ModbusPDU
) -> None:
    frame = built(framer, pdu)
    assert framing.question(frame) == len(frame)
    assert framing.question(b"\x00\xff" + frame + b"\x01") == len(frame) + 2
    assert not framing.question(frame[:-1])
    assert not framing.question(built(framer, ANSWER))


def test_a_meters_question_too() -> None:
    asked = Dlt645().wrap(meter_read("000000000123", 0x00010000, 4).body)
    assert Dlt645().question(asked) == len(asked)
    assert not Dlt645().question(asked[:-1])
    assert not Dlt645().question(asked.replace(b"\x11", b"\x91"))


@pytest.mark.parametrize("framing", [Rtu(), Ascii(), Dlt645()])
def test_noise_is_no_master(framing: Framing[Query]) -> None:
    clock, chance = ManualClock(), random.Random(4)
    rivals = Rivals(framing.question, clock)
    for _burst in range(400):
        rivals.hear(chance.randbytes(chance.randrange(1, 40)))
    assert not rivals.is_there


def test_it_takes_a_few_and_is_over_when_they_end() -> None:
    clock = ManualClock()
    frame = built(FramerRTU, ASKED[0])
    rivals = Rivals(Rtu().question, clock)
    for number in range(3):
        assert not rivals.is_there, number
        rivals.hear(frame[:3])
        rivals.hear(frame[3:] + built(FramerRTU, ANSWER))
        clock.mono += 1_000_000_000
    assert rivals.is_there
    clock.mono += round(WITHIN_S * 1e9)
    assert not rivals.is_there


def test_nothing_is_written_while_another_asks() -> None:
    bus = Bus({1: Device(1, itertools.repeat(0.01).__next__)})
    loop = VirtualLoop()
    tag = Tag(
        "m", "limit", Kind.U16, "holding:7", (Function.HOLDING, 7, None), write=Write(0, 9, 0.0)
    )
    device = Configured("m", "modbus+rtu:///dev/ttyUSB0", 0.5, (), {"unit": 1})

    async def run() -> None:
        link = LineLink(bus, Rtu(), loop)
        await link.open()
        driver = ModbusDriver(link, device, loop)
        for frame in [built(FramerRTU, pdu) for pdu in ASKED[:3]]:
            assert not has_rival(link)
            link.hear(frame)
        assert has_rival(link)
        assert link.rejected == len(ASKED[:3])
        with pytest.raises(Rival, match=r"^m: another master asks on .*nothing is written"):
            await driver.write(tag, 3, loop.mono_ns() + 10**10)
        # It is read all the same.
        await link.ask(query(Function.HOLDING, 100, 2, 1), 0.5)
        await link.close()

    run_virtual(loop, run())


def test_a_question_of_ones_own_that_comes_back_is_none_of_another() -> None:
    bus = Bus({1: Device(1, itertools.repeat(0.01).__next__)})
    loop = VirtualLoop()

    async def run() -> None:
        link = LineLink(bus, Rtu(), loop)
        await link.open()
        asked = query(Function.HOLDING, 100, 2, 1)
        for _turn in range(5):
            await link.ask(asked, 0.5)
            link.hear(Rtu().wrap(asked.body))
        assert not has_rival(link)
        await link.close()

    run_virtual(loop, run())
