"""Meters for tests: what they hold, a tag of theirs, and a line that they answer on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.dlt645 import plugin
from gateway.model import Device, Tag
from simulators.dlt645 import WAKE, cut, frame, number, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.clock import Clock
    from gateway.driver import Driver, Link

ADDRESS = "202411110002"
OTHER = "000000000017"


def make(at: str, name: str = "", *, scale: float = 1.0, offset: float = 0.0) -> Tag:
    """A tag as a site file would make it."""
    address = plugin.address(at, ())
    assert address.kind is not None
    return Tag(
        device="meter",
        name=name or at,
        kind=address.kind,
        at=at,
        register=address.register,
        length=address.length or 1,
        scale=scale * address.scale,
        offset=offset,
        file="site.yaml",
        line=9,
    )


def driver_of(
    url: str, clock: Clock, timeout_s: float = 0.5, **options: object
) -> tuple[Link, Driver]:
    """A link and one meter's driver on it."""
    link = plugin.link(url, clock)
    options = {"address": ADDRESS} | options
    return link, plugin.driver(
        link, Device("meter", url, timeout_s, (), options, "site.yaml:3"), clock
    )


def three_phase(round_: int = 0) -> dict[int, bytes]:
    """What a meter holds: each item alone, and the blocks of the standard."""
    held: dict[int, bytes] = {}

    def put(first: int, values: list[float], size: int, decimals: int) -> None:
        """Items that differ in DI1, and their block."""
        for place, value in enumerate(values):
            held[first + (place << 8)] = number(value, size, decimals)
        block = first & ~0xFF00 | 0xFF00
        held[block] = b"".join(number(value, size, decimals) for value in values)

    put(0x00010000, [123456.78 + round_, 1.25, 2.5, 99999.99, 0.0], 4, 2)
    put(0x00020000, [7.5 + round_, 0.0, 0.0, 0.0, 0.0], 4, 2)
    put(0x00000000, [-12.34 - round_], 4, 2)
    put(0x02010100, [230.1 + round_ / 10, 231.2, 229.9], 2, 1)
    put(0x02020100, [1.234 + round_, -0.567, 99.999], 3, 3)
    put(0x02030000, [-1.2345 - round_, 0.5, 0.6, 0.7], 3, 4)
    put(0x02060000, [-0.987, 0.5, 0.6, 1.0], 2, 3)
    held[0x02800002] = number(49.98, 2, 2)
    held[0x02800007] = number(-12.5, 2, 1)
    moment = bytes.fromhex("2611251405")[::-1]
    held[0x01010000] = number(3.4567, 3, 4) + moment
    held[0x04000101] = bytes.fromhex("26112503")[::-1]
    held[0x04000102] = bytes.fromhex("140533")[::-1]
    held[0x04000401] = bytes.fromhex(ADDRESS)[::-1]
    held[0x0400040B] = text("DTSU666", 10)
    held[0x04000501] = b"\x05\x80"
    return held


def changed(change: Callable[[bytes, int, bytes], bytes]) -> Callable[[bytes], bytes]:
    """Make another frame of what one says: its address, control code and data."""

    def spoil(right: bytes) -> bytes:
        found = cut(right)
        assert found is not None
        return WAKE + change(*found[:3])

    return spoil


STRANGE = bytes.fromhex(OTHER)[::-1]
GARBLINGS: dict[str, Callable[[bytes], bytes]] = {
    "address": changed(lambda _u, c, d: frame(STRANGE, c, d)),
    "wildcard": changed(lambda _u, c, d: frame(b"\xaa" * 6, c, d)),
    "identifier": changed(lambda u, c, d: frame(u, c, bytes((d[0] ^ 1,)) + d[1:])),
    "high byte of it": changed(lambda u, c, d: frame(u, c, d[:3] + bytes((d[3] ^ 1,)) + d[4:])),
    "function": changed(lambda u, _c, d: frame(u, 0x94, d)),
    "a question": changed(lambda u, _c, d: frame(u, 0x11, d)),
    "subsequent": changed(lambda u, _c, d: frame(u, 0x92, d + b"\1")),
    "too short": changed(lambda u, c, d: frame(u, c, d[:-1])),
    "too long": changed(lambda u, c, d: frame(u, c, d + b"\0")),
    "empty": changed(lambda u, c, _d: frame(u, c, b"")),
    "identifier alone": changed(lambda u, c, d: frame(u, c, d[:4])),
    "checksum": lambda right: right[:-2] + bytes((right[-2] ^ 1, 0x16)),
    "a digit": lambda right: right[:-4] + bytes((right[-4] ^ 1,)) + right[-3:],
    "end": lambda right: right[:-1] + b"\x17",
    "start": lambda right: right.replace(b"\x68", b"\x69", 1),
    "second start": lambda right: right[:11] + b"\x69" + right[12:],
    "length": lambda right: right[:13] + bytes((right[13] - 1,)) + right[14:],
    "length 0": lambda right: right[:13] + b"\0" + right[14:],
    "length beyond any frame": lambda right: right[:13] + b"\xff" + right[14:],
    "truncated": lambda right: right[:-1],
    "head alone": lambda right: right[:14],
    "wakes alone": lambda _right: WAKE * 8,
    "starts": lambda _right: b"\x68" * 64,
    "text": lambda _right: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "zeros": lambda _right: bytes(64),
    "0xFF": lambda _right: b"\xff" * 300,
}
"""Ways in which an answer may be wrong."""
