"""A TCP connection: made, kept alive by the system, and what the system says where it failed."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from typing import TYPE_CHECKING, TypeVar

from drivers.lines.tls import alert, context, refused
from gateway.errors import ConnectionLost
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.lines.endpoint import Certificates, Endpoint

_P = TypeVar("_P", bound=asyncio.BaseProtocol)

CONNECT_S = 3.0
"""Longest wait for a connection; a device on the same network answers within milliseconds."""


async def dial(
    make: Callable[[], _P], where: Endpoint, certificates: Certificates | None = None
) -> _P:
    """Connect, and have a protocol hear what comes.

    Args:
        make: makes the protocol.
        where: host and port.
        certificates: of a TLS connection; None: it is plain.

    Raises:
        ConnectionLost: refused, unreachable, unknown host, no answer within `CONNECT_S`, or a
            certificate that isn't trusted.
    """
    try:
        async with asyncio.timeout(CONNECT_S):
            if certificates is None:
                loop = asyncio.get_running_loop()
                transport, protocol = await loop.create_connection(make, where.host, where.port)
            else:
                transport, protocol = await _encrypted(make, where, certificates)
    except (OSError, UnicodeError) as error:
        text = _(
            "{endpoint}: can't connect: {reason}. Check power, cable and address, and "
            "whether another master holds the device's only connection."
        )
        reason = reason_of(error, CONNECT_S)
        fault = fault_of(error)
        raise ConnectionLost(text.format(endpoint=where, reason=reason), fault) from error
    tune(transport.get_extra_info("socket"))
    return protocol


async def _encrypted(
    make: Callable[[], _P], where: Endpoint, certificates: Certificates
) -> tuple[asyncio.Transport, _P]:
    """Connect by TLS, or not at all."""
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_connection(
            make, where.host, where.port, ssl=context(certificates), server_hostname=where.host
        )
    except (ssl.SSLError, ConnectionResetError, ConnectionAbortedError) as error:
        raise ConnectionLost(refused(where, error), "link-tls") from error


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
    if isinstance(error, ssl.SSLError):
        return alert(error)
    number = getattr(error, "errno", None)
    if isinstance(number, int) and number > 0:
        return _said(number)
    return getattr(error, "strerror", None) or str(error)


def fault_of(error: Exception) -> str:
    """Why there is no connection, as a code: see `DriverError.fault`."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return "link-name"
    number = getattr(error, "errno", None)
    return "link-refused" if number == errno.ECONNREFUSED else "link-unreachable"


def _said(number: int) -> str:
    """What the system says, in the language of the messages where it is said often."""
    often = {
        errno.ECONNREFUSED: _("Connection refused"),
        errno.ECONNRESET: _("Connection reset by peer"),
        errno.EHOSTUNREACH: _("No route to host"),
        errno.ENETUNREACH: _("Network is unreachable"),
        errno.ENOENT: _("No such file or directory"),
        errno.EACCES: _("Permission denied"),
        errno.EIO: _("Input/output error"),
    }
    return often.get(number) or os.strerror(number)
