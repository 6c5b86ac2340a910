"""One session's publish requests: as many under way as there are subscriptions, and one more.

A publish request waits at the server until there is something to tell, so time-outs say nothing
about it. Whether the server is still there is told by keep-alives, which `driver.py` looks for.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from drivers.opcua import monitor
from gateway.errors import DecodeError, DriverError, RequestRefused, RequestTimeout

if TYPE_CHECKING:
    from drivers.opcua.exchange import Answer, Asks
    from drivers.opcua.monitor import Published
    from drivers.opcua.told import Told

WAIT_S = 600.0
"""How long a publish request may wait at the server."""
MOST = 10
"""Publish requests under way."""
_PAUSE_S = 0.5
"""After a refusal that will pass."""
_NO_SUBSCRIPTION = 0x80790000
_TOO_MANY = 0x80780000
"""BadTooManyPublishRequests: there are enough at the server."""
_TIMEOUT = 0x800A0000
"""BadTimeout: it waited as long as the server lets it."""


class Publisher:
    """Asks a session for news, and hands each message to whose it is.

    Args:
        session: to ask on; with it all of this ends.
        timeout_s: for an answer about what was missed.
    """

    def __init__(self, session: Asks, timeout_s: float) -> None:
        self._session = session
        self._timeout_s = timeout_s
        self._told: dict[int, Told] = {}
        self._seen: list[tuple[int, int]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, told: Told) -> None:
        """Hear what is told of a subscription, from its first message on."""
        self._told[told.id] = told
        wanted = min(len(self._told) + 1, MOST)
        loop = asyncio.get_running_loop()
        while len(self._tasks) < wanted:
            task = loop.create_task(self._ask())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def remove(self, told: Told) -> None:
        """Hear no more of it."""
        self._told.pop(told.id, None)

    async def _ask(self) -> None:
        """Ask for news until the session ends, or nobody wants any."""
        while self._told and self._session.is_alive:
            seen, self._seen = self._seen, []
            try:
                answer = await self._session.ask(monitor.publish(seen), WAIT_S)
                message = monitor.published(answer)
            except RequestRefused as error:
                if not await self._goes_on(error.code):
                    return
            except RequestTimeout:
                continue
            except DecodeError as error:
                self._session.drop(str(error))
            except DriverError:
                return
            else:
                await self._hand_on(message, answer)

    async def _goes_on(self, code: int) -> bool:
        """Whether to ask again after a refusal."""
        if code == _NO_SUBSCRIPTION:
            for told in self._told.values():
                told.is_over = True
        elif code not in {_TOO_MANY, _TIMEOUT}:
            await asyncio.sleep(_PAUSE_S)
        return code not in {_NO_SUBSCRIPTION, _TOO_MANY}

    async def _hand_on(self, message: Published, answer: Answer) -> None:
        """Give a message to whose it is; nobody's may be asked for again, by whoever comes."""
        told = self._told.get(message.subscription)
        if told is not None:
            if message.parts:
                self._seen.append((message.subscription, message.sequence))
            await told.hear(message, answer.time_ns, answer.mono_ns, self._timeout_s)
