"""A serial line of virtual time, with devices that answer when they like."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from drivers.lines.ports import Pace

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
        spoil: changes what comes in: an answer → pieces of bytes.
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
    make: Callable[[bytes], bytes] = rtu
    key: str = field(default_factory=lambda: f"virtual {next(_number)}")

    async def connect(self, make: Callable[[], Wire]) -> Wire:
        wire = make()
        wire.connection_made(_Transport(self, wire))
        return wire

    def tune(self, transport: asyncio.WriteTransport) -> None:
        """One speed for all."""

    def take(self, wire: Wire, frame: bytes) -> None:
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        self.sent.append((now_s, frame))
        if self.echo:
            loop.call_at(now_s + self.pace.seconds(len(frame)), self._give, wire, frame)
        device = self.devices.get(frame[0])
        if device is None or crc(frame[:-2]) != frame[-2:]:
            return
        answer = device.answer(frame[:-2])
        # A device works through its questions in order, and answers each when it gets there.
        begin_s = max(now_s + self.pace.seconds(len(frame)), device.free_s) + device.delay()
        if answer and begin_s < float("inf"):
            whole = self.spoil(self.make(answer))
            device.free_s = begin_s + self.pace.seconds(len(whole))
            loop.call_at(device.free_s, self._give, wire, whole)

    def _give(self, wire: Wire, data: bytes) -> None:
        if wire.transport is not None:
            self.heard_s = asyncio.get_running_loop().time()
            wire.data_received(data)


class _Transport(asyncio.WriteTransport):
    def __init__(self, bus: Bus, wire: Wire) -> None:
        super().__init__()
        self._bus = bus
        self._wire = wire

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._bus.take(self._wire, bytes(data))

    def abort(self) -> None:
        asyncio.get_running_loop().call_soon(self._wire.connection_lost, None)
