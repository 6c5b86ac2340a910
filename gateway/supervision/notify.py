"""Tells systemd how the service fares, over the socket that it names (sd_notify(3)).

A datagram of `NAME=VALUE` lines to the socket in `NOTIFY_SOCKET`; a name that begins with `@` is
in the abstract name space. Without the variable nobody wants to know, and nothing is sent.
"""

from __future__ import annotations

import contextlib
import os
import socket

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"


def status(text: str) -> str:
    """One line that `systemctl status` shows."""
    return "STATUS=" + " ".join(text.split())


class Supervisor:
    """Whoever started the process.

    Args:
        address: of its socket; None: nobody listens.
    """

    def __init__(self, address: str | None) -> None:
        self._address = None if not address else address.replace("@", "\0", 1)

    @classmethod
    def of_process(cls) -> Supervisor:
        """The one named in the environment."""
        return cls(os.environ.get("NOTIFY_SOCKET"))

    def tell(self, *lines: str, patience_s: float = 0.0) -> None:
        """Say something; one who can't be told within a patience goes without."""
        if self._address is None:
            return
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, kind) as channel:
            channel.settimeout(patience_s)
            channel.sendto("\n".join(lines).encode(), self._address)
