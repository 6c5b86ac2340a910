"""What the system does for a TCP connection, and says of one that failed."""

from __future__ import annotations

import os
import socket

from gateway.words import _


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
