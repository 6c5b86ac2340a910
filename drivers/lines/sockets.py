"""A TCP connection: made, kept alive by the system, and what the system says where it failed."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, TypeVar

from gateway.errors import ConnectionLost
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.lines.endpoint import Endpoint

_P = TypeVar("_P", bound=asyncio.BaseProtocol)

CONNECT_S = 3.0
"""Longest wait for a connection; a device on the same network answers within milliseconds."""


async def dial(make: Callable[[], _P], where: Endpoint) -> _P:
    """Connect, and have a protocol hear what comes.

    Raises:
        ConnectionLost: refused, unreachable, unknown host, or no answer within `CONNECT_S`.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_S):
            transport, protocol = await loop.create_connection(make, where.host, where.port)
    except (OSError, UnicodeError) as error:
        text = _(
            "{endpoint}: can't connect: {reason}. Check power, cable and address, and "
            "whether another master holds the device's only connection."
        )
        reason = reason_of(error, CONNECT_S)
        raise ConnectionLost(text.format(endpoint=where, reason=reason)) from error
    tune(transport.get_extra_info("socket"))
    return protocol


def tune(sock: socket.socket) -> None:
    """Send at once, and let the kernel notice a peer that went away without a word."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):  # each system has some of them
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def reason_of(error: Exception, wait_s: float) -> str:
    """What the system says, without the addresses that asyncio writes into it."""
    if isinstance(error, TimeoutError) and not error.errno:
        return _("no answer within {timeout:g} s").format(timeout=wait_s)
    number = getattr(error, "errno", None)
    if isinstance(number, int) and number > 0:
        return os.strerror(number)
    return getattr(error, "strerror", None) or str(error)
