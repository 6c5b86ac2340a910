"""A server's link: the session of today, with what was found out about the server in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from drivers.opcua.server import Server, meet
from drivers.opcua.settings import CONNECT_S, Settings
from drivers.opcua.subscribing import Known
from gateway.errors import ConnectionLost
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.clock import Clock


class UaLink:
    """One connection to a server, shared by the devices behind it.

    Attributes:
        url: as it was resolved.
        endpoint: `host:port`, for messages.
        late: answers that came after their question's time-out.
        rejected: answers that were none to their question.
        ends: UTC ms at which the own and the server's certificate end; once it was open.
        known: what was found out about the server, whatever the session.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = url
        self.settings = Settings.of(url)
        self.endpoint = self.settings.endpoint
        self.clock = clock
        self.known = Known()
        self.late = 0
        self.rejected = 0
        self.ends: Mapping[str, int] = {}
        self._server: Server | None = None
        self._opening = asyncio.Lock()

    @property
    def is_plain(self) -> bool:
        """Whether nobody protects what is said on it."""
        return self.settings.is_plain

    @property
    def is_open(self) -> bool:
        """True while requests can be sent."""
        return self._server is not None and self._server.session.is_alive

    @property
    def server(self) -> Server:
        """The server in the session of today.

        Raises:
            ConnectionLost: there is none.
        """
        if self._server is None or not self._server.session.is_alive:
            reason = self._server.session.reason if self._server else ""
            text = _("{endpoint}: not connected.") if not reason else _("{endpoint}: {reason}.")
            raise ConnectionLost(text.format(endpoint=self.endpoint, reason=reason))
        return self._server

    async def open(self) -> None:
        """Connect, open a session, and ask the server for its namespaces and limits.

        Raises:
            ConnectionLost: what stood in the way.
        """
        async with self._opening:
            if self.is_open:
                return
            from drivers.opcua.client import Session  # noqa: PLC0415 - asyncua, at the first use

            session = Session(self.settings, self.clock, self._counted)
            await session.open()
            self.ends = session.secured.ends
            self._server = await meet(session, CONNECT_S)

    async def close(self) -> None:
        """End the session; safe to call twice."""
        server, self._server = self._server, None
        if server is not None:
            await server.session.close()

    def _counted(self, what: str) -> None:
        if what == "late":
            self.late += 1
        else:
            self.rejected += 1
