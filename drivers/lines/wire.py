"""One opening of a line, to its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable


class Wire(asyncio.Protocol):
    """One opening of a line, to its end.

    Args:
        heard: takes what comes in.
        lost: told of the end, with the reason.

    Attributes:
        transport: None once it is over.
        closed: done when it is over.
    """

    def __init__(self, heard: Callable[[bytes], None], lost: Callable[[Wire, str], None]) -> None:
        self._heard = heard
        self._lost = lost
        self.transport: asyncio.WriteTransport | None = None
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand on what came in."""
        self._heard(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.transport = None
        self.closed.set_result(None)
        self._lost(self, str(exc) if exc is not None else _("it was closed"))
