"""Names of a device by function 43: answers of any length, on every framing, and lies in them."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from drivers.lines.url import variants
from drivers.modbus.client import TcpLink
from drivers.modbus.exploring import Explorer, Names
from drivers.modbus.frames import Ascii, Rtu
from gateway.clock import SystemClock
from gateway.errors import RequestRefused, RequestTimeout
from tests.modbus_line import crc
from tests.modbus_peer import Peer, exception, frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivers.modbus.client import Answer
    from drivers.modbus.queries import Query
    from tests.modbus_peer import Request

UNIT = 7
ASKED = Names(bytes([0, 0, 0, 5, UNIT, 0x2B, 0x0E, 1, 0]), UNIT, 0x2B, 60)


def pdu(objects: Mapping[int, bytes], more: int = 0, following: int = 0) -> bytes:
    """As the standard spells an answer (Application Protocol V1.1b3, 6.21)."""
    listed = b"".join(bytes([number, len(text)]) + text for number, text in objects.items())
    return bytes([0x2B, 0x0E, 1, 0x81, more, following, len(objects)]) + listed


SAID = pdu({0: b"Acme", 1: b"Press 7", 2: b"1.4"})


def rtu(body: bytes) -> bytes:
    return bytes([UNIT]) + body + crc(bytes([UNIT]) + body)


def ascii_(body: bytes) -> bytes:
    whole = bytes([UNIT]) + body
    return b":" + (whole + bytes([-sum(whole) & 0xFF])).hex().upper().encode() + b"\r\n"


def test_an_answer_is_found_when_it_is_whole() -> None:
    for framing, spell in ((Rtu(), rtu), (Ascii(), ascii_)):
        data = b"\x00\xff" + spell(SAID) + b"\x01"
        for end in range(len(data) - 1):
            assert framing.find(data[:end], ASKED) is None, end
        found = framing.find(data, ASKED)
        assert found is not None
        assert found.pdu == SAID


def test_an_exception_is_an_answer_too() -> None:
    found = Rtu().find(rtu(b"\xab\x01"), ASKED)
    assert found is not None
    with pytest.raises(RequestRefused):
        Rtu().read(ASKED, found.pdu)


@pytest.mark.parametrize("seed", range(20))
def test_lengths_that_lie_find_nothing_or_something_whole(seed: int) -> None:
    chance = random.Random(seed)
    for _turn in range(200):
        body = bytearray(SAID)
        for _flip in range(chance.randrange(1, 4)):
            body[chance.randrange(2, len(body))] = chance.randrange(256)
        found = Rtu().find(rtu(bytes(body)), ASKED)
        assert found is None or found.pdu == bytes(body)
        assert 0 <= ASKED.length(bytes(body)) <= 7 + 255 * 257


class Told:
    """A link on which answers are told in turn."""

    endpoint = "here"

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[bytes] = []

    async def open(self) -> None:
        """Always open."""

    async def ask(self, query: Query, timeout_s: float) -> Answer:
        del timeout_s
        self.asked.append(query.body)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer[2:], 0, 0

    def cost(self, query: Query) -> tuple[int, int, float]:
        return len(query.body), 0, 0.0


def names(*answers: bytes | Exception) -> dict[str, str]:
    return asyncio.run(Explorer(Told(*answers)).names(UNIT, 0.1))


def test_names_in_several_parts() -> None:
    parts = pdu({0: b"Acme"}, more=0xFF, following=1), pdu({1: b"Press\0\0", 0x80: b"own"})
    link = Told(*parts)
    assert asyncio.run(Explorer(link).names(UNIT, 0.1)) == {"vendor": "Acme", "product": "Press"}
    assert [asked[-1] for asked in link.asked] == [0, 1]


def test_a_device_that_always_has_more_is_believed_for_a_while() -> None:
    endless = [pdu({0: b"A"}, more=0xFF, following=n + 1) for n in range(20)]
    assert names(*endless) == {"vendor": "A"}
    assert names(pdu({0: b"A"}, more=0xFF, following=0)) == {"vendor": "A"}


def test_a_device_without_names() -> None:
    assert names(RequestRefused("illegal function", 1)) == {}
    assert names(RequestTimeout("silent")) == {}
    assert names(pdu({})) == {}
    assert names(pdu({0: b"\x1b[31m\xff"})) == {"vendor": "?[31m�"}


def test_over_tcp() -> None:
    async def run() -> tuple[dict[str, str], dict[str, str]]:
        async with Peer() as peer:
            link = TcpLink(peer.url, SystemClock())
            await link.open()

            def answer(request: Request) -> bytes:
                if request.unit == UNIT:
                    return frame(request.tid, request.unit, SAID)
                return exception(request, 1)

            peer.answer = answer
            explorer = Explorer(link)
            found = await explorer.names(UNIT, 1.0), await explorer.names(3, 1.0)
            assert link.rejected == 0
            await link.close()
            return found

    said, none = asyncio.run(run())
    assert said == {"vendor": "Acme", "product": "Press 7", "revision": "1.4"}
    assert none == {}


@pytest.mark.parametrize(
    ("url", "made"),
    [
        ("modbus+rtu:///dev/ttyS1", "modbus+rtu:///dev/ttyS1?baud=19200&parity=E"),
        ("modbus+rtu:///dev/ttyS1?baud=9600", "modbus+rtu:///dev/ttyS1?baud=19200&parity=E"),
        (
            "modbus+ascii:///dev/ttyS1?bits=7&baud=9600&parity=N&stop=2",
            "modbus+ascii:///dev/ttyS1?bits=7&stop=2&baud=19200&parity=E",
        ),
    ],
)
def test_a_line_at_another_speed(url: str, made: str) -> None:
    assert variants(url, [19200], ["E"]) == (made,)
