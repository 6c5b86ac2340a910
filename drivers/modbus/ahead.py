"""Several questions under way to one device, for those that take them so."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.modbus.client import Answer, TcpLink
    from drivers.modbus.prepared import Read
    from drivers.modbus.queries import Query


class Ahead:
    """Asks the questions of one poll before their turn; answers are taken in turn all the same.

    Args:
        link: to the device.
        todo: what is still to be asked, last first, as the poll goes on with it.
        at_once: questions under way, at most.
    """

    def __init__(self, link: TcpLink, todo: Sequence[Read], at_once: int) -> None:
        self._link = link
        self._todo = todo
        self._at_once = at_once
        self._asked: dict[Query, asyncio.Task[Answer]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Give up what is under way: where one question got no answer, the poll is over."""
        left = list(self._asked.values())
        self._asked.clear()
        for asking in left:
            asking.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def ask(self, query: Query, timeout_s: float) -> Answer:
        """The answer to the question whose turn it is; as `TcpLink.ask`."""
        following = [read.query for read in reversed(self._todo[-self._at_once + 1 :])]
        for one in (query, *following):
            if one not in self._asked and len(self._asked) < self._at_once:
                asking = self._link.ask_beside(one, timeout_s)
                self._asked[one] = asyncio.get_running_loop().create_task(asking)
        return await self._asked.pop(query)
