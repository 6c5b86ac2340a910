"""A serial line of virtual time, with devices that answer when they like."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from drivers.lines.ports import Pace
from tests.unit.virtual_loop import VirtualLoop

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.lines.wire import Wire


def crc(body: bytes) -> bytes:
    """CRC-16/MODBUS bit by bit, low byte first: apart from the driver's."""
    rest = 0xFFFF
    for byte in body:
        rest ^= byte
        for _bit in range(8):
            rest = rest >> 1 ^ (0xA001 if rest & 1 else 0)
    return rest.to_bytes(2, "little")


def rtu(body: bytes) -> bytes:
    """Frame unit id and PDU."""
    return body + crc(body)


def unrtu(frame: bytes) -> bytes:
    """Unit id and PDU of a frame; nothing where its CRC is wrong."""
    return frame[:-2] if crc(frame[:-2]) == frame[-2:] else b""


def ascii_frame(body: bytes) -> bytes:
    """Frame unit id and PDU in hex digits with an LRC."""
    return b":" + (body + bytes([-sum(body) & 0xFF])).hex().upper().encode() + b"\r\n"


def unascii(frame: bytes) -> bytes:
    """Unit id and PDU of a frame of hex digits."""
    return bytes.fromhex(frame[1:-2].decode())[:-1]


PACE = Pace(byte_s=0.001, silence_s=0.004)

_number = count()

Delay = float
"""Seconds until the answer begins; infinite: none comes."""


@dataclass
class Device:
    """Answers reads with what was asked: unit, function and address, repeated.

    Attributes:
        delay: of the next answer.
        probes: whether it knows function 8: True, False (says that it doesn't), None (silent).
    """

    unit: int
    delay: Callable[[], Delay]
    probes: bool | None = True
    free_s: float = 0.0

    def answer(self, body: bytes) -> bytes:
        """Unit id and PDU of the answer; nothing where there is none."""
        function = body[1]
        if function == 8:
            if self.probes is None:
                return b""
            return body if self.probes else bytes([self.unit, 0x88, 1])
        if function in {5, 6}:
            return body
        start, count = int.from_bytes(body[2:4]), int.from_bytes(body[4:6])
        data = b"".join(told(self.unit, function, start + n) for n in range(count))
        return bytes([self.unit, function, len(data)]) + data


def told(unit: int, function: int, address: int) -> bytes:
    """What a register holds."""
    return (((unit * 7 + function) * 977 + address) & 0xFFFF).to_bytes(2)


@dataclass
class Bus:
    """The line itself: a `Line` for `LineLink`.

    Attributes:
        spoil: changes what comes in.
        make, parse: a body and the frame that asked for it → a frame; a frame → its body.
        end: the newest opening: what comes late comes there, as from a serial server.
        echo: whether questions come back.
    """

    devices: dict[int, Device]
    spoil: Callable[[bytes], bytes] = bytes
    echo: bool = False
    url: str = "modbus+rtu:///dev/virtual"
    endpoint: str = "/dev/virtual"
    pace: Pace = PACE
    sent: list[tuple[float, bytes]] = field(default_factory=list)
    heard_s: float = 0.0
    key: str = field(default_factory=lambda: f"virtual {next(_number)}")
    make: Callable[[bytes, bytes], bytes] = lambda answer, _asked: rtu(answer)
    parse: Callable[[bytes], bytes] = unrtu
    end: Transport | None = None

    async def connect(self, make: Callable[[], Wire]) -> Wire:
        wire = make()
        self.open(wire)
        return wire

    def tune(self, transport: asyncio.WriteTransport) -> None:
        """One speed for all."""

    def open(self, wire: asyncio.Protocol) -> Transport:
        self.end = Transport(self, wire)
        wire.connection_made(self.end)
        return self.end

    def take(self, frame: bytes) -> None:
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        self.sent.append((now_s, frame))
        if self.echo:
            loop.call_at(now_s + self.pace.seconds(len(frame)), self._give, frame)
        body = self.parse(frame)
        device = self.devices.get(body[0]) if body else None
        if device is None:
            return
        answer = device.answer(body)
        # A device works through its questions in order, and answers each when it gets there.
        begin_s = max(now_s + self.pace.seconds(len(frame)), device.free_s) + device.delay()
        if answer and begin_s < float("inf"):
            whole = self.spoil(self.make(answer, frame))
            device.free_s = begin_s + self.pace.seconds(len(whole))
            loop.call_at(device.free_s, self._give, whole)

    def _give(self, data: bytes) -> None:
        if self.end is not None and not self.end.is_over:
            self.heard_s = asyncio.get_running_loop().time()
            self.end.wire.data_received(data)


class Transport(asyncio.WriteTransport):
    """One opening, of a port or of a connection."""

    def __init__(self, bus: Bus, wire: asyncio.Protocol) -> None:
        super().__init__()
        self._bus = bus
        self.wire = wire
        self.is_over = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        del name, default
        return self  # stands for the socket as well, which is given its options

    def setsockopt(self, *_options: int) -> None: ...

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._bus.take(bytes(data))

    def abort(self) -> None:
        if not self.is_over:
            self.is_over = True
            asyncio.get_running_loop().call_soon(self.wire.connection_lost, None)


class Network(VirtualLoop):
    """Virtual time, and one peer behind every address."""

    bus: Bus

    async def create_connection(  # type: ignore[override]
        self, make: Callable[[], asyncio.Protocol], *_where: object
    ) -> tuple[Transport, asyncio.Protocol]:
        wire = make()
        return self.bus.open(wire), wire


def tcp(answer: bytes, asked: bytes) -> bytes:
    """Frame unit id and PDU with the transaction id of the question."""
    return asked[:4] + len(answer).to_bytes(2) + answer
