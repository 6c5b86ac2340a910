"""The OPC UA server that the contract suite talks to: asyncua's, behind a relay."""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING

from asyncua import ua

from drivers.opcua import plugin
from gateway.errors import RequestRefused
from gateway.model import Kind
from tests.opcua_kit import PLAIN, Relay, counted, fault, foreign, make, service, sized

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.errors import DriverError
    from gateway.model import Value

MAX_NODES_PER_READ = 11705
READ_ANSWER = 634
WRITE, WRITE_ANSWER = 673, 676
_NODES: dict[str, tuple[object, ua.VariantType]] = {
    "shots": (0, ua.VariantType.UInt32),
    "running": (False, ua.VariantType.Boolean),
    "oven": (0, ua.VariantType.Int16),
    "weight": (0.0, ua.VariantType.Double),
    "recipe": ("", ua.VariantType.String),
    "setpoint": (0, ua.VariantType.UInt16),
    "warmth": (0, ua.VariantType.Int16),
    "target": (0, ua.VariantType.Int64),
    "ratio": (0.0, ua.VariantType.Double),
    "share": (0.0, ua.VariantType.Float),
    "start": (False, ua.VariantType.Boolean),
    "job": ("", ua.VariantType.String),
    "title": (ua.LocalizedText(""), ua.VariantType.LocalizedText),
    "level": (0, ua.VariantType.UInt16),
}
_START = {
    "setpoint": 0,
    "warmth": 0,
    "target": 0,
    "ratio": 0.0,
    "share": 0.0,
    "start": False,
    "job": "",
    "title": ua.LocalizedText(""),
}


class OpcUaRig:
    """Five nodes at a server that gives two at a time, so three requests a poll."""

    plugin = plugin
    options: Mapping[str, object] = {}
    tags = (
        make("shots", kind=Kind.U32),
        make("running", kind=Kind.BIT),
        make("oven", kind=Kind.I16, scale=0.1),
        make("weight", kind=Kind.F64),
        make("recipe", kind=Kind.STRING),
    )
    writes = (
        (make("setpoint", kind=Kind.U16), 150),
        (make("warmth", kind=Kind.I16, scale=0.1, offset=-40), -12.3),
        (make("target", kind=Kind.I64), -(2**60)),
        (make("ratio"), 0.1),
        (make("share", scale=100), 25),
        (make("start", kind=Kind.BIT), True),
        (make("job", kind=Kind.STRING), "订单 A17"),
        (make("title", kind=Kind.STRING), "A17"),
    )
    unwritable = (
        make("level", kind=Kind.U16, scale=0.5, missing=(65535,)),
        (0.3, -0.5, 32768, 32767.5, True, "1", float("nan"), float("inf"), None),
    )
    refusal = 0x803B0000  # BadNotWritable
    bad_tag = make("nowhere")

    def __init__(self) -> None:
        self._server = foreign()
        if self._server.port and not hasattr(self._server, "cell"):
            self._server.add(_NODES)
            self._server.set_limit(MAX_NODES_PER_READ, 2)
            self._server.cell = True  # type: ignore[attr-defined]
        for name, value in _START.items():
            self._server.put(name, value, _NODES[name][1])
        self._relay = Relay(self._server.port)
        self._round = 0
        self.url = ""

    async def start(self) -> None:
        await self._relay.start()
        self.url = f"opc.tcp://127.0.0.1:{self._relay.port}/?{PLAIN}"

    async def stop(self) -> None:
        await self._relay.stop()

    def hang_up(self) -> None:
        self._relay.hang_up()

    def change(self) -> tuple[Value, ...]:
        self._round += 1
        n = self._round
        self._server.put("shots", 70_000 + n, ua.VariantType.UInt32)
        self._server.put("running", n % 2 == 1, ua.VariantType.Boolean)
        self._server.put("oven", -400 - n, ua.VariantType.Int16)
        self._server.put("weight", 0.1 * n, ua.VariantType.Double)
        self._server.put("recipe", f"A{n}", ua.VariantType.String)
        return (70_000 + n, n % 2 == 1, (-400 - n) / 10, 0.1 * n, f"A{n}")

    def silence(self) -> None:
        self._relay.spoil = lambda _chunk: b""

    def speak(self) -> None:
        self._relay.spoil = bytes
        self._relay.hear = bytes

    def hold_back(self) -> None:
        def keep(held: bytes) -> bytes:
            def release(following: bytes) -> bytes:
                self._relay.spoil = bytes
                self._relay.lost -= 1
                return held + counted(following, 1)

            self._relay.spoil = release
            return b""

        self._relay.spoil = keep

    def refuse(self, code: int) -> None:
        self._relay.spoil = lambda chunk: fault(chunk, code)

    def refuse_writes(self, code: int) -> None:
        self._relay.spoil = lambda c: _judged(c, code) if service(c) == WRITE_ANSWER else c

    def swallow_writes(self) -> None:
        self._relay.spoil = lambda c: b"" if service(c) == WRITE_ANSWER else c

    def deny_writes(self) -> None:
        self._relay.hear = lambda c: _to_nowhere(c) if service(c) == WRITE else c
        self._relay.spoil = lambda c: _judged(c, 0) if service(c) == WRITE_ANSWER else c

    @property
    def write_garblings(self) -> Mapping[str, Callable[[], None]]:
        ways: dict[str, Callable[[bytes], bytes]] = {
            "short": lambda c: sized(c[:-5]),
            "two results": lambda c: sized(c[:52] + struct.pack("<iI", 2, 0) + c[56:]),
            "service": lambda c: c[:26] + struct.pack("<H", READ_ANSWER) + c[28:],
        }
        return {name: partial(self._garble, way, WRITE_ANSWER) for name, way in ways.items()}

    @property
    def refusals(self) -> Mapping[int, type[DriverError] | None]:
        tags, server = None, RequestRefused
        return {
            0x80340000: tags,  # BadNodeIdUnknown
            0x80020000: tags,  # BadInternalError
            0x80EE0000: server,  # BadServerTooBusy
            0x800B0000: server,  # BadServiceUnsupported
            0x80100000: server,  # BadTooManyOperations, of a single node
        }

    @property
    def garblings(self) -> Mapping[str, Callable[[], None]]:
        def at(place: int, size: int = 4) -> Callable[[bytes], bytes]:
            def add(chunk: bytes) -> bytes:
                number = int.from_bytes(chunk[place : place + size], "little") + 1
                return chunk[:place] + number.to_bytes(size, "little") + chunk[place + size :]

            return add

        ways: dict[str, Callable[[bytes], bytes]] = {
            "channel": at(8),
            "token": at(12),
            "sequence": at(16),
            "request": at(20),
            "older request": lambda c: c[:20] + struct.pack("<I", 1) + c[24:],
            "service": at(26, 2),
            "handle": at(36),
            "number of results": lambda c: _from_results(c, at(0)),
            "a result less": lambda c: _from_results(c, lambda r: struct.pack("<i", 1) + r[4:]),
            "no results": lambda c: _from_results(c, lambda _r: struct.pack("<i", -1)),
            "a million results": lambda c: _from_results(
                c, lambda r: struct.pack("<i", 1_000_000) + r[4:]
            ),
            "unknown type": lambda c: _from_results(c, lambda r: r[:4] + b"\x01\x3f" + r[6:]),
            "short": lambda c: sized(c[:-3]),
            "cut": lambda c: c[:-3],
            "text": lambda _c: b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "zeros": lambda _c: bytes(64),
            "endless": lambda _c: b"MSGF\xff\xff\xff\x7f",
        }
        return {name: partial(self._garble, spoil) for name, spoil in ways.items()}

    def _garble(self, spoil: Callable[[bytes], bytes], answer: int = READ_ANSWER) -> None:
        self._relay.spoil = lambda c: spoil(c) if service(c) == answer else c


def _judged(chunk: bytes, code: int) -> bytes:
    """A WriteResponse of one result with another one."""
    return chunk[:56] + struct.pack("<I", code) + chunk[60:]


def _to_nowhere(chunk: bytes) -> bytes:
    """A WriteRequest to a node that isn't there, in a namespace of the same length."""
    at = chunk.index(b"\x03\x02\x00", 60)
    return chunk[: at + 1] + b"\x77\x00" + chunk[at + 3 :]


def _from_results(chunk: bytes, spoil: Callable[[bytes], bytes]) -> bytes:
    """A ReadResponse with its results spoiled; they begin behind a header of known length."""
    start = 24 + 4 + 8 + 4 + 4 + 1 + 4 + 3
    return sized(chunk[:start] + spoil(chunk[start:]))
