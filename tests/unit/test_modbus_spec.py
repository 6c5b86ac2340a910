"""The worked examples of the specification, byte for byte, through link and driver.

Source: Modbus Application Protocol V1.1b3, 6.1 to 6.4 and 7; MBAP header from the Messaging
Implementation Guide V1.0b, 3.1.3.
"""

from __future__ import annotations

import asyncio

import pytest

from drivers.modbus import plugin
from gateway.clock import ManualClock
from gateway.model import Device, Kind, Tag, Value
from tests.modbus_peer import Peer, Request, frame
from tests.modbus_tags import make

UNIT = 0x11


def pick(word: str, first: int, count: int) -> list[Tag]:
    return [make(f"t{i}", f"{word}:{first + i}") for i in range(count)]


def bits(text: str) -> tuple[Value, ...]:
    """Bits as the specification prints them, highest first in each byte."""
    return tuple(bit == "1" for byte in text.split() for bit in reversed(byte))


def exchange(tags: list[Tag], asked: str, answered: str) -> tuple[Value, ...]:
    """Read the tags from a device that accepts only `asked` and says only `answered`."""

    async def run() -> tuple[Value, ...]:
        async with Peer() as peer:
            seen: list[bytes] = []

            def answer(request: Request) -> bytes:
                seen.append(peer.raw)
                return frame(request.tid, request.unit, bytes.fromhex(answered))

            peer.answer = answer
            clock = ManualClock()
            link = plugin.link(peer.url, clock)
            device = Device("machine", peer.url, 1.0, (), {"unit": UNIT})
            driver = plugin.driver(link, device, clock)
            await link.open()
            batch = await driver.read(driver.prepare(tuple(tags)))
            await link.close()
            (raw,) = seen
            pdu = bytes.fromhex(asked)
            assert raw[2:] == bytes((0, 0, 0, len(pdu) + 1, UNIT)) + pdu
            return batch.values

    return asyncio.run(run())


def test_6_1_read_coils() -> None:
    found = exchange(pick("coil", 19, 19), "01 00 13 00 13", "01 03 CD 6B 05")
    assert found == bits("11001101 01101011 101")


def test_6_2_read_discrete_inputs() -> None:
    found = exchange(pick("discrete", 196, 22), "02 00 C4 00 16", "02 03 AC DB 35")
    assert found == bits("10101100 11011011 110101")


def test_6_3_read_holding_registers() -> None:
    found = exchange(pick("holding", 107, 3), "03 00 6B 00 03", "03 06 02 2B 00 00 00 64")
    assert found == (555, 0, 100)


def test_6_3_the_same_registers_counted_from_1() -> None:
    """The specification calls them registers 108 to 110."""
    tags = [make("t", "4x00108", Kind.U16), make("u", "4x00110")]
    assert exchange(tags, "03 00 6B 00 03", "03 06 02 2B 00 00 00 64") == (555, 100)


def test_6_4_read_input_registers() -> None:
    assert exchange(pick("input", 8, 1), "04 00 08 00 01", "04 02 00 0A") == (10,)


@pytest.mark.parametrize("code", [1, 2, 3, 4])
def test_7_exception(code: int) -> None:
    found = exchange(pick("coil", 0x04A1, 1), "01 04 A1 00 01", f"81 {code:02X}")
    assert found == (None,)
