"""The Modbus TCP device that the contract suite talks to."""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING

from drivers.modbus import plugin
from gateway.errors import RequestRefused
from gateway.model import Kind, Order
from tests.modbus_peer import Peer, Request, exception, frame
from tests.modbus_tags import make

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.errors import DriverError
    from gateway.model import Value

UNIT = 7


class ModbusRig:
    """Registers, inputs and coils, so three requests a poll."""

    plugin = plugin
    options: Mapping[str, object] = {"unit": UNIT}
    tags = (
        make("shots", "holding:102", Kind.U32, Order.CDAB),
        make("running", "coil:20", Kind.BIT),
        make("oven", "holding:110", Kind.I16, scale=0.1),
        make("weight", "input:3", Kind.F32),
    )
    writes = (
        (make("setpoint", "holding:120", Kind.U16), 150),
        (make("warmth", "holding:121", Kind.I16, scale=0.1, offset=-40), -12.3),
        (make("target", "holding:122", Kind.U32, Order.CDAB), 123_456),
        (make("limit", "holding:124", Kind.F32, Order.BADC), -0.75),
        (make("recipe", "holding:130", Kind.STRING, length=4), "A17"),
        (make("start", "coil:30", Kind.BIT), True),
        (make("enable", "holding:126.3", Kind.BIT), True),
        (make("mode", "holding:126", Kind.BITFIELD, bits=(4, 6)), 5),
        (make("code", "holding:127", Kind.BCD, length=2), 12_345_678),
    )
    unwritable = (
        make("level", "holding:140", Kind.U16, scale=0.5, missing=(65535,)),
        (0.3, -0.5, 32768, 32767.5, True, "1", float("nan"), float("inf"), None),
    )
    refusal = 4
    bad_tag = make("nowhere", "holding:105", Kind.U16)

    def __init__(self) -> None:
        self._peer = Peer()
        self._peer.holes.add((3, 105))
        self._round = 0
        self.url = ""

    async def start(self) -> None:
        await self._peer.start()
        self.url = self._peer.url

    async def stop(self) -> None:
        await self._peer.stop()

    def hang_up(self) -> None:
        self._peer.hang_up()

    def change(self) -> tuple[Value, ...]:
        self._round += 1
        shots, oven, weight = 70_000 + self._round, -400 - self._round, 0.25 * self._round
        self._peer.put(3, 102, struct.pack(">HH", shots & 0xFFFF, shots >> 16))
        self._peer.put(3, 110, struct.pack(">h", oven))
        self._peer.put(4, 3, struct.pack(">f", weight))
        self._peer.tables[1][20] = self._round % 2
        return (shots, self._round % 2 == 1, oven / 10, weight)

    def silence(self) -> None:
        self._peer.answer = lambda _request: b""

    def speak(self) -> None:
        self._peer.answer = self._peer.correct

    def hold_back(self) -> None:
        def keep(request: Request) -> bytes:
            held = self._peer.correct(request)

            def release(following: Request) -> bytes:
                self.speak()
                return held + self._peer.correct(following)

            self._peer.answer = release
            return b""

        self._peer.answer = keep

    def refuse(self, code: int) -> None:
        self._peer.answer = lambda request: exception(request, code)

    def refuse_writes(self, code: int) -> None:
        self._answer_writes(lambda request: exception(request, code))

    def swallow_writes(self) -> None:
        def swallow(request: Request) -> bytes:
            self._peer.correct(request)
            return b""

        self._answer_writes(swallow)

    def deny_writes(self) -> None:
        self._answer_writes(self._confirmation)

    @property
    def write_garblings(self) -> Mapping[str, Callable[[], None]]:
        def changed(place: int) -> Callable[[Request], bytes]:
            def answer(request: Request) -> bytes:
                right = bytearray(self._confirmation(request))
                right[place] ^= 1
                return bytes(right)

            return answer

        return {
            name: partial(self._answer_writes, answer)
            for name, answer in {
                "older tid": changed(1),
                "unit": changed(6),
                "function": changed(7),
                "address": changed(9),
                "value or count": changed(-1),
                "short": lambda r: frame(r.tid, r.unit, self._confirmation(r)[7:-1]),
                "long": lambda r: frame(r.tid, r.unit, self._confirmation(r)[7:] + b"\0"),
            }.items()
        }

    def _answer_writes(self, answer: Callable[[Request], bytes]) -> None:
        """Reads are answered rightly."""
        self._peer.answer = lambda r: self._peer.correct(r) if r.function <= 4 else answer(r)

    def _confirmation(self, request: Request) -> bytes:
        """What confirms a write that is not carried out."""
        body = struct.pack(">BHH", request.function, request.start, request.count)
        rest = request.rest if request.function == 22 else b""
        return frame(request.tid, request.unit, body + rest)

    @property
    def refusals(self) -> Mapping[int, type[DriverError] | None]:
        tags, device = None, RequestRefused
        return {1: tags, 2: tags, 3: tags, 4: tags, 6: device, 0x0A: device, 0x0B: device}

    @property
    def garblings(self) -> Mapping[str, Callable[[], None]]:
        def data(request: Request) -> bytes:
            return self._peer.correct(request)[9:]

        def wrong(make: Callable[[Request], bytes]) -> None:
            self._peer.answer = make

        def pdu(request: Request, function: int, body: bytes) -> bytes:
            return frame(request.tid, request.unit, bytes((function, len(body))) + body)

        return {
            name: partial(wrong, make)
            for name, make in {
                "unit": lambda r: frame(r.tid, UNIT + 1, self._peer.correct(r)[7:]),
                "older tid": lambda r: frame(r.tid - 1, r.unit, self._peer.correct(r)[7:]),
                "newer tid": lambda r: frame(r.tid + 1, r.unit, self._peer.correct(r)[7:]),
                "function": lambda r: pdu(r, r.function ^ 7, data(r)),
                "exception of another function": lambda r: frame(
                    r.tid, r.unit, bytes((r.function ^ 7 | 0x80, 2))
                ),
                "write function": lambda r: pdu(r, 16, data(r)),
                "protocol": lambda r: frame(r.tid, r.unit, self._peer.correct(r)[7:], protocol=1),
                "too short": lambda r: pdu(r, r.function, data(r)[:-1]),
                "too long": lambda r: pdu(r, r.function, data(r) + b"\0"),
                "empty": lambda r: pdu(r, r.function, b""),
                "byte count lies": lambda r: frame(
                    r.tid, r.unit, bytes((r.function, len(data(r)) + 1)) + data(r)
                ),
                "length too short": lambda r: frame(
                    r.tid, r.unit, self._peer.correct(r)[7:], length=4
                ),
                "length 2": lambda r: frame(r.tid, r.unit, bytes((r.function,)), length=2),
                "length 0": lambda r: frame(r.tid, r.unit, self._peer.correct(r)[7:], length=0),
                "length too long": lambda r: frame(
                    r.tid, r.unit, self._peer.correct(r)[7:], length=200
                ),
                "length beyond any frame": lambda r: frame(
                    r.tid, r.unit, self._peer.correct(r)[7:], length=60_000
                ),
                "truncated": lambda r: self._peer.correct(r)[:-1],
                "header only": lambda r: self._peer.correct(r)[:7],
                "text": lambda _r: b"HTTP/1.1 400 Bad Request\r\n\r\n",
                "zeros": lambda _r: bytes(64),
                "0xFF": lambda _r: b"\xff" * 300,
            }.items()
        }
