"""Every fault on every kind of link, held against the driver; requests cut out of any bytes."""

from __future__ import annotations

import asyncio
import contextlib
import os
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest

from drivers.modbus import plugin
from drivers.modbus.queries import query
from drivers.modbus.register import Function
from gateway.clock import SystemClock
from gateway.errors import DriverError
from gateway.sitefile.explain import Wrong
from simulators.faults import COUNTING, Fault, FaultKind
from simulators.framing import Ascii, Framing, Rtu, Senseless, Tcp
from simulators.memory import Area, Memory, Table
from simulators.pdu import answer
from simulators.place import ASCII, MODBUS, RTU, RTU_OVER_TCP, TCP, Place
from simulators.server import Link
from tests.modbus_line import ascii_frame, rtu, told

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.test_modbus_campaigns import AnyLink

TIMEOUT_S = 0.15
HARMLESS = {FaultKind.GLUED, FaultKind.NOISE, FaultKind.ECHO, FaultKind.MASTER}
"""Faults that a line's driver reads the right answer through."""
WITH_VALUES = {FaultKind.SWAPPED, FaultKind.SHIFTED}
"""Faults that no frame shows: the values are another device's, and whole."""
CASES = [
    (kind, scheme)
    for kind in FaultKind
    for scheme in MODBUS
    if Fault(kind).fits(scheme) and kind is not FaultKind.NONE and kind not in COUNTING
]


def filled(unit: int) -> Memory:
    memory = Memory((Area(Table.HOLDING, 0, 2000),))
    for at in range(2000):
        memory.put(Table.HOLDING, at, told(unit, 3, at))
    return memory


def words(unit: int, start: int, count: int) -> bytes:
    return b"".join(told(unit, 3, start + n) for n in range(count))


def place_of(scheme: str, folder: Path, name: str) -> Place:
    if scheme in {RTU, ASCII}:
        query = "baud=115200&max_delay=400ms&turnaround=0ms"
        return Place(scheme, path=str(folder / name), query=query)
    return Place(scheme, "127.0.0.1", 0, query="" if scheme == TCP else "max_delay=400ms")


async def suffered(
    kind: FaultKind, scheme: str, folder: Path, begin: asyncio.Barrier
) -> tuple[int, int, int]:
    """Ask under a fault and after it; how many right, how many refused, how many wrong."""
    units = {unit: partial(answer, filled(unit)) for unit in (1, 2)}
    served = Link(place_of(scheme, folder, f"{kind}-{scheme}"), units)
    await served.open()
    link: AnyLink = plugin.link(str(served.place), SystemClock())  # type: ignore[assignment]
    try:
        await link.open()
        await begin.wait()
        return await _suffered(kind, served, link)
    finally:
        await link.close()
        await served.close()


async def _suffered(kind: FaultKind, served: Link, link: AnyLink) -> tuple[int, int, int]:
    counts = [0, 0, 0]

    async def ask(unit: int, start: int, count: int) -> bool:
        try:
            await link.open()
            asked = query(Function.HOLDING, start, count, unit)
            data, *_times = await link.ask(asked, TIMEOUT_S)
        except DriverError:
            counts[1] += 1
            return False
        is_right = data == words(unit, start, count)
        counts[0 if is_right else 2] += 1
        return is_right

    assert await ask(1, 100, 2)
    fault = Fault(kind, by_s=0.22)
    await served.begin(1, fault)
    for start in (100, 300, 500, 100):
        await ask(1, start, 2)
        await ask(2, start, 2)
    under = tuple(counts)
    await served.end(1, fault)
    for _turn in range(8):
        if await ask(1, 700, 3):
            break
    else:
        pytest.fail(f"{kind} on {served.place}: not itself again")
    assert await ask(2, 700, 3)
    return under[0] - 1, under[1], under[2]


def test_every_fault_on_every_link_and_never_a_wrong_value(tmp_path: Path) -> None:
    """FAULTS 2 to 11, 39, 40, as the simulators make them and the driver takes them."""

    async def go() -> list[tuple[int, int, int] | BaseException]:
        begin = asyncio.Barrier(len(CASES))
        tried = (suffered(*case, tmp_path, begin) for case in CASES)
        return await asyncio.gather(*tried, return_exceptions=True)

    for (kind, scheme), found in zip(CASES, asyncio.run(go()), strict=True):
        assert not isinstance(found, BaseException), (kind, scheme, found)
        right, refused, wrong = found
        assert (wrong > 0) is (kind in WITH_VALUES), (kind, scheme, found)
        assert right >= 1 or kind in {FaultKind.REFUSED, FaultKind.UNPLUGGED}, (kind, scheme, found)
        if kind in HARMLESS and scheme != TCP:
            assert right == 8, (kind, scheme, found)
        elif kind not in HARMLESS | WITH_VALUES | {FaultKind.HALF_OPEN}:
            assert refused >= 1, (kind, scheme, found)


@pytest.mark.parametrize(
    ("framing", "wrap"), [(Rtu(), rtu), (Ascii(), ascii_frame)], ids=["RTU", "ASCII"]
)
def test_requests_are_found_among_anything(framing: Framing, wrap: partial[bytes]) -> None:
    """In pieces, in heaps, behind noise; the frames are made apart from the simulators'."""
    random = Random(9)
    bodies = [
        bytes.fromhex("11 03 006B 0003"),
        bytes.fromhex("01 10 0001 0002 04 000A 0102"),
        bytes.fromhex("02 16 0004 00F2 0025"),
        bytes.fromhex("02 2B 0E 01 00"),
        bytes.fromhex("03 17 0003 0006 000E 0003 06 00FF00FF00FF"),
    ]
    for _turn in range(200):
        asked = random.choices(bodies, k=3)
        data = b"".join(random.randbytes(random.randint(0, 4)) + wrap(body) for body in asked)
        pending, found = bytearray(), []
        while data:
            size = random.randint(1, 12)
            pending += data[:size]
            data = data[size:]
            found += framing.cut(pending)
        assert [bytes([one.unit]) + one.pdu for one in found] == asked
        assert not framing.cut(bytearray(random.randbytes(40)))


def test_answers_are_framed_as_others_frame_them() -> None:
    (asked,) = Rtu().cut(bytearray(rtu(bytes.fromhex("02 07"))))
    assert Rtu().wrap(bytes.fromhex("02 07"), asked) == bytes.fromhex("02 07 41 12")
    assert Ascii().wrap(bytes.fromhex("010300 6B0003"), asked) == b":0103006B00038E\r\n"
    with pytest.raises(Senseless):
        Tcp().cut(bytearray(bytes.fromhex("0001 0001 0006 0103 0000")))


def test_a_share_of_the_requests_is_hit() -> None:
    async def go() -> int:
        link = Link(Place(TCP, "127.0.0.1", 0), {1: partial(answer, filled(1))})
        await link.begin(1, Fault(FaultKind.DROPPED, share=0.2))
        (asked,) = Tcp().cut(bytearray(bytes.fromhex("0001 0000 0006 01 03 0000 0001")))
        return sum(link.answer(asked) is None for _turn in range(1000))

    assert 150 < asyncio.run(go()) < 250


@pytest.mark.parametrize(
    "url",
    [
        "modbus+tcp://10.0.0.5:502",
        "modbus+tcp://[::1]:502",
        "modbus+rtu:///dev/ttyUSB0?baud=19200&parity=E",
        "modbus+rtuovertcp://10.0.0.9:4001?max_delay=2s",
    ],
)
def test_places_are_spelled_as_site_files_do(url: str) -> None:
    assert str(Place.of(url)) == url


def test_a_port_that_is_not_said_is_that_of_modbus() -> None:
    assert str(Place.of("modbus+tcp://10.0.0.5")) == "modbus+tcp://10.0.0.5:502"


def test_a_byte_takes_what_the_line_says() -> None:
    assert Place.of("modbus+rtu:///dev/x").byte_s == pytest.approx(10 / 9600)
    assert Place.of("modbus+rtu:///dev/x?baud=19200&parity=E").byte_s == pytest.approx(11 / 19200)
    assert Place.of("modbus+ascii:///dev/x?bits=7&stop=2").byte_s == pytest.approx(10 / 9600)
    assert Place.of("modbus+rtu:///dev/x?turnaround=20ms").turn_s == pytest.approx(0.02)
    assert Place.of(f"{RTU_OVER_TCP}://h:1").byte_s == 0


@pytest.mark.parametrize(
    "url",
    ["modbus+rtu://line", "modbus+tcp://", "modbus+tcp://h:x", "opc.tcp://h/path", "", "x:///y"],
)
def test_what_nothing_serves_is_refused(url: str) -> None:
    with pytest.raises(Wrong):
        Place.of(url)


def test_what_was_never_finished_is_forgotten(tmp_path: Path) -> None:
    """Half a request, a pause, a whole one: the half is no part of it, and nothing piles up."""

    async def go() -> None:
        place = Place(RTU, path=str(tmp_path / "line"), query="baud=115200")
        link = Link(place, {1: partial(answer, filled(1))})
        await link.open()
        (peer,) = link.peers
        port = os.open(str(tmp_path / "line"), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            for _turn in range(5):
                os.write(port, b"\x01\x10\x00\x00\x00\x7b\xf6")  # the head of a long write
                await asyncio.sleep(0.15)
            os.write(port, rtu(bytes.fromhex("01 03 0000 0001")))
            heard = b""
            while len(heard) < 7:
                await asyncio.sleep(0.01)
                with contextlib.suppress(BlockingIOError):
                    heard += os.read(port, 100)
            assert heard == rtu(b"\x01\x03\x02" + words(1, 0, 1))
            assert not peer.pending
        finally:
            os.close(port)
            await link.close()

    asyncio.run(go())
