"""Direction switched by the port's driver: what it is asked for; a real UART is to be tried."""

from __future__ import annotations

import asyncio
import fcntl
import os
import struct
import tty
from typing import TYPE_CHECKING

import pytest

from drivers.lines.link import LineLink
from drivers.lines.ports import Direction
from drivers.modbus.frames import Rtu
from drivers.modbus.ports import line
from gateway.clock import SystemClock
from gateway.driver import AddressError
from gateway.errors import ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Iterator

GET, SET = 0x542E, 0x542F
"""TIOCGRS485 and TIOCSRS485 of Linux's asm-generic/ioctls.h."""
ENABLED, HIGH_ON_SEND, HIGH_AFTER_SEND = 1, 2, 4
"""SER_RS485_ENABLED, …_RTS_ON_SEND, …_RTS_AFTER_SEND of linux/serial.h."""


@pytest.fixture
def port() -> Iterator[str]:
    near, far = os.openpty()
    tty.setraw(far)
    yield os.ttyname(far)
    os.close(near)
    os.close(far)


def opened(url: str) -> None:
    async def run() -> None:
        link = LineLink(line(url), Rtu(), SystemClock())
        await link.open()
        await link.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("keys", "flags", "before_ms", "after_ms"),
    [
        ("rs485=high", ENABLED | HIGH_ON_SEND, 0, 0),
        ("rs485=low", ENABLED | HIGH_AFTER_SEND, 0, 0),
        ("rs485=high&rs485_before=2ms&rs485_after=5ms", ENABLED | HIGH_ON_SEND, 2, 5),
    ],
)
def test_what_the_kernel_is_asked_for(
    port: str,
    keys: str,
    flags: int,
    before_ms: int,
    after_ms: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Struct serial_rs485: flags, and the delays before and after sending in ms."""
    asked: list[tuple[int, int, int]] = []
    real = fcntl.ioctl

    def ioctl(descriptor: int, request: int, *more: object) -> object:
        if request not in {GET, SET}:
            return real(descriptor, request, *more)  # type: ignore[call-overload]
        if request == SET:
            found: tuple[int, int, int] = struct.unpack_from("=III", more[0])  # type: ignore[arg-type]
            asked.append(found)
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    opened(f"modbus+rtu://{port}?{keys}")
    assert asked == [(flags, before_ms, after_ms)]


def test_a_port_that_switches_nothing_says_so_and_is_let_go(port: str) -> None:
    with pytest.raises(ConnectionLost, match=r"switches no direction; leave out rs485") as caught:
        opened(f"modbus+rtu://{port}?rs485=high")
    assert port in str(caught.value)
    opened(f"modbus+rtu://{port}")


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("", None),
        ("rs485=none", None),
        ("rs485=high", Direction()),
        ("rs485=low&rs485_after=100ms", Direction(sends_low=True, after_s=0.1)),
    ],
)
def test_how_it_is_written(keys: str, found: Direction | None) -> None:
    url = f"modbus+rtu:///dev/ttyS1?{keys}".rstrip("?")
    assert line(url).rs485 == found  # type: ignore[attr-defined]


@pytest.mark.parametrize("keys", ["rs485=true", "rs485=", "rs485=high&rs485_after=101ms"])
def test_how_it_is_not(keys: str) -> None:
    with pytest.raises(AddressError):
        line(f"modbus+rtu:///dev/ttyS1?{keys}")
