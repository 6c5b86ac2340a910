"""Our writes, carried out by libmodbus and looked at by mbpoll; nobody here wrote either."""

from __future__ import annotations

import asyncio
import subprocess
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import pytest

from drivers.modbus import plugin
from gateway.clock import SystemClock
from gateway.errors import RequestRefused
from gateway.model import Device, Kind, Order
from tests.e2e.test_foreign_modbus import libmodbus
from tests.modbus_tags import make

if TYPE_CHECKING:
    from gateway.driver import Writes, Written
    from gateway.model import Tag, Value

NEVER_NS = 1 << 62
CASES: list[tuple[Tag, Value, list[str], list[str]]] = [
    (make("a", "holding:40", Kind.U16), 1500, ["-t4", "-r40"], ["1500"]),
    (make("b", "holding:41", Kind.I16, scale=0.1), -12.5, ["-t4", "-r41"], ["65411 (-125)"]),
    (make("c", "holding:42", Kind.U32), 70_000, ["-t4:int", "-r42", "-B"], ["70000"]),
    (
        make("d", "holding:44", Kind.F32, Order.CDAB),
        21.5,
        ["-t4:float", "-r44"],
        ["21.5"],
    ),
    (make("e", "coil:9", Kind.BIT), True, ["-t0", "-r9"], ["1"]),
    (make("f", "holding:50.3", Kind.BIT), True, ["-t4:hex", "-r50"], ["0x00F8"]),
    (
        make("g", "holding:51", Kind.BITFIELD, bits=(4, 7)),
        5,
        ["-t4:hex", "-r51"],
        ["0xFF5F"],
    ),
]


def mbpoll(url: str, *options: str) -> list[str]:
    """What mbpoll reads; it holds no connection, of which libmodbus' server takes one."""
    parts = urlsplit(url)
    said = subprocess.run(
        ["mbpoll", "-m", "tcp", "-p", str(parts.port), "-0", "-1", "-q", *options, "127.0.0.1"],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    return [line.split("\t")[-1].strip() for line in said.stdout.splitlines() if "]:" in line]


@pytest.mark.parametrize(("tag", "value", "options", "shown"), CASES, ids=str)
def test_the_register_really_changes(
    tag: Tag, value: Value, options: list[str], shown: list[str]
) -> None:
    registers = b"\0\0" * 50 + b"\x00\xf0" + b"\xff\xff"

    async def write(url: str) -> Written:
        clock = SystemClock()
        link = plugin.link(url, clock)
        driver = plugin.driver(link, Device("machine", url, 2.0, (), {"unit": 1}), clock)
        await link.open()
        try:
            return await cast("Writes", driver).write(tag, value, NEVER_NS)
        finally:
            await link.close()

    with libmodbus(registers) as url:
        written = asyncio.run(write(url))
        assert written.after == value
        assert written.before != value
        assert not written.doubt
        assert mbpoll(url, *options) == shown


def test_an_address_that_is_not_there_is_refused() -> None:
    async def write(url: str) -> None:
        clock = SystemClock()
        link = plugin.link(url, clock)
        driver = plugin.driver(link, Device("machine", url, 2.0, (), {"unit": 1}), clock)
        await link.open()
        try:
            await cast("Writes", driver).write(make("x", "holding:3000"), 1, NEVER_NS)
        finally:
            await link.close()

    with libmodbus() as url, pytest.raises(RequestRefused, match="illegal data address"):
        asyncio.run(write(url))
