"""Blocking connects in a thread of their own, so that a hanging name server stops nothing.

A look-up can't be interrupted, only left behind: the thread is a daemon, one per publisher, and
while it hangs no second one is started. What it comes back with, too late, is given up at once.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from gateway.errors import BrokerUnavailable
from gateway.words import _

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT_S = 15.0
"""Look-up, TCP and TLS together."""


class Dialer:
    """Runs one blocking connect at a time."""

    def __init__(self) -> None:
        self._busy = False

    async def dial(
        self, connect: Callable[[], None], give_up: Callable[[], None], limit_s: float = LIMIT_S
    ) -> None:
        """Run `connect` in a thread and wait for it.

        Args:
            connect: blocks; whatever it raises is raised here.
            give_up: undoes a `connect` that succeeded after nobody waited any more.
            limit_s: how long to wait.

        Raises:
            BrokerUnavailable: it took longer, or an earlier one still hangs.
        """
        if self._busy:
            raise BrokerUnavailable(_("an earlier look-up of the name still hangs"))
        self._busy = True
        done: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

        def settle(error: Exception | None) -> None:
            self._busy = False
            if not done.cancelled():
                done.set_result(error)
            elif error is None:
                give_up()

        threading.Thread(
            target=_work, args=(connect, settle, give_up, done.get_loop()), daemon=True
        ).start()
        try:
            async with asyncio.timeout(limit_s):
                error = await done
        except TimeoutError as timeout:
            raise BrokerUnavailable(
                _("no connection within {seconds:g} s; does the name server answer?").format(
                    seconds=limit_s
                )
            ) from timeout
        if error is not None:
            try:
                raise error
            finally:
                # An error that its own traceback leads back to would keep the socket open until
                # the garbage collector comes by.
                del error, done


def _work(
    connect: Callable[[], None],
    settle: Callable[[Exception | None], None],
    give_up: Callable[[], None],
    loop: asyncio.AbstractEventLoop,
) -> None:
    """Connect, and tell the loop how it went; runs in the thread."""
    outcome: Exception | None = None
    try:
        connect()
    except Exception as error:  # noqa: BLE001 - it is raised again where it is awaited
        outcome = error
    try:
        loop.call_soon_threadsafe(settle, outcome)
    except RuntimeError:  # the loop is closed: the process is ending
        if outcome is None:
            give_up()
    finally:
        del outcome
